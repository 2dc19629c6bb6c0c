"""The partner's change feed: events in one order, each with a position that is given only after its writer has committed.

A reader that remembers its last position therefore never misses the event of a slower writer, which gets a later position.
`place_events` is called before each read; with nothing new it costs one look-up in an empty index.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.db import try_advisory_lock
from app.referrals.models import FeedEvent, Referral
from app.referrals.states import AT_WORK

KEPT_FOR: Final = timedelta(days=90)
_LOCK: Final = 0x50525F4645
_BATCH: Final = 5000


def publish(session: Session, organisation_id: UUID, referral_id: UUID, kind: str, version: int, now: datetime) -> None:
    """Write an event in the caller's transaction; it can be read once `place_events` has given it a position."""
    session.execute(
        sa.insert(FeedEvent),
        {
            "id": uuid4(),
            "organisation_id": organisation_id,
            "referral_id": referral_id,
            "type": kind,
            "version": version,
            "at": now,
        },
    )


_MESSAGE: Final = "message."
_APPOINTMENT: Final = "appointment."
_TEAM_APPOINTMENT: Final = "team_appointment."


def publish_message(session: Session, referral: Referral, now: datetime) -> None:
    """Publish that the team wrote about this referral, without its words; the state is the referral's present one."""
    kind = f"{_MESSAGE}{referral.state}"
    publish(session, referral.organisation_id, referral.id, kind, referral.version, now)


def publish_appointment(session: Session, referral: Referral, became: str, now: datetime) -> None:
    """Publish that the times offered for this referral reached the state `became`: no time, no place."""
    kind = f"{_APPOINTMENT}{became}.{referral.state}"
    publish(session, referral.organisation_id, referral.id, kind, referral.version, now)


def publish_team_appointment(session: Session, case_id: UUID, became: str, now: datetime) -> None:
    """Publish to each organisation at work on the case that the times which the team offered reached the state `became`."""
    at_work = sa.select(Referral.organisation_id, Referral.id, Referral.state, Referral.version).where(
        Referral.case_id == case_id, Referral.state.in_([state.value for state in AT_WORK])
    )
    for row in session.execute(at_work).all():
        kind = f"{_TEAM_APPOINTMENT}{became}.{row.state}"
        publish(session, row.organisation_id, row.id, kind, row.version, now)


def public_type(kind: str) -> str:
    """The type of an event without the service's prefix, such as `referral.accepted`.

    Or `message.posted`, `appointment.agreed`, `team_appointment.agreed`, in whatever state the referral is.
    """
    if kind.startswith(_MESSAGE):
        return "message.posted"
    return kind.rpartition(".")[0] if kind.startswith((_APPOINTMENT, _TEAM_APPOINTMENT)) else kind


def state_in(kind: str) -> str:
    """The referral's state that an event names."""
    return kind.rpartition(".")[2]


_TABLE: Final = cast("sa.Table", FeedEvent.__table__)
_UNPLACED: Final = sa.select(_TABLE.c.n).where(_TABLE.c.position.is_(None)).limit(1)
_AFTER: Final = (
    sa.select(_TABLE.c.id, _TABLE.c.referral_id, _TABLE.c.type, _TABLE.c.version, _TABLE.c.at, _TABLE.c.position)
    .where(_TABLE.c.organisation_id == sa.bindparam("organisation_id"), _TABLE.c.position > sa.bindparam("after"))
    .order_by(_TABLE.c.position)
    .limit(sa.bindparam("limit", type_=sa.Integer()))
)
FeedRow = sa.Row[*tuple[Any, ...]]
"""What a reader gets of an event: id, referral_id, type, version, at, position."""


def has_unplaced(session: Session) -> bool:
    return session.scalar(_UNPLACED) is not None


def place_events(session: Session) -> int:
    """Give positions to committed events that have none; returns their number. Needs a writing transaction.

    0 when another process is doing it: nobody waits for it, and events that it leaves are placed at the next read.
    """
    if not has_unplaced(session) or not try_advisory_lock(session, _LOCK):
        return 0
    new = session.scalars(
        sa.select(FeedEvent.n).where(FeedEvent.position.is_(None)).order_by(FeedEvent.n).limit(_BATCH)
    ).all()
    last = session.scalar(sa.select(sa.func.max(FeedEvent.position))) or 0
    if new:
        session.connection().execute(
            sa.update(_TABLE).where(_TABLE.c.n == sa.bindparam("which")).values(position=sa.bindparam("place")),
            [{"which": n, "place": last + offset} for offset, n in enumerate(new, 1)],
        )
    return len(new)


def read_events(session: Session, organisation_id: UUID, after: int, limit: int) -> Sequence[FeedRow]:
    """Up to `limit` events of one organisation after a position, oldest first."""
    return session.execute(_AFTER, {"organisation_id": organisation_id, "after": after, "limit": limit}).all()


def drop_old(session: Session, now: datetime, limit: int = _BATCH) -> int:
    """Delete up to `limit` events older than `KEPT_FOR`; returns their number.

    The event with the highest position stays: the next position is counted from it, and must not be given twice.
    """
    last = session.scalar(sa.select(sa.func.max(FeedEvent.position)))
    oldest = sa.select(FeedEvent.n).order_by(FeedEvent.n).limit(limit).scalar_subquery()
    old = sa.delete(FeedEvent).where(
        FeedEvent.n.in_(oldest), FeedEvent.at < now - KEPT_FOR, FeedEvent.position < (last or 0)
    )
    return int(session.execute(old).rowcount)  # type: ignore[attr-defined]


def last_position(session: Session, organisation_id: UUID) -> int:
    """The position of an organisation's newest placed event; 0 when there is none."""
    last = sa.select(sa.func.max(FeedEvent.position)).where(FeedEvent.organisation_id == organisation_id)
    return session.scalar(last) or 0


def position_since(session: Session, organisation_id: UUID, moment: datetime) -> tuple[int | None, int]:
    """The position of the first event since `moment`, and the number of events since."""
    mine = (FeedEvent.organisation_id == organisation_id, FeedEvent.at >= moment, FeedEvent.position.is_not(None))
    row = session.execute(sa.select(sa.func.min(FeedEvent.position), sa.func.count()).where(*mine)).one()
    return row[0], row[1]
