"""Two emergencies at once: what ends the alert of one, or hurries it, leaves the other waiting."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import case_presence, emergency_alerts, transitions
from app.cases.models import Case, EmergencyAlert
from app.cases.states import CaseVerb
from app.core.db import Database
from tests.support.cases import ONE, Scene, set_scene
from tests.support.told import member

QUARTER = timedelta(minutes=15)


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


def two(scene: Scene) -> tuple[UUID, UUID]:
    cases = scene.case(ONE, urgency="emergency"), scene.case(ONE, urgency="emergency")
    with scene.write() as session:
        for case_id in cases:
            assert emergency_alerts.start(session, case_id, told=[], due_at=scene.now + QUARTER)
    return cases


def _close(session: Session, case: Case) -> None:
    for verb in (CaseVerb.TAKE, CaseVerb.ADVISE):
        transitions.move(session, case, verb, actor_kind="coordinator", actor_id=None, now=case.waiting_since)


ENDS: dict[str, Callable[[Session, Case, UUID], Any]] = {
    "taken": lambda _session, case, vera: setattr(case, "owner_id", vera),
    "on the screen": lambda session, case, vera: case_presence.record(
        session, case.team_id, case.label, vera, case.waiting_since
    ),
    "an organisation is at work": lambda _session, case, _vera: setattr(case, "referral_status", "work"),
    "closed": lambda session, case, _vera: _close(session, case),
}


@pytest.mark.parametrize("how", ENDS)
def test_what_makes_one_alert_needless_leaves_the_other(scene: Scene, how: str) -> None:
    vera = member(scene, "vera")
    one, other = two(scene)
    with scene.write() as session:
        ENDS[how](session, session.get_one(Case, one), vera)
    scene.now += QUARTER
    with scene.write() as session:
        assert set(emergency_alerts.due(session, scene.now, 10)) == {one, other}
        assert emergency_alerts.claim(session, one, scene.now) is None
        claimed = emergency_alerts.claim(session, other, scene.now)
        assert claimed is not None
        assert claimed[1].id == other
    with scene.write() as session:
        assert session.scalars(sa.select(EmergencyAlert.case_id)).all() == [other]
        assert not emergency_alerts.start(session, one, told=[], due_at=scene.now)


def test_opening_forgetting_and_hurrying_one_leave_the_other(scene: Scene) -> None:
    one, other = two(scene)
    with scene.write() as session:
        emergency_alerts.hurry(session, [one], scene.now)
        assert emergency_alerts.due(session, scene.now, 10) == [one]
        assert set(emergency_alerts.waiting(session, [one])) == {one}
        label, team_id = session.get_one(Case, one).label, session.get_one(Case, one).team_id
        emergency_alerts.opened(session, UUID(int=7), label, UUID(int=8))
        assert set(emergency_alerts.waiting(session, [one, other])) == {one, other}, (
            "another team's look counts for nothing"
        )
        emergency_alerts.opened(session, team_id, label, UUID(int=8))
        assert set(emergency_alerts.waiting(session, [one, other])) == {other}
        emergency_alerts.forget(session, one)
        assert set(emergency_alerts.waiting(session, [one, other])) == {other}


def test_an_alert_is_due_at_its_moment_and_not_before(scene: Scene) -> None:
    one, _other = two(scene)
    with scene.write() as session:
        early = scene.now + QUARTER - timedelta(seconds=1)
        assert emergency_alerts.due(session, early, 10) == []
        assert emergency_alerts.claim(session, one, early) is None
        assert len(emergency_alerts.due(session, scene.now + QUARTER, 10)) == 2
        assert len(emergency_alerts.due(session, scene.now + QUARTER, 1)) == 1
