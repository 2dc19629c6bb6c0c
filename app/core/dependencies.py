"""FastAPI dependencies that pages and API share: the transaction, the current time, the keys, the request body.

`Db` commits *before* the response is sent (`scope="function"`), so that no success is reported for a save that then fails.
Waiting for the single writer of SQLite, or for a connection of the pool, happens on the event loop and not in a thread: threads
that wait for a transaction whose own work needs a thread would block each other permanently.
"""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import wraps
from inspect import iscoroutinefunction
from typing import Annotated, Any, Final, TypeVar

import anyio
from anyio.to_thread import run_sync
from fastapi import Depends, Request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.core import database_errors, log, patience
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import TooLarge, Unavailable
from app.core.keyring import KeyRing
from app.core.replica import Replica
from app.core.storage_brake import StorageBrake

_SHARE: Final = 0.8  # of the pool's connections, so that no thread waits for one
_MAX_WAIT_SECONDS: Final = 25.0
"""On SQLite, where writers wait for each other. On PostgreSQL `patience` says how long."""

_WRITES: Final = "writes"  # in the session's notes: whether it may write
_COMMITTED: Final = "committed"
Result = TypeVar("Result")


class Transactions:
    """Opens the sessions of requests. One per app; bound to the event loop on which it first runs."""

    def __init__(self, database: Database, replica: Replica | None = None) -> None:
        """`replica`: where `open_replica` reads, while it is not too far behind."""
        self._database = database
        self.replica = replica
        most = max(int(database.pool.size * _SHARE), 1)
        self._writers = anyio.Semaphore(1 if database.dialect == "sqlite" else most)
        self._readers = anyio.Semaphore(most)

    @asynccontextmanager
    async def open(self, *, write: bool) -> AsyncIterator[Session]:
        """A session whose transaction is committed at the end of the block, unless `committing` has done so.

        Raises Unavailable when there is no connection free for 3 s; on SQLite when it is not our turn for 25 s.
        """
        async with self._turn(write=write), self._session(write=write) as session:
            yield session

    @asynccontextmanager
    async def open_replica(self) -> AsyncIterator[Session]:
        """A reading session on the replica, which may be some seconds behind, or on the primary. Raises as `open` does."""
        if self.replica is None:
            async with self.open(write=False) as session:
                yield session
            return
        async with self._turn(write=False):
            found = await run_sync(self.replica.session)
            if found is None:
                async with self._session(write=False) as session:
                    yield session
                return
            try:
                yield found
            except DBAPIError:
                self.replica.leave_alone()
                raise
            finally:
                with anyio.CancelScope(shield=True):
                    await run_sync(found.close)

    async def run(self, work: Callable[[Session], Result], *, write: bool) -> Result:
        """Do `work` in a transaction of its own and commit it, all in one change of threads. Raises as `open` does."""
        async with self._turn(write=write):
            return await run_sync(self._run, work, write)

    def _run(self, work: Callable[[Session], Result], write: bool) -> Result:
        session = self._database.session(write=write)
        try:
            result = work(session)
        except BaseException:
            session.close()  # rolls back
            raise
        _commit(session, write)
        return result

    @asynccontextmanager
    async def _turn(self, *, write: bool) -> AsyncIterator[None]:
        slots = self._writers if write else self._readers
        is_postgres = self._database.dialect == "postgresql"
        began = anyio.current_time()
        with anyio.move_on_after(patience.QUEUE_SECONDS if is_postgres else _MAX_WAIT_SECONDS) as wait:
            await slots.acquire()
        if is_postgres:
            patience.of_request(anyio.current_time() - began)
        if wait.cancelled_caught:
            raise Unavailable("The service is very busy. Nothing was saved; try again.")
        lock = self._database.writer_lock if write else None
        try:
            if lock is not None:
                await _acquire(lock)
            try:
                yield
            finally:
                if lock is not None:
                    lock.release()
        finally:
            slots.release()

    @asynccontextmanager
    async def _session(self, *, write: bool) -> AsyncIterator[Session]:
        session = self._database.session(write=write)
        session.info[_WRITES] = write
        try:
            yield session
        except BaseException:
            with anyio.CancelScope(shield=True):
                await run_sync(session.close)  # rolls back
            raise
        if not session.info.get(_COMMITTED):
            with anyio.CancelScope(shield=True):
                await run_sync(_commit, session, write)


