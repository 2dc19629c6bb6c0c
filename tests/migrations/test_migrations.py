"""The steps from an empty database to today's, on both kinds, taken while the version before is still live."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

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
from tests.support.schema import content, differences

# On SQLite an index over an expression is made, but SQLAlchemy does not read it back: `content` compares those.
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


def test_the_promises_of_the_models_stand_in_the_database(unmigrated_database: Database) -> None:
    """Compared by content: types, defaults, texts of checks, predicates of indexes, triggers and their functions."""
    migrate(unmigrated_database)
    migrated = content(unmigrated_database)
    downgrade(unmigrated_database, "base")
    Base.metadata.create_all(unmigrated_database.engine)
    assert differences(content(unmigrated_database), migrated) == [], "a step in alembic/versions/ is missing"


CHANGES: Final = {
    "a check": ("ALTER TABLE cases DROP CONSTRAINT ck_cases_urgency_known, ADD CONSTRAINT ck_cases_urgency_known"
        " CHECK (urgency IN ('emergency', 'urgent', 'normal', 'soon'))", "constraint cases/ck_cases_urgency_known"),
    "a predicate": ("DROP INDEX uq_referrals_one_live; CREATE UNIQUE INDEX uq_referrals_one_live ON referrals"
        " (case_id, organisation_id) WHERE state IN ('offered', 'accepted')", "index uq_referrals_one_live"),
    "a default": ("ALTER TABLE cases ALTER COLUMN owner_name SET DEFAULT '-'", "column cases.owner_name"),
    "a trigger": ("DROP TRIGGER set_owner_name ON cases; CREATE TRIGGER set_owner_name BEFORE UPDATE ON cases"
        " FOR EACH ROW EXECUTE FUNCTION set_owner_name()", "trigger set_owner_name"),
    "a function": ("CREATE OR REPLACE FUNCTION set_owner_name() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN NEW; END $$", "function set_owner_name"),
    "a type": ("ALTER TABLE cases ALTER COLUMN label TYPE varchar(13)", "column cases.label"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_promise_that_differs_in_content_alone_is_seen(make_postgres: Any, change: str) -> None:
    database = Database(make_postgres().render_as_string(hide_password=False))
    migrate(database)
    before = content(database)
    statement, name = CHANGES[change]
    with database.engine.begin() as connection:
        connection.execute(sa.text(statement))
    assert [found for found, _expected, _actual in differences(before, content(database))] == [name]
    database.dispose()


def test_a_changed_check_or_predicate_is_seen_on_sqlite(unmigrated_sqlite: Database) -> None:
    migrate(unmigrated_sqlite)
    before = content(unmigrated_sqlite)
    with unmigrated_sqlite.engine.begin() as connection:
        sql = connection.scalar(sa.text("SELECT sql FROM sqlite_master WHERE name = 'cases'"))
        connection.execute(sa.text("DROP INDEX uq_referrals_one_live"))
        connection.execute(
            sa.text(
                "CREATE UNIQUE INDEX uq_referrals_one_live ON referrals (case_id, organisation_id) WHERE pauses = 0"
            )
        )
        connection.execute(sa.text("PRAGMA writable_schema = ON"))
        connection.execute(
            sa.text("UPDATE sqlite_master SET sql = :sql WHERE name = 'cases'"),
            {"sql": sql.replace("'normal'", "'soon'", 1)},
        )
    changed = [found for found, _expected, _actual in differences(before, content(unmigrated_sqlite))]
    assert changed == ["constraint cases.ck_cases_urgency_known", "index uq_referrals_one_live"]


def test_each_step_can_be_taken_back_and_taken_again(unmigrated_database: Database) -> None:
    for place, revision in enumerate(STEPS):
        before = content(unmigrated_database)
        migrate(unmigrated_database, revision)
        after = content(unmigrated_database)
        assert after != before, revision
        downgrade(unmigrated_database, STEPS[place - 1] if place else "base")
        assert content(unmigrated_database) == before, revision
        migrate(unmigrated_database, revision)
        assert content(unmigrated_database) == after, revision


def test_migrating_twice_changes_nothing(unmigrated_database: Database) -> None:
    migrate(unmigrated_database)
    once = content(unmigrated_database)
    migrate(unmigrated_database)
    assert content(unmigrated_database) == once


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
        # The timeouts are set in env.py. A step that builds an index beside the writers cannot be in a transaction.
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
