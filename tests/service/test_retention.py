"""Forgetting by the clock, on both databases: on time, late, repeated, by several workers at once, or killed in the middle."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import privacy
from app.cases import transitions
from app.cases.models import Case, CaseWrap, SealedPart
from app.cases.states import CaseVerb
from app.core.db import Database
from app.directory.packs import load_packs
from app.matching.models import MatchRun
from app.operations import heartbeats
from app.operations.privileges import DatabaseRole
from app.privacy import RetentionPeriods, retention
from app.privacy.retention import DEFAULT_PERIODS
from app.settings import Settings
from app.worker.loop import Worker
from tests.support.cases import ONE, Scene, set_scene
from tests.support.databases import under


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


def closed(scene: Scene) -> UUID:
    case_id = scene.case(ONE)
    with scene.write() as session:
        case = transitions.locked(session, case_id)
        transitions.move(session, case, CaseVerb.TAKE, actor_kind="coordinator", actor_id=None, now=scene.now)
        transitions.move(session, case, CaseVerb.ADVISE, actor_kind="coordinator", actor_id=None, now=scene.now)
    return case_id


def forget(scene: Scene, limit: int = 50, periods: RetentionPeriods = DEFAULT_PERIODS) -> int:
    with scene.write() as session:
        return privacy.forget_due(session, now=scene.now, limit=limit, periods=periods)


def unmet(scene: Scene) -> UUID:
    case_id = scene.case(ONE)
    with scene.write() as session:
        case = transitions.locked(session, case_id)
        transitions.move(session, case, CaseVerb.TAKE, actor_kind="coordinator", actor_id=None, now=scene.now)
        transitions.move(session, case, CaseVerb.UNMET, actor_kind="coordinator", actor_id=None, now=scene.now)
    return case_id


def left(scene: Scene, case_id: UUID) -> dict[str, int]:
    """How much of a case there still is."""
    with scene.database.begin(write=False) as session:
        count = sa.func.count()
        contact = SealedPart.part == "contact"
        mine = SealedPart.case_id == case_id
        return {
            "contact": session.scalar(sa.select(count).select_from(SealedPart).where(mine, contact)) or 0,
            "parts": session.scalar(sa.select(count).select_from(SealedPart).where(mine)) or 0,
            "wraps": session.scalar(sa.select(count).select_from(CaseWrap).where(CaseWrap.case_id == case_id)) or 0,
            "runs": session.scalar(sa.select(count).select_from(MatchRun).where(MatchRun.case_id == case_id)) or 0,
            "facts": int(session.get_one(Case, case_id).facts is not None),
        }


GONE = {"contact": 0, "parts": 0, "wraps": 0, "runs": 0, "facts": 0}


def test_contact_goes_after_thirty_days_and_all_the_rest_after_ninety(scene: Scene) -> None:
    case_id = closed(scene)
    scene.later(days=29)
    assert forget(scene) == 0
    scene.later(days=2)
    assert forget(scene) == 1
    after = left(scene, case_id)
    assert (after["contact"], after["wraps"] > 0, after["facts"]) == (0, True, 1)
    assert forget(scene) == 0, "repeated: nothing more"
    scene.later(days=60)
    assert forget(scene) == 1
    assert left(scene, case_id) == GONE
    assert scene.case_row(case_id).state == "erased"
    assert forget(scene) == 0


@pytest.mark.parametrize(("held", "contact", "everything"), [("crowd", 7, 7), (None, 30, 90)])
def test_of_spam_the_contact_goes_with_the_rest_after_a_week(
    scene: Scene, held: str | None, contact: int, everything: int
) -> None:
    case_id = closed(scene)
    with scene.write() as session:
        case = session.get_one(Case, case_id)
        case.held_reason = held
        times = retention.deletion_times(session, case, DEFAULT_PERIODS)
        assert case.closed_at is not None
        assert times.contact == case.closed_at + timedelta(days=contact)
        assert times.all == case.closed_at + timedelta(days=everything)


def test_a_job_that_comes_half_a_year_late_ends_the_same(scene: Scene) -> None:
    case_id = closed(scene)
    scene.later(days=200)
    assert forget(scene) == 1
    assert left(scene, case_id) == GONE


def test_killed_in_the_middle_a_case_is_whole_or_gone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [closed(scene) for _ in range(3)]
    scene.later(days=100)
    before = [left(scene, case_id) for case_id in cases]
    whole, calls = privacy.service.transitions.move, 0

    def killed(*arguments: object, **named: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        whole(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(privacy.service.transitions, "move", killed)
    with pytest.raises(KeyboardInterrupt):
        forget(scene)
    monkeypatch.undo()
    assert [left(scene, case_id) for case_id in cases] == before
    assert forget(scene) == 3
    assert [left(scene, case_id) for case_id in cases] == [GONE] * 3


def test_several_at_once_forget_each_case_once(scene: Scene) -> None:
    cases = [closed(scene) for _ in range(6)]
    scene.later(days=100)
    done: list[int] = []
    threads = [threading.Thread(target=lambda: done.append(forget(scene, limit=2))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    while forget(scene):
        pass
    assert [left(scene, case_id) for case_id in cases] == [GONE] * 6
    with scene.database.begin(write=False) as session:
        erased = sa.text("SELECT count(*) FROM audit_log WHERE action = 'case:erased'")
        assert session.scalar(erased) == 6


def test_what_lives_is_not_touched(scene: Scene) -> None:
    open_case = scene.case(ONE)
    closed_one = closed(scene)
    scene.later(days=80)
    forget(scene)
    assert left(scene, open_case)["contact"] == 1
    assert left(scene, closed_one)["facts"] == 1


# --- other times -----------------------------------------------------------------------------------------------------


def test_times_of_ones_own_hold_from_the_end_of_the_case(scene: Scene) -> None:
    periods = RetentionPeriods(contact=timedelta(days=10), rest=timedelta(days=20))
    case_id = closed(scene)
    assert forget(scene, periods=periods) == 0, "looked at, and nothing is due"
    scene.later(days=9)
    assert forget(scene, periods=periods) == 0
    scene.later(days=2)
    assert forget(scene, periods=periods) == 1
    assert (left(scene, case_id)["contact"], left(scene, case_id)["facts"]) == (0, 1)
    scene.later(days=10)
    assert forget(scene, periods=periods) == 1
    assert left(scene, case_id) == GONE


@pytest.mark.parametrize(("make", "kept"), [(unmet, "unmet"), (lambda scene: scene.case(ONE), "submitted")])
def test_whom_nobody_was_found_for_is_forgotten_computed_from_the_last_step(scene: Scene, make: Any, kept: str) -> None:
    case_id = make(scene)
    assert scene.case_row(case_id).state == kept
    scene.later(days=89)
    forget(scene)
    assert left(scene, case_id)["facts"] == 1
    scene.later(days=2)
    assert forget(scene) == 1
    assert left(scene, case_id) == GONE


def test_what_somebody_has_taken_is_not_forgotten_while_it_is_open(scene: Scene) -> None:
    case_id = unmet(scene)
    forget(scene)
    with scene.write() as session:
        case = transitions.locked(session, case_id)
        transitions.move(session, case, CaseVerb.TAKE, actor_kind="coordinator", actor_id=None, now=scene.now)
    scene.later(days=400)
    assert forget(scene) == 0
    assert left(scene, case_id)["contact"] == 1


def test_changed_times_hold_for_the_cases_that_are_there(scene: Scene, tmp_path: Any) -> None:
    """The worker that comes with other settings than the last one works out every date again, once."""
    case_id = closed(scene)
    forget(scene)
    scene.later(days=15)

    def round_of(**times: timedelta) -> None:
        settings = Settings(var=tmp_path, **times)
        worker = Worker(
            under(scene.database, DatabaseRole.WORKER), scene.keys, load_packs(), settings, lambda: scene.now
        )
        worker.jobs["retention"](scene.now)

    round_of()
    assert left(scene, case_id)["contact"] == 1
    round_of(contact_kept=timedelta(days=14))
    assert left(scene, case_id)["contact"] == 0
    with scene.database.begin(write=False) as session:
        mark = heartbeats.latest(session)[heartbeats.RETENTION]
        assert (mark.codes["contact"], mark.at) == (14 * 86_400, scene.now)
    scene.later(days=1)
    round_of(contact_kept=timedelta(days=14))
    with scene.database.begin(write=False) as session:
        assert heartbeats.latest(session)[heartbeats.RETENTION].at == mark.at, "computed once"
