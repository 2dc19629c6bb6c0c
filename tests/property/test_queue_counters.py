"""The counts of the queue are exact whatever happens to the cases: the same as counting them one by one."""

import random
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import counters, queue
from app.cases.models import Case, CaseCounter
from app.cases.queue_queries import Filters, QueueQuery
from app.cases.queue_views import CASE_CONDITIONS, URGENCY_RANK
from app.core.db import Database
from app.staff import service as staff
from tests.support.cases import COORDINATOR, START, set_scene

TODAY = START.date()
ME, OTHER = COORDINATOR.id, None
NEEDS = ["asylum", "housing", "appeals"]
SPEAK = ["ru", "be", "en"]


def counted(session: Session, team_id: UUID, look: QueueQuery) -> int:
    """One by one."""
    query = sa.select(sa.func.count()).select_from(Case).where(Case.team_id == team_id, CASE_CONDITIONS[look.view])
    query = query.where(*queue._conditions(look, queue._is_postgres(session)))
    return session.execute(query, {"today": TODAY, "me": ME}).scalar_one()


def changed(chance: random.Random, members: list[UUID | None]) -> dict[str, Any]:
    closed = chance.random() < 0.2
    now = datetime.combine(TODAY, datetime.min.time(), START.tzinfo)
    state = chance.choice(
        ["helped", "advised", "withdrawn"] if closed else ["submitted", "in_review", "referred", "unmet"]
    )
    urgency = chance.choice(["emergency", "urgent", "normal"])
    return {
        "state": state,
        "closed_at": now if closed else None,
        "country": chance.choice(["PL", "DE"]),
        "urgency": urgency,
        "urgency_rank": URGENCY_RANK[urgency],
        "needs": chance.sample(NEEDS, chance.randrange(4)) + chance.choice([[], ["asylum"]]),
        "languages": chance.sample(SPEAK, chance.randrange(3)),
        "owner_id": chance.choice(members),
        "due_on": TODAY + timedelta(days=chance.randrange(-2, 3)),
        "snoozed_until": chance.choice([None, None, date(2026, 11, 20), date(2026, 12, 1)]),
        "person_wrote": chance.random() < 0.2,
        "referral_status": chance.choice([None, "work", "answer", "consent", "declined"]),
        "held_reason": chance.choice([None, None, "trap", "haste"]),
        "restricted": chance.random() < 0.2,
        "merged_into_id": chance.choice([None, None, None, UUID(int=5)]),
    }


@pytest.mark.parametrize("seed", range(3))
def test_every_view_counts_what_is_there_before_and_after_folding(database: Database, seed: int) -> None:
    scene, chance, tomorrow = set_scene(database), random.Random(seed), TODAY + timedelta(days=1)
    with scene.write() as session:
        member = staff.add_member(session, scene.keys, "m", staff.Role.ADMIN, "a long passphrase 17", START).member
        members = [None, member.id]
    ids = [scene.case() for _ in range(12)]
    for step in range(30):
        with scene.write() as session:
            for case_id in chance.sample(ids, 3):
                session.execute(sa.update(Case).where(Case.id == case_id).values(**changed(chance, members)))
            if chance.random() < 0.3:
                counters.compact(session, chance.choice([TODAY, tomorrow]), at_least=0)
        if step % 6 == 5:
            check(scene.database, chance)
    with scene.write() as session:
        counters.compact(session, tomorrow, at_least=0)
        before = summed(session)
        counters.recount(session, tomorrow)
        assert summed(session) == before


def check(database: Database, chance: random.Random) -> None:
    some: list[dict[str, str | None]] = [
        {},
        {"need": chance.choice(NEEDS)},
        {"language": chance.choice(SPEAK), "country": "PL"},
        {"need": chance.choice(NEEDS), "language": chance.choice(SPEAK), "urgency": "urgent"},
    ]
    with database.begin(write=False) as session:
        team_id = session.scalars(sa.select(Case.team_id).limit(1)).one()
        for codes in some:
            for view in CASE_CONDITIONS:
                look = QueueQuery(view, Filters(**codes))
                found = queue.counts(session, team_id, look, me=ME, today=TODAY, saved=[look])  # type: ignore[arg-type]
                assert found["shown"] == found["own_0"] == counted(session, team_id, look), look
                assert found[view] == counted(session, team_id, QueueQuery(view))


def summed(session: Session) -> dict[tuple[Any, ...], int]:
    marks = [column for column in CaseCounter.__table__.c if column.name not in {"id", "count", "compacted"}]
    rows = session.execute(sa.select(*marks, sa.func.sum(CaseCounter.count)).group_by(*marks)).all()
    return {tuple(row[:-1]): row[-1] for row in rows if row[-1]}


def test_what_is_rolled_back_was_never_counted(database: Database) -> None:
    scene = set_scene(database)
    scene.case()
    session = database.session()
    with session.begin() as transaction:
        session.execute(sa.update(Case).values(person_wrote=True))
        transaction.rollback()
    session.close()
    check(database, random.Random(0))
