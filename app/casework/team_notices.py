"""Decides which members are notified of a message for their team or for the operators, and when.

A message for a team is handed out: it is replaced by one message for each member who is told, due at a moment that their own
settings allow. A message that nobody can be told is set aside as `nobody_to_tell`, and never counts as sent.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases import emergency_alerts, restriction
from app.cases.models import Case
from app.messaging import member_settings, outbox
from app.messaging.kinds import KINDS, Audience, NoticeKind, Speed
from app.messaging.models import MemberNotices
from app.messaging.rules import due_for_member
from app.referrals.models import Referral
from app.staff import rota
from app.staff.models import Member, Role
from app.staff.rota import Rota

NOBODY: Final = "nobody_to_tell"
INTERVAL: Final = timedelta(minutes=5)
_OVERSEERS: Final = frozenset({Role.ADMIN, Role.AUDITOR})
_SEE_OPERATIONS: Final = (Role.ADMIN.value, Role.AUDITOR.value, Role.SENIOR.value)


@dataclass(frozen=True, slots=True)
class Reachable:
    """A member who can be told, with their settings."""

    id: UUID
    role: Role
    team_id: UUID | None
    notices: MemberNotices


@dataclass(frozen=True, slots=True)
class NoticeCase:
    """The case that a message is about, as far as it decides who is told."""

    case_id: UUID
    owner_id: UUID | None
    is_emergency: bool
    named: frozenset[UUID] | None = None
    """Of a restricted case, the members who can open it; they are told, and seniors where none of them can be."""


def reachable(session: Session, team_ids: Collection[UUID]) -> list[Reachable]:
    """Everybody of these teams, and all admins, auditors and seniors, who can be told. One statement."""
    rows = session.execute(
        sa.select(Member.id, Member.role, Member.team_id, MemberNotices)
        .join(MemberNotices, MemberNotices.member_id == Member.id)
        .where(
            Member.active,
            member_settings.HAS_WAY,
            sa.or_(Member.team_id.in_(list(team_ids)), Member.role.in_(_SEE_OPERATIONS)),
        )
        .order_by(Member.name)
    )
    return [Reachable(row.id, Role(row.role), row.team_id, row.MemberNotices) for row in rows]


def hand_out_due(session: Session, now: datetime, limit: int, *, first_wait: timedelta) -> int:
    """Hand out up to `limit` due messages for teams and the operators; returns how many notices members get.

    An emergency also begins its alert, which is escalated after `first_wait`, or immediately if nobody can be told.
    """
    messages = outbox.to_hand_out(session, now, limit)
    if not messages:
        return 0
    teams = {message.team_id for message in messages if message.team_id is not None}
    members, rotas = reachable(session, teams), rota.of_teams(session, teams)
    cases = _cases_of(session, {message.about_id for message in messages})
    crowded = outbox.told_often(session, now)
    handed_out = 0
    for message in messages:
        case = cases.get(message.about_id)
        to = recipients_of(NoticeKind(message.kind), message.team_id, case, members, rotas, now)
        if message.kind in {NoticeKind.EMERGENCY, NoticeKind.BECAME_EMERGENCY} and case is not None:
            awake = [member_id for member_id, due in to.items() if due <= now]
            emergency_alerts.start(
                session,
                case.case_id,
                told=awake,
                due_at=now + first_wait if awake else now,
                was_taken=message.kind == NoticeKind.BECAME_EMERGENCY,
            )
        if to:
            spread = {member: next_interval(due) if member in crowded else due for member, due in to.items()}
            outbox.hand_out(session, message, spread, now)
        else:
            outbox.set_aside(session, [message.id], NOBODY, now)
        handed_out += len(to)
    return handed_out


def tell_member(session: Session, kind: NoticeKind, member_id: UUID, case: Case, now: datetime) -> None:
    """Queue a notice to this one member of the case's team, due as their own settings allow.

    A notice about an emergency reaches a member who is on call in their quiet hours too.
    """
    row = member_settings.rows(session, [member_id]).get(member_id)
    due = now
    if row is not None:
        is_emergency = case.urgency == "emergency"
        on_call = rota.of_teams(session, {case.team_id})[case.team_id].first_on_call(now, {member_id})
        speed = Speed.AT_ONCE if is_emergency else KINDS[kind].speed
        due = due_for_member(speed, member_settings.hours_of(row), now, wakes=bool(on_call))
    messaging.queue(session, kind, about_id=case.id, member_id=member_id, now=now, not_before=due)


def next_interval(moment: datetime) -> datetime:
    """The next full five minutes: for a member who gets very many notices, so that they arrive together."""
    return moment - (moment - datetime.min.replace(tzinfo=moment.tzinfo)) % INTERVAL + INTERVAL


def _cases_of(session: Session, ids: Collection[UUID]) -> dict[UUID, NoticeCase]:
    """The cases that messages with these `about_id` are about: the ids of cases or of referrals. One statement."""
    rows = session.execute(
        sa.select(Case.id, Referral.id.label("referral_id"), Case.owner_id, Case.urgency, Case.restricted)
        .outerjoin(Referral, sa.and_(Referral.case_id == Case.id, Referral.id.in_(list(ids))))
        .where(sa.or_(Case.id.in_(list(ids)), Referral.id.is_not(None)))
    ).all()
    cases = {}
    named = restriction.named_of(session, {row.id for row in rows if row.restricted})
    for row in rows:
        about = NoticeCase(row.id, row.owner_id, row.urgency == "emergency", named.get(row.id))
        cases[row.id] = about
        if row.referral_id is not None:
            cases[row.referral_id] = about
    return cases


def recipients_of(
    kind: NoticeKind,
    team_id: UUID | None,
    case: NoticeCase | None,
    members: Iterable[Reachable],
    rotas: Mapping[UUID, Rota],
    now: datetime,
) -> dict[UUID, datetime]:
    """The members to notify of this kind of message, and from which moment. Empty: nobody can be told."""
    row = KINDS[kind]
    if team_id is None:
        everybody = list(members)
        overseers = [member for member in everybody if member.role in _OVERSEERS]
        if not overseers and row.audience is Audience.OPERATIONS:
            overseers = [member for member in everybody if member.role is Role.SENIOR]
        return {member.id: _due(member, row.speed, now, wakes=member.notices.emergencies) for member in overseers}
    here = who_can_help({member.id: member for member in members if member.team_id == team_id}, case)
    on_call = rotas[team_id].first_on_call(now, here)
    if row.audience is Audience.ON_CALL:
        return _for_on_call(here, on_call, now)
    owner = [case.owner_id] if case is not None and case.owner_id in here else []
    to = owner if row.audience is Audience.OWNER else []
    if row.audience is Audience.OWNER and row.speed is not Speed.DIGEST:
        speed = Speed.AT_ONCE if case is not None and case.is_emergency else row.speed
        to = [*to, *(on_call if speed is Speed.AT_ONCE or not to else [])] or list(here)
        return {
            member_id: _due(here[member_id], speed, now, wakes=member_id in on_call)
            for member_id in dict.fromkeys(to)
            if member_id in here
        }
    return {
        member_id: _due(here[member_id], row.speed, now, wakes=False) for member_id in (to or here) if member_id in here
    }


def who_can_help(here: dict[UUID, Reachable], case: NoticeCase | None) -> dict[UUID, Reachable]:
    """The members of the team who are told of what concerns this case. Of a restricted one: those who are named; if none of them
    can be told, the seniors, and else everybody, who learn its label alone.
    """
    if case is None or case.named is None:
        return here
    named = {one: here[one] for one in here if one in case.named}
    seniors = {one: here[one] for one in here if here[one].role is Role.SENIOR}
    return named or seniors or here


def _for_on_call(here: Mapping[UUID, Reachable], on_call: Sequence[UUID], now: datetime) -> dict[UUID, datetime]:
    """Members on call, immediately; and everybody else who wants every emergency, outside their quiet hours.

    With nobody on call: the whole team; if all of them have quiet hours now, all of them immediately anyway.
    """
    if on_call:
        others = {
            member.id: _due(member, Speed.AT_ONCE, now, wakes=False)
            for member in here.values()
            if member.notices.emergencies
        }
        return {**others, **dict.fromkeys(on_call, now)}
    everybody = {member.id: _due(member, Speed.AT_ONCE, now, wakes=False) for member in here.values()}
    awake = any(due <= now for due in everybody.values())
    return everybody if awake else dict.fromkeys(everybody, now)


def _due(member: Reachable, speed: Speed, now: datetime, *, wakes: bool) -> datetime:
    return due_for_member(speed, member_settings.hours_of(member.notices), now, wakes=wakes)
