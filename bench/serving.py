"""Runs a server process under load and measures its CPU time, memory and number of statements."""

import gzip
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx
import psutil

Request = Callable[[httpx.Client], httpx.Response]
_HELLO = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/hello")
def hello() -> dict[str, str]:
    return {"hello": "world"}
"""
_PRISTAN = """
from sqlalchemy import event
from app.main import create_app
app = create_app()
app.state.statements = 0
@event.listens_for(app.state.database.engine, "before_cursor_execute")
def count(conn, cursor, statement, *rest):
    if statement.split(None, 1)[0].upper() not in {"BEGIN", "PRAGMA"}:
        app.state.statements += 1
@app.get("/healthz/statements")
def statements() -> int:
    return app.state.statements
"""
_AS_SERVED: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one request in seconds: CPU time of the server process, and elapsed time including the database."""

    cpu: float
    passed: float


@dataclass
class Server:
    """One uvicorn worker; requests come from this process, one after the other.

    Pristan runs with the parser and loop that it is served with, the hello with uvicorn's pure-Python ones, whatever is
    installed: the unit stays the same from one release to the next.
    """

    process: psutil.Process
    client: httpx.Client

    @classmethod
    @contextmanager
    def hello(cls) -> Iterator["Server"]:
        with cls._started(_HELLO, {}, "/hello", {"http": "h11", "loop": "asyncio"}) as server:
            yield server

    @classmethod
    @contextmanager
    def pristan(cls, url: str, var: Path) -> Iterator["Server"]:
        quotas = {f"PRISTAN_{kind}_PER_MINUTE": "1000000000" for kind in ("READS", "WRITES", "FILINGS", "HAND_OVERS")}
        environment = {
            "PRISTAN_DATABASE_URL": url, "PRISTAN_VAR": str(var), "PRISTAN_WORKER_IN_WEB": "false", **quotas
        }  # fmt: skip
        with cls._started(_PRISTAN, environment, "/readyz") as server:
            yield server

    @classmethod
    @contextmanager
    def _started(
        cls, source: str, environment: dict[str, str], ready: str, options: Mapping[str, str] = _AS_SERVED
    ) -> Iterator["Server"]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        code = (
            f"{source}\nimport uvicorn\nuvicorn.run(app, port={port}, log_config=None, access_log=False, **{options})"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, **environment}, stderr=subprocess.DEVNULL
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                _wait(client, ready, process)
                yield cls(psutil.Process(process.pid), client)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)

    def cost(self, request: Request, seconds: float) -> Cost:
        """The mean over as many requests as fit into `seconds`, after ten to warm up; of the time that passed, the median."""
        for _ in range(10):
            answer = request(self.client)
            assert answer.status_code < 400, answer.text
        taken: list[float] = []
        end, before = time.monotonic() + seconds, self._cpu()
        while time.monotonic() < end:
            start = time.perf_counter()
            request(self.client)
            taken.append(time.perf_counter() - start)
        return Cost((self._cpu() - before) / len(taken), statistics.median(taken))

    def kilobytes(self, request: Request) -> float:
        """Size of the response after compression."""
        return len(gzip.compress(request(self.client).content)) / 1000

    def statements(self, request: Request) -> int:
        before = self.client.get("/healthz/statements").json()
        request(self.client)
        return int(self.client.get("/healthz/statements").json() - before)

    def memory_mb(self) -> float:
        return float(self.process.memory_info().rss) / 1e6

    def _cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


def _wait(client: httpx.Client, ready: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if client.get(ready).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError("the server did not start")
