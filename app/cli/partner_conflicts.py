"""`pristan partner conflicts`: upload hashes of a conflict list; the list itself never leaves this machine."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import files
from app.cli.partner_session import open_client, reporting_errors
from app.client import conflicts

conflicts_app = typer.Typer(
    no_args_is_help=True, help="People you must not advise: hashed on this machine, compared by the service."
)

MAX_PROBLEMS_SHOWN = 20
_KINDS = {"name": "names", "phone": "phone numbers", "email": "e-mail addresses", "handle": "user names"}


@conflicts_app.command()
def upload(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV or XLSX with headings such as name, phone, email, telegram; or one identifier per line."
        ),
    ],
    country: Annotated[str, typer.Option(help="Country of phone numbers without a country code, for example PL.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check which cells can be used; send nothing.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Send the cells that are understood, even if others cannot be used.")
    ] = False,
) -> None:
    """Hash a list on this machine and add the hashes to your conflict list. The service never reports matches.

    Nothing is sent while a cell is not understood, unless you accept that it is left out.
    """
    try:
        parsed = conflicts.read_file(files.content(file), country.upper())
    except conflicts.UnreadableListError as error:
        files.refuse(file, str(error))
    counts = parsed.understood or {}
    understood = ", ".join(f"{counts[kind]} {what}" for kind, what in _KINDS.items() if counts.get(kind)) or "Nothing"
    typer.echo(f"{understood} understood{f', read as {parsed.encoding}' if parsed.encoding else ''}.")
    for problem in parsed.problems[:MAX_PROBLEMS_SHOWN]:
        typer.echo(str(problem), err=True)
    if len(parsed.problems) > MAX_PROBLEMS_SHOWN:
        typer.echo(f"and {len(parsed.problems) - MAX_PROBLEMS_SHOWN} more", err=True)
    if dry_run:
        return
    if parsed.problems and not accept:
        typer.echo(
            f"Nothing was sent: {len(parsed.problems)} places are not understood. Correct them, or send the rest with --accept.",
            err=True,
        )
        raise typer.Exit(2)
    if not parsed.identifiers:
        typer.echo("Nothing was sent: nothing in this file is understood.", err=True)
        raise typer.Exit(2)
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
