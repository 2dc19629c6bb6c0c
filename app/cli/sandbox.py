"""`pristan sandbox`: what an operator does for somebody who wants more of the sandbox than what is published."""

from typing import Annotated

import typer

sandbox_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="The sandbox of the partner API.")


@sandbox_app.callback()
def about() -> None:
    """The sandbox of the partner API."""


@sandbox_app.command()
def client(
    name: Annotated[str, typer.Argument(help="Its client id: small letters, digits and dashes, like acme-test.")],
) -> None:
    """Make a program of somebody's own in the sandbox, which may register webhooks too; prints its secret once."""
    from app.app_context import open_app_context
    from app.core.clock import utc_now
    from app.core.errors import Conflict
    from app.partners import sandbox_identity

    house = open_app_context()
    with house.database.begin() as session:
        try:
            secret = sandbox_identity.add_own_client(session, house.keys, name, utc_now())
        except Conflict as refused:
            typer.echo(refused.detail, err=True)
            raise typer.Exit(1) from None
    typer.echo(f"client id      {name}\nclient secret  {secret}")
