"""A database that is frozen, read-only, full, shut down or can lose data: what the service answers, and what its log says."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
import typer
from fastapi import FastAPI
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from typer.testing import CliRunner

from app.api import health
from app.cli import server as commands
from app.cli.main import app as command
from app.core import database_errors, db, durability, log, patience
from app.core.db import Database, UnsafeDatabase
from app.core.dependencies import Db
from app.core.durability import LossCause
from app.core.errors import Unavailable
from app.core.keyring import KeyRing
from app.main import create_app
from app.settings import Settings
from app.worker import loop
from tests.support.database_proxy import Proxy, proxy_to
from tests.support.serving import InProcess, in_process

SECRET: Final = "Анна"


def raising(sqlstate: str) -> sa.TextClause:
    """A statement that fails as the server does with this SQLSTATE, with a value in its words."""
    return sa.text(f"DO $$ BEGIN RAISE EXCEPTION '{SECRET}' USING ERRCODE = '{sqlstate}'; END $$")


def failed(database: Database, statement: sa.TextClause) -> DBAPIError:
    with pytest.raises(DBAPIError) as caught, database.begin() as session:
        session.execute(statement)
    return caught.value


# --- which answer ----------------------------------------------------------------------------------------------------

WORDS: Final = {
    "40001": "Somebody else", "40P01": "Somebody else", "55P03": "too long", "57014": "too long", "25P03": "too long",
    "25006": "only be read", "57P01": "does not answer", "57P03": "does not answer", "08006": "does not answer",
    "53300": "no room", "53100": "no room", "58030": "does not answer",
}  # fmt: skip


def test_what_a_retry_can_mend_is_503_and_a_mistake_of_ours_is_not(postgres_database: Database) -> None:
    for sqlstate, words in WORDS.items():
        found = database_errors.response_to(failed(postgres_database, raising(sqlstate)))
        assert isinstance(found, Unavailable), sqlstate
        assert words in found.detail, sqlstate
    for sqlstate in ("42703", "42501", "23505", "22P02"):
        assert database_errors.response_to(failed(postgres_database, raising(sqlstate))) is None, sqlstate


def test_a_connection_that_was_cut_leaves_a_commit_open_and_nothing_else(postgres_database: Database) -> None:
    ended = failed(postgres_database, sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert not isinstance(database_errors.response_to(ended), database_errors.OutcomeUnknown)
    assert isinstance(database_errors.response_to_commit(ended), database_errors.OutcomeUnknown)
    busy = failed(postgres_database, raising("40001"))
    assert not isinstance(database_errors.response_to_commit(busy), database_errors.OutcomeUnknown)


@contextmanager
def serving(database: Database, var: Path, **rest: Any) -> Iterator[tuple[InProcess, FastAPI]]:
    """The app over this database, with a route that does with it what a test asks for."""
    settings = Settings(var=var, worker_in_web=False, base_url="http://127.0.0.1:1", **rest)
    app = create_app(settings, database=database, keys=KeyRing.generate(date(2026, 11, 30)))

    @app.post("/v1/made-up/{kind}")
    def made_up(session: Db, kind: str) -> str:
        session.execute(raising(kind) if kind != "write" else sa.text("CREATE TABLE made_up (n int)"))
        return "done"

    with in_process(app) as client:
        yield client, app


def test_a_failure_has_its_answer_and_its_line_in_the_log_without_a_value(
    postgres_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(postgres_database, tmp_path) as (client, _app):
        for sqlstate, status in (("40P01", 503), ("53100", 503), ("23505", 500)):
            answer = client.post(f"/v1/made-up/{sqlstate}")
            assert answer.status_code == status
            assert ("retry-after" in answer.headers) == (status == 503)
            assert SECRET not in answer.text
    lines = capsys.readouterr().err.splitlines()
    found = {line["sqlstate"]: line for line in map(json.loads, lines) if "sqlstate" in line}
    assert found.keys() == {"40P01", "53100", "23505"}
    assert (found["40P01"]["event"], found["40P01"]["error"]) == ("database", "DeadlockDetected")
    assert found["23505"]["event"] == "unexpected"
    assert SECRET not in "".join(lines)


def test_the_log_names_our_line_and_not_the_librarys(postgres_database: Database) -> None:
    def ask(_session: object) -> None:
        raise failed(postgres_database, raising("40001"))

    with pytest.raises(DBAPIError) as caught:
        loop.audit.place_all(Broken())  # type: ignore[arg-type]
    assert log.where(caught.value).startswith("audit/service.py:")


class Broken:
    """A database whose library fails below us."""

    def begin(self, **_rest: object) -> Any:
        return sa.create_engine("sqlite:////no/such/folder/x.db").connect()


# --- a server that takes no writes -----------------------------------------------------------------------------------


def test_a_read_only_server_is_named_and_writes_are_503(postgres_database: Database, tmp_path: Path) -> None:
    url = postgres_database.url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    database = Database(url.render_as_string(hide_password=False))
    with serving(database, tmp_path) as (client, _app):
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["problems"]) == (503, ["database-read-only"])
        write = client.post("/v1/made-up/write")
        assert (write.status_code, "retry-after" in write.headers) == (503, True)
        assert "only be read" in write.json()["detail"]
        assert client.get("/en/").status_code == 200


# --- a server that can lose what it acknowledged ---------------------------------------------------------------------


@pytest.fixture
def cluster(make_postgres: Any) -> Iterator[Database]:
    """A server that tells of standbys what a test writes into a table."""
    url: URL = make_postgres()
    options = {"options": "-c search_path=told,pg_catalog,public"}
    database = Database(url.update_query_dict(options).render_as_string(hide_password=False))
    with database.engine.begin() as connection:
        for statement in (
            "CREATE SCHEMA told",
            "CREATE TABLE told.pg_stat_replication (pid int, state text, application_name text)",
            "CREATE TABLE told.names (names text)",
            "INSERT INTO told.names VALUES ('')",
            "CREATE FUNCTION told.current_setting(name text) RETURNS text LANGUAGE sql AS $$ SELECT CASE name"
            " WHEN 'synchronous_standby_names' THEN (SELECT names FROM told.names)"
            " ELSE pg_catalog.current_setting(name) END $$",
        ):
            connection.exec_driver_sql(statement)
    yield database
    database.dispose()


def losses(database: Database, names: str, *standbys: tuple[str | None, str | None]) -> list[LossCause]:
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE told.names SET names = :names"), {"names": names})
        connection.execute(sa.text("DELETE FROM told.pg_stat_replication"))
        for state, name in standbys:
            values = {"state": state, "name": name}
            connection.execute(sa.text("INSERT INTO told.pg_stat_replication VALUES (1, :state, :name)"), values)
        return durability.possible_losses(connection)


def test_standbys_without_a_synchronous_one_lose_data(cluster: Database) -> None:
    assert losses(cluster, "") == [], "one server alone"
    assert losses(cluster, "", ("backup", "pg_basebackup"), ("streaming", "pg_basebackup")) == [], "a backup"
    assert losses(cluster, "ANY 1 (*)", ("streaming", "node2")) == []
    assert losses(cluster, "", ("streaming", "node2")) == [LossCause.NO_SYNCHRONOUS_STANDBY]
    assert losses(cluster, " ", (None, None)) == [LossCause.NO_SYNCHRONOUS_STANDBY], (
        "as a role sees it that may see nothing"
    )
    with pytest.raises(UnsafeDatabase, match="synchronous_standby_names"):
        cluster.check_durability()
    cluster.check_durability(accept_loss=True)
    cluster.check_before_writing(accept_loss=False)
    with cluster.begin(write=False):
        pass
    with pytest.raises(UnsafeDatabase), cluster.begin():
        pass


@pytest.mark.parametrize("commits", ["off", "local"])
def test_a_commit_that_does_not_wait_is_refused(postgres_database: Database, commits: str) -> None:
    url = postgres_database.url.update_query_dict({"options": f"-c synchronous_commit={commits}"})
    database = Database(url.render_as_string(hide_password=False))
    with pytest.raises(UnsafeDatabase, match="synchronous_commit"):
        database.check_durability()
    database.check_durability(accept_loss=True)
    database.dispose()


def test_accepted_loss_stands_in_readyz(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durability, "possible_losses", lambda _connection: [LossCause.NO_SYNCHRONOUS_STANDBY])
    with serving(database, tmp_path, accept_data_loss=True) as (client, app):
        app.state.keys.save(tmp_path / "keys.json")
        app.state.keys = KeyRing.load(tmp_path / "keys.json")
        assert client.get("/readyz").text == "ready\ndata-can-be-lost"


# --- addresses -------------------------------------------------------------------------------------------------------


def test_several_hosts_with_ports() -> None:
    one, hosts = db._one_host("postgresql://me:p%40ss@h1:5432,[::1]:5433,h3/pristan?sslmode=require")
    assert one == "postgresql://me:p%40ss@/pristan?sslmode=require"
    assert db._host_arguments(hosts) == {"host": "h1,::1,h3", "port": "5432,5433,5432"}
    assert db._one_host("postgresql://h1:5432/pristan") == ("postgresql://h1:5432/pristan", ())
    for wrong in ("postgresql://me:secret@h1:x,h2/pristan", "postgresql://me:secret@h1:port/pristan", "secret"):
        with pytest.raises(UnsafeDatabase) as refused:
            Database(wrong)
        assert "secret" not in str(refused.value)


# --- before there is anything ----------------------------------------------------------------------------------------


def refused(work: Any, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit) as left:
        work()
    assert left.value.exit_code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("{")]
    assert len(lines) == 1
    return lines[0]


def test_serve_and_worker_before_init_say_what_to_type(
    unmigrated_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = unmigrated_database.url.render_as_string(hide_password=False)
    settings = Settings(var=tmp_path, database_url=url)
    assert "pristan init --team" in refused(lambda: commands.serve("127.0.0.1", 0, ["public"], settings), capsys)
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", url)
    assert "pristan init --team" in refused(lambda: commands.work(once=True), capsys)
    with unmigrated_database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE of_somebody_else (n int)")
    assert "PRISTAN_DATABASE_URL" in refused(lambda: commands.work(once=True), capsys)


def test_a_command_that_reaches_no_database_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path))
    for url in ("postgresql://me:secret@127.0.0.1:1/pristan", "postgresql://me:secret@127.0.0.1:port/pristan", "what"):
        monkeypatch.setenv("PRISTAN_DATABASE_URL", url)
        done = CliRunner().invoke(command, ["audit", "verify"])
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "secret" not in done.output


# --- the worker ------------------------------------------------------------------------------------------------------


def test_one_round_with_a_job_that_failed_exits_with_1(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", sqlite_database.url.render_as_string())
    run = CliRunner()
    assert run.invoke(command, ["worker", "--once"]).exit_code == 0

    def fails(*_args: object) -> int:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("app.worker.loop.counters.compact", fails)
    done = run.invoke(command, ["worker", "--once"])
    assert done.exit_code == 1
    assert "counters" in done.stderr.splitlines()[-1]
    logged = [json.loads(line) for line in done.stderr.splitlines()[:-1]]
    assert ("job_failed", "counters", "RuntimeError") in [
        (line["event"], line.get("kind"), line.get("error")) for line in logged
    ]
    assert SECRET not in done.output


def test_what_nobody_catches_in_a_thread_is_a_line_without_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.excepthook", None)
    monkeypatch.setattr("threading.excepthook", None)
    log.configure()
    log.log_uncaught()

    def fails() -> None:
        raise ValueError(SECRET)

    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    [line] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["event"], line["error"]) == ("unexpected", "ValueError")


# --- a server that is frozen, and a pooler ---------------------------------------------------------------------------


@pytest.fixture
def proxy(postgres_database: Database) -> Iterator[Proxy]:
    with proxy_to(postgres_database.url) as made:
        yield made


def in_time(work: Any) -> Any:
    """The result of what would hang for ever without a limit; a slow machine has a minute."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(60)
    assert results, "it hangs"
    return results[0]


