"""What is deleted when its time is over: in batches that give way, and the stub of an erased case with all that hangs on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import privacy
from app.cases.models import Case
from app.core.db import Base, Database
from app.messaging.models import OutboxMessage
from app.operations.privileges import DatabaseRole
from app.reporting import kept_figures
from app.reporting.models import ReportFigure
from app.settings import Settings
from app.staff.models import Team
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.service import TaskKind
from app.worker import deletions
from app.worker.deletions import Deletions
from tests.support.cases import ONE, Scene, set_scene
from tests.support.databases import as_role

LATER = timedelta(days=1100)


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


@dataclass
class Time:
    """A clock that only the deletions move on."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


class Heap:
    """A deletion with so many rows that are due, each batch of which takes so long; it keeps what was asked for."""

    def __init__(self, rows: int, time: Time | None = None, takes: float = 0.0) -> None:
        self.rows, self.takes = rows, takes
        self.time = time or Time()
        self.asked: list[int] = []

    def __call__(self, _session: Session, _now: datetime, limit: int) -> int:
        self.asked.append(limit)
        self.time.seconds += self.takes
        gone = min(limit, self.rows)
        self.rows -= gone
        return gone


def run(scene: Scene, heaps: dict[str, deletions.Delete], clock: Time | None = None) -> tuple[int, list[Exception]]:
    failed: list[Exception] = []
    return Deletions(heaps, clock or Time()).run(scene.database, scene.now, lambda: False, failed.append), failed


def test_everything_that_is_due_goes_in_one_round_when_it_goes_quickly(scene: Scene) -> None:
    much, little = Heap(2500), Heap(3)
    assert run(scene, {"much": much, "little": little}) == (2503, [])
    assert much.asked == [1000, 1000, 1000]
    assert little.asked == [1000], "asked once: nothing more was due"


def test_a_slow_deletion_takes_less_and_less_and_leaves_room_for_the_others(scene: Scene) -> None:
    time = Time()
    slow, other = Heap(1_000_000, time, takes=0.3), Heap(5, time)
    gone, failed = run(scene, {"slow": slow, "other": other}, time)
    assert slow.asked == [1000, 500, 250, 125, 62, 31, 15, 10]
    assert time.seconds < deletions.ROUND_SECONDS + deletions.TRANSACTION_SECONDS + 0.3
    assert other.rows == 0
    assert (gone, failed) == (sum(slow.asked) + 5, [])


def test_a_batch_never_gets_so_small_that_nothing_moves(scene: Scene) -> None:
    time = Time()
    heap = Heap(100_000, time, takes=0.3)
    turns = Deletions({"heap": heap}, time)
    for _ in range(3):
        turns.run(scene.database, scene.now, lambda: False, lambda _error: None)
    assert heap.asked[-1] == deletions.SMALLEST
    heap.takes = 0.0
    turns.run(scene.database, scene.now, lambda: False, lambda _error: None)
    assert heap.asked[-1] == deletions.LARGEST, "and it grows again when the database has room"
    assert heap.rows == 0


def test_one_that_fails_is_reported_and_the_others_go_on(scene: Scene) -> None:
    def fails(_session: Session, _now: datetime, _limit: int) -> int:
        raise ValueError("made up")

    fine = Heap(7)
    gone, failed = run(scene, {"fails": fails, "fine": fine})
    assert (gone, [str(error) for error in failed]) == (7, ["made up"])


def test_a_second_worker_leaves_it_to_the_first(scene: Scene) -> None:
    if scene.database.dialect != "postgresql":
        return  # one process writes there
    inner = Heap(5)

    def outer(_session: Session, _now: datetime, _limit: int) -> int:
        return run(scene, {"inner": inner})[0]

    assert run(scene, {"outer": outer}) == (0, [])
    assert inner.rows == 5


def rows_about(scene: Scene, ids: set[UUID]) -> set[str]:
    """The tables that have a row about one of these cases and referrals."""
    found = set()
    with scene.database.begin(write=False) as session:
        for table in Base.metadata.sorted_tables:
            keys = [key.parent for key in table.foreign_keys if key.target_fullname in {"cases.id", "referrals.id"}]
            keys += [table.c.id] if table.name == "cases" else []
            keys += [table.c.case_id] if table.name in {"report_cases", "report_changes"} else []
            if keys and session.scalar(
                sa.select(sa.func.count()).select_from(table).where(sa.or_(*(k.in_(ids) for k in keys)))
            ):
                found.add(table.name)
    return found


def erased(scene: Scene) -> tuple[UUID, set[UUID]]:
    referral_id = scene.accepted(ONE)
    case_id = scene.row(referral_id).case_id
    with scene.write() as session:
        tasks.open_task(session, TaskKind.PROGRESS, session.get_one(Case, case_id), now=scene.now)
    with scene.write() as session:
        privacy.erase(session, session.get_one(Case, case_id), actor_kind="person", now=scene.now)
    return case_id, {case_id, referral_id}


