"""Going back to a moment with pgBackRest: what was acknowledged before it is there, what was filed after it is not."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg

from drill.clients import Told
from drill.cluster import ADDRESS, Cluster, DrillFailed, Node, free_ports, newest_postgres, wait_until

ARCHIVE: str = 'pgbackrest --config="$PWD/../pgbackrest.conf" --stanza=pristan archive-push %p'
"""The archive command of each node, whose working directory is its data directory."""
_SPAN = 6.0


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restored copy held, of what was acknowledged before the moment and of what was filed after it."""

    missing: tuple[str, ...]
    before: int
    too_new: int
    after: int

    @property
    def is_clean(self) -> bool:
        return not self.missing and not self.too_new

    def line(self) -> str:
        return (
            f"restored to a moment: {self.before - len(self.missing)} of {self.before} cases from before it,"
            f" {self.too_new} of {self.after} from after it"
        )


def is_missing() -> bool:
    return shutil.which("pgbackrest") is None


def take_backup(cluster: Cluster) -> None:
    """The stanza and a full backup, from the primary. Raises DrillFailed."""
    primary = cluster.primary()
    for command in (["stanza-create"], ["check"], ["--type=full", "backup"]):
        _pgbackrest(cluster, primary, command)


def restore(cluster: Cluster, told: Told) -> Restored:
    """File for some seconds, note the moment, file on, and restore to it beside the cluster. Raises DrillFailed."""
    time.sleep(_SPAN)
    with told.lock:
        before = set(told.ledger.filed.values())
    primary = cluster.primary()
    with cluster.superuser(primary) as connection:
        moment = connection.execute("SELECT clock_timestamp()").fetchone()
    assert moment
    time.sleep(1)
    with told.lock:  # what is under way at the moment may be on either side of it
        begun = set(told.ledger.filed) | set(told.ledger.unanswered)
    time.sleep(_SPAN)
    with told.lock:
        after = {label for key, label in told.ledger.filed.items() if key not in begun}
    _pgbackrest(cluster, primary, ["check"])  # waits until the WAL of now is in the repository
    there = _labels_at(cluster, primary, moment[0])
    return Restored(tuple(sorted(before - there)), len(before), len(after & there), len(after))


def _labels_at(cluster: Cluster, node: Node, moment: object) -> set[str]:
    assert isinstance(moment, datetime)
    folder = cluster.own_folder("restored")
    target = ["--type=time", f"--target={moment.isoformat(sep=' ')}", "--target-action=promote"]
    _pgbackrest(cluster, node, [f"--pg1-path={folder}", *target, "restore"])
    port = free_ports(1)[0]
    binaries = newest_postgres()
    assert binaries
    settings = {
        "port": port, "listen_addresses": ADDRESS, "unix_socket_directories": folder, "archive_mode": "off",
        "synchronous_standby_names": "", "hba_file": f"{folder}/pg_hba.conf", "ident_file": f"{folder}/pg_ident.conf",
    }  # fmt: skip
    process = cluster.run(
        "restored",
        [
            str(binaries / "postgres"),
            "-D",
            str(folder),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ],
    )
    url = f"postgresql://pristan:{cluster.passwords['owner']}@{ADDRESS}:{port}/pristan"

    def is_open() -> bool:
        with psycopg.connect(url, connect_timeout=3) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        return row == (False,)

    try:
        wait_until("the restored copy is open", is_open)
        with psycopg.connect(url) as connection:
            return {str(row[0]) for row in connection.execute("SELECT label FROM cases")}
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGQUIT)
        process.wait(30)


def _pgbackrest(cluster: Cluster, node: Node, command: list[str]) -> None:
    process = cluster.run(
        "pgbackrest",
        ["pgbackrest", f"--config={node.folder}/pgbackrest.conf", "--stanza=pristan", *command],
        {"PGPASSWORD": cluster.passwords["superuser"]},
    )
    try:
        status = process.wait(600)
    except subprocess.TimeoutExpired:
        process.kill()
        raise DrillFailed(f"pgbackrest {command[-1]} did not end") from None
    if status:
        raise DrillFailed(f"pgbackrest {command[-1]} ended with {status}")