def test_a_frozen_server_hangs_nobody(proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(proxy.url())
    with serving(database, tmp_path) as (client, _app):
        assert client.post("/v1/made-up/40001").status_code == 503
        proxy.freeze()
        monkeypatch.setattr(health, "READY_WITHIN", 0.3)
        monkeypatch.setattr(patience, "REQUEST_SECONDS", 0.3)
        monkeypatch.setattr(patience, "LEAST_SECONDS", 0.3)
        monkeypatch.setattr(patience, "CONNECT_SECONDS", 2)
        ready = in_time(lambda: client.get("/readyz"))
        assert (ready.status_code, ready.json()["problems"]) == (503, ["database-unreachable"])
        answer = in_time(lambda: client.post("/v1/made-up/write"))
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        proxy.thaw()
        monkeypatch.undo()
        assert client.post("/v1/made-up/40001").status_code == 503, "it goes on by itself"


def test_the_worker_gives_a_frozen_server_up(proxy: Proxy) -> None:
    database = Database(proxy.url())

    def ask() -> None:
        with database.begin(write=False) as session:
            session.execute(sa.text("SELECT 1"))
            proxy.freeze()
            with patience.each(0.3):
                session.execute(sa.text("SELECT 1"))

    def work() -> str:
        with pytest.raises(OperationalError) as caught:
            ask()
        return type(caught.value.orig).__name__

    assert in_time(work) == "OutOfPatience"
    proxy.thaw()
    with patience.each(60), database.begin(write=False) as session:
        assert session.scalar(sa.text("SELECT 1")) == 1
    database.dispose()


def test_of_several_hosts_the_one_that_answers_is_used(
    proxy: Proxy, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "CONNECT_SECONDS", 2)
    with proxy_to(postgres_database.url) as frozen:
        frozen.freeze()
        url = proxy.url().replace(f"127.0.0.1:{proxy.port}", f"127.0.0.1:{frozen.port},127.0.0.1:{proxy.port}")
        database = Database(url)
        with database.begin() as session:
            assert session.scalar(sa.text("SELECT 1")) == 1
        database.dispose()


def test_through_a_pooler_nothing_is_set_for_a_session_and_nothing_prepared(proxy: Proxy) -> None:
    for pooled in (False, True):
        proxy.startups.clear()
        proxy.prepared.clear()
        database = Database(proxy.url(), pooled=pooled)
        for number in range(8):
            with database.begin() as session:
                assert session.scalar(sa.text("SELECT :n + 1"), {"n": number}) == number + 1
                assert session.scalar(sa.text("SHOW statement_timeout")) == "20s"
                assert session.scalar(sa.text("SHOW idle_in_transaction_session_timeout")) == "1min"
        assert any(proxy.prepared) is not pooled
        assert any("options" in asked for asked in proxy.startups) is not pooled
        database.dispose()
