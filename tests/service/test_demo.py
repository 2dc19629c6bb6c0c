"""The demonstration: what somebody who starts it finds at the desk."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from app.app_context import migrate, open_app_context
from app.cases import restriction
from app.cases.appointments import Appointment
from app.cases.models import Case
from app.demo import history
from app.demo.seed import seed_if_empty
from app.links.models import ReferralLink
from app.messaging.models import OutboxMessage
from app.partners.sandbox_identity import TEAM_ID
from app.referrals.models import Referral
from app.settings import Settings
from app.staff.models import Member


def test_it_shows_a_network_at_work(tmp_path: Path) -> None:
    """On SQLite alone, as `make run` starts it: about 150 cases of three months in all states, for two teams."""
    context = open_app_context(Settings(var=tmp_path / "var"))
    migrate(context.database)
    now = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
    assert seed_if_empty(context, at=now)
    with context.database.begin(write=False) as session:
        cases = session.scalars(sa.select(Case).where(Case.team_id != TEAM_ID)).all()
        referrals = session.scalars(sa.select(Referral)).all()
        assert session.scalar(sa.select(sa.func.count()).select_from(ReferralLink)) == 1
        assert session.scalar(sa.select(sa.func.count()).where(Appointment.state == "agreed")) == 1
        sealed = {
            case.label: {one.name for one in restriction.named(session, case.id)} for case in cases if case.restricted
        }
        colleague = session.scalars(sa.select(Member).where(Member.name == "demo-colleague")).one()
        assert all(restriction.is_named(session, case.id, colleague.id) is False for case in cases if case.restricted)
        assert session.scalar(sa.select(sa.func.count()).where(OutboxMessage.kind == "named")) == 2
    context.database.dispose()
    assert list(sealed.values()) == [{"demo-coordinator", "demo-senior"}] * 2
    assert len(cases) >= history.CASES + 15
    assert {case.state for case in cases} >= {"submitted", "in_review", "referred", "helped", "advised", "unmet"}
    assert len({case.team_id for case in cases}) == 2
    assert now - min(case.waiting_since for case in cases) > timedelta(days=80)
    near = {case.last_safe_day for case in cases if case.last_safe_day and case.closed_at is None}
    assert any(day <= now.date() + timedelta(days=1) for day in near)
    assert any(case.person_wrote for case in cases)
    assert {referral.way for referral in referrals} >= {None, "hand", "link"}
    assert {referral.state for referral in referrals} >= {
        "offered", "acknowledged", "waitlisted", "in_progress", "completed", "declined",
    }  # fmt: skip
