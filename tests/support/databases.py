"""Databases for tests: each test has one of its own, migrated, empty, and with the service's true commits.

A schema is migrated once in a run and then copied: for SQLite the file, for PostgreSQL the database (one a worker,
emptied after each test). Nothing here is rolled back behind the service's back. A worker keeps one engine of each kind for
all its tests: what SQLAlchemy has compiled for one stays compiled for the next; connections are new for each.
"""

import copy
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from app.app_context import migrate
from app.core.db import Database
from app.operations import database_roles as roles
from app.operations.privileges import PRIVILEGES, DatabaseRole
from tests.support import postgres

KINDS: Final = ("sqlite", "postgresql")
_ROOM = pytest.StashKey[Path]()
_PYTEST_PID = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    config.stash[_ROOM] = Path(
        given["pristan_room"] if given else tempfile.mkdtemp(prefix="pristan-tests-", dir=postgres.roomy_folder())
    )
    config.stash[_PYTEST_PID] = given["pristan_pid"] if given else os.getpid()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist starts a worker: it shares our room and lives as long as we do."""
    node.workerinput["pristan_room"] = str(node.config.stash[_ROOM])
    node.workerinput["pristan_pid"] = os.getpid()


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or _ROOM not in config.stash:
        return
    room = config.stash[_ROOM]
    given = os.environ.get("TEST_DATABASE_URL")
    if given and (room / "postgres-template.done").exists():
        _drop(make_url(given), make_url(given).set(database=_template_name(config)))
        _drop_roles(make_url(given), _role_prefix(config))
    postgres.stop(room)
    shutil.rmtree(room, ignore_errors=True)


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest) -> Database:
    """An empty, migrated database of each kind in turn."""
    found: Database = request.getfixturevalue(f"{'postgres' if request.param == 'postgresql' else 'sqlite'}_database")
    return found


@pytest.fixture
def sqlite_database(_sqlite_own: Database, _sqlite_template: Path) -> Iterator[Database]:
    path = Path(_sqlite_own.url.database or "")
    for left in path.parent.iterdir():
        left.unlink()
    shutil.copyfile(_sqlite_template, path)
    with _lent(_sqlite_own) as database:
        yield database


@pytest.fixture(scope="module")
def kept_database(_sqlite_template: Path) -> Iterator[Database]:
    """One for all tests of a module, which leave it as they like: for an app behind a port."""
    path = _own_folder(_sqlite_template) / "pristan.db"
    shutil.copyfile(_sqlite_template, path)
    with _open(f"sqlite:///{path}") as database:
        yield database


@pytest.fixture
def postgres_database(_postgres_own: tuple[Database, sa.Connection]) -> Iterator[Database]:
    own, sweeper = _postgres_own
    with _lent(own) as database:
        yield database
        for limited in _as_roles.get(own.url, {}).values():
            limited.dispose()
    sweeper.execute(_EMPTY)


BY_ROLE: Final = bool(os.environ.get("TEST_ROLES"))
"""Whether surfaces and workers of tests run under their roles: TEST_ROLES=1."""


def under(database: Database, role: DatabaseRole) -> Database:
    """What a surface or a worker of a test uses: with TEST_ROLES=1 the same database with this role's privileges."""
    return as_role(database, role) if BY_ROLE else database


def as_role(database: Database, role: DatabaseRole) -> Database:
    """The same database as the service sees it with this role's privileges; SQLite knows no roles."""
    roles = _as_roles.get(database.url)
    return roles[role] if roles else database


_as_roles: Final[dict[URL, dict[DatabaseRole, Database]]] = {}


@pytest.fixture(params=KINDS)
def unmigrated_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each kind in turn without a single table: for the migrations themselves."""
    if request.param == "sqlite":
        with _open(f"sqlite:///{tmp_path / 'bare.db'}") as database:
            yield database
        return
    make: Callable[[], URL] = request.getfixturevalue("make_postgres")
    with _open(make()) as database:
        yield database


@pytest.fixture
def unmigrated_sqlite(tmp_path: Path) -> Iterator[Database]:
    """A SQLite database without a single table."""
    with _open(f"sqlite:///{tmp_path / 'bare.db'}") as database:
        yield database


@pytest.fixture
def make_postgres(postgres_server: URL) -> Iterator[Callable[[], URL]]:
    """Makes PostgreSQL databases without tables and drops them after the test, with roles that are named after them."""
    made: list[URL] = []

    def make() -> URL:
        made.append(_create(postgres_server, f"pristan_bare_{uuid4().hex[:12]}"))
        return made[-1]

    yield make
    for url in made:
        _drop(postgres_server, url)
        _drop_roles(postgres_server, str(url.database))


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> URL:
    """A server on which databases can be made. Without one its tests fail; they are never left out."""
    try:
        return make_url(postgres.server(pytestconfig.stash[_ROOM], pytestconfig.stash[_PYTEST_PID]))
    except postgres.NoPostgres as problem:
        pytest.fail(f"No PostgreSQL for the tests. {problem}", pytrace=False)


@pytest.fixture(scope="session")
def _postgres_own(pytestconfig: pytest.Config, postgres_server: URL) -> Iterator[tuple[Database, sa.Connection]]:
    """This worker's own database, a copy of the one that was migrated, and the connection that empties it."""
    template, prefix = _template_name(pytestconfig), _role_prefix(pytestconfig)
    with _once(pytestconfig, "postgres-template") as first:
        if first:
            made = _create(postgres_server, template)
            _migrate(made)
            with _superuser(made) as connection:
                roles.create(connection, prefix)
                roles.apply(connection, prefix)
                _open_undeclared(connection, prefix)
        own = _create(postgres_server, f"pristan_{uuid4().hex[:12]}", template)
    with _open(own) as database, _superuser(own) as sweeper, ExitStack() as opened:
        _make_broom(sweeper)
        _as_roles[database.url] = {
            role: opened.enter_context(
                _open(own.update_query_dict({"options": f"-c role={role.named(prefix)}"}), connections=16)
            )
            for role in DatabaseRole
        }
        yield database, sweeper
    _drop(postgres_server, own)


