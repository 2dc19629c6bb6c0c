"""The first day of a network: keys, a team, its first member, the recovery key; and small upkeep."""

from pathlib import Path

import typer

from app import audit
from app.app_context import migrate, open_app_context
from app.core.clock import utc_now
from app.directory import loader as directory_service
from app.directory.packs import PackError, load_packs
from app.staff import service as staff
from app.staff import team_setup
from app.staff.models import Role


def found_interactively(team: str, countries: list[str], member: str) -> None:
    house = open_app_context()
    unknown = set(countries) - {country.code for country in house.directory.countries}
    if unknown:
        raise typer.BadParameter(f"no country pack for {', '.join(sorted(unknown))}")
    passphrase = typer.prompt(
        "Passphrase of the first coordinator (12 characters or more)", hide_input=True, confirmation_prompt=True
    )
    if len(passphrase) < staff.MIN_PASSPHRASE:
        raise typer.BadParameter("the passphrase is too short")
    migrate(house.database)
    now = utc_now()
    with house.database.begin() as session:
        directory_service.upsert(session, house.directory, now)
        founded = team_setup.create_team(session, team, team, countries, now)
        totp_secret = team_setup.add_coordinator(session, house.keys, founded, member, Role.SENIOR, passphrase, now)
    typer.echo(f"Secret for the one-time code app: {totp_secret}")
    typer.echo("The recovery key. Write it on paper, keep it away from the server; it is not shown again:")
    typer.echo(founded.recovery)
    typer.echo("Next: pristan members invite-admin NAME, and pristan keys backup-key. See docs/operations.md.")


def load_directory(packs: Path | None) -> None:
    house = open_app_context()
    try:
        directory = load_packs(packs) if packs else house.directory
    except PackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    with house.database.begin() as session:
        directory_service.upsert(session, directory, utc_now())
    typer.echo(f"{len(directory.organisations)} organisations with {len(directory.services)} services are loaded.")


def verify_audit() -> None:
    house = open_app_context()
    with house.database.begin(write=False) as session:
        with typer.progressbar(length=audit.length(session), label="Entries") as bar:
            broken = audit.verify(session, progress=bar.update)
    if broken is not None:
        typer.echo(f"The chain breaks at entry {broken.seq}: {broken.problem}.", err=True)
        raise typer.Exit(1)
    typer.echo("The chain holds.")
