"""Queue a message, claim due messages, record the result."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import bulk
from app.core.clock import to_the_hour
from app.core.errors import NotFound
from app.core.ids import named_id
from app.messaging import recipients
from app.messaging.kinds import KINDS, URGENT, NoticeKind, Recipient
from app.messaging.models import OutboxMessage, PersonNotices

LEASE: Final = timedelta(minutes=2)
BACK_OFF: Final = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240, 720, 1440))  # then the message is dead
URGENT_BACK_OFF: Final = tuple(timedelta(minutes=m) for m in (1, 1, 2, *[5] * 288))
"""For emergencies and alarms: every five minutes for a day, so that somebody knows it soon after a mail server is back."""

KEPT: Final = timedelta(hours=24)
"""How long a message stays that was sent, or that nobody needs to act on."""
MAY_COME_BACK: Final = timedelta(days=6)
"""How long a message to an organisation or a member stays that was sent: mail servers try for up to five days."""
SANDBOX: Final = frozenset({named_id("organisation", "sandbox"), named_id("team", "sandbox")})


def queue(
    session: Session,
    kind: NoticeKind,
    *,
    about_id: UUID,
    now: datetime,
    organisation_id: UUID | None = None,
    team_id: UUID | None = None,
    member_id: UUID | None = None,
    urgent: bool = False,
    at_once: bool = False,
    not_before: datetime | None = None,
) -> None:
    """Write a message to the outbox, in the caller's transaction.

    A message to an organisation may wait for its digest; `at_once`: send it immediately, whatever its settings say. `not_before`:
    when a message to a member is due by their own settings; None: now.
    """
    due = (
        (not_before or now)
        if organisation_id is None or at_once
        else recipients.not_before(session, organisation_id, now, urgent=urgent)
    )
    to = {"organisation_id": organisation_id, "team_id": team_id, "member_id": member_id}
    _write(session, kind, about_id, now, not_before=due, **to)


def hand_out(session: Session, message: OutboxMessage, to: Mapping[UUID, datetime], now: datetime) -> None:
    """Replace a message for a team or the operators by one for each of these members, with the moment from which it is due."""
    kind = NoticeKind(message.kind)
    for member_id, due in to.items():
        _write(session, kind, message.about_id, now, not_before=due, member_id=member_id)
    session.delete(message)
    session.flush()


def notify_person(session: Session, kind: NoticeKind, *, about_id: UUID, case_id: UUID, now: datetime) -> None:
    """Queue a notice to the person, if they asked for notices. At most one waits at a time."""
    asked = sa.exists().where(PersonNotices.case_id == case_id)
    waiting = sa.exists(  # one column, because the role of the person's pages may not read them all
        sa.select(OutboxMessage.id).where(OutboxMessage.case_id == case_id, OutboxMessage.state == "queued")
    )
    if session.scalar(sa.select(sa.and_(asked, ~waiting))):
        _write(session, kind, about_id, now, not_before=now, case_id=case_id)


def _write(
    session: Session,
    kind: NoticeKind,
    about_id: UUID,
    now: datetime,
    *,
    not_before: datetime,
    organisation_id: UUID | None = None,
    team_id: UUID | None = None,
    case_id: UUID | None = None,
    member_id: UUID | None = None,
) -> None:
    """Insert the message; events in the sandbox notify nobody. Raises ValueError for a recipient that the kind is not for."""
    recipient = Recipient.MEMBER if member_id is not None else _recipient(organisation_id, team_id, case_id)
    allowed = KINDS[kind].recipients | ({Recipient.MEMBER} if KINDS[kind].audience else set())
    if recipient not in allowed:
        raise ValueError(f"{kind} is not for {recipient}: app/messaging/kinds.py")
    if not SANDBOX.isdisjoint({organisation_id, team_id}):
        return
    message = {
        "id": uuid4(),
        "kind": kind,
        "about_id": about_id,
        "organisation_id": organisation_id,
        "team_id": team_id,
        "case_id": case_id,
        **({"member_id": member_id} if member_id is not None else {}),
        "state": "queued",
        "attempts": 0,
        # due at once: the hour says no more than that. A later moment is the recipient's own, such as the hour of a digest.
        "not_before": to_the_hour(now) if not_before <= now else not_before,
        "created_at": to_the_hour(now),
    }
    bulk.insert(session, OutboxMessage, [message])


def _recipient(organisation_id: UUID | None, team_id: UUID | None, case_id: UUID | None) -> Recipient:
    if organisation_id is not None:
        return Recipient.ORGANISATION
    if team_id is not None:
        return Recipient.TEAM
    return Recipient.OPERATORS if case_id is None else Recipient.PERSON


_IS_FOR_MEMBERS: Final = sa.and_(
    OutboxMessage.organisation_id.is_(None), OutboxMessage.case_id.is_(None), OutboxMessage.member_id.is_(None)
)


def _due(now: datetime, limit: int, *which: sa.ColumnElement[bool]) -> sa.Select[OutboxMessage]:
    return (
        sa.select(OutboxMessage)
        .where(
            OutboxMessage.state == "queued",
            OutboxMessage.not_before <= now,
            sa.or_(OutboxMessage.lease_until.is_(None), OutboxMessage.lease_until < now),
            *which,
        )
        .order_by(OutboxMessage.not_before)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def to_hand_out(session: Session, now: datetime, limit: int) -> Sequence[OutboxMessage]:
    """Up to `limit` due messages for teams and the operators, urgent ones first, their rows locked; other workers skip them."""
    urgent = OutboxMessage.kind.in_(URGENT)
    first = session.scalars(_due(now, limit, _IS_FOR_MEMBERS, urgent)).all()
    return [*first, *session.scalars(_due(now, limit - len(first), _IS_FOR_MEMBERS, ~urgent))]


OFTEN: Final = 20


def told_often(session: Session, now: datetime) -> set[UUID]:
    """Members who got `OFTEN` urgent messages or more since the full hour: further ones are combined."""
    counted = (
        sa.select(OutboxMessage.member_id)
        .where(
            OutboxMessage.member_id.is_not(None),
            OutboxMessage.kind.in_(URGENT),
            OutboxMessage.state == "sent",
            OutboxMessage.done_at == to_the_hour(now),
        )
        .group_by(OutboxMessage.member_id)
        .having(sa.func.count() >= OFTEN)
    )
    return {member_id for member_id in session.scalars(counted) if member_id is not None}


def claim(session: Session, now: datetime, limit: int = 20) -> Sequence[OutboxMessage]:
    """Claim up to `limit` due messages for one lease, urgent ones first; other workers skip them (SKIP LOCKED on PostgreSQL)."""
    urgent = OutboxMessage.kind.in_(URGENT)
    claimed = list(session.scalars(_due(now, limit, ~_IS_FOR_MEMBERS, urgent)))
    claimed += session.scalars(_due(now, limit - len(claimed), ~_IS_FOR_MEMBERS, ~urgent))
    for message in claimed:
        message.lease_until = now + LEASE
        message.attempts += 1
    session.flush()
    return claimed


def about(session: Session, ids: Collection[UUID]) -> set[UUID]:
    """The cases and referrals that these messages are about."""
    return set(session.scalars(sa.select(OutboxMessage.about_id).where(OutboxMessage.id.in_(list(ids)))))


def mark_sent(
    session: Session, ids: Collection[UUID], now: datetime, *, sent_as: UUID, address_mark: bytes | None = None
) -> None:
    """Mark these messages as sent in one notice with the id `sent_as`.

    `address_mark`: of the address, if it was mailed to a stored one.
    """
    values = {"state": "sent", "done_at": to_the_hour(now), "lease_until": None, "last_error": None}
    session.execute(
        sa.update(OutboxMessage)
        .where(OutboxMessage.id.in_(ids))
        .values(values | {"sent_as": sent_as, "address_mark": address_mark})
    )


def sent_with(session: Session, notice_id: UUID) -> list[OutboxMessage]:
    """The messages that went out with this notice and were not sent again since, their rows locked.

    One that is still to be sent is among them if it is the first one of the notice and was never recorded as sent: the worker
    ended in between.
    """
    sent = sa.and_(OutboxMessage.state == "sent", OutboxMessage.sent_as == notice_id)
    unrecorded = sa.and_(
        OutboxMessage.id == notice_id, OutboxMessage.sent_as.is_(None), OutboxMessage.state.in_(["sent", "queued"])
    )
    wanted = sa.select(OutboxMessage).where(sa.or_(sent, unrecorded)).order_by(OutboxMessage.id).with_for_update()
    return list(session.scalars(wanted))


def mark_failed(
    session: Session,
    message_id: UUID,
    error: str,
    now: datetime,
    *,
    permanent: bool = False,
    wait: timedelta = timedelta(0),
) -> OutboxMessage | None:
    """Schedule a retry, or give up: after the last back-off step the message is dead and is returned for display.

    `permanent`: give up now. `wait`: the shortest time until the retry, as the other side asked.
    """
    message = session.get_one(OutboxMessage, message_id)
    message.last_error = error[:64]
    message.lease_until = None
    back_off = URGENT_BACK_OFF if message.kind in URGENT else BACK_OFF
    if permanent or message.attempts > len(back_off):
        message.state, message.done_at = "dead", to_the_hour(now)
    else:
        message.not_before = now + max(back_off[message.attempts - 1], min(wait, back_off[-1]))
    session.flush()
    return message if message.state == "dead" else None


def postpone(session: Session, ids: Collection[UUID], moment: datetime | None = None) -> None:
    """Release a claim; with a moment, the message is not claimed again before it."""
    values: dict[str, object] = {"lease_until": None, "attempts": OutboxMessage.attempts - 1}
    if moment is not None:
        values["not_before"] = moment
    session.execute(sa.update(OutboxMessage).where(OutboxMessage.id.in_(ids)).values(values))


def set_aside(session: Session, ids: Collection[UUID], why: str, now: datetime) -> None:
    """Drop a message that needs no action: the recipient cannot be reached, or was told some other way."""
    session.execute(
        sa.update(OutboxMessage)
        .where(OutboxMessage.id.in_(ids))
        .values(state="dead", done_at=to_the_hour(now), dropped_at=to_the_hour(now), lease_until=None, last_error=why)
    )


def delete_done(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete the messages that were sent or dropped a day ago; a mail to an organisation or a member can come back for longer."""
    may_come_back = sa.and_(OutboxMessage.state == "sent", OutboxMessage.case_id.is_(None))
    over = sa.or_(OutboxMessage.state == "sent", OutboxMessage.dropped_at.is_not(None))
    in_time = sa.or_(OutboxMessage.done_at <= now - MAY_COME_BACK, sa.not_(may_come_back))
    return bulk.delete_some(session, OutboxMessage, sa.and_(OutboxMessage.done_at <= now - KEPT, over, in_time), limit)


