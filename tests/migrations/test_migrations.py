"""The steps from an empty database to today's, on both kinds, taken while the version before is still live."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import app.model_registry  # noqa: F401  fills Base.metadata
from alembic import command
from app.app_context import ROOT, migrate
from app.core.db import Base, Database

# On SQLite an index over an expression is made, but not read back: `indexes` compares all by their names.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index"),
    pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index"),
]
SCRIPTS = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini")))
STEPS = [step.revision for step in reversed(list(SCRIPTS.walk_revisions()))]


# Choices of ours that stop nobody: small numbers are small, bounded text is bounded, a step is taken exactly once.
NO_MATTER = (
    "prefer-robust-stmts",
    "prefer-text-field",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "ban-drop-table",
)


def downgrade(database: Database, revision: str) -> None:
    config = Config(str(ROOT / "alembic.ini"))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def indexes(database: Database, seen: Any) -> dict[Any, list[Any]]:
    """Their names by table. On SQLite from its own list: what is read back there leaves out indexes over expressions."""
    if database.dialect == "postgresql":
        found: dict[Any, list[Any]] = seen.get_multi_indexes()
        return found
    listed = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    found = {}
    for table, name in seen.bind.execute(sa.text(listed)):
        found.setdefault((None, table), []).append({"name": name})
    return found


def shape(database: Database) -> dict[str, Any]:
    """Tables with their columns, constraints and indexes, as the database tells them."""
    with database.engine.connect() as connection:
        seen = sa.inspect(connection)  # all tables at once: one question of a kind
        columns, keys = seen.get_multi_columns(), seen.get_multi_pk_constraint()
        named = {
            "foreign": seen.get_multi_foreign_keys(),
            "unique": seen.get_multi_unique_constraints(),
            "checks": seen.get_multi_check_constraints(),
            "indexes": indexes(database, seen),
        }
        return {
            table[1]: {
                "columns": sorted((c["name"], str(c["type"]), c["nullable"], str(c["default"])) for c in found),
                "keys": keys[table]["constrained_columns"],
                **{kind: sorted(str(one["name"]) for one in all_of.get(table, ())) for kind, all_of in named.items()},
            }
            for table, found in columns.items()
            if table[1] != "alembic_version"
        }


def test_the_steps_form_one_line_and_their_names_tell_it() -> None:
    assert len(SCRIPTS.get_heads()) == 1
    names = sorted(path.name for path in Path(SCRIPTS.versions).glob("*.py"))
    assert [name[:4] for name in names] == STEPS == sorted(set(STEPS))
    assert all(re.fullmatch(r"\d{4}(_[a-z0-9]+)+\.py", name) for name in names)


def test_the_models_equal_the_migrated_schema(unmigrated_database: Database) -> None:
    migrate(unmigrated_database)
    with unmigrated_database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}

        def made_here(thing: Any, *_rest: Any) -> bool:
            """Not what is made on the other kind of database only (`ddl_if`)."""
            only = getattr(thing, "_ddl_if", None)
            return only is None or only.dialect == unmigrated_database.dialect

        context = MigrationContext.configure(connection, opts={**options, "include_object": made_here})
        assert compare_metadata(context, Base.metadata) == []
    assert set(shape(unmigrated_database)) == set(Base.metadata.tables)


def test_the_promises_of_the_models_stand_in_the_database(unmigrated_database: Database) -> None:
    """Autogenerate does not see checks and partial indexes; a schema made from the models shows what is missing."""
    migrate(unmigrated_database)
    migrated = shape(unmigrated_database)
    downgrade(unmigrated_database, "base")
    Base.metadata.create_all(unmigrated_database.engine)
    assert migrated == shape(unmigrated_database)


def test_each_step_can_be_taken_back_and_taken_again(unmigrated_database: Database) -> None:
    for place, revision in enumerate(STEPS):
        before = shape(unmigrated_database)
        migrate(unmigrated_database, revision)
        after = shape(unmigrated_database)
        assert after != before, revision
        downgrade(unmigrated_database, STEPS[place - 1] if place else "base")
        assert shape(unmigrated_database) == before, revision
        migrate(unmigrated_database, revision)
        assert shape(unmigrated_database) == after, revision


def test_migrating_twice_changes_nothing(unmigrated_database: Database) -> None:
    migrate(unmigrated_database)
    once = shape(unmigrated_database)
    migrate(unmigrated_database)
    assert shape(unmigrated_database) == once


def test_the_steps_do_not_stand_in_the_way_of_the_version_that_is_live(make_postgres: Any, tmp_path: Path) -> None:
    """Squawk reads what PostgreSQL is really told, step by step."""
    database = Database(make_postgres().render_as_string(hide_password=False))
    told: list[str] = []

    def listen(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP")):
            told.append(statement.strip() + ";\n")

    sa.event.listen(database.engine, "before_cursor_execute", listen)
    together: list[Path] = []
    alone: list[Path] = []
    for revision in STEPS:
        told.clear()
        migrate(database, revision)
        file = tmp_path / f"{revision}.sql"
        # The timeouts are set in env.py. A step that builds an index beside the writers can not be in a transaction.
        file.write_text("SET lock_timeout = '4s'; SET statement_timeout = '20s';\n" + "".join(told))
        (alone if any("CONCURRENTLY" in statement for statement in told) else together).append(file)
    database.dispose()
    found = [squawk(together, "--assume-in-transaction"), squawk(alone)]
    assert not any(found), "\n".join(found)


def squawk(files: list[Path], *options: str) -> str:
    """What it finds in these files; nothing when there is nothing to find."""
    program, left_out = Path(sys.executable).with_name("squawk"), ",".join(NO_MATTER)
    done = subprocess.run(
        [program, "--pg-version=16.0", f"--exclude={left_out}", *options, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr if done.returncode else ""
