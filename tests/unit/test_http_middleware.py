"""Requests whose end is in doubt are refused; a client who leaves is no error of ours; an idle connection is closed."""

import asyncio
import contextlib
from typing import Any

import pytest

from app.cli.http_protocol import PatientProtocol
from app.core.http_middleware import RequestMiddleware


def call(
    app: Any, headers: list[tuple[bytes, bytes]], messages: list[dict[str, Any]], http_version: str = "1.0"
) -> tuple[list[Any], list[Any]]:
    """What is sent, and what is observed."""
    sent, seen = [], []
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        middleware = RequestMiddleware(
            app, max_body=1000, https=True, on_request=lambda *observed: seen.append(observed[2])
        )
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "http_version": http_version}
        with contextlib.suppress(RuntimeError):
            await middleware(scope, receive, send)

    asyncio.run(run())
    return sent, seen


async def answers(_scope: Any, receive: Any, send: Any) -> None:
    if (await receive())["type"] == "http.disconnect":
        raise RuntimeError("nobody is there")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


BODY = {"type": "http.request", "body": b"x"}


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"1"), (b"content-length", b"2")],
    ],
)
def test_a_request_with_two_ends_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    sent, seen = call(answers, headers, [BODY])
    assert (sent[0]["status"], seen) == (400, [400])


@pytest.mark.parametrize("headers", [[(b"content-length", b"1")], [(b"transfer-encoding", b"chunked")], []])
def test_a_request_with_one_end_is_served(headers: list[tuple[bytes, bytes]]) -> None:
    assert call(answers, headers, [BODY])[1] == [200]


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [("1.1", 0, 400), ("1.1", 2, 400), ("1.1", 1, 200), ("1.0", 0, 200), ("2", 1, 200)],
)
def test_a_request_of_http_1_1_has_one_host(version: str, hosts: int, status: int) -> None:
    assert call(answers, [(b"host", b"pristan.example")] * hosts, [BODY], http_version=version)[1] == [status]


def test_a_client_who_leaves_is_no_error_of_ours() -> None:
    assert call(answers, [], [{"type": "http.disconnect"}])[1] == [499]

    async def breaks(_scope: Any, receive: Any, _send: Any) -> None:
        await receive()
        raise RuntimeError

    assert call(breaks, [], [BODY])[1] == [500]


class Loop:
    """A clock by hand."""

    def __init__(self) -> None:
        self.at, self.due = 0.0, []  # type: ignore[var-annotated]

    def time(self) -> float:
        return self.at

    def call_later(self, seconds: float, act: Any) -> None:
        self.due.append((self.at + seconds, act))

    def pass_until(self, moment: float) -> None:
        while self.due and self.due[0][0] <= moment:
            self.at, act = self.due.pop(0)
            act()


class Connection(PatientProtocol):
    """Without the network."""

    def __init__(self, loop: Loop) -> None:
        self.loop: Any = loop
        self.cycle: Any = None
        self.closed_at: float | None = None
        self.transport: Any = self
        self._since, self._check = 0.0, None
        loop.call_later(5, self._look)

    def close(self) -> None:
        self.closed_at = self.loop.time()


class Cycle:
    response_complete = False


def test_a_connection_that_asks_for_nothing_is_closed() -> None:
    loop = Loop()
    connection = Connection(loop)
    loop.pass_until(100)
    assert connection.closed_at == 20


def test_a_request_that_takes_long_is_not_and_the_time_begins_after_it() -> None:
    loop = Loop()
    connection = Connection(loop)
    connection.cycle = Cycle()
    loop.pass_until(300)
    assert connection.closed_at is None
    connection.cycle.response_complete = True
    loop.pass_until(1000)
    assert connection.closed_at == 325
