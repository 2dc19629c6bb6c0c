"""`pristan notices`: test how notices are sent, and process mails that came back."""

from typing import Annotated, Final

import typer

notices_app = typer.Typer(no_args_is_help=True, help="Test how notices are sent, and process mails that came back.")
TRY_AGAIN: Final = 75
"""EX_TEMPFAIL of sysexits: a mail server keeps the mail and tries again later."""


@notices_app.command("test")
def send_one(
    member: Annotated[str, typer.Option(help="The sign-in name of a member.")] = "",
    organisation: Annotated[str, typer.Option(help="The short name of an organisation, such as pl-hfhr.")] = "",
    way: Annotated[str, typer.Option(help="The name of one of PRISTAN_TEAM_WAYS.")] = "",
) -> None:
    """Send one test notice now, with the settings of this process, and print the answer of the other end.

    Exit code 1: it failed.
    """
    from app.cli.way_test import send_test

    if sum(map(bool, (member, organisation, way))) != 1:
        typer.echo("Give exactly one of --member, --organisation and --way.", err=True)
        raise typer.Exit(2)
    text, is_good = send_test(member=member, organisation=organisation, way=way)
    typer.echo(text, err=not is_good)
    if not is_good:
        raise typer.Exit(1)


@notices_app.command()
def bounce() -> None:
    """Read from standard input one mail that came back, and count it. For a mail server to pipe mails of PRISTAN_SMTP_BOUNCES into.

    A mail that is no report about a notice of ours changes nothing. Exit code 75: the database is not reached; try again later.
    """
    from sqlalchemy.exc import DBAPIError

    from app.app_context import open_app_context
    from app.casework import broken_addresses
    from app.core.clock import utc_now
    from app.core.errors import Unavailable
    from app.messaging import bounces

    found = bounces.read(typer.get_binary_stream("stdin").read(bounces.MOST_BYTES))
    if found is None:
        typer.echo("nothing")
        return
    try:
        with open_app_context().database.begin() as session:
            typer.echo(broken_addresses.returned(session, found, utc_now()))
    except (DBAPIError, Unavailable):
        typer.echo("The database cannot be reached.", err=True)
        raise typer.Exit(TRY_AGAIN) from None
