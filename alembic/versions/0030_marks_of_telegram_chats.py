"""A mark by which the row of a Telegram chat is found. Rows of a former version have none, and are marked when they are looked at."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("person_notices", sa.Column("chat_mark", sa.LargeBinary(), nullable=True))
    index = ("ix_person_notices_chat_mark", "person_notices", ["chat_mark"])
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(*index)
        return
    with op.get_context().autocommit_block():
        op.create_index(*index, postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_person_notices_chat_mark", table_name="person_notices")
    op.drop_column("person_notices", "chat_mark")
