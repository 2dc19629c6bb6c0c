"""How migrations run: on the database of the settings, or on a connection handed over by `app.cli.migrate` and the tests."""

from sqlalchemy import Connection, text

import app.tables  # noqa: F401  fills Base.metadata
from alembic import context
from app.core.db import Base, Database
from app.settings import Settings

LOCK_TIMEOUT = "4s"


def run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with Database(Settings().database_url).engine.begin() as own:
        run(own)
