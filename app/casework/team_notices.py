"""Which members are told what is for their team, or for the operators, and when.

A message for a team is handed out: it is replaced by one message for each member who is told, due at a moment that their own settings
allow. A message that nobody can be told is set aside as `nobody_to_tell`, and never counts as sent.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import emergency_alerts
from app.cases.models import Case
from app.messaging import member_settings, outbox
from app.messaging.kinds import KINDS, Audience, NoticeKind, Speed
from app.messaging.models import MemberNotices, OutboxMessage
from app.messaging.rules import after_quiet_hours, due_for_member
from app.referrals.models import Referral
from app.staff import rota
from app.staff.models import Member, Role
from app.staff.rota import Rota

NOBODY: Final = "nobody_to_tell"


@dataclass(frozen=True, slots=True)
class Reachable:
    """A member who can be told, with their settings."""

    id: UUID
    role: Role
    team_id: UUID | None
    notices: MemberNotices


@dataclass(frozen=True, slots=True)
class About:
    """The case that a message is about, as far as it decides who is told."""

    case_id: UUID
    owner_id: UUID | None
    is_emergency: bool


def reachable(session: Session, team_ids: Collection[UUID]) -> list[Reachable]:
    """Everybody of these teams, and all admins and auditors, who can be told. One statement."""
    found = session.execute(
        sa.select(Member.id, Member.role, Member.team_id, MemberNotices)
        .join(MemberNotices, MemberNotices.member_id == Member.id)
        .where(
            Member.active,
            member_settings.HAS_WAY,
            sa.or_(
                Member.team_id.in_(list(team_ids)), Member.role.in_([Role.ADMIN.value, Role.AUDITOR.value])
            ),
        )
        .order_by(Member.name)
    )
    return [Reachable(row.id, Role(row.role), row.team_id, row.MemberNotices) for row in found]


def hand_out_due(session: Session, now: datetime, limit: int, escalate_after: Sequence[timedelta] = ()) -> int:
    """Hand out up to `limit` due messages for teams and the operators; returns how many members are told."""
    messages = outbox.to_hand_out(session, now, limit)
    if not messages:
        return 0
    teams = {message.team_id for message in messages if message.team_id is not None}
    members, rotas = reachable(session, teams), rota.of_teams(session, teams)
    about = _cases_of(session, {message.about_id for message in messages})
    told = 0
    for message in messages:
        case = about.get(message.about_id)
        to = recipients_of(NoticeKind(message.kind), message.team_id, case, members, rotas, now)
        if message.kind == NoticeKind.EMERGENCY and case is not None:
            emergency_alerts.start(session, case.case_id, told=to, due_at=now + first_wait if to else now)
        if to:
            outbox.hand_out(session, message, to, now)
        else:
            outbox.set_aside(session, [message.id], NOBODY, now)
        told += len(to)
    return told
