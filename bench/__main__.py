"""`make bench`: CPU per request in *hellos*, on SQLite and PostgreSQL, with statement counts and growth.

A hello is the CPU of one request to a bare FastAPI JSON endpoint under one uvicorn worker, measured before and after every
row in the same sitting. Server processes are measured by their own CPU time, so that the client's work does not count.
Elapsed time is shown too, because a slow scan costs time in the database and not in the server. Nothing here passes or fails,
except for the counts of the queue, which are compared with a full count.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.cases import queue, queue_queries
from app.cases.models import Case
from app.cases.queue_queries import QueueQuery
from app.staff.models import Member
from bench import against, load, matching, rows
from bench.busy import busy_machine
from bench.serving import Server
from tests.support import postgres


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="cases loaded for the second size (default 10,000)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each row is measured (default 2)")
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database only")
    parser.add_argument("--no-matching", action="store_true", help="leave out the rows of matching")
    parser.add_argument(
        "--rows", metavar="TEXT", default="", help="only the rows with this text in their label, and memory"
    )
    parser.add_argument(
        "--busy", action="store_true", help="measure the budgeted rows again while two processes walk 64 MB each"
    )
    parser.add_argument(
        "--against", metavar="REV", help="compare with another revision, in turns, and print ratios alone"
    )
    wanted = parser.parse_args()
    if wanted.against:
        only = ["--only", wanted.only] if wanted.only else []
        against.compare(wanted.against, ["--cases", str(wanted.cases), "--seconds", str(wanted.seconds), *only])
        return
    if not wanted.no_matching:
        matching.measure(2_000)
    print(f"{'row':<54}{'hellos':>8}{'ms CPU':>9}{'ms':>9}{'statements':>12}{'KB gzip':>8}{'growth':>8}")
    for name, url in _databases(wanted.only):
        _measure(name, url, wanted.cases, wanted.seconds, only=wanted.rows, busy=wanted.busy)


@contextmanager
def _postgres(room: Path) -> Iterator[str]:
    """A separate PostgreSQL server with durability switched on, stopped at the end."""
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


def _measure(name: str, url: str, cases: int, seconds: float, *, only: str, busy: bool) -> None:
    """Measure the rows with a thousand cases and with `cases`, and print the growth of each.

    `only`: a text that the label of a row contains; memory is then printed before and after each such row too.
    """
    with tempfile.TemporaryDirectory(prefix="pristan-bench-var-") as var:
        network, few = load.found(url, Path(var)), dict[str, float]()
        for size in (1_000, cases):
            load.fill(network, size)
            check_counts(network)
            with Server.hello() as hello, Server.pristan(url, Path(var)) as service:
                before = hello.cost(rows.HELLO, seconds).cpu
                now = dict[str, float]()
                for label, request in rows.requests(network):
                    if label == rows.MEMORY:
                        print(
                            f"{name}, {size:,} cases: memory".ljust(54) + f"{service.memory_mb():>8.0f} MB", flush=True
                        )
                        continue
                    if only not in label:
                        continue
                    if only:
                        service.cost(request, seconds)
                        print(
                            f"{name}, {size:,} cases: memory before".ljust(54) + f"{service.memory_mb():>8.0f} MB",
                            flush=True,
                        )
                    cost = service.cost(request, seconds)
                    unit = (before + hello.cost(rows.HELLO, seconds / 4).cpu) / 2
                    hellos = cost.cpu / unit
                    growth = f"{hellos / few[label]:.2f}" if label in few else ""
                    few.setdefault(label, hellos)
                    now[label] = hellos
                    print(
                        f"{name}, {size:,} cases: {label}"[:54].ljust(54)
                        + f"{hellos:8.1f}{cost.cpu * 1000:9.2f}{cost.passed * 1000:9.1f}"
                        + f"{service.statements(request):>12}{service.kilobytes(request):8.1f}{growth:>8}",
                        flush=True,
                    )
                    if only:
                        print(
                            f"{name}, {size:,} cases: memory after".ljust(54) + f"{service.memory_mb():>8.0f} MB",
                            flush=True,
                        )
                if busy and size == cases:
                    _measure_busy(name, network, hello, service, seconds, now)


def _measure_busy(
    name: str, network: load.Network, hello: Server, service: Server, seconds: float, quiet: dict[str, float]
) -> None:
    """The budgeted rows while the machine is busy, each with its ratio to the quiet one, in hellos of the same moments."""
    with busy_machine():
        for label, request in rows.requests(network):
            if label in rows.BUDGETED:
                before = hello.cost(rows.HELLO, seconds / 2).cpu
                cost = service.cost(request, seconds).cpu
                hellos = cost / ((before + hello.cost(rows.HELLO, seconds / 2).cpu) / 2)
                ratio = hellos / quiet[label]
                print(
                    f"{name}, busy: {label}"[:54].ljust(54) + f"{hellos:8.1f}{cost * 1000:9.2f}{ratio:9.2f} of quiet",
                    flush=True,
                )


def check_counts(network: load.Network) -> None:
    """What the tallies say of each view is what there is. Raises AssertionError."""
    with network.database.begin(write=False) as session:
        me = session.scalars(sa.select(Member.id).where(Member.name == network.member)).one()
        now = {"today": network.founded_at.date(), "me": me}
        told = queue.counts(session, network.team_id, QueueQuery(), **now)
        for view, condition in queue_queries.VIEWS.items():
            one_by_one = sa.select(sa.func.count()).where(Case.team_id == network.team_id, condition)
            assert told[view] == session.scalar(one_by_one, now), view


if __name__ == "__main__":
    main()
