"""The database: embedded SQLite by default, PostgreSQL in production.

`Database.begin()` is one transaction. On SQLite a writer takes a lock inside the process and then BEGIN IMMEDIATE, so that writers
wait for each other and none fails half-way; readers see a snapshot (WAL) and never wait.
"""

import importlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import URL, Connection, Dialect, Engine, make_url
from sqlalchemy.orm import DeclarativeBase, Session

from app.core import connection_limits, durability, patience, tracing
from app.core.connection_limits import ConnectionDemand
from app.core.errors import Unavailable

_SAFE_WAL = (3, 51, 3)  # SQLite 3.7.0 to 3.51.2 can corrupt a WAL database under two writers
_WRITER_WAIT_SECONDS = 30
_POSTGRES_OPTIONS = (
    "-c statement_timeout=20000 -c lock_timeout=8000 -c idle_in_transaction_session_timeout=60000"
    # Our statements are short, and their data is in memory or on a solid-state disk.
    " -c jit=off -c random_page_cost=1.1"
)


_LOCAL_SETTINGS = "SELECT " + ", ".join(
    f"set_config('{name}', '{value}', true)"
    for name, _is, value in (option.partition("=") for option in _POSTGRES_OPTIONS.split() if option != "-c")
)
_POOL_WAIT_SECONDS = 3
DEFAULT_CONNECTIONS = 40
_SQLITE_CONNECTIONS = 48


class UnsafeDatabase(Exception):
    """The database could lose what it has acknowledged, or it is of an unsupported kind."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The connections of one process. `name`: its application name on the server, which tells the others; "" behind a pooler."""

    size: int
    name: str = ""


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: timestamptz on PostgreSQL; on SQLite UTC text of fixed length, so that it sorts. Refuses naive values."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("an instant needs a time zone")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = sa.JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """The base class of all tables. Relationships, where there are any, are `lazy="raise"`.

    A foreign key states its type, `mapped_column(sa.Uuid(), sa.ForeignKey(…))`: otherwise the type is known only once the other
    table is imported, and a select built before that would bind its values without a type.
    """

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        UUID: sa.Uuid(),
        bytes: sa.LargeBinary(),
        dict[str, Any]: Json,
        dict[str, int]: Json,
        list[str]: Json,
        list[Any]: Json,
    }


class Database:
    """An engine and its dialect; opens sessions and transactions."""

    def __init__(
        self, url: str, *, pooled: bool = False, replica: bool = False, connections: int = DEFAULT_CONNECTIONS
    ) -> None:
        """`pooled`: a PgBouncer in transaction mode stands between. `replica`: it is only read, and of several hosts a standby is
        preferred. `connections`: the most that are open at a time, on PostgreSQL. Raises UnsafeDatabase.
        """
        one, hosts = _one_host(url)
        self.url = _parsed_url(one)
        self.dialect = self.url.get_backend_name()
        self.pool = Pool(_SQLITE_CONNECTIONS)
        if self.dialect == "sqlite":
            self.engine = _sqlite_engine(self.url)
        elif self.dialect == "postgresql":
            self.pool = Pool(connections, "" if pooled else connection_limits.application_name(connections))
            target = "prefer-standby" if replica else "read-write"
            self.engine = _postgres_engine(self.url, hosts, self.pool, target=target, pooled=pooled)
        else:
            raise UnsafeDatabase("the database must be sqlite or postgresql")
        tracing.watch(self.engine)
        self._reader = self.engine.execution_options(reads_only=True)
        self.writer_lock = threading.Lock() if self.dialect == "sqlite" else None
        self._check: Callable[[], None] | None = None

    def session(self, *, write: bool = True) -> Session:
        """A session that is not yet in a transaction. On SQLite the caller must hold `writer_lock` while it writes.

        Reading takes a transaction too: which number was shown is said for a transaction (`cases.shown_numbers`), and the rows that
        the role of the person's pages sees hang on it.
        """
        return Session(self.engine if write else self._reader, autoflush=False, expire_on_commit=False)

    @contextmanager
    def begin(self, *, write: bool = True) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises Unavailable when the writer lock of an SQLite database is not free within 30 s; UnsafeDatabase after
        `check_before_writing`.
        """
        if write and self._check is not None:
            self._check()
            self._check = None
        with self._writer_turn() if write else nullcontext(), self.session(write=write) as session, session.begin():
            yield session

    @contextmanager
    def _writer_turn(self) -> Iterator[None]:
        if self.writer_lock is None:
            yield
            return
        if not self.writer_lock.acquire(timeout=_WRITER_WAIT_SECONDS):
            raise Unavailable("The database is busy. Nothing was saved; try again.")
        try:
            yield
        finally:
            self.writer_lock.release()

    def check_durability(self, *, accept_loss: bool = False) -> None:
        """Raises UnsafeDatabase when the loss of a machine could lose acknowledged transactions.

        `accept_loss`: the operator knows that and accepts it. A server that can corrupt its own files is refused in any case.
        """
        with self.engine.connect() as connection:
            if self.dialect == "sqlite":
                if connection.exec_driver_sql("PRAGMA synchronous").scalar() != 2:
                    raise UnsafeDatabase("SQLite must run with synchronous=FULL")
                return
            for name in ("fsync", "full_page_writes"):
                if connection.exec_driver_sql(f"SHOW {name}").scalar() == "off":
                    raise UnsafeDatabase(f"PostgreSQL runs with {name}=off; it could lose what was acknowledged")
            losses = [] if accept_loss else durability.possible_losses(connection)
        if losses:
            raise UnsafeDatabase(
                "the database can lose what it has acknowledged: "
                + "; ".join(durability.WORDS[loss] for loss in losses)
                + ". PRISTAN_ACCEPT_DATA_LOSS=yes starts it all the same."
            )

    def check_before_writing(self, *, accept_loss: bool) -> None:
        """Have `check_durability` run before the first transaction that writes: for commands, because most of them only read."""
        self._check = lambda: self.check_durability(accept_loss=accept_loss)

    def check_connections(self) -> ConnectionDemand | None:
        """What all connected processes may open together, compared with what the server allows; None where a pooler sees to it, and
        on SQLite. Raises UnsafeDatabase if this process alone may open more than its role is allowed.
        """
        if self.dialect != "postgresql" or not self.pool.name:
            return None
        with self.engine.connect() as connection:
            demand = connection_limits.demand(connection)
        if demand is not None and self.pool.size > demand.allowed_of_role:
            raise UnsafeDatabase(
                f"PRISTAN_DATABASE_CONNECTIONS is {self.pool.size}, and PostgreSQL allows this role {demand.allowed_of_role}:"
                " lower it, or raise max_connections"
            )
        return demand

    def dispose(self) -> None:
        self.engine.dispose()


