"""A thousand pairs of coordinators who save at the same moment: one of the two wins, and no update is ever lost."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import Case, PartKind, SealedPart
from app.casework import case_ownership, coordinator, correspondence
from app.casework.coordinator import Desk, StaleCase
from app.core.db import Database
from app.core.errors import AppError
from app.staff import sessions
from tests.support.desk import StaffSite, running

PAIRS = 500  # on each of the two databases
CASES = 20


def at_desk(office: StaffSite, name: str) -> Desk:
    secret = next(iter(office.as_(name).cookies.values()))
    with office.database.begin(write=False) as session:
        hour = timedelta(hours=9)
        who = sessions.signed_in(session, secret, office.time.at, idle=hour, max_age=hour)
    return coordinator.desk_of(who, office.keys, office.time.at)


class Story:
    """What has to be true of one case, told by the acts that were acknowledged."""

    def __init__(self, case: Case) -> None:
        self.version, self.notes = case.version, 0
        self.owner: UUID | None = None
        self.snoozed: date | None = None

    def happened(self, case: Case, what: str, value: Any) -> None:
        assert case.version == self.version + 1, "an acknowledged act is one version, on top of the one before"
        self.version = case.version
        self.notes += what == "note"
        if what == "assign":
            self.owner = value
        if what == "snooze":
            self.snoozed = value


def drawn(chance: random.Random, members: list[UUID | None], today: date) -> tuple[str, Any]:
    what = chance.choice(["assign", "snooze", "note"])
    if what == "assign":
        return what, chance.choice(members)
    return what, today + timedelta(days=chance.randrange(1, 14)) if what == "snooze" else "a note"


def save(office: StaffSite, desk: Desk, label: str, version: int, what: str, value: Any) -> Case | StaleCase:
    act: dict[str, Callable[..., Case]] = {
        "assign": case_ownership.assign,
        "snooze": case_ownership.snooze,
        "note": correspondence.note,
    }
    try:
        with office.database.begin() as session:
            case = act[what](session, desk, label, version, value)
            session.flush()
            session.expunge(case)
            return case
    except StaleCase as clash:
        return clash


def test_of_a_thousand_pairs_no_update_is_lost(database: Database, tmp_path: Path) -> None:
    """Both have seen the same version and save at once. The later is told, and saves anyway with the version of now."""
    chance = random.Random(26)
    with running(database, tmp_path / "var") as office, ThreadPoolExecutor(2) as pool:
        labels = [office.file(how_soon="none")[0] for _ in range(CASES)]
        desks = [at_desk(office, name) for name in ("vera", "pavel")]
        members = [None, *(desk.member.member_id for desk in desks)]
        stories = {label: Story(office.case(label)) for label in labels}
        clashes = 0
        for _pair in range(PAIRS):
            label = chance.choice(labels)
            story, acts = stories[label], [drawn(chance, members, office.time.at.date()) for _desk in desks]
            seen = story.version
            jobs = [pool.submit(save, office, desk, label, seen, *act) for desk, act in zip(desks, acts, strict=True)]
            results = [job.result(60) for job in jobs]
            won = [n for n, result in enumerate(results) if not isinstance(result, AppError)]
            assert len(won) == 1, "exactly one of two racers wins"
            first = results[won[0]]
            assert isinstance(first, Case)
            story.happened(first, *acts[won[0]])
            later = 1 - won[0]
            clash = results[later]
            assert isinstance(clash, StaleCase)
            assert clash.extra["version"] == story.version, "the other is told the version of now"
            again = save(office, desks[later], label, int(clash.extra["version"]), *acts[later])
            assert isinstance(again, Case)
            story.happened(again, *acts[later])
            clashes += 1
        assert clashes == PAIRS
        with office.database.begin(write=False) as session:
            for label, story in stories.items():
                case = session.scalars(sa.select(Case).where(Case.label == label)).one()
                assert (case.version, case.owner_id, case.snoozed_until) == (story.version, story.owner, story.snoozed)
                notes = sa.select(sa.func.count()).where(
                    SealedPart.case_id == case.id, SealedPart.part == PartKind.NOTE.value
                )
                assert session.scalar(notes) == story.notes
