"""Sessions that only read: what they may say, what they ask PostgreSQL for, and when a connection is asked whether it works."""

import pytest
import sqlalchemy as sa

from app.core import db, patience
from app.core.db import Database, OnlyReads


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM kill_switches",
        "SELECT name FROM kill_switches FOR UPDATE",
        "SELECT name FROM kill_switches FOR NO KEY UPDATE",
        "SELECT name FROM kill_switches FOR SHARE",
        "SELECT pg_advisory_xact_lock(1)",
    ],
)
def test_a_reading_session_on_postgresql_neither_writes_nor_locks(postgres_database: Database, statement: str) -> None:
    with postgres_database.begin(write=False) as session:
        session.execute(sa.text("  SELECT 1"))
        with pytest.raises(OnlyReads):
            session.execute(sa.text(statement))
    with postgres_database.begin() as session:
        session.execute(sa.text(statement))


def test_a_reading_session_is_in_no_transaction_and_a_writing_one_after_it_is(postgres_database: Database) -> None:
    """The same connection is lent to both."""
    same = sa.text("SELECT pg_backend_pid(), pg_current_xact_id_if_assigned(), txid_current()")
    with postgres_database.begin(write=False) as session:
        backend, _, first = session.execute(same).one()
        _, _, second = session.execute(same).one()
    with postgres_database.begin() as session:
        writer, _, third = session.execute(same).one()
        _, _, fourth = session.execute(same).one()
    assert first != second
    assert third == fourth
    assert writer == backend


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