def committing(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint of a route, which also commits its session at its end, in the thread in which it ran.

    Otherwise the commit would need a second change of threads, which costs as much as a small query. A coroutine is returned as
    it is: it runs on the event loop, where nothing may wait for the database.
    """
    if iscoroutinefunction(endpoint):
        return endpoint

    @wraps(endpoint)
    def called(**arguments: Any) -> Any:
        result = endpoint(**arguments)
        for session in arguments.values():
            if isinstance(session, Session) and _WRITES in session.info:
                _commit(session, session.info[_WRITES])
                session.info[_COMMITTED] = True
        return result

    return called


def _commit(session: Session, write: bool) -> None:
    try:
        session.commit()
    except DBAPIError as error:
        found = database_errors.response_to_commit(error)
        if write and isinstance(found, database_errors.OutcomeUnknown):
            log.failure("database", error)
            raise found from None
        raise
    finally:
        session.close()


async def _acquire(lock: threading.Lock) -> None:
    """Acquire the writer lock without blocking the event loop. Only the worker's thread competes for it, for milliseconds."""
    deadline = anyio.current_time() + _MAX_WAIT_SECONDS
    while not lock.acquire(blocking=False):
        if anyio.current_time() > deadline:
            raise Unavailable("The database is busy. Nothing was saved; try again.")
        await anyio.sleep(0.002)


async def write_transaction(request: Request) -> AsyncIterator[Session]:
    async with request.app.state.transactions.open(write=True) as session:
        yield session


async def read_transaction(request: Request) -> AsyncIterator[Session]:
    async with request.app.state.transactions.open(write=False) as session:
        yield session


async def replica_transaction(request: Request) -> AsyncIterator[Session]:
    async with request.app.state.transactions.open_replica() as session:
        yield session


async def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock()


async def _keys(request: Request) -> KeyRing:
    keys: KeyRing = request.app.state.keys
    return keys


async def _brake(request: Request) -> StorageBrake:
    brake: StorageBrake = request.app.state.storage
    return brake


async def current_directory(request: Request) -> Any:
    """The directory with all published changes, refreshed when that is due. If the database is unreachable: the last known one."""
    state = request.app.state
    moment = state.clock()
    if state.current.is_due(moment):
        try:
            await state.transactions.run(lambda session: state.current.refresh(session, moment), write=False)
        except (DBAPIError, PoolTimeout, Unavailable) as error:
            if isinstance(error, DBAPIError) and database_errors.response_to(error) is None:
                raise
            log.failure("directory", error)
        state.directory = state.current.directory
    return state.directory


async def request_body(request: Request) -> bytes:
    """The body of the request as bytes. Raises TooLarge; while it is received the middleware limits its size as well."""
    body = await request.body()
    if len(body) > request.app.state.max_body:
        raise TooLarge("The request is larger than this service takes.")
    return body


Db = Annotated[Session, Depends(write_transaction, scope="function")]
ReadDb = Annotated[Session, Depends(read_transaction, scope="function")]
ReplicaDb = Annotated[Session, Depends(replica_transaction, scope="function")]
"""For what may be some seconds old: never for anything sealed, for what somebody may do, or for what they have just changed."""
Now = Annotated[datetime, Depends(_now)]
Keys = Annotated[KeyRing, Depends(_keys)]
Brake = Annotated[StorageBrake, Depends(_brake)]
Body = Annotated[bytes, Depends(request_body)]
