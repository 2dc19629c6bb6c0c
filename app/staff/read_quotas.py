"""Daily limits on opening sealed parts, so that somebody who trawls through cases is stopped, and noticed, early."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core import bulk
from app.core.db import Base
from app.core.errors import TooMany
from app.core.i18n import Translatable
from app.core.upsert import insert_or_update


class ReadCount(Base):
    """How often a reader opened sealed parts on one day (UTC). `reader` is `member:` or `client:` and an id."""

    __tablename__ = "read_counts"

    reader: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    count: Mapped[int]


class QuotaReached(TooMany):
    """The reader has reached the daily limit. Nothing was opened."""

    slug, title = "daily-reads-used-up", "You have opened as many cases today as one person may"


def member_key(member_id: UUID) -> str:
    return f"member:{member_id.hex}"


def client_key(client_id: str) -> str:
    return f"client:{client_id}"


def count(
    session: Session,
    reader: str,
    now: datetime,
    *,
    limit: int,
    unless: sa.ColumnElement[bool] | None = None,
    reads: int = 1,
) -> None:
    """Count one more read, or `reads`. Raises QuotaReached above `limit`; two reads at the same time cannot both be the last.

    `unless`: a condition under which the read was counted before and adds nothing. The row stays locked until the transaction
    ends; if the read fails afterwards, the count is rolled back with it. One statement.
    """
    statement = insert_or_update(
        session, ReadCount, key=("reader", "day"), change=lambda new: {"count": ReadCount.count + new.count}
    )
    more = sa.literal(reads) if unless is None else sa.case((unless, 0), else_=reads)
    row = {"reader": reader, "day": now.date(), "count": more}
    if session.scalars(statement.values(row).returning(ReadCount.count)).one() > limit:
        raise QuotaReached(
            Translatable(
                "You have opened sealed parts {limit} times today, which is the daily limit. It is reset at 0:00 UTC. "
                "The operator of the service can raise it.",
                limit=limit,
            ),
            headers={"Retry-After": "3600"},
        )


def used(session: Session, reader: str, now: datetime) -> int:
    return (
        session.scalar(sa.select(ReadCount.count).where(ReadCount.reader == reader, ReadCount.day == now.date())) or 0
    )


def heaviest_readers(session: Session, now: datetime, limit: int = 5) -> list[tuple[str, int]]:
    """The readers with the most reads today and their counts, for the operations page."""
    rows = session.execute(
        sa.select(ReadCount.reader, ReadCount.count)
        .where(ReadCount.day == now.date())
        .order_by(ReadCount.count.desc(), ReadCount.reader)
        .limit(limit)
    )
    return [(reader, opened) for reader, opened in rows]


def delete_old(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete the counts of past days; returns how many. The audit log keeps who read what."""
    return bulk.delete_some(session, ReadCount, ReadCount.day < now.date(), limit)
