"""docs/operations.md names the bound of each table that somebody outside the team can make grow."""

import re
from pathlib import Path

import pytest

from app.operations.privileges import PRIVILEGES, DatabaseRole

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def bounded() -> set[str]:
    """The tables that are named between the list's title and the next heading."""
    _before, _title, after = PAGE.read_text().partition("**What strangers and partners can store")
    return set(re.findall(r"`([a-z_]+)`", after.partition("\n## ")[0]))


@pytest.mark.parametrize("role", [DatabaseRole.PUBLIC, DatabaseRole.PARTNER])
def test_each_table_that_an_outside_role_may_insert_into_has_a_bound(role: DatabaseRole) -> None:
    growing = {table for table, rights in PRIVILEGES.items() if "I" in rights.of(role)}
    assert growing - bounded() == set(), "name it in docs/operations.md, with what keeps it small"


def test_the_list_names_tables_that_exist() -> None:
    assert bounded() - set(PRIVILEGES) == set()