def forget(session: Session, case_id: UUID, referral_ids: Collection[UUID]) -> None:
    """Delete every message about a case and its referrals, except one that still has to tell an organisation that it is over."""
    about = OutboxMessage.about_id.in_([case_id, *referral_ids])
    waits_for_organisation = sa.and_(OutboxMessage.state == "queued", OutboxMessage.organisation_id.is_not(None))
    session.execute(
        sa.delete(OutboxMessage).where(sa.or_(OutboxMessage.case_id == case_id, about), sa.not_(waits_for_organisation))
    )


# --- dead letters ----------------------------------------------------------------------------------------------------

_DEAD: Final = sa.and_(OutboxMessage.state == "dead", OutboxMessage.dropped_at.is_(None))


def _dead(session: Session, message_id: UUID) -> OutboxMessage:
    message = session.scalars(
        sa.select(OutboxMessage).where(OutboxMessage.id == message_id, _DEAD).with_for_update()
    ).one_or_none()
    if message is None:
        raise NotFound("There is no such message.")
    return message


def retry(session: Session, message_id: UUID, now: datetime) -> None:
    """Retry from the first attempt. Raises NotFound."""
    message = _dead(session, message_id)
    message.state, message.done_at, message.attempts, message.not_before = "queued", None, 0, to_the_hour(now)
    session.flush()


def drop(session: Session, message_id: UUID, now: datetime) -> None:
    """Discard: the recipient was told some other way. Raises NotFound."""
    _dead(session, message_id).dropped_at = to_the_hour(now)
    session.flush()
