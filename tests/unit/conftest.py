"""What tests/README.md says of `unit/`: no database, no process, no socket, and nothing is written. A test that tries fails."""

import multiprocessing.process
import os
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg.generators
import pytest

_FORBIDDEN: Final = {
    "sqlite3.connect": "a database",
    "psycopg.connect": "a database",
    "socket.bind": "a socket",
    "socket.connect": "a socket",
    "socket.sendto": "a socket",
    "socket.sendmsg": "a socket",
    "socket.getaddrinfo": "a socket",
    "multiprocessing.start": "a process",
    "subprocess.Popen": "a process",
    "os.exec": "a process",
    "os.fork": "a process",
    "os.forkpty": "a process",
    "os.posix_spawn": "a process",
    "os.system": "a process",
    "open": "a file to write",
    "os.mkdir": "a file to write",
    "os.rename": "a file to write",
}
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_WRITTEN_BY_TOOLS: Final = (
    ".hypothesis",
    "__pycache__",
    os.devnull,
)  # examples to try again; compiled modules; nothing at all


class NoUnitTest(RuntimeError):
    """A test of tests/unit reached for a database, a process, a socket, or a file to write. It belongs elsewhere."""


@dataclass(slots=True)
class _Guard:
    on: bool = False  # while a unit test runs
    tried: list[str] = field(default_factory=list)  # what it reached for


_guard: Final = _Guard()


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not _guard.on or event not in _FORBIDDEN:
        return
    if event in {"open", "os.mkdir", "os.rename"}:
        if isinstance(arguments[0], int):  # a descriptor: its file was looked at when it was opened
            return
        if any(part in str(arguments[0]) for part in _WRITTEN_BY_TOOLS):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITES):
            return
    _guard.tried.append(f"{_FORBIDDEN[event]} ({event})")
    raise NoUnitTest(f"a test in tests/unit reached for {_guard.tried[-1]}; tests/README.md says where it belongs")


def _audited(event: str, function: Any) -> Any:
    """The function, telling the audit hook first. Raises what the hook raises."""

    def call(*args: Any, **kwargs: Any) -> Any:
        sys.audit(event)
        return function(*args, **kwargs)

    return call


# Python tells its audit hooks of all but these two.
psycopg.generators.connect = _audited("psycopg.connect", psycopg.generators.connect)
multiprocessing.process.BaseProcess.start = _audited(  # type: ignore[method-assign]
    "multiprocessing.start", multiprocessing.process.BaseProcess.start
)
sys.addaudithook(_refuse)


def _watched() -> Generator[None]:
    """Fails the test also where the code under test caught the refusal."""
    _guard.on, _guard.tried = True, []
    try:
        result = yield
    finally:
        _guard.on = False
    if _guard.tried:
        pytest.fail(f"a test in tests/unit reached for {_guard.tried[0]}; tests/README.md says where it belongs")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    return (yield from _watched())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    return (yield from _watched())
