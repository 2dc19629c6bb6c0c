"""An organisation has at most one live referral of a case; a deferred one is live too."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

BEFORE = (
    "state IN ('accepted', 'acknowledged', 'awaiting_consent', 'draft', 'in_progress', 'info_requested', 'offered', "
    "'on_hold', 'waitlisted')"
)
AFTER = BEFORE.replace("'draft'", "'deferred', 'draft'")
NAME = "uq_referrals_one_live"


def upgrade() -> None:
    _rebuild(AFTER)


def downgrade() -> None:
    _rebuild(BEFORE)


def _rebuild(live: str) -> None:
    """On PostgreSQL, beside readers and writers: the new index is there before the old one is dropped."""
    if op.get_context().dialect.name == "sqlite":
        op.drop_index(NAME, "referrals")
        _create(NAME, live)
        return
    with op.get_context().autocommit_block():
        _create(f"{NAME}_next", live)
        op.drop_index(NAME, "referrals", postgresql_concurrently=True)
        op.execute(f"ALTER INDEX {NAME}_next RENAME TO {NAME}")


def _create(name: str, live: str) -> None:
    op.create_index(
        name, "referrals", ["case_id", "organisation_id"], unique=True, sqlite_where=sa.text(live),
        postgresql_where=sa.text(live), postgresql_concurrently=True,
    )  # fmt: skip
