"""A request's transaction ends in the thread of its endpoint; what fails is rolled back, and an answer says only what is saved."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.dependencies import Db, ReadDb, Transactions
from app.core.route_index import index_routes
from tests.support.serving import InProcess, in_process


class Failed(Exception):
    pass


class Commits:
    """Where each transaction of a database ended, and how."""

    def __init__(self, database: Database) -> None:
        self.ended: list[tuple[str, int]] = []
        for name in ("commit", "rollback"):
            event.listen(database.engine, name, lambda _connection, name=name: self._note(name))

    def _note(self, name: str) -> None:
        self.ended.append((name, threading.get_ident()))


@pytest.fixture
def written(database: Database) -> Iterator[Any]:
    """How many rows there are."""
    with database.begin() as session:
        session.execute(sa.text("CREATE TABLE rows_of_test (id INTEGER)"))

    def count() -> int:
        with database.begin(write=False) as session:
            return int(session.execute(sa.text("SELECT count(*) FROM rows_of_test")).scalar_one())

    yield count
    with database.begin() as session:
        session.execute(sa.text("DROP TABLE rows_of_test"))


def write(session: Session) -> int:
    session.execute(sa.text("INSERT INTO rows_of_test VALUES (1)"))
    return threading.get_ident()


@pytest.fixture
def client(database: Database, written: Any) -> Iterator[InProcess]:
    app, router = FastAPI(openapi_url=None), APIRouter()

    @router.post("/kept")
    def kept(session: Db) -> int:
        return write(session)

    @router.post("/failed")
    def failed(session: Db) -> int:
        write(session)
        raise Failed

    @router.get("/read")
    def read(session: ReadDb) -> int:
        session.execute(sa.text("SELECT count(*) FROM rows_of_test"))
        return threading.get_ident()

    @router.post("/awaited")
    async def awaited(session: Db) -> int:
        await transactions.run(write, write=True) if database.dialect == "postgresql" else None
        return 0

    @router.post("/run")
    async def run() -> int:
        return await transactions.run(write, write=True)

    @router.post("/run-and-fail")
    async def run_and_fail() -> None:
        def work(session: Session) -> None:
            write(session)
            raise Failed

        await transactions.run(work, write=True)

    app.include_router(router)
    index_routes(app)
    app.state.transactions = transactions = Transactions(database)
    with in_process(app) as served:
        yield served


@pytest.mark.parametrize(("method", "path", "rows"), [("POST", "/kept", 1), ("GET", "/read", 0), ("POST", "/run", 1)])
def test_a_transaction_is_committed_once_where_the_work_was_done(
    database: Database, client: InProcess, written: Any, method: str, path: str, rows: int
) -> None:
    commits = Commits(database)
    answer = client.request(method, path)
    assert answer.status_code == 200
    assert commits.ended == [("commit", answer.json())]
    assert written() == rows


@pytest.mark.parametrize("path", ["/failed", "/run-and-fail"])
def test_what_fails_is_rolled_back(database: Database, client: InProcess, written: Any, path: str) -> None:
    commits = Commits(database)
    assert client.post(path).status_code == 500
    assert [name for name, _thread in commits.ended] == ["rollback"]
    assert written() == 0
    assert client.post("/kept").status_code == 200  # the writer's turn was given back
    assert written() == 1


def test_a_coroutine_still_commits_after_itself(client: InProcess) -> None:
    assert client.post("/awaited").status_code == 200


def test_a_commit_that_fails_is_no_success(
    database: Database, client: InProcess, written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_session: Session) -> None:
        raise Failed

    with monkeypatch.context() as patched:
        patched.setattr(Session, "commit", refused)
        assert client.post("/kept").status_code == 500
        assert client.post("/run").status_code == 500
    assert written() == 0
