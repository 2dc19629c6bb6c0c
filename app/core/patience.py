"""How long we wait for PostgreSQL, measured on our side.

A server that is frozen, or a machine that is gone, answers nothing: neither its own `statement_timeout` nor an error. So each wait
for an answer has a limit here. When it is over the connection is cut, the caller gets an OperationalError, and the pool drops its
connections to that server.

Requests have a few seconds altogether for all that they ask (`of_request`), each statement of the worker has a limit (`each`);
commands and migrations have none, because some of their statements take long.
"""

import select
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import psycopg

REQUEST_SECONDS = 5.0
QUEUE_SECONDS = 3.0
"""How much of it a request may wait for its turn."""
LEAST_SECONDS = 1.0
"""What each wait gets in any case: many quick answers may add up on a busy machine, and are no failure."""
STATEMENT_SECONDS = 25.0
"""For the worker: longer than the server's `statement_timeout`, whose error says more."""
CONNECT_SECONDS = 2
"""For each address; libpq takes no less."""
JUST_SECONDS: Final = 1.0
"""How long a connection that worked is taken to work, if nothing is seen on it."""
KEEPALIVE: Final = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,  # milliseconds
}
"""What the kernel does about a peer that is gone. It does nothing about one whose process is frozen."""


class OutOfPatience(psycopg.OperationalError):
    """The server did not answer in time. Nothing is known of it."""


@dataclass(slots=True)
class Patience:
    """The seconds that are left for waiting, or that each single wait may take."""

    left: float
    is_each: bool = False

    def limit(self) -> float:
        return self.left if self.is_each else max(self.left, LEAST_SECONDS)

    def spend(self, seconds: float) -> None:
        if not self.is_each:
            self.left -= seconds


_patience: Final[ContextVar[Patience | None]] = ContextVar("patience", default=None)


def of_request(waited: float = 0.0) -> None:
    """Start the time limit of this request, less the seconds that it `waited` for its turn.

    All its transactions and threads share it.
    """
    patience = _patience.get()
    if patience is None:
        patience = Patience(REQUEST_SECONDS)
        _patience.set(patience)
    patience.spend(waited)


@contextmanager
def each(seconds: float | None = None) -> Iterator[None]:
    """In this block each wait may take so long. `seconds` None: `STATEMENT_SECONDS`."""
    token = _patience.set(Patience(STATEMENT_SECONDS if seconds is None else seconds, is_each=True))
    try:
        yield
    finally:
        _patience.reset(token)


class Connection(psycopg.Connection[Any]):
    """A connection that is cut when the server does not answer in time."""

    heard_at = float("-inf")
    """When the server answered last, on the monotonic clock."""

    def wait(self, gen: Any, *rest: Any, **named: Any) -> Any:
        patience = _patience.get()
        answer = super().wait(gen if patience is None else self._bounded(gen, patience), *rest, **named)
        self.heard_at = time.monotonic()
        return answer

    def _bounded(self, gen: Generator[Any, Any, Any], patience: Patience) -> Generator[Any, Any, Any]:
        began = time.monotonic()
        end = began + patience.limit()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > end:
                    gen.close()
                    self.pgconn.finish()
                    raise OutOfPatience("the server does not answer")
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value
        finally:
            patience.spend(time.monotonic() - began)


def was_just_heard(connection: Any) -> bool:
    """Whether the server has answered on this connection within `JUST_SECONDS`, and has not closed it or said anything since.

    A connection that a server closed, by a restart or an administrator, can be read: the end of the stream is there.
    """
    if time.monotonic() - getattr(connection, "heard_at", float("-inf")) >= JUST_SECONDS or connection.closed:
        return False
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return not look.poll(0)


def connect(*arguments: Any, **named: Any) -> psycopg.Connection[Any]:
    """Open a connection, unless the request has no time left."""
    patience = _patience.get()
    if patience is not None and patience.left <= 0:
        raise OutOfPatience("no time is left to connect")
    began = time.monotonic()
    try:
        return Connection.connect(*arguments, **named)
    finally:
        if patience is not None:
            patience.spend(time.monotonic() - began)
