"""`pristan sandbox`: API clients for users who need their own client in the sandbox."""

from typing import Annotated

import typer

sandbox_app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="Manage the sandbox of the partner API."
)


@sandbox_app.callback()
def about() -> None:
    """Manage the sandbox of the partner API."""


@sandbox_app.command()
def client(
    name: Annotated[
        str, typer.Argument(help="Client id of lower-case letters, digits and dashes, for example acme-test.")
    ],
) -> None:
    """Create a separate sandbox client, which may also register webhooks. Prints its secret once."""
    from app.app_context import open_app_context
    from app.core.clock import utc_now
    from app.core.errors import Conflict
    from app.partners import sandbox_identity

    context = open_app_context()
    with context.database.begin() as session:
        try:
            secret = sandbox_identity.add_own_client(session, context.keys, name, utc_now())
        except Conflict as refused:
            typer.echo(refused.detail, err=True)
            raise typer.Exit(1) from None
    typer.echo(f"client id      {name}\nclient secret  {secret}")
