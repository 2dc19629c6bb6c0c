"""The table of rights makes sense to PostgreSQL."""

from app.operations.privileges import PRIVILEGES, DatabaseRole


def test_who_may_delete_or_change_rows_may_read_what_picks_them() -> None:
    """DELETE and UPDATE with a condition need SELECT on its columns; without it they are refused, whatever else is granted."""
    unusable = {
        f"{table}: {role}"
        for table, rights in PRIVILEGES.items()
        for role in DatabaseRole
        if set(rights.of(role)) & set("UD") and "S" not in rights.of(role)
    }
    assert unusable == set()
