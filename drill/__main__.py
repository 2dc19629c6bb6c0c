"""`make drill`: brings up a PostgreSQL cluster of Debian's packages, breaks it under load, and judges what was acknowledged.

Three PostgreSQL nodes with Patroni and etcd, HAProxy, PgBouncer, two web processes and two workers, all on 127.0.0.1 and as an
ordinary user. Clients file intakes, accept offers and read the feed meanwhile. Exit status: 0, nothing was lost, doubled or missed;
1, something was; 2, nothing could be judged. No time is a condition.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import httpx
import psutil
import psycopg
import sqlalchemy as sa

from app.cases.models import Case
from app.cli.main import app as pristan
from app.core.db import Database
from app.core.ids import named_id
from app.operations import database_roles, privileges
from app.referrals import change_feed
from app.referrals.models import FeedEvent, Referral, ReferralEvent
from app.referrals.states import ReferralVerb
from bench import load
from bench.made_up import MOST_ASKED
from drill import clients, restore
from drill.cluster import ADDRESS, PACKAGES, Cluster, DrillFailed, free_ports, missing_packages, wait_until
from drill.faults import FAULTS, Drill
from drill.judge import Event, Kept, Verdict, judge, longest_gap

DAILY: Final = ["kill", "freeze", "switch-over", "pause"]
LOGS: Final = Path("build/drill")
_SETTLE_WITHIN: Final = 120.0
_FILERS: Final = 3
_WORKERS: Final = 2
_Result = TypeVar("_Result")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make drill ARGS=…", description=__doc__)
    parser.add_argument("--faults", nargs="+", choices=list(FAULTS), default=DAILY, help=f"default: {' '.join(DAILY)}")
    parser.add_argument("--rounds", type=int, default=1, help="how often all of them (default 1)")
    parser.add_argument(
        "--quiet-seconds", type=float, default=4.0, help="load before, between and after them (default 4)"
    )
    parser.add_argument(
        "--restore", action="store_true", help="and go back to a moment with pgBackRest, which has to be installed"
    )
    parser.add_argument("--etcd", type=int, default=1, help="members of etcd (default 1)")
    parser.add_argument(
        "--asynchronous",
        action="store_true",
        help="prove the judge: without synchronous replication, and with standbys that lag, it has to find loss",
    )
    wanted = parser.parse_args()
    (LOGS / "verdict").unlink(missing_ok=True)
    absent = [*missing_packages(), *(["pgbackrest"] if wanted.restore and restore.is_missing() else [])]
    if absent:
        print(
            f"Not installed: {', '.join(absent)}.\nInstall them: apt install --no-install-recommends {' '.join(PACKAGES)}"
        )
        sys.exit(2)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        verdict = _run(["lag"] if wanted.asynchronous else wanted.faults * wanted.rounds, wanted)
    except DrillFailed as failure:
        _not_judged(str(failure))
    if wanted.asynchronous:
        found = verdict.lost_count > 0
        print(
            "The judge found what an asynchronous cluster lost."
            if found
            else "THE JUDGE FOUND NO LOSS where there must be some."
        )
        sys.exit(0 if found else 1)
    if (
        verdict.unanswered and verdict.is_sound
    ):  # a slow machine looks like this too, so it says nothing about what was lost
        _not_judged("some clients never got an answer")
    print("Nothing was lost, doubled or missed." if verdict.is_clean else "FAILED")
    sys.exit(0 if verdict.is_clean else 1)


def _not_judged(why: str) -> NoReturn:
    """Say it, leave the word for whoever called, and end with status 2."""
    print(f"NOT JUDGED: {why}")
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / "verdict").write_text(f"NOT JUDGED: {why}\n")
    sys.exit(2)


def _run(faults: list[str], wanted: argparse.Namespace) -> Verdict:
    folder = Path(tempfile.mkdtemp(prefix="pristan-drill-"))
    began = time.monotonic()
    archive = restore.ARCHIVE if wanted.restore else "/bin/true"
    cluster = Cluster.make(folder, synchronous=not wanted.asynchronous, etcd=wanted.etcd, archive=archive)
    try:
        _say(began, f"{len(cluster.nodes)} nodes, {'asynchronous' if wanted.asynchronous else 'synchronous'}")
        cluster.wait_until_whole()
        network = _founded(cluster)
        with _service(cluster, accept_loss=wanted.asynchronous) as (doors, webs):
            _say(began, f"{len(doors)} web processes and {_WORKERS} workers are ready")
            told, feed_end = clients.Told(), threading.Event()
            work, reader = _clients(told, doors, network, feed_end)
            drill = Drill(cluster, told, webs)
            drill.writes_come_back(time.monotonic())
            if wanted.restore:
                restore.take_backup(cluster)
                gone_back = restore.restore(cluster, told)
                _say(began, gone_back.line())
                if not gone_back.is_clean:
                    raise SystemExit(1)
            for number, name in enumerate(faults, 1):
                time.sleep(wanted.quiet_seconds)
                at = time.monotonic()
                FAULTS[name](drill)
                _say(began, f"{name}: the longest time without an acknowledged write was {drill.gap(at):.1f} s")
                if number < len(faults):
                    cluster.wait_until_whole(
                        lambda node: _say(began, f"{node} does not find its way back: copied again")
                    )
            time.sleep(wanted.quiet_seconds)
            _settle(told, work, reader, feed_end)
            _say(began, "every client has its answer")
        kept = _unbroken(cluster, "reading what is kept", lambda: _kept(cluster, network))
    except (DrillFailed, sa.exc.OperationalError, psycopg.OperationalError, httpx.HTTPError) as failure:
        cluster.keep_logs(LOGS)
        raise DrillFailed(f"{failure}. The logs are in {LOGS}.") from failure
    finally:
        cluster.close()
    verdict = judge(told.ledger, kept)
    print(
        f"acknowledged: {len(told.ledger.filed)} intakes, {len(told.ledger.accepted)} acceptances; {len(kept.feed)} events"
    )
    print("answers: " + ", ".join(f"{name} {count}" for name, count in sorted(told.statuses.items())))
    print(
        f"longest gap between acknowledged writes: {longest_gap(told.acknowledged_at):.1f} s; slowest answer: {told.slowest:.1f} s"
    )
    for line in verdict.lines():
        print(line)
    if not (told.ledger.filed and told.ledger.accepted and told.ledger.read):
        raise DrillFailed("the clients did nothing that could be judged")
    return verdict


def _say(began: float, words: str) -> None:
    print(f"[{time.monotonic() - began:5.1f} s] {words}", flush=True)


def _unbroken(cluster: Cluster, what: str, work: Callable[[], _Result]) -> _Result:
    """The result of work that may begin again from its start when its connection breaks. No fault is on its way meanwhile, but a
    check of HAProxy that a slow machine answers late cuts every session. Raises DrillFailed after the fifth time.
    """
    for _ in range(4):
        cluster.wait_for_writes()
        try:
            return work()
        except sa.exc.OperationalError as broken:
            print(f"{what}: begun again, the connection broke ({type(broken.orig).__name__})", flush=True)
    cluster.wait_for_writes()
    try:
        return work()
    except sa.exc.OperationalError as broken:
        raise DrillFailed(f"{what}: the connection broke five times") from broken


def _founded(cluster: Cluster) -> load.Network:
    """Schema, roles, a team, a centre and their programs, in a database of their own."""

    def work() -> load.Network:
        shutil.rmtree(cluster.folder / "var", ignore_errors=True)
        cluster.make_database()
        return _found(cluster)

    return _unbroken(cluster, "founding the team", work)


def _found(cluster: Cluster) -> load.Network:
    """The case that comes with them is not of the drill."""
    var = cluster.folder / "var"
    var.mkdir(mode=0o700)
    network = load.found(cluster.url("owner", direct=True), var)
    network.database.dispose()
    database = Database(cluster.url("owner", direct=True))
    with database.engine.begin() as connection:  # as `pristan database grants` does
        database_roles.create(connection, "pristan")
        database_roles.apply(connection, "pristan")
        for role in privileges.DatabaseRole:
            database_roles.set_password(connection, role.named("pristan"), cluster.passwords[role.value])
    database.dispose()
    return network


def _environment(cluster: Cluster, role: str, *, accept_loss: bool = False) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PRISTAN_"))}
    return {
        **kept,
        "PRISTAN_DATABASE_URL": cluster.url(role),
        "PRISTAN_DATABASE_POOLER": "transaction",
        "PRISTAN_MIGRATE_DATABASE_URL": cluster.url("owner", direct=True),
        "PRISTAN_VAR": str(cluster.folder / "var"),
        "PRISTAN_WORKER_IN_WEB": "false",
        "PRISTAN_WORKER_EVERY": "PT1S",
        "PRISTAN_AUTO_OFFER_AFTER": "at_once",
        "PRISTAN_ACCEPT_DATA_LOSS": "yes" if accept_loss else "no",
        **{f"PRISTAN_{kind}_PER_MINUTE": "1000000" for kind in ("READS", "WRITES", "FILINGS")},
    }


@contextmanager
def _service(cluster: Cluster, *, accept_loss: bool) -> Iterator[tuple[list[str], list[psutil.Process]]]:
    """Two web processes and two workers, each with the database role of its work; stopped at the end."""
    ports = free_ports(2)
    commands = [
        *(("partner", ["serve", "--surfaces", "partner", "--host", ADDRESS, "--port", str(port)]) for port in ports),
        *(("worker", ["worker"]) for _ in range(_WORKERS)),
    ]
    started: list[psutil.Process] = []
    try:
        for number, (role, command) in enumerate(commands):
            environment = _environment(cluster, role, accept_loss=accept_loss)
            started.append(_forked(command, environment, cluster.folder / f"pristan-{role}-{number}.log"))
        doors = [f"http://{ADDRESS}:{port}" for port in ports]
        for door in doors:
            wait_until("a web process", _is_ready(door))
        yield doors, started[: len(ports)]
    finally:
        for one in started:
            one.send_signal(signal.SIGCONT)
            one.terminate()
        _gone, left = psutil.wait_procs(started, timeout=30)
        for one in left:
            one.kill()
        psutil.wait_procs(left, timeout=20)


def _forked(command: list[str], environment: dict[str, str], log: Path) -> psutil.Process:
    """`pristan` with this command in a process of its own. Forked, so that the service is imported once and not four times;
    before any thread is started.
    """
    child = os.fork()
    if child:
        return psutil.Process(child)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for stream in (1, 2):
            os.dup2(sink, stream)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        os.environ.clear()
        os.environ.update(environment)
        pristan(command)
    except SystemExit as ended:
        os._exit(ended.code if isinstance(ended.code, int) else 1)
    except BaseException:  # noqa: BLE001  nothing of the parent may run on in the child
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


def _is_ready(door: str) -> Callable[[], bool]:
    return lambda: httpx.get(door + "/readyz", timeout=5).status_code == 200


def _clients(
    told: clients.Told, doors: list[str], network: load.Network, feed_end: threading.Event
) -> tuple[list[threading.Thread], threading.Thread]:
    """Start them: several that file, one that accepts, one that reads the feed."""
    front, partner = ("front", network.frontend_secret), ("partner", network.partner_secret)

    def caller(who: tuple[str, str]) -> clients.Caller:
        return clients.Caller(told, doors, *who)

    work = [
        threading.Thread(target=clients.file_intakes, args=(told, caller(front), 0.3), daemon=True)
        for _ in range(_FILERS)
    ]
    work.append(threading.Thread(target=clients.accept_offers, args=(told, caller(partner)), daemon=True))
    reader = threading.Thread(target=clients.read_feed, args=(told, caller(partner), feed_end), daemon=True)
    for one in (*work, reader):
        one.start()
    return work, reader


def _settle(
    told: clients.Told, work: list[threading.Thread], reader: threading.Thread, feed_end: threading.Event
) -> None:
    """No new work; what was begun is repeated until it is answered, and the reader reads what is left."""
    end = time.monotonic() + _SETTLE_WITHIN
    told.is_over.set()
    for one in work:
        one.join(max(end - time.monotonic(), 0.1))
    time.sleep(2)  # the workers finish the round that they are in
    feed_end.set()
    reader.join(max(end - time.monotonic(), 10))
    told.gives_up.set()
    for one in (*work, reader):
        one.join(30)


def _kept(cluster: Cluster, network: load.Network) -> Kept:
    """Read from the database what is there, with the service stopped."""
    database = Database(cluster.url("owner", direct=True))
    try:
        with database.begin() as session:
            while change_feed.place_events(session):
                pass
        with database.begin(write=False) as session:
            labels = session.scalars(sa.select(Case.label).where(Case.label != network.case_label)).all()
            accepted = session.scalars(
                sa.select(ReferralEvent.referral_id).where(ReferralEvent.verb == ReferralVerb.ACCEPT.value)
            ).all()
            feed = session.execute(
                sa.select(FeedEvent.id, FeedEvent.referral_id, FeedEvent.version, FeedEvent.type)
                .join(Referral, Referral.id == FeedEvent.referral_id)
                .where(FeedEvent.organisation_id == named_id("organisation", MOST_ASKED))
            ).all()
    finally:
        database.dispose()
    return Kept(
        labels=labels,
        acceptances=[str(one) for one in accepted],
        feed=[Event(str(one.id), str(one.referral_id), one.version, change_feed.public_type(one.type)) for one in feed],
    )


if __name__ == "__main__":
    main()
