"""The first day of a network: keys, a team, its first member, the recovery key; and small upkeep."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import typer
from sqlalchemy.orm import Session

from app import audit
from app.cli.house import migrate, open_house
from app.core import keyholders
from app.core.clock import utc_now
from app.core.keyholders import SealingKey
from app.core.keyring import KeyRing
from app.directory import service as directory_service
from app.directory.packs import PackError, load_packs
from app.staff import recovery
from app.staff import service as staff
from app.staff.models import Role


@dataclass(frozen=True, slots=True)
class Founded:
    """`recovery` is the private seed of the offline key, in base32: shown once, written nowhere."""

    team_key: SealingKey
    team_seed: bytes
    recovery_key: SealingKey
    recovery: str


def found_team(session: Session, slug: str, name: str, countries: list[str], now: datetime) -> Founded:
    """A team and an offline recovery key that can open it."""
    _team, team_key, team_seed = staff.add_team(session, slug, name, countries, now)
    recovery_key, recovery_seed = recovery.found(session, now)
    keyholders.grant(session, team_key, team_seed, recovery_key)
    return Founded(team_key, team_seed, recovery_key, recovery.spoken(recovery_seed))


def add_coordinator(
    session: Session, keys: KeyRing, founded: Founded, name: str, role: Role, passphrase: str, now: datetime
) -> str:
    """A member of the founded team, with the team's key; gives the one-time password secret."""
    new = staff.add_member(session, keys, name, role, passphrase, now, team_id=founded.team_key.owner_id)
    keyholders.grant(session, founded.team_key, founded.team_seed, new.key)
    return new.totp_secret


def found_interactively(team: str, countries: list[str], member: str) -> None:
    house = open_house()
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
        founded = found_team(session, team, team, countries, now)
        totp_secret = add_coordinator(session, house.keys, founded, member, Role.SENIOR, passphrase, now)
    typer.echo(f"Secret for the one-time code app: {totp_secret}")
    typer.echo("The recovery key. Write it on paper, keep it away from the server; it is not shown again:")
    typer.echo(founded.recovery)
    typer.echo("Next: pristan members invite-admin NAME, and pristan keys backup-key. See docs/operations.md.")


def load_directory(packs: Path | None) -> None:
    house = open_house()
    try:
        directory = load_packs(packs) if packs else house.directory
    except PackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    with house.database.begin() as session:
        directory_service.upsert(session, directory, utc_now())
    typer.echo(f"{len(directory.organisations)} organisations with {len(directory.services)} services are loaded.")


def verify_audit() -> None:
    house = open_house()
    with house.database.begin(write=False) as session:
        with typer.progressbar(length=audit.length(session), label="Entries") as bar:
            broken = audit.verify(session, progress=bar.update)
    if broken is not None:
        typer.echo(f"The chain breaks at entry {broken.seq}: {broken.problem}.", err=True)
        raise typer.Exit(1)
    typer.echo("The chain holds.")
