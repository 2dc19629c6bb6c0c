"""`pristan partner conflicts`: upload hashes of a conflict list; the list itself never leaves this machine."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from app.cli import files
from app.cli.partner import open_client, reporting_errors
from app.client import conflicts

conflicts_app = typer.Typer(
    no_args_is_help=True, help="People you must not advise: hashed on this machine, compared by the service."
)

MAX_LINES_SHOWN = 20


@conflicts_app.command()
def upload(
    file: Annotated[
        Path,
        typer.Argument(help="CSV with the columns name, phone, email, handle; or one identifier per line."),
    ],
    country: Annotated[str, typer.Option(help="Country of phone numbers without a country code, for example PL.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check which lines can be used; send nothing.")
    ] = False,
) -> None:
    """Hash a list on this machine and add the hashes to your conflict list. The service never reports matches."""
    try:
        parsed = conflicts.read(files.text(file).splitlines(), country.upper())
    except csv.Error:
        files.refuse(file, "it is not a list in CSV")
    typer.echo(f"{len(parsed.identifiers)} identifiers to hash")
    if parsed.skipped:
        lines = ", ".join(map(str, parsed.skipped[:MAX_LINES_SHOWN])) + (
            " …" if len(parsed.skipped) > MAX_LINES_SHOWN else ""
        )
        typer.echo(f"{len(parsed.skipped)} lines cannot be used (a name needs at least two words): {lines}", err=True)
    if dry_run or not parsed.identifiers:
        return
    with reporting_errors(), open_client() as client:
        hashed = conflicts.hashes(parsed.identifiers, client.conflict_salt())
        entries = client.add_conflicts(hashed, form=conflicts.FORM)
    typer.echo(f"Sent. Your list has {entries} entries.")


@conflicts_app.command()
def clear(yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False) -> None:
    """Delete all entries of your conflict list. Cases already withheld from you stay withheld."""
    if not yes:
        typer.confirm("Delete all entries of your conflict list?", abort=True)
    with reporting_errors(), open_client() as client:
        client.clear_conflicts()
    typer.echo("Your list is empty.")
