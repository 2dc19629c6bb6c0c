"""A PostgreSQL cluster of Debian's packages on loopback: etcd, Patroni, HAProxy and PgBouncer, with the files of `deploy/cluster`.

Everything lies in one folder and runs as an ordinary user: as root, as `nobody` or another one without rights.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil
import psycopg

ADDRESS: Final = "127.0.0.1"
RECIPE: Final = Path(__file__).resolve().parents[1] / "deploy" / "cluster"
PACKAGES: Final = ("patroni", "etcd-server", "haproxy", "pgbouncer", "postgresql")
ROLES: Final = ("public", "desk", "partner", "worker", "backup")
_ON_ITS_OWN: Final = 60.0
START_WITHIN: Final = 300.0
"""Seconds for anything to come up; a bound against hanging for ever, some ten times what an idle machine takes."""


class DrillFailed(Exception):
    """The drill could not be carried out; nothing was judged."""


def missing_packages() -> list[str]:
    """Which of the Debian packages are not installed."""
    there = {
        "patroni": shutil.which("patroni", path=_PATH),
        "etcd-server": shutil.which("etcd", path=_PATH),
        "haproxy": shutil.which("haproxy", path=_PATH),
        "pgbouncer": shutil.which("pgbouncer", path=_PATH),
        "postgresql": newest_postgres(),
    }
    return [name for name in PACKAGES if there[name] is None]


_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"


def newest_postgres() -> Path | None:
    """The folder of Debian's newest PostgreSQL; None: there is none."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def _etcd_api() -> str:
    """Which protocol Patroni speaks to etcd: the recipe says why it depends on the version."""
    told = subprocess.run(
        ["patroni", "--version"], capture_output=True, text=True, check=True, env={"PATH": _PATH}
    ).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", told)[:3])
    return "etcd3" if version >= (3, 0, 3) else "etcd"


def free_ports(count: int) -> list[int]:
    """Ports outside the range from which the kernel takes ports for connections, so that none is taken while a node is down."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found: list[int] = []
    start = 10_000 + secrets.randbelow(max(low - 14_000, 1))
    for port in range(start, start + 3_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((ADDRESS, port))
            found.append(port)
        if len(found) == count:
            return found
    raise DrillFailed("no free ports")


def wait_until(what: str, is_so: Callable[[], bool], within: float = START_WITHIN) -> None:
    """Ask until it is so. Raises DrillFailed."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with suppress(httpx.HTTPError, psycopg.Error, OSError):
            if is_so():
                return
        time.sleep(0.3)
    raise DrillFailed(f"{what}: not within {within:.0f} seconds")


