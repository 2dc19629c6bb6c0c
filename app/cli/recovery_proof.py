"""The recovery key as proof that the network itself acts, and not only somebody with access to the server's command line."""

import typer
from sqlalchemy.orm import Session

from app.core.errors import AppError
from app.staff import recovery
from app.staff.recovery import WrongKey


def require(session: Session) -> None:
    """Ask for the recovery key of the network's first team. Exits with 1 for any other."""
    try:
        seed = recovery.parse_key(typer.prompt("Recovery key of the network's first team", hide_input=True))
        recovery.check_holds_key_of(session, seed, None)
    except (AppError, WrongKey) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