def acquire_advisory_lock(session: Session, lock: int) -> None:
    """Take a PostgreSQL advisory lock that is held until the transaction ends; waits for it.

    On SQLite there is one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


def try_advisory_lock(session: Session, lock: int) -> bool:
    """Take a PostgreSQL advisory lock that is held until the transaction ends, if it is free; returns whether it was.

    For work that the holder of the lock does for all processes: nobody waits for a process that was paused while it held the lock,
    and the server releases the lock after 5 s.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.execute(_TRY_LOCK, {"lock": lock}).scalar())


_TRY_LOCK = sa.text(
    "SELECT pg_try_advisory_xact_lock(:lock), set_config('idle_in_transaction_session_timeout', '5s', true)"
).bindparams(sa.bindparam("lock", type_=sa.BigInteger()))


_HOSTS = re.compile(
    r"(?P<scheme>postgres(?:ql)?(?:\+psycopg)?)://(?P<who>[^@/?]*@)?(?P<hosts>[^/?]*,[^/?]*)(?P<rest>.*)", re.DOTALL
)


def _one_host(url: str) -> tuple[str, tuple[str, ...]]:
    """The address without its hosts, and its hosts if it names several (`h1:5432,h2:5433`, as for libpq); () for one."""
    found = _HOSTS.fullmatch(url)
    if found is None:
        return url, ()
    return f"{found['scheme']}://{found['who'] or ''}{found['rest']}", tuple(found["hosts"].split(","))


