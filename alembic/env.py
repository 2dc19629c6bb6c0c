"""How migrations run: on the database of the settings, or on a connection handed over by `app.app_context.migrate` and the
tests.
"""

from sqlalchemy import Connection, text

import app.model_registry  # noqa: F401  fills Base.metadata
from alembic import context
from app.core.db import Base, Database
from app.settings import Settings

LOCK_TIMEOUT = "4s"


def run(connection: Connection) -> None:
    ours = not connection.in_transaction()  # then each migration is a separate transaction
    if connection.dialect.name == "postgresql":
        how = "SET" if ours else "SET LOCAL"
        connection.execute(text(f"{how} lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"{how} statement_timeout = 0"))
        if ours:
            connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        transaction_per_migration=ours,
    )
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        if ours and connection.dialect.name == "postgresql" and not connection.in_transaction():
            connection.execute(text("RESET ALL"))
            connection.commit()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with Database(Settings().database_url).engine.connect() as own:
        run(own)
