"""Implementation of `pristan database grants` and `pristan database recount`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from app.app_context import open_app_context
from app.cli import files
from app.operations import database_roles, privileges
from app.reporting import kept_figures

_LEAST_PASSWORD: Final = 20
database_app = typer.Typer(no_args_is_help=True, help="Roles and privileges on PostgreSQL; the figures of reports.")


@database_app.command()
def grants(
    prefix: Annotated[str, typer.Option(help="The beginning of the roles' names, like pristan_public.")] = "pristan",
    passwords: Annotated[
        Path | None,
        typer.Option(
            help="A folder with a password for each role, in files like db_password_public.", callback=files.folder
        ),
    ] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Print the statements and change nothing.")] = False,
) -> None:
    """Make the roles of the surfaces, and give each exactly the privileges that its work needs. Safe to repeat."""
    if (
        not prefix.isascii()
        or not prefix.replace("_", "").isalnum()
        or not prefix[0].isalpha()
        or prefix.lower() != prefix
    ):
        raise typer.BadParameter("the prefix consists of lower-case letters, digits and _")
    given = _passwords(passwords) if passwords else {}
    database = open_app_context().database
    if database.dialect != "postgresql":
        typer.echo("SQLite has no roles: nothing to do.")
        return
    with database.engine.connect() as connection:
        statements = [
            *database_roles.create(connection, prefix),
            *database_roles.apply(connection, prefix),
        ]
        if print_only:
            connection.rollback()
        else:
            for role, password in given.items():
                database_roles.set_password(connection, role.named(prefix), password)
            connection.commit()
    database.dispose()
    if print_only:
        for statement in statements:
            typer.echo(f"{statement};")
        return
    names = ", ".join(role.named(prefix) for role in privileges.DatabaseRole)
    typer.echo(f"The roles have their privileges: {names}.")
    if not given:
        typer.echo(r"A new role has no password yet. Give it one in psql: \password " + f"{prefix}_public")


def _passwords(folder: Path) -> dict[privileges.DatabaseRole, str]:
    """The passwords in this folder; a role without a file keeps the one it has. Raises BadParameter; exits with 2."""
    by_role = {
        role: files.text(folder / f"db_password_{role.value}").strip()
        for role in privileges.DatabaseRole
        if (folder / f"db_password_{role.value}").exists()
    }
    if any(len(password) < _LEAST_PASSWORD for password in by_role.values()):
        raise typer.BadParameter(f"a role's password must have at least {_LEAST_PASSWORD} characters")
    return by_role


@database_app.command()
def recount() -> None:
    """Count every case again for the figures of reports. Safe while the service is running, and to repeat."""
    database = open_app_context().database
    with database.begin() as session:
        kept_figures.note_all(session)
    settled = some = 0
    while some or not settled:
        with database.begin() as session:
            some = kept_figures.settle(session)
        settled += some
        if not some:
            break
    database.dispose()
    typer.echo(f"Counted again: {settled} cases.")
