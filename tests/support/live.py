"""An app behind a real port of this machine: for browsers, and for clients that want a network."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from app.cli.http_protocol import PatientProtocol

START_WITHIN = 30  # seconds


def free_port() -> socket.socket:
    """A bound socket: its port belongs to us from now on, so that the app can be told its own address before it starts."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.bind(("127.0.0.1", 0))
    return bound


@contextmanager
def held_port() -> Iterator[int]:
    """A port for another process: held here without listening, so that nobody else is given it until that one listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


def address(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def served(app: FastAPI, bound: socket.socket) -> Iterator[str]:
    """Run the app in a thread, its start and end included; gives its address."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=3,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    end = time.monotonic() + START_WITHIN
    while not server.started and thread.is_alive() and time.monotonic() < end:
        time.sleep(0.01)
    try:
        if not server.started:
            raise RuntimeError("the app did not start")
        yield address(bound)
    finally:
        server.should_exit = True
        thread.join(15)
        bound.close()
