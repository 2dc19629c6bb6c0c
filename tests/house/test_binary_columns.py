"""Every column of bytes is known for what it is, so that no locked one is forgotten when the epoch key is rotated."""

import sqlalchemy as sa

import app.tables  # noqa: F401  fills Base.metadata
from app.core.db import Base
from app.operations.locked import HASHED, LOCKED, PUBLIC, SEALED


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
        assert {*one.reads, one.column, "id"} <= set(one.model.__table__.columns.keys())