def _host_arguments(hosts: Sequence[str]) -> dict[str, str]:
    """Hosts with ports as libpq takes them: two lists, tried in turn until one takes writes."""
    parts = [re.fullmatch(r"(?:\[(?P<v6>[^\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>\d+))?", host) for host in hosts]
    if None in parts:
        raise UnsafeDatabase("an address with several hosts is like postgresql://user@host1:5432,host2:5432/name")
    named = [part for part in parts if part is not None]
    return {
        "host": ",".join(part["v6"] or part["name"] for part in named),
        "port": ",".join(part["port"] or "5432" for part in named),
    }


def _parsed_url(url: str) -> URL:
    """Raises UnsafeDatabase; the address may hold a password and is not repeated."""
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise UnsafeDatabase("PRISTAN_DATABASE_URL is no address like postgresql://user@host:5432/name") from None
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


class _SqliteStatements(SQLiteCompiler):
    """SQL for SQLite's planner: hints (`with_hint`), and flags as they stand in the predicates of partial indexes.

    SQLite takes such an index only for a condition of the same words, `restricted` and not `restricted = 1`; otherwise it reads the
    whole table.
    """

    def visit_is_true_unary_operator(self, element: Any, operator: Any, **kw: Any) -> str:  # noqa: ARG002 -- the name is SQLAlchemy's
        return str(self.process(element.element, **kw))

    def visit_is_false_unary_operator(self, element: Any, operator: Any, **kw: Any) -> str:  # noqa: ARG002 -- the name is SQLAlchemy's
        return f"NOT {self.process(element.element, **kw)}"

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:  # noqa: ARG002
        return text


def sqlite_driver() -> ModuleType:
    """The newer SQLite of the `pysqlite3` wheel if it is installed, else Python's own."""
    try:
        return importlib.import_module("pysqlite3")
    except ImportError:
        return importlib.import_module("sqlite3")


def _sqlite_engine(url: URL) -> Engine:
    driver = sqlite_driver()
    journal = "WAL" if driver.sqlite_version_info >= _SAFE_WAL else "TRUNCATE"
    if url.database and url.database != ":memory:":
        _make_private_file(Path(url.database))
    engine = sa.create_engine(
        url,
        module=driver,
        hide_parameters=True,
        connect_args={"timeout": _WRITER_WAIT_SECONDS, "check_same_thread": False},
        pool_size=_SQLITE_CONNECTIONS // 2,
        max_overflow=_SQLITE_CONNECTIONS // 2,
        poolclass=sa.pool.QueuePool,
    )
    engine.dialect.statement_compiler = _SqliteStatements

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we issue BEGIN ourselves
        for pragma in (
            f"journal_mode={journal}",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
            "cache_size=-16000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads_only = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _make_private_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _postgres_engine(url: URL, hosts: Sequence[str], pool: Pool, *, target: str, pooled: bool) -> Engine:
    """`pooled`: PgBouncer stands between, which hands a connection on after each transaction: nothing may be set for a session, and
    nothing prepared in it.
    """
    given: dict[str, Any] = dict(patience.KEEPALIVE)
    if hosts:
        given |= {**_host_arguments(hosts), "target_session_attrs": target}
    if pooled:
        given["prepare_threshold"] = None
    else:
        given["options"] = _options(url)
        given["application_name"] = pool.name
    given = {name: value for name, value in given.items() if name == "options" or name not in url.query}
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_size=(pool.size + 1) // 2,
        max_overflow=pool.size // 2,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_pre_ping=True,
        connect_args=given,
    )

    engine.dialect.do_ping = look_or_ask(engine.dialect.do_ping)  # type: ignore[method-assign, assignment]

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Dialect, _record: Any, arguments: Any, named: Any) -> Any:
        return patience.connect(*arguments, **{"connect_timeout": patience.CONNECT_SECONDS, **named})

    if pooled:

        @event.listens_for(engine, "begin")
        def _set_timeouts(connection: Connection) -> None:
            connection.exec_driver_sql(_LOCAL_SETTINGS)

    return engine


def look_or_ask(ask: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Whether a connection of the pool still works. One that the server has just answered on is only looked at: `ask` costs a
    round trip, as much as a small query.
    """

    def works(connection: Any) -> bool:
        return patience.was_just_heard(connection) or ask(connection)

    return works


def _options(url: URL) -> str:
    """Our session settings, and those that the address names (`?options=-c role=…`)."""
    given = url.query.get("options", "")
    return " ".join([_POSTGRES_OPTIONS, *([given] if isinstance(given, str) else given)]).strip()
