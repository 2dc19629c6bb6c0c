"""Each schema step after the initial ones is taken beside a reader and a writer, with 100,000 rows: neither waits longer than 1 s.

PostgreSQL alone: on SQLite there is one writer at a time, and the service is stopped for a step (docs/operations.md).
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.app_context import ROOT, migrate
from app.core.db import Database
from tests.migrations.test_migrations import downgrade
from tests.support.live_load import fill, watched

INITIAL: Final = "0014"
"""The last of the steps that make the schema of an empty database. Every later one meets rows and live code."""
TRIES: Final = 3
STEPS: Final = [
    step.revision
    for step in reversed(list(ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini"))).walk_revisions()))
]


@pytest.fixture
def loaded(make_postgres: Callable[[], Any]) -> Iterator[Database]:
    """At the initial schema, with many rows."""
    database = Database(make_postgres().render_as_string(hide_password=False))
    migrate(database, INITIAL)
    fill(database)
    yield database
    database.dispose()


def statements(*texts: str) -> Callable[[Database], None]:
    """A made-up step: these statements in one transaction, as a migration runs them."""

    def step(database: Database) -> None:
        with database.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL lock_timeout = '4s'"))
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            for text in texts:
                connection.execute(sa.text(text))

    return step


# What a step may do, and what it may not: the second of each pair holds its lock for as long as many rows take.
HARMLESS: Final = {
    "a column without a value": ("ALTER TABLE cases ADD COLUMN made_up_1 text",),
    "a check that is validated apart": (
        "ALTER TABLE referrals ADD CONSTRAINT made_up_2 CHECK (pauses >= 0) NOT VALID",
    ),
    "validating it": ("ALTER TABLE referrals VALIDATE CONSTRAINT made_up_2", "SELECT pg_sleep(1.5)"),
}
HARMFUL: Final = {
    "filling in one statement": (
        ("UPDATE referrals SET clock_steps = clock_steps", "SELECT pg_sleep(3)"),
        "writer of referrals",
    ),
    "work behind a lock on the table": (
        ("ALTER TABLE cases ADD COLUMN made_up_3 text", "SELECT pg_sleep(3)"),
        "reader of cases",
    ),
    "an index that shuts writers out": (
        ("CREATE INDEX made_up_4 ON case_events (verb)", "SELECT pg_sleep(3)"),
        "writer of case_events",
    ),
}


def test_every_later_step_lets_readers_and_writers_pass(loaded: Database) -> None:
    """First the watch itself is tried: it lets harmless steps pass and sees each kind of harmful one."""
    for name, texts in HARMLESS.items():
        assert _watch(loaded, statements(*texts)) == [], name
    for name, (texts, expected) in HARMFUL.items():
        findings = _watch(loaded, statements(*texts))
        assert any(finding.startswith(expected) for finding in findings), (name, findings)
    for revision in STEPS[STEPS.index(INITIAL) + 1 :]:
        assert _found_each_time(loaded, revision) == [], revision


def _found_each_time(database: Database, revision: str) -> list[str]:
    """A step that makes others wait does so whenever it is taken, so one that was found is taken back and taken again.

    A machine so busy that a step stands still for a second while it holds its short lock is found too, but not each time.
    """
    before = STEPS[STEPS.index(revision) - 1]
    for tries in range(TRIES):
        if tries:
            downgrade(database, before)
        if not (findings := _watch(database, lambda database: migrate(database, revision))):
            return []
    return findings


def _watch(database: Database, step: Callable[[Database], None]) -> list[str]:
    with watched(database) as findings:
        step(database)
    return findings
