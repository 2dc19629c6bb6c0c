"""Handles refused notices and returned mails: they are counted by address, and the team is told of a broken address."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases import emergency_alerts
from app.cases.models import Case
from app.casework import undelivered_notices
from app.core.clock import to_the_hour
from app.messaging import address_marks, broken_ways, outbox, recipients
from app.messaging.bounces import Bounce
from app.messaging.kinds import NoticeKind
from app.messaging.models import OutboxMessage
from app.referrals.models import Referral
from app.referrals.states import LIVE
from app.staff.models import Member

_BOUNCED = "bounced"


def refused_by_member(
    session: Session, member_id: UUID, now: datetime, *, permanent: bool, bounced: bool = False
) -> None:
    """Count a refusal. If the address counts as broken now, tell the member's team; the operators, for one without a team."""
    if broken_ways.of_member(session, member_id, now, permanent=permanent, bounced=bounced):
        team_id = session.scalar(sa.select(Member.team_id).where(Member.id == member_id))
        messaging.queue(session, NoticeKind.WAY_BROKEN, about_id=member_id, team_id=team_id, now=now)


def refused_by_organisation(
    session: Session, organisation_id: UUID, now: datetime, *, permanent: bool, bounced: bool = False
) -> None:
    """Count a refusal.

    If the address counts as broken now, tell each team whose cases are with the organisation, else the operators.
    """
    if not broken_ways.of_organisation(session, organisation_id, now, permanent=permanent, bounced=bounced):
        return
    teams = session.scalars(
        sa.select(Case.team_id)
        .join(Referral, Referral.case_id == Case.id)
        .where(Referral.organisation_id == organisation_id, Referral.state.in_([state.value for state in LIVE]))
        .distinct()
    ).all()
    told: list[UUID | None] = [*teams] or [None]
    for team_id in told:
        messaging.queue(session, NoticeKind.WAY_BROKEN, about_id=organisation_id, team_id=team_id, now=now)


def returned(session: Session, bounce: Bounce, now: datetime) -> str:
    """Record that a mail has come back. Returns what was done: `counted`, or `known` or `unknown`, which change nothing.

    Every message that it carried counts as undelivered, as if the address had refused it. The address itself suffers only if it is
    still the one that the mail went to: one that was corrected since stays as it is. The address of a person which does not exist
    is forgotten, and a coordinator has the task to tell them some other way.
    """
    messages = outbox.sent_with(session, bounce.notice_id)
    if not messages:
        return "unknown" if session.get(OutboxMessage, bounce.notice_id) is None else "known"
    first, why = messages[0], f"{_BOUNCED}_{bounce.status}"
    if first.case_id is not None:
        outbox.set_aside(session, [first.id], why, now)
        undelivered_notices.hand_to_desk(session, first, now)
        if bounce.permanent and address_marks.is_still_stored(session, first):
            recipients.forget_address(session, first.case_id)
        return "counted"
    for message in messages:
        message.state, message.done_at, message.last_error = "dead", to_the_hour(now), why
        message.lease_until = None
        if message.kind == NoticeKind.TEST:
            message.dropped_at = to_the_hour(now)
        else:
            undelivered_notices.record_undelivered(session, message, now)
    if first.member_id is not None:
        emergency_alerts.hurry(session, {message.about_id for message in messages}, now)
    if address_marks.is_still_stored(session, first):
        if first.member_id is not None:
            refused_by_member(session, first.member_id, now, permanent=bounce.permanent, bounced=True)
        if first.organisation_id is not None:
            refused_by_organisation(session, first.organisation_id, now, permanent=bounce.permanent, bounced=True)
    session.flush()
    return "counted"
