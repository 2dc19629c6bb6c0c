"""`pristan partner conflicts`: the conflict list from a file that never leaves this machine."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.partner import _client, _told
from app.client import conflicts

conflicts_app = typer.Typer(no_args_is_help=True, help="Whom you must not advise: hashed here, compared there.")

SHOWN = 20


@conflicts_app.command()
def upload(
    file: Annotated[
        Path,
        typer.Argument(help="A table with the columns name, phone, email, handle; or one identifier a line."),
    ],
    country: Annotated[str, typer.Option(help="For phone numbers without a country code, like PL.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what can be read of it.")] = False,
) -> None:
    """Hash a list with your salt, here, and add the hashes to your list. Whether anybody is hit is never told."""
    try:
        found = conflicts.read(file.read_text(encoding="utf-8-sig").splitlines(), country.upper())
    except (OSError, UnicodeError) as error:
        typer.echo(f"{file.name}: {type(error).__name__}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{len(found.identifiers)} identifiers to hash")
    if found.skipped:
        lines = ", ".join(map(str, found.skipped[:SHOWN])) + (" …" if len(found.skipped) > SHOWN else "")
        typer.echo(f"Nothing can be used of {len(found.skipped)} lines (a name needs two words): {lines}", err=True)
    if dry_run or not found.identifiers:
        return
    with _told(), _client() as client:
        hashed = conflicts.hashes(found.identifiers, client.conflict_salt())
        entries = client.add_conflicts(hashed, form=conflicts.FORM)
    typer.echo(f"Sent. Your list has {entries} entries.")


@conflicts_app.command()
def clear(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Empty your list. Cases that were kept from you stay so."""
    if not yes:
        typer.confirm("Empty the whole list?", abort=True)
    with _told(), _client() as client:
        client.clear_conflicts()
    typer.echo("Your list is empty.")
