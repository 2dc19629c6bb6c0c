"""A replay over all stored cases on several processes, each with a database connection of its own."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final
from uuid import UUID

from app.app_context import AppContext, open_app_context
from app.casework.rule_replay import Summary, case_batches, replay, replay_cases
from app.directory.catalogue import Directory

_AHEAD: Final = 3
"""Batches that wait for each process."""


def replay_on(house: AppContext, directory: Directory, summary: Summary, processes: int) -> Iterator[int]:
    """Play all stored cases again under `directory`; yields how many are done."""
    if processes <= 1:
        with house.database.begin(write=False) as session:
            yield from replay(session, house.keys, directory, summary)
        return
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_prepare, initargs=(directory,))
    done, under_way = 0, deque[tuple[int, Future[Summary]]]()
    with pool, house.database.begin(write=False) as session:
        for ids in case_batches(session):
            under_way.append((len(ids), pool.submit(_play, ids)))
            if len(under_way) >= processes * _AHEAD:
                done += _take(under_way, summary)
                yield done
        while under_way:
            done += _take(under_way, summary)
            yield done


def _take(under_way: "deque[tuple[int, Future[Summary]]]", summary: Summary) -> int:
    count, result = under_way.popleft()
    summary.merge(result.result())
    return count


class _Process:
    """What a process of the pool opened when it began."""

    house: AppContext
    directory: Directory


def _prepare(directory: Directory) -> None:
    _Process.house = open_app_context()
    _Process.directory = directory


def _play(ids: list[UUID]) -> Summary:
    with _Process.house.database.begin(write=False) as session:
        return replay_cases(session, _Process.house.keys, _Process.directory, ids)
