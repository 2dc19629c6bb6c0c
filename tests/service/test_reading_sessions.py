"""Sessions that only read: what holds for their transaction, and when a connection is asked whether it works."""

import pytest
import sqlalchemy as sa

from app.cases import shown_numbers
from app.core import db, patience
from app.core.db import Database


@pytest.mark.parametrize("write", [False, True])
def test_a_number_that_is_shown_is_known_for_the_whole_transaction_and_no_longer(
    postgres_database: Database, write: bool
) -> None:
    """The same connection is lent to both."""
    asked = sa.text("SELECT pg_backend_pid(), current_setting('pristan.number', true)")
    with postgres_database.begin(write=write) as session:
        shown_numbers.show(session, b"\x01")
        backend, first = session.execute(asked).one()
        _, second = session.execute(asked).one()
    with postgres_database.begin(write=write) as session:
        same, after = session.execute(asked).one()
    assert (first, second) == ("01", "01")
    assert (same, after) == (backend, "")


def test_behind_a_pooler_a_reading_session_keeps_its_transaction(postgres_database: Database) -> None:
    """Its time limits are set for the transaction."""
    database = Database(postgres_database.url.render_as_string(hide_password=False), pooled=True)
    try:
        with database.begin(write=False) as session:
            limits = [session.execute(sa.text("SHOW statement_timeout")).scalar() for _ in range(2)]
    finally:
        database.dispose()
    assert limits == ["20s", "20s"]


# --- does a connection work ------------------------------------------------------------------------------------------


def backend(database: Database) -> int:
    with database.begin(write=False) as session:
        return int(session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())


def test_a_connection_that_worked_is_asked_again_after_a_while(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[object]()
    monkeypatch.setattr(postgres_database.engine.dialect, "do_ping", db.look_or_ask(lambda one: not asked.append(one)))
    assert backend(postgres_database) == backend(postgres_database)
    assert asked == []
    monkeypatch.setattr(patience, "JUST_SECONDS", 0.0)
    backend(postgres_database)
    assert len(asked) == 1


def test_a_connection_that_the_server_has_just_closed_fails_nobody(postgres_database: Database) -> None:
    first = backend(postgres_database)
    with sa.create_engine(postgres_database.url, poolclass=sa.NullPool).connect() as other:
        assert other.scalar(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": first})
    assert backend(postgres_database) != first