@pytest.fixture(scope="session")
def _sqlite_own(_sqlite_template: Path) -> Iterator[Database]:
    """This worker's own file, copied again for each test."""
    with _open(f"sqlite:///{_own_folder(_sqlite_template) / 'pristan.db'}") as database:
        yield database


def _own_folder(template: Path) -> Path:
    """Beside the template, in memory where there is room: a commit waits for its file to be safe, and a disk takes its time."""
    return Path(tempfile.mkdtemp(prefix="sqlite-", dir=template.parent))


@pytest.fixture(scope="session")
def _sqlite_template(pytestconfig: pytest.Config) -> Path:
    template = pytestconfig.stash[_ROOM] / "template.db"
    with _once(pytestconfig, "sqlite-template") as first:
        if first:
            _migrate(f"sqlite:///{template}")
    return template


def _role_prefix(config: pytest.Config) -> str:
    """Roles belong to the whole server: those of this run have names of their own."""
    return f"pristan_{config.stash[_PYTEST_PID]}"


def _template_name(config: pytest.Config) -> str:
    return f"pristan_template_{config.stash[_PYTEST_PID]}"


@contextmanager
def _once(config: pytest.Config, what: str) -> Iterator[bool]:
    """True for the first worker of the run that comes here and gets through; the others wait for it."""
    import fcntl

    done = config.stash[_ROOM] / f"{what}.done"
    with (config.stash[_ROOM] / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not done.exists()
        done.touch()


@contextmanager
def _open(url: str | URL, connections: int = 40) -> Iterator[Database]:
    database = Database(
        url if isinstance(url, str) else url.render_as_string(hide_password=False), connections=connections
    )
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def _lent(own: Database) -> Iterator[Database]:
    """For one test: with connections and a writer's turn of its own."""
    database = copy.copy(own)
    database.writer_lock = threading.Lock() if own.writer_lock else None
    try:
        yield database
    finally:
        database.dispose()


def _migrate(url: str | URL) -> None:
    with _open(url) as database:
        migrate(database)


@contextmanager
def _superuser(url: URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


def _create(server: URL, name: str, template: str = "template0") -> URL:
    with _superuser(server) as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return server.set(database=name)


def _drop(server: URL, url: URL) -> None:
    with _superuser(server) as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')


def _open_undeclared(connection: sa.Connection, prefix: str) -> None:
    """A table that nobody has declared yet fails the test that asks for it, and not every other test as well."""
    for table in sa.inspect(connection).get_table_names():
        if table not in PRIVILEGES and table != "alembic_version":
            for role in DatabaseRole:
                connection.exec_driver_sql(f'GRANT ALL ON {table} TO "{role.named(prefix)}"')


def _drop_roles(server: URL, prefix: str) -> None:
    with _superuser(server) as connection:
        for role in DatabaseRole:
            connection.exec_driver_sql(f'DROP ROLE IF EXISTS "{role.named(prefix)}"')


def _make_broom(sweeper: sa.Connection) -> None:
    """A function of this connection that empties every table and sets the sequences back.

    Deleting costs a tenth of truncating, which makes a new file for each table and index. Deleted rows leave room behind, so a
    table that has grown large is truncated. The statements are written out, so that they are planned once a worker.
    """
    tables = [name for name in sa.inspect(sweeper).get_table_names() if name != "alembic_version"]
    sequences = [row[0] for row in sweeper.exec_driver_sql("SELECT sequencename FROM pg_sequences")]
    emptied = "\n".join(
        f"IF EXISTS (SELECT FROM {name}) THEN"
        f" IF pg_table_size('{name}') > {_LARGE} THEN large := large || '{name}'::text; ELSE DELETE FROM {name}; END IF;"
        " END IF;"
        for name in tables
    )
    sweeper.exec_driver_sql(f"""
CREATE FUNCTION pg_temp.empty() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
DECLARE
  large text[] := '{{}}';
BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
  {emptied}
  IF cardinality(large) > 0 THEN
    EXECUTE 'TRUNCATE ' || array_to_string(large, ', ') || ' CASCADE';
  END IF;
  {" ".join(f"PERFORM setval('{name}', 1, false);" for name in sequences)}
END $$
""")  # the audit log refuses to be shortened, and rightly so: its trigger does not fire for a replica


_EMPTY: Final = sa.text("SELECT pg_temp.empty()")
_LARGE: Final = 1_000_000  # bytes
