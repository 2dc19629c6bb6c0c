"""Implementation of `pristan status`."""

import typer

from app.app_context import open_app_context
from app.core.clock import utc_now
from app.operations.status import read_status


def print_status() -> None:
    """Print the codes of the problems that *Operations* shows. Exits with 1 if there are any. Reads only."""
    context = open_app_context()
    with context.database.begin(write=False) as session:
        problems = read_status(session, context.keys, utc_now(), context.settings.storage_limits).problems()
    context.database.dispose()
    if not problems:
        typer.echo("Nothing to do.")
        return
    for code in problems:
        typer.echo(code)
    raise typer.Exit(1)
