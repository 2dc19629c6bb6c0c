"""Ten thousand forms of a machine, with fifty honest ones among them: nobody honest is hidden, and nobody waits for the run."""

import itertools
from datetime import timedelta
from random import Random
from uuid import UUID, uuid4

import sqlalchemy as sa

from app.cases import queue, queue_queries, spam_screening
from app.cases.models import Case
from app.cases.queue_views import URGENCY_RANK
from app.casework import auto_offer
from app.casework.filing import due_on
from app.core import bulk
from app.core.clock import to_the_hour
from app.core.db import Database
from app.messaging.models import OutboxMessage
from app.staff import team_setup
from app.tasks import service as tasks
from app.tasks.models import Task
from app.web.person.spam_signals import SubmissionCounter
from tests.support.partners import START

FORMS, HONEST = 10_000, 50
_NUMBERS = itertools.count()  # random labels could be alike


def run() -> tuple[list[str | None], set[int]]:
    """The senders in order, half of the machine's without an address, and which of them are honest people."""
    chance = Random(11)
    honest = set(chance.sample(range(FORMS), HONEST))
    machines = [None] + [f"93.184.{n}.1" for n in range(100)]
    return [f"8.8.{n % 256}.{n // 256}" if n in honest else chance.choice(machines) for n in range(FORMS)], honest


def test_the_count_marks_the_run_and_nobody_else() -> None:
    senders, honest = run()
    counter = SubmissionCounter()
    found = [counter.count(sender, START + timedelta(milliseconds=50) * n) for n, sender in enumerate(senders)]
    marked = {n for n, (is_over, _crowd) in enumerate(found) if is_over}
    assert not marked & honest
    assert len(marked) > FORMS / 2
    assert found[400][1], "the team is told while it begins"


def case(team_id: UUID, urgency: str, held_reason: str | None, minute: int) -> dict[str, object]:
    hour = to_the_hour(START + timedelta(minutes=minute // 400))
    day = due_on(urgency, None, hour)
    if spam_screening.is_offered_last(held_reason, urgency):
        day += spam_screening.CROWD_DELAY
    return {
        "id": uuid4(), "label": f"C{next(_NUMBERS)}", "receipt_id": uuid4().bytes * 2, "state": "submitted", "version": 1,
        "team_id": team_id, "country": "PL", "region": None, "needs": ["asylum"], "languages": ["ru"], "language": "ru",
        "urgency": urgency, "urgency_rank": URGENCY_RANK[urgency], "due_on": day, "waiting_since": hour,
        "person_wrote": False, "facts": b"x", "facts_version": 1, "forget_at": hour, "updated_at": hour,
        "held_reason": held_reason,
    }  # fmt: skip


def test_ten_thousand_forms_neither_hide_nor_delay_fifty_honest_ones(database: Database) -> None:
    """Among the honest: emergencies without any sender, urgent ones that filled in the hidden field, and ordinary ones."""
    chance = Random(12)
    places = set(chance.sample(range(FORMS), HONEST))
    honest: dict[UUID, str] = {}
    with database.begin() as session:
        team_id = team_setup.create_team(session, "pl", "Poland", ["PL"], START).team_key.owner_id
        rows = []
        for n in range(FORMS):
            if n in places:
                urgency = chance.choice(["emergency", "urgent", "normal"])
                reason = {"emergency": "crowd", "urgent": chance.choice(["trap", "haste", "crowd"])}.get(urgency)
                rows.append(case(team_id, urgency, reason, n))
                honest[rows[-1]["id"]] = urgency  # type: ignore[index]
            else:
                rows.append(case(team_id, "normal", "crowd", n))
        columns = {column.name for column in Case.__table__.columns}
        bulk.insert(session, Case, [{name: row[name] for name in row if name in columns} for row in rows])
    now = START + timedelta(hours=2)
    with database.begin(write=False) as session:
        first = auto_offer.untaken_cases(session, now, 60, after={"PL": timedelta(hours=1)})
        assert set(honest) == set(first[:HONEST]), "the clock takes all of them before anything of the run"
        assert len(first) == 60
        page = queue.page(
            session, team_id, queue_queries.QueueQuery("open"), me=uuid4(), today=now.date(), page_size=HONEST
        )
        labels = set(session.scalars(sa.select(Case.label).where(Case.id.in_(honest))))
        assert labels == {row.label for row in page.rows}, "and they stand first in the queue"


def test_of_a_run_only_few_are_with_the_organisations_at_a_time(database: Database) -> None:
    with database.begin() as session:
        team_id = team_setup.create_team(session, "pl", "Poland", ["PL"], START).team_key.owner_id
        rows = [case(team_id, "normal", "crowd", 0) for _ in range(60)]
        for row in rows[: spam_screening.CROWD_OFFERED - 5]:
            row["state"] = "referred"
        bulk.insert(session, Case, [*rows, case(team_id, "normal", None, 0)])
        wait = {"PL": timedelta(hours=1)}
        now = START + timedelta(hours=2)
        assert len(auto_offer.untaken_cases(session, now, 50, after=wait)) == 1 + 5
        session.execute(sa.update(Case).where(Case.held_reason.is_not(None)).values(state="referred"))
        assert len(auto_offer.untaken_cases(session, now, 50, after=wait)) == 1


def test_a_team_is_told_of_a_crowd_once(database: Database) -> None:
    with database.begin() as session:
        team_id = team_setup.create_team(session, "pl", "Poland", ["PL"], START).team_key.owner_id
        assert tasks.open_crowd(session, team_id, now=START)
        assert not tasks.open_crowd(session, team_id, now=START)
        assert session.scalars(sa.select(Task.kind)).all() == ["crowd"]
        assert session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage)) == 0
