"""A primary and a streaming standby of their own, for tests of what is read from a replica. Both are gone afterwards."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support import postgres

_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "hot_standby_feedback": "on",
    # the primary does not wait for the standby, so that a test can hold the standby back
    "synchronous_standby_names": "",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """The addresses of both, of the same database."""

    primary: str
    standby: str


@contextmanager
def pair() -> Iterator[Pair]:
    """Start both; takes some seconds. Raises NoPostgres."""
    owner = postgres._unprivileged_user()
    as_whom: dict[str, Any] = {"user": owner, "group": postgres._group(owner), "extra_groups": []} if owner else {}
    folder = Path(tempfile.mkdtemp(prefix="pristan-pair-", dir=postgres.roomy_folder()))
    running: list[subprocess.Popen[bytes]] = []
    if owner:
        shutil.chown(folder, owner)
    how: dict[str, Any] = {"cwd": folder, "env": postgres._environment(), **as_whom}
    try:
        binaries = postgres._binaries(folder, owner)
        user = f"--username={postgres.USER}"
        first = [
            "initdb",
            f"--pgdata={folder / 'a'}",
            user,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        _do([binaries / first[0], *first[1:]], how)
        running.append(_started(binaries, folder, "a", how))
        copy = [
            "--pgdata",
            folder / "b",
            "--host",
            folder / "a-socket",
            user,
            "--write-recovery-conf",
            "--checkpoint=fast",
        ]
        _do([binaries / "pg_basebackup", *copy, "--no-sync"], how)
        running.append(_started(binaries, folder, "b", how))
        yield Pair(*(f"postgresql+psycopg://{postgres.USER}@/postgres?host={folder}/{name}-socket" for name in "ab"))
    finally:
        for server in reversed(running):
            with suppress(ProcessLookupError):
                server.kill()
            server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _started(binaries: Path, folder: Path, name: str, how: dict[str, Any]) -> "subprocess.Popen[bytes]":
    socket = folder / f"{name}-socket"
    socket.mkdir(mode=0o700)
    if "user" in how:
        shutil.chown(socket, how["user"])
    options = [word for setting, value in _SETTINGS.items() for word in ("-c", f"{setting}={value}")]
    log = folder / f"{name}.log"
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", folder / name, "-k", socket, *options],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, **how,
        )  # fmt: skip
    postgres._wait_until_ready(server, folder / name, log)
    return server


def _do(command: list[Any], how: dict[str, Any]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    if done.returncode:
        raise postgres.NoPostgres(done.stderr.strip())
