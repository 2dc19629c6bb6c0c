"""`make bench`: CPU per request in *hellos*, on SQLite and PostgreSQL, with statement counts and growth.

A hello is the CPU of one request to a bare FastAPI JSON endpoint under one uvicorn worker, measured before and after every
row in the same sitting. Server processes are measured by their own CPU time, so that the client's work does not count.
Nothing here passes or fails: it prints what it measured.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import load, matching, rows
from bench.serving import Server
from tests.support import postgres


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="cases loaded for the second size (default 10,000)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each row is measured (default 2)")
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database only")
    parser.add_argument("--no-matching", action="store_true", help="leave out the rows of matching")
    wanted = parser.parse_args()
    if not wanted.no_matching:
        matching.measure(2_000)
    print(f"{'row':<46}{'hellos':>8}{'ms CPU':>9}{'statements':>12}")
    for name, url in _databases(wanted.only):
        _measure(name, url, wanted.cases, wanted.seconds)


@contextmanager
def _postgres(room: Path) -> Iterator[str]:
    """A server of its own, with its durability on; stopped in the end."""
    try:
        yield postgres.server(room, os.getpid())
    finally:
        postgres.stop(room)


def _databases(only: str | None) -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="pristan-bench-") as folder:
        if only != "postgresql":
            yield "sqlite", f"sqlite:///{folder}/bench.db"
        if only != "sqlite":
            with _postgres(Path(folder)) as url:
                yield "postgresql", url


def _measure(name: str, url: str, cases: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="pristan-bench-var-") as var:
        network = load.found(url, Path(var))
        for size in (1_000, cases):
            load.fill(network, size)
            with Server.hello() as hello, Server.pristan(url, Path(var)) as service:
                before = hello.cpu_per_request(rows.HELLO, seconds)
                for label, request in rows.requests(network):
                    cost = service.cpu_per_request(request, seconds)
                    statements = service.statements(request)
                    unit = (before + hello.cpu_per_request(rows.HELLO, seconds / 4)) / 2
                    print(
                        f"{name}, {size:,} cases: {label:<22}"[:46].ljust(46)
                        + f"{cost / unit:8.1f}{cost * 1000:9.2f}{statements:>12}"
                    )
                    sys.stdout.flush()
                print(f"{name}, {size:,} cases: memory after load".ljust(46) + f"{service.memory_mb():>8.0f} MB")


if __name__ == "__main__":
    main()
