"""Opening the house from a command: settings, keys, database, migrations, directory."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from app.core.clock import utc_now
from app.core.db import Database
from app.core.keyring import KeyRing, load_or_create
from app.directory.packs import Directory, load_packs
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class House:
    settings: Settings
    database: Database
    keys: KeyRing
    directory: Directory


def open_house(settings: Settings | None = None) -> House:
    """Raises WeakSecret, UnsafeDatabase."""
    settings = settings or Settings()
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = load_or_create(settings.key_file, utc_now().date())
    return House(settings, Database(settings.database_url), keys, load_packs())


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the schema to `revision`; safe beside the running version, and when two start it at once."""
    from alembic.config import Config

    from alembic import command

    config = Config(str(ROOT / "alembic.ini"))
    with database.engine.begin() as connection:
        if database.dialect == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": 0x50524D4947})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