def figures(scene: Scene) -> dict[tuple[object, ...], int]:
    with scene.write() as session:
        while kept_figures.settle(session):
            pass
        columns = (
            ReportFigure.month,
            ReportFigure.team_id,
            ReportFigure.subject,
            ReportFigure.organisation,
            ReportFigure.codes,
        )
        return {tuple(row[:-1]): row[-1] for row in session.execute(sa.select(*columns, ReportFigure.count))}


def stubs(scene: Scene, database: Database | None = None) -> int:
    with (database or scene.database).begin() as session:
        return privacy.delete_stubs(session, scene.now - timedelta(days=1096), 1000)


def test_the_stub_of_an_erased_case_goes_with_all_that_hangs_on_it_and_the_figures_stay(scene: Scene) -> None:
    _case_id, ids = erased(scene)
    other = scene.case(ONE)
    before = figures(scene)
    assert {"cases", "case_events", "referrals", "referral_events", "tasks", "report_cases"} <= rows_about(scene, ids)
    assert stubs(scene) == 0, "too young"
    scene.later(days=LATER.days)
    assert stubs(scene) == 1
    assert rows_about(scene, ids) == {"report_changes"}
    assert figures(scene) == before
    assert rows_about(scene, ids) == set()
    assert scene.case_row(other).state != "erased"
    assert stubs(scene) == 0


def test_a_stub_whose_figures_are_not_settled_waits(scene: Scene) -> None:
    erased(scene)
    scene.later(days=LATER.days)
    assert stubs(scene) == 0
    figures(scene)
    assert stubs(scene) == 1


def test_the_role_of_the_worker_deletes_an_old_stub_and_no_other_case(scene: Scene) -> None:
    case_id, ids = erased(scene)
    living = scene.row(scene.accepted(ONE)).case_id
    figures(scene)
    worker = as_role(scene.database, DatabaseRole.WORKER)
    with scene.write() as session:  # by the clock of the database, which the policies ask
        session.execute(sa.update(Case).values(updated_at=datetime.now(UTC) - LATER))
    scene.now = datetime.now(UTC)
    assert stubs(scene, worker) == 1
    assert rows_about(scene, ids) == {"report_changes"}
    if scene.database.dialect == "postgresql":
        with worker.begin() as session:
            assert session.connection().exec_driver_sql("DELETE FROM referral_events").rowcount == 0
            assert session.connection().exec_driver_sql("DELETE FROM case_events").rowcount == 0
    assert {"cases", "case_events", "referral_events"} <= rows_about(scene, {living, *_referrals(scene, living)})
    assert case_id not in {living}


def _referrals(scene: Scene, case_id: UUID) -> Iterator[UUID]:
    with scene.database.begin(write=False) as session:
        table = Base.metadata.tables["referrals"]
        yield from session.scalars(sa.select(table.c.id).where(table.c.case_id == case_id)).all()


def test_tasks_and_notices_that_are_over_go_after_ninety_days_and_open_ones_stay(scene: Scene) -> None:
    case_id = scene.case(ONE)
    given_up = [uuid4(), uuid4()]
    with scene.write() as session:
        team = session.scalars(sa.select(Team.id)).first()
        assert team is not None
        session.execute(sa.delete(OutboxMessage))
        for message_id in given_up:
            session.add(
                OutboxMessage(
                    id=message_id, kind="offer_overdue", about_id=uuid4(), team_id=team, state="dead", attempts=9,
                    not_before=scene.now, created_at=scene.now, done_at=scene.now,
                )
            )  # fmt: skip
        session.flush()
        tasks.open_undelivered_notice(session, given_up[0], team, None, now=scene.now)
        case = session.get_one(Case, case_id)
        tasks.open_task(session, TaskKind.PROGRESS, case, now=scene.now)
        tasks.open_task(session, TaskKind.FIND_NEXT, case, now=scene.now)
        tasks.end_tasks_of_kind(session, TaskKind.PROGRESS, case_id, scene.now)
    worker = as_role(scene.database, DatabaseRole.WORKER)

    def due(days: int) -> dict[str, int]:
        with worker.begin() as session:
            return {
                name: delete(session, scene.now + timedelta(days=days), 100)
                for name, delete in deletions.of(Settings()).items()
                if name in {"tasks", "undelivered notices", "outbox"}
            }

    assert due(89) == {"outbox": 0, "undelivered notices": 0, "tasks": 0}
    assert due(91) == {"outbox": 0, "undelivered notices": 1, "tasks": 1}
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(OutboxMessage.id)).all() == [given_up[0]]
        assert TaskKind.PROGRESS.value not in session.scalars(sa.select(Task.kind)).all()
