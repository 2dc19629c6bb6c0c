"""Every column of bytes is known for what it is, so that no locked one is forgotten when the epoch key is rotated."""

from uuid import UUID

import sqlalchemy as sa

import app.model_registry  # noqa: F401  fills Base.metadata
from app.cases import sealed_parts
from app.core.db import Base
from app.messaging import recipients
from app.operations.encrypted_columns import HASHED, LOCKED, PUBLIC, SEALED
from app.webhooks import service as webhooks


def test_each_column_of_bytes_stands_in_exactly_one_group() -> None:
    there = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary)
    }
    listed = [*(one.name for one in LOCKED), *SEALED, *HASHED, *PUBLIC]
    assert sorted(listed) == sorted(there)


def test_a_locked_column_reads_only_what_its_table_has() -> None:
    for one in LOCKED:
        assert {*one.reads, one.column, one.key} <= set(one.model.__table__.columns.keys())


def test_a_place_is_the_one_that_was_locked_with() -> None:
    """Rotation and whoever writes the column name the same place; else nothing would open after it."""
    by, one, two = {locked.name: locked.place for locked in LOCKED}, UUID(int=1), UUID(int=2)
    wrap = {"case_id": one, "purpose": "person", "kind": "team", "owner_id": two, "version": 1}
    assert by["case_wraps.locked"](wrap) == sealed_parts._place(one, "person", "team", two, 1)
    assert by["case_moves.desk_key"]({"case_id": one, "to_team_id": two}) == sealed_parts._place(
        one, "desk", "team", two, 1
    )
    assert by["partner_notices.address"]({"organisation_id": one}) == recipients._place(one)
    assert by["person_notices.how"]({"case_id": one}) == recipients._how_place(one)
    endpoint = {"id": one, "secret_version": 3}
    assert by["webhook_endpoints.secret"](endpoint) == webhooks._place(one, 3)
    assert by["webhook_endpoints.old_secret"](endpoint) == webhooks._place(one, 2)
