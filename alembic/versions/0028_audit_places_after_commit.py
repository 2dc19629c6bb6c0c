"""Audit entries are committed with their act, and get their place in the chain afterwards."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LOG = sa.table(
    "audit_log",
    sa.column("seq", sa.BigInteger()),
    sa.column("at", sa.DateTime(timezone=True)),
    *(sa.column(name, sa.String()) for name in ("actor_kind", "actor_id", "action", "subject_kind", "subject_id")),
    sa.column("codes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
    sa.column("prev_hash", sa.String()),
    sa.column("hash", sa.String()),
    sa.column("arrival", sa.BigInteger()),
)
PAGE = 1000


def upgrade() -> None:
    op.add_column("audit_log", sa.Column("arrival", sa.BigInteger(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE audit_arrivals")


def downgrade() -> None:
    """Place what waits, and hash again from the first entry whose hash covers its arrival, as the version before verifies it.

    Heads and witnesses of these entries no longer fit then (docs/decisions/0171-places-after-the-commit.md).
    """
    connection = op.get_bind()
    waiting = sa.select(LOG.c.seq).where(LOG.c.seq < 0).order_by(LOG.c.seq)
    last = connection.scalar(sa.select(sa.func.max(LOG.c.seq)).where(LOG.c.seq > 0)) or 0
    first = connection.scalar(sa.select(sa.func.min(LOG.c.seq)).where(LOG.c.seq > 0, LOG.c.arrival.is_not(None)))
    for place, seq in enumerate(connection.scalars(waiting).all(), last + 1):
        connection.execute(sa.update(LOG).where(LOG.c.seq == seq).values(seq=place))
        first = first or place
    if first is not None:
        _hash_again(connection, first)
    if connection.dialect.name == "postgresql":
        op.execute("DROP SEQUENCE audit_arrivals")
    op.drop_column("audit_log", "arrival")


def _hash_again(connection: sa.Connection, first: int) -> None:
    before = connection.scalar(sa.select(LOG.c.hash).where(LOG.c.seq == first - 1))
    if before is None:  # the start of the chain, or what was before it is deleted
        before = connection.scalar(sa.select(LOG.c.prev_hash).where(LOG.c.seq == first)) or "0" * 64
    while True:
        page = sa.select(LOG).where(LOG.c.seq >= first).order_by(LOG.c.seq).limit(PAGE)
        rows = connection.execute(page).mappings().all()
        for row in rows:
            digest = _digest(before, row)
            change = sa.update(LOG).where(LOG.c.seq == row["seq"]).values(prev_hash=before, hash=digest)
            connection.execute(change)
            before, first = digest, row["seq"] + 1
        if len(rows) < PAGE:
            return


def _digest(before: str, row: Any) -> str:
    at = row["at"].replace(tzinfo=UTC) if row["at"].tzinfo is None else row["at"].astimezone(UTC)
    said = [row[name] for name in ("actor_kind", "actor_id", "action", "subject_kind", "subject_id", "codes")]
    fields = [before, row["seq"], at.isoformat(timespec="microseconds"), *said]
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
