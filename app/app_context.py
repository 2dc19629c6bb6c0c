"""The application context of commands: settings, keys, database, directory; and running the migrations."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from app.core.clock import utc_now
from app.core.db import Database
from app.core.keyring import KeyRing, load_or_create
from app.core.replica import Replica
from app.directory.packs import Directory, load_packs
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
_MIGRATING = 0x50524D4947


@dataclass(frozen=True, slots=True)
class AppContext:
    """The parts of the application that a command needs."""

    settings: Settings
    database: Database
    keys: KeyRing
    directory: Directory


def open_app_context(settings: Settings | None = None) -> AppContext:
    """Read the settings, keys and directory, and connect to the database. Raises WeakSecret, UnsafeDatabase."""
    settings = settings or Settings()
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = load_or_create(settings.key_file, utc_now().date())
    database = main_database(settings)
    database.check_before_writing(accept_loss=settings.accept_data_loss)
    return AppContext(settings, database, keys, load_packs())


def main_database(settings: Settings) -> Database:
    """The database that is written, through the connection pooler if there is one. Raises UnsafeDatabase."""
    return Database(
        settings.database_url,
        pooled=settings.database_pooler == "transaction",
        connections=settings.database_connections,
    )


def replica_of(settings: Settings, primary: Database) -> Replica | None:
    """The replica of the settings; it is not connected to before somebody reads. Raises UnsafeDatabase."""
    if not settings.database_read_url:
        return None
    database = Database(
        settings.database_read_url,
        pooled=settings.database_pooler == "transaction",
        replica=True,
        connections=settings.database_connections,
    )
    return Replica(database, primary, settings.database_read_behind)


def direct_database(settings: Settings) -> Database:
    """The database without the connection pooler in between: for migrations, which hold locks of a session."""
    return Database(settings.migrate_database_url or settings.database_url)


def migrate(database: Database, revision: str = "head") -> None:
    """Migrate the schema to `revision`. Safe while another version is running, and when two processes start it at the same time.

    On PostgreSQL each migration is a separate transaction, so that one may build an index while others write; an advisory lock
    keeps other migrations out. On SQLite all migrations are one transaction.
    """
    from alembic.config import Config

    from alembic import command

    config = Config(str(ROOT / "alembic.ini"))
    if database.dialect != "postgresql":
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        return
    with database.engine.connect() as waiting, database.engine.connect() as connection:
        guard = waiting.execution_options(isolation_level="AUTOCOMMIT")
        guard.execute(sa.text("SET lock_timeout = 0"))
        guard.execute(sa.text("SET statement_timeout = 0"))
        guard.execute(sa.text("SELECT pg_advisory_lock(:lock)"), {"lock": _MIGRATING})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        finally:
            guard.execute(sa.text("SELECT pg_advisory_unlock(:lock)"), {"lock": _MIGRATING})
            guard.execute(sa.text("RESET ALL"))
