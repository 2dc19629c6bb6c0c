"""The server's protocol on a real socket: whatever is not a body has an end, and honest requests are answered."""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from app.cli.http_protocol import LONGEST_HEAD, LONGEST_PIPELINE
from tests.support.live import free_port, served

HEAD = b" / HTTP/1.1\r\nHost: x\r\n"
ENOUGH = 8 * LONGEST_HEAD


async def count_body(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the number of bytes of the body."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(count_body, free_port()) as address:  # type: ignore[arg-type]
        yield int(address.rpartition(":")[2])


def exchange(port: int, *pieces: bytes) -> bytes:
    """Send the pieces until the other side closes; everything that came back. A TimeoutError: it neither answers nor closes."""
    answer = b""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection, suppress(ConnectionError):
        for piece in pieces:
            connection.sendall(piece)
        while part := connection.recv(65536):
            answer += part
    return answer


def endless(piece: bytes) -> list[bytes]:
    return [piece * 100] * (ENOUGH // (len(piece) * 100) + 1)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET" + HEAD + b"X: ", *endless(b"a")],
        [b"GET" + HEAD, *endless(b"X: a\r\n")],
        [b"GET /", *endless(b"a")],
        [b"POST" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", *endless(b"X: a\r\n")],
        [b"POST" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;x=", *endless(b"a")],
    ],
    ids=["a value", "headers", "an address", "trailers", "an extension of a chunk"],
)
def test_what_has_no_end_is_refused(port: int, pieces: list[bytes]) -> None:
    assert b" 200 " not in exchange(port, *pieces, b"\r\n\r\n")


def test_a_pipeline_has_an_end(port: int) -> None:
    answered = exchange(port, (b"GET" + HEAD + b"\r\n") * 2000)
    assert answered.count(b" 200 ") <= LONGEST_PIPELINE + 1


def test_honest_requests_are_answered(port: int) -> None:
    get, last = b"GET" + HEAD + b"\r\n", HEAD + b"Connection: close\r\n"
    assert exchange(port, get * 4, b"GET" + last + b"\r\n").count(b" 200 ") == 5
    size = 3_000_000
    post = b"POST" + last + f"Content-Length: {size}\r\n\r\n".encode()
    assert exchange(port, post, b"a" * size).endswith(b"3000000")
    chunks = [b"64\r\n" + b"a" * 100 + b"\r\n"] * 10_000
    chunked = b"POST" + last + b"Transfer-Encoding: chunked\r\n\r\n"
    assert exchange(port, chunked, b"".join(chunks), b"0\r\n\r\n").endswith(b"1000000")
    assert b" 200 " in exchange(port, b"GET" + last + b"X: " + b"a" * (LONGEST_HEAD // 2) + b"\r\n\r\n")
