"""Reports why the program cannot start, in one line that says what to type next."""

from typing import Any, Final

import sqlalchemy as sa
import typer
from sqlalchemy.exc import DBAPIError, OperationalError
from typer.core import TyperGroup

from app.core import database_errors, log
from app.core.db import Database, UnsafeDatabase
from app.core.key_file import WeakSecret
from app.core.tracing import NoTracing
from app.settings import Settings

_INIT: Final = "pristan init --team NAME --countries PL,LT --member NAME"
_NO_TABLE: Final = "42P01"
_NO_RIGHT: Final = "42501"


class OneLineGroup(TyperGroup):
    """Commands whose refusals are one line on standard error and exit code 2, not a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (WeakSecret, UnsafeDatabase, NoTracing) as error:
            problem = str(error)
        except DBAPIError as error:
            found = _problem(error)
            if found is None:
                raise
            problem = found
        typer.echo(f"Pristan cannot do this: {problem}", err=True)
        raise typer.Exit(2) from None


def require_ready(database: Database, settings: Settings) -> None:
    """Exit with 2 unless the database has our schema.

    Raises UnsafeDatabase if it can lose what it acknowledges, or if this process may open more connections than it allows.
    """
    try:
        _require_schema(database)
        database.check_durability(accept_loss=settings.accept_data_loss)
        demand = database.check_connections()
        if demand is not None and demand.too_much:
            log.get().warning("connections", code="connections-too-many", count=demand.wanted)
    except BaseException:
        database.dispose()
        raise


def _require_schema(database: Database) -> None:
    with database.engine.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
    if "alembic_version" in tables:
        return
    if tables:
        refuse(
            f"the database {database.url.database} has tables, and none of them are Pristan's: is PRISTAN_DATABASE_URL right?"
        )
    refuse(f"the database {database.url.database} is empty. Type: {_INIT}")


def refuse(problem: str) -> None:
    """Print why, and exit with 2."""
    typer.echo(f"Pristan cannot start: {problem}", err=True)
    raise typer.Exit(2)


def _problem(error: DBAPIError) -> str | None:
    """A problem that an operator can fix, with the server's own words if they are about the connection; None: a bug of ours."""
    state = database_errors.state_of(error)
    if state == _NO_TABLE or "no such table" in str(error.orig):
        return f"the database has no tables of Pristan. Type: {_INIT}"
    if state == _NO_RIGHT:
        return "the role of PRISTAN_DATABASE_URL may not do this (42501): use the one that owns the tables"
    if database_errors.response_to(error) is None:
        return None
    if isinstance(error, OperationalError) and not state:  # libpq's words: host, user and database, no values of ours
        lines = str(error.orig).strip().splitlines() or ["no answer"]
        return f"the database cannot be reached: {lines[0]}"
    return f"the database does not do it now ({state or type(error.orig).__name__})"
