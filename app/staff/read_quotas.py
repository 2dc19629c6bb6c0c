"""How many sealed cases somebody may open a day: who trawls is stopped, and seen, long before they have read everything."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.errors import TooMany
from app.core.upsert import insert_or_update


class ReadCount(Base):
    """How often one reader opened sealed parts on one day (UTC). `reader` is `member:` or `client:` and an id."""

    __tablename__ = "read_counts"

    reader: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    count: Mapped[int]


class QuotaReached(TooMany):
    """The day's reads are used up. Nothing was opened."""

    slug, title = "daily-reads-used-up", "You have opened as many cases today as one person may"


def member_key(member_id: UUID) -> str:
    return f"member:{member_id.hex}"


def client_key(client_id: str) -> str:
    return f"client:{client_id}"


def count(session: Session, reader: str, now: datetime, *, limit: int) -> None:
    """One more read. Raises QuotaReached at the one after `limit`; two at once can not both be the last.

    The row stays locked until the transaction ends, so that a read which fails afterwards is not counted.
    """
    statement = insert_or_update(
        session, ReadCount, key=("reader", "day"), change=lambda _new: {"count": ReadCount.count + 1}
    )
    row = {"reader": reader, "day": now.date(), "count": 1}
    if session.scalars(statement.returning(ReadCount.count), row).one() > limit:
        raise QuotaReached(
            f"You have opened sealed parts {limit} times today, and that is the limit of a day. It begins anew at 0:00 UTC. "
            "Whoever runs the service can raise it.",
            headers={"Retry-After": "3600"},
        )


def used(session: Session, reader: str, now: datetime) -> int:
    return (
        session.scalar(sa.select(ReadCount.count).where(ReadCount.reader == reader, ReadCount.day == now.date())) or 0
    )


def heaviest_readers(session: Session, now: datetime, limit: int = 5) -> list[tuple[str, int]]:
    """Who opened most today, for the page of operations."""
    rows = session.execute(
        sa.select(ReadCount.reader, ReadCount.count)
        .where(ReadCount.day == now.date())
        .order_by(ReadCount.count.desc(), ReadCount.reader)
        .limit(limit)
    )
    return [(reader, opened) for reader, opened in rows]


def delete_old(session: Session, now: datetime) -> int:
    """Counts of days gone by serve nothing; the audit tells who read what."""
    gone = sa.delete(ReadCount).where(ReadCount.day < now.date())
    return int(session.execute(gone).rowcount)  # type: ignore[attr-defined]