@dataclass
class Node:
    """One database host: Patroni and the PostgreSQL that it runs."""

    name: str
    folder: Path
    pg_port: int
    rest_port: int
    process: "subprocess.Popen[bytes] | None" = None

    def processes(self) -> list[psutil.Process]:
        """Patroni, the postmaster and all of its children, those that are still there."""
        roots = [self.process.pid] if self.process else []
        with suppress(OSError, IndexError, ValueError):
            roots.append(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]))
        found: dict[int, psutil.Process] = {}
        for root in roots:
            with suppress(psutil.NoSuchProcess):
                of_root = psutil.Process(root)
                found |= {one.pid: one for one in (of_root, *of_root.children(recursive=True))}
        return list(found.values())

    def send(self, number: int) -> None:
        for one in self.processes():
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)

    def wal_senders(self) -> list[psutil.Process]:
        return [one for one in self.processes() if "walsender" in " ".join(one.cmdline())]

    def state(self) -> Mapping[str, object]:
        """What Patroni says of it; empty when it says nothing."""
        try:
            told: Mapping[str, object] = httpx.get(f"http://{ADDRESS}:{self.rest_port}/patroni", timeout=2).json()
        except (httpx.HTTPError, ValueError):
            return {}
        return told

    def is_primary(self) -> bool:
        try:
            return httpx.get(f"http://{ADDRESS}:{self.rest_port}/primary", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Cluster:
    """The running cluster. `close` ends everything and removes the folder."""

    folder: Path
    nodes: list[Node]
    synchronous: bool
    haproxy_port: int
    pgbouncer_port: int
    archive_command: str
    owner: str | None
    passwords: dict[str, str]
    _etcd: list[str] = field(default_factory=list)
    _api: str = field(default_factory=_etcd_api)
    _others: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @classmethod
    def make(
        cls, folder: Path, *, synchronous: bool, nodes: int = 3, etcd: int = 1, archive: str = "/bin/true"
    ) -> "Cluster":
        """Write the files and start everything. Returns once a primary takes writes; standbys may still be copying it.

        Raises DrillFailed.
        """
        ports = iter(free_ports(2 * nodes + 2 * etcd + 2))
        owner = _unprivileged_user()
        names = ("superuser", "replication", "rewind", "rest", "owner", *ROLES)
        cluster = cls(
            folder=folder,
            nodes=[Node(f"db{n}", folder / f"db{n}", next(ports), next(ports)) for n in range(1, nodes + 1)],
            synchronous=synchronous,
            haproxy_port=next(ports),
            pgbouncer_port=next(ports),
            archive_command=archive,
            owner=owner,
            passwords={name: secrets.token_hex(16) for name in names},
        )
        folder.chmod(0o755)
        try:
            cluster._start(etcd, ports)
        except BaseException:
            cluster.close()
            raise
        return cluster

    def superuser(self, node: Node) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection to one node, past everything."""
        return psycopg.connect(
            host=ADDRESS, port=node.pg_port, user="postgres", password=self.passwords["superuser"], dbname="postgres",
            connect_timeout=3, autocommit=True,
        )  # fmt: skip

    def url(self, role: str, *, direct: bool = False) -> str:
        """The address of Pristan's database for this role, by PgBouncer or straight through HAProxy."""
        name = "pristan" if role == "owner" else f"pristan_{role}"
        port = self.haproxy_port if direct else self.pgbouncer_port
        return f"postgresql://{name}:{self.passwords[role]}@{ADDRESS}:{port}/pristan"

    def make_database(self) -> None:
        """An empty database of Pristan's, in the place of one that is there."""
        with self.superuser(self.primary()) as connection:
            connection.execute("DROP DATABASE IF EXISTS pristan WITH (FORCE)")
            connection.execute("CREATE DATABASE pristan OWNER pristan")

    def wait_for_writes(self) -> None:
        """Until HAProxy leads to the primary, several times in a row. Raises DrillFailed."""
        in_a_row = 0

        def is_steady() -> bool:
            nonlocal in_a_row
            in_a_row, before = 0, in_a_row
            with psycopg.connect(self.url("owner", direct=True), connect_timeout=3) as connection:
                row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
            if row == (False,):
                in_a_row = before + 1
            return in_a_row >= 5

        wait_until("HAProxy leads to the primary", is_steady)

    def primary(self) -> Node:
        """The node that says it is the primary. Raises DrillFailed when none is for a long time."""
        found: list[Node] = []

        def is_one() -> bool:
            found[:] = [node for node in self.nodes if node.is_primary()]
            return len(found) == 1

        wait_until("one primary", is_one)
        return found[0]

    def wait_until_whole(self, on_copy: Callable[[str], None] = lambda _name: None) -> None:
        """Until every other node follows the primary, and one of them synchronously (unless the cluster is asynchronous).

        A node that does not find its way back within a minute is copied again (`patronictl reinit`), once, as an operator would.
        """
        copy_at, copied = time.monotonic() + _ON_ITS_OWN, False

        def is_whole() -> bool:
            nonlocal copied
            primary = next((node for node in self.nodes if node.is_primary()), None)
            if primary is None:
                return False
            with self.superuser(primary) as connection:
                rows = connection.execute(
                    "SELECT application_name, sync_state FROM pg_stat_replication WHERE state = 'streaming'"
                ).fetchall()
            following = {str(row[0]): str(row[1]) for row in rows}
            behind = [node for node in self.nodes if node is not primary and node.name not in following]
            if behind and not copied and time.monotonic() > copy_at:
                copied = True
                for node in behind:
                    on_copy(node.name)
                    self._ask(node, "reinitialize", {"force": True})
            return not behind and (not self.synchronous or "sync" in following.values())

        wait_until("all nodes follow the primary", is_whole)

    def wait_for_another_primary(self, former: Node) -> None:
        """Until another node than `former` has taken over. Raises DrillFailed."""
        wait_until("another primary", lambda: any(one.is_primary() for one in self.nodes if one is not former))

    def start_node(self, node: Node) -> None:
        node.process = self.run(node.name, ["patroni", str(node.folder / "patroni.yml")])

    def kill(self, node: Node) -> None:
        """`kill -9` of Patroni and of every process of its PostgreSQL, as a machine that loses its power."""
        for _ in range(3):  # Patroni may be starting another one
            node.send(signal.SIGKILL)
            time.sleep(0.05)
        if node.process:
            node.process.wait(20)
            node.process = None

    def switch_over(self) -> None:
        """Ask Patroni to hand the primary over, as before maintenance. Raises DrillFailed."""
        leader = self.primary()

        def is_accepted() -> bool:  # 412 until Patroni has written down which standby is synchronous
            nonlocal leader
            leader = self.primary()
            return self._ask(leader, "switchover", {"leader": leader.name}).status_code in {200, 202}

        wait_until("Patroni takes the switch-over", is_accepted)
        self.wait_for_another_primary(leader)

    def _ask(self, node: Node, what: str, body: Mapping[str, object]) -> httpx.Response:
        """A request to Patroni that changes something."""
        user = ("patroni", self.passwords["rest"])
        return httpx.post(f"http://{ADDRESS}:{node.rest_port}/{what}", json=body, timeout=60, auth=user)

    def close(self) -> None:
        """End every process that was started and remove the folder."""
        for node in self.nodes:
            node.send(signal.SIGCONT)
            node.send(signal.SIGKILL)
            node.send(signal.SIGKILL)
            if node.process:
                node.process.wait(20)
        for process in self._others:
            process.kill()
            process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep_logs(self, where: Path) -> None:
        """Copy all logs to `where`, for whoever has to find out what happened. They hold made-up data alone."""
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir(parents=True)
        for path in self.folder.glob("*.log"):
            shutil.copy(path, where)

    def _start(self, etcd: int, ports: Iterator[int]) -> None:
        self._start_etcd(etcd, ports)
        self.own_folder("repository")
        binaries = newest_postgres()
        assert binaries is not None
        for node in self.nodes:
            self._write_patroni(node, binaries)
        self.start_node(self.nodes[0])  # the first makes the cluster, the others copy it
        wait_until("the first node is the primary", self.nodes[0].is_primary)
        for node in self.nodes[1:]:
            self.start_node(node)
        self._start_haproxy()
        with self.superuser(self.nodes[0]) as connection:
            connection.execute(f"CREATE ROLE pristan LOGIN CREATEROLE PASSWORD '{self.passwords['owner']}'")
        self.make_database()
        self._start_pgbouncer()

    def _start_etcd(self, count: int, ports: Iterator[int]) -> None:
        members = [(f"etcd{n}", next(ports), next(ports)) for n in range(1, count + 1)]
        peers = ",".join(f"{name}=http://{ADDRESS}:{peer}" for name, _client, peer in members)
        for name, client, peer in members:
            self.own_folder(name)
            text = self._filled(
                "etcd.env",
                NODE=name,
                DATA=str(self.folder / name),
                CLIENT_PORT=client,
                PEER_PORT=peer,
                MEMBERS=peers,
                ENABLE_V2=str(self._api == "etcd").lower(),
            )
            lines = (line for line in text.splitlines() if line and not line.startswith("#"))
            environment = dict(line.split("=", 1) for line in lines)
            self._others.append(self.run(name, ["etcd"], environment))
            self._etcd.append(f"{ADDRESS}:{client}")
        for endpoint in self._etcd:
            wait_until("etcd", lambda at=endpoint: httpx.get(f"http://{at}/health", timeout=2).status_code == 200)  # type: ignore[misc]

    def _write_patroni(self, node: Node, binaries: Path) -> None:
        self.own_folder(node.name)
        text = self._filled(
            "patroni.yml", NODE=node.name, REST_PORT=node.rest_port, PG_PORT=node.pg_port, ETCD=",".join(self._etcd),
            ETCD_API=self._api,
            DATA=str(node.folder / "data"), BIN=str(binaries), RUN=str(node.folder), HOST="host", NETWORK=f"{ADDRESS}/32",
            LOCAL_AUTH="scram-sha-256",
            SHARED_BUFFERS="32MB", ARCHIVE_COMMAND=self.archive_command, REST_PASSWORD=self.passwords["rest"],
            SUPERUSER_PASSWORD=self.passwords["superuser"], REPLICATION_PASSWORD=self.passwords["replication"],
            REWIND_PASSWORD=self.passwords["rewind"],
        )  # fmt: skip
        if not self.synchronous:
            text = text.replace("synchronous_mode: true", "synchronous_mode: false")
            text = text.replace("maximum_lag_on_failover: 1048576", "maximum_lag_on_failover: 1073741824")
        self._write(node.folder / "patroni.yml", text)
        self._write(
            node.folder / "pgbackrest.conf",
            self._filled(
                "pgbackrest.conf", DATA=str(node.folder / "data"), PG_PORT=node.pg_port, RUN=str(node.folder),
                REPOSITORY=str(self.folder / "repository"), CIPHER_PASS=self.passwords["rest"],
            ),
        )  # fmt: skip

    def _start_haproxy(self) -> None:
        servers = "\n".join(
            f"    server {node.name} {ADDRESS}:{node.pg_port} check port {node.rest_port}" for node in self.nodes
        )
        path = self.folder / "haproxy.cfg"
        self._write(path, self._filled("haproxy.cfg", RUN=str(self.folder / "etcd1"), SERVERS=servers))
        self._others.append(self.run("haproxy", ["haproxy", "-db", "-f", str(path)]))

    def _start_pgbouncer(self) -> None:
        users = [
            f'"pristan" "{self.passwords["owner"]}"',
            *(f'"pristan_{role}" "{self.passwords[role]}"' for role in ROLES),
        ]
        userlist = self.folder / "userlist.txt"
        self._write(userlist, "\n".join(users) + "\n")
        path = self.folder / "pgbouncer.ini"
        self._write(path, self._filled("pgbouncer.ini", USERLIST=str(userlist)))
        self._others.append(self.run("pgbouncer", ["pgbouncer", str(path)]))

        def answers() -> bool:
            psycopg.connect(self.url("owner"), connect_timeout=3).close()
            return True

        wait_until("PgBouncer leads to the primary", answers)

    def _filled(self, name: str, **words: object) -> str:
        """A file of the recipe with our words in it; none of its own may be left."""
        text = (RECIPE / name).read_text()
        given = {
            "ADDRESS": ADDRESS, "HAPROXY_PORT": self.haproxy_port, "PGBOUNCER_PORT": self.pgbouncer_port, **words
        }  # fmt: skip
        for word, value in given.items():
            text = text.replace(f"@{word}@", str(value))
        if left := re.findall(r"@[A-Z_]+@", text):
            raise DrillFailed(f"deploy/cluster/{name}: nothing was given for {', '.join(left)}")
        return text

    def own_folder(self, name: str) -> Path:
        """A new folder of the user that the database runs as."""
        path = self.folder / name
        path.mkdir(mode=0o700)
        if self.owner:
            shutil.chown(path, self.owner)
        return path

    def _write(self, path: Path, text: str) -> None:
        path.touch(mode=0o600)
        path.write_text(text)
        if self.owner:
            shutil.chown(path, self.owner)

    def run(
        self, name: str, command: list[str], environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a program as the user of the database; its output goes to a log of this name."""
        as_whom: dict[str, object] = {}
        if self.owner:
            as_whom = {"user": self.owner, "group": pwd.getpwnam(self.owner).pw_gid, "extra_groups": []}
        with (self.folder / f"{name}.log").open("ab") as sink:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command,
                cwd="/",
                env={"PATH": _PATH, "LC_ALL": "C", "HOME": "/nonexistent", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                **as_whom,  # type: ignore[call-overload]
            )
        return process


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise DrillFailed("PostgreSQL does not run as root, and there is no other user")
