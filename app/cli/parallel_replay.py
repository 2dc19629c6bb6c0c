"""Rule replay over all stored cases in several processes, each with its own database connection."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final
from uuid import UUID

from app.app_context import AppContext, open_app_context
from app.casework.rule_replay import Summary, case_batches, replay, replay_cases
from app.directory.catalogue import Directory

_BATCHES_PER_PROCESS: Final = 3
"""Batches submitted ahead for each process."""


def replay_on(context: AppContext, directory: Directory, summary: Summary, processes: int) -> Iterator[int]:
    """Match all stored cases again under `directory`, adding to `summary`; yields the number of cases done so far."""
    if processes <= 1:
        with context.database.begin(write=False) as session:
            yield from replay(session, context.keys, directory, summary)
        return
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_open_process, initargs=(directory,)
    )
    done, pending = 0, deque[tuple[int, Future[Summary]]]()
    with pool, context.database.begin(write=False) as session:
        for ids in case_batches(session):
            pending.append((len(ids), pool.submit(_replay_batch, ids)))
            if len(pending) >= processes * _BATCHES_PER_PROCESS:
                done += _collect(pending, summary)
                yield done
        while pending:
            done += _collect(pending, summary)
            yield done


def _collect(pending: "deque[tuple[int, Future[Summary]]]", summary: Summary) -> int:
    count, result = pending.popleft()
    summary.merge(result.result())
    return count


class _WorkerProcess:
    """The resources that each process of the pool opens when it starts."""

    context: AppContext
    directory: Directory


def _open_process(directory: Directory) -> None:
    _WorkerProcess.context = open_app_context()
    _WorkerProcess.directory = directory


def _replay_batch(ids: list[UUID]) -> Summary:
    with _WorkerProcess.context.database.begin(write=False) as session:
        return replay_cases(session, _WorkerProcess.context.keys, _WorkerProcess.directory, ids)
