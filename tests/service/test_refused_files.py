"""A dump or a key file that is not whole, or of another version, is refused before anything is done with it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.core import key_file
from app.core.db import Database
from app.operations import dump
from app.operations.dump import NotRestorable

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"7", b'{"pristan": 2}', b'{"pristan": 1, "schema": "9999", "tables": []}']
)
def test_what_is_no_dump_of_this_version_is_not_restored(line: bytes, sqlite_database: Database) -> None:
    def migrate(_revision: str) -> None:
        raise AssertionError("nothing is touched")

    with pytest.raises(NotRestorable):
        dump.load(sqlite_database, [line], migrate)


def test_a_dump_that_is_not_whole_is_not_restored(sqlite_database: Database) -> None:
    def load(*lines: object) -> dict[str, int]:
        head = {"pristan": 1, "schema": "0001", "tables": ["kill_switches"]}
        return dump.load(
            sqlite_database, [json.dumps(line).encode() for line in (head, *lines)], lambda _revision: None
        )

    row = {"t": "kill_switches", "r": {"name": "x", "on": False, "changed_by": None, "changed_at": NOW.isoformat()}}
    for lines in ([row], [row, {"counts": {"kill_switches": 2}}], [{"counts": {"kill_switches": 1}}]):
        with pytest.raises(NotRestorable):
            load(*lines)
    with pytest.raises(NotRestorable, match="a table that this version does not know"):
        dump._table("no_such_table")
    with sqlite_database.begin() as session:
        dump._refuse_unknown_tables(session)
        session.execute(sa.text("CREATE TABLE stranger (id INTEGER)"))
        with pytest.raises(NotRestorable, match="has tables that this version does not know"):
            dump._refuse_unknown_tables(session)
        session.execute(sa.text("DROP TABLE stranger"))


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(key_file.WeakSecret, match="there is no key file"):
        key_file.read(tmp_path / "secret.key")
