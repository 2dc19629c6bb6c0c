"""Each column of an instant says why it may be as exact as it is."""

import app.model_registry  # noqa: F401  every table
from app.core.db import Base, UtcDateTime
from app.privacy.moments import MOMENTS


def test_every_column_of_a_moment_is_declared_and_nothing_else() -> None:
    columns = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, UtcDateTime)
    }
    assert len(columns) > 80
    assert columns == set(MOMENTS), "say in app/privacy/moments.py whose moment it is, and why it may be exact"
