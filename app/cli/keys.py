"""What `pristan keys` and `pristan recover` do: new keys for old, and the day on which nobody holds one any more."""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import typer

from app.app_context import AppContext, open_app_context
from app.core.clock import utc_now
from app.core.errors import AppError
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.operations import rotation, team_keys
from app.staff import recovery
from app.staff import service as staff
from app.staff.recovery import WrongKey


def rotate_epoch(backup: Path | None) -> None:
    house = open_app_context()
    with house.database.begin(write=False) as session:
        length = rotation.remaining(
            session, house.keys.current if len(house.keys.epochs) > 1 else house.keys.current + 1
        )

    def take_backup(_ring: KeyRing) -> None:
        if backup is not None:
            from app.cli.backups import make_backup

            typer.echo()
            make_backup(house, backup)

    with typer.progressbar(length=length, label="Re-encrypting") as bar:
        report = rotation.rotate(
            house.database, house.settings.key_file, utc_now, progress=bar.update, before_destroying=take_backup
        )
    typer.echo(
        f"{report.reencrypted} values are encrypted under epoch key {report.epoch}. Destroyed: {list(report.destroyed)}."
    )
    if report.unreadable:
        typer.echo(f"{report.unreadable} values could not be decrypted: their keys had been destroyed before.")
    if backup is None:
        typer.echo("Backups made before this cannot be opened any more. Make a new one now: pristan backup FILE")


def rotate_team(slug: str, member: str) -> None:
    house = open_app_context()
    try:
        held = _held(house, member)
        with house.database.begin() as session:
            team_id = team_keys.team_by_slug(session, slug)
            team_keys.begin(session, team_id, held, utc_now())
        with house.database.begin(write=False) as session:
            length = team_keys.remaining(session, team_id)
        with typer.progressbar(length=length, label="Sealing anew") as bar:
            moved = team_keys.rewrap_cases(house.database, house.keys, team_id, held, bar.update)
        with house.database.begin() as session:
            destroyed = team_keys.end(session, team_id, utc_now())
    except (AppError, WrongKey, CannotOpen) as error:
        typer.echo(str(error) or "This opens nothing.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{moved} wraps are sealed to the team's new key; {destroyed} grants of the old key are destroyed.")


def _held(house: AppContext, member: str) -> Mapping[UUID, bytes]:
    """The private seeds that a passphrase or the recovery key opens. Raises WrongKey."""
    if not member:
        seed = recovery.parse_key(typer.prompt("Recovery key", hide_input=True))
        with house.database.begin(write=False) as session:
            return recovery.granted_seeds(session, seed)
    passphrase = typer.prompt(f"Passphrase of {member}", hide_input=True)
    with house.database.begin(write=False) as session:
        tried = staff.begin_sign_in(session, member)
    own = staff.open_seed(house.keys, tried, passphrase)
    if own is None or tried.member_id is None:
        raise WrongKey("Name or passphrase is not right.")
    with house.database.begin(write=False) as session:
        return team_keys.held_by(session, staff.key_id(session, tried.member_id), own)


def recover(member: str, *, renew: bool) -> None:
    house = open_app_context()
    try:
        seed = recovery.parse_key(typer.prompt("Recovery key", hide_input=True))
        with house.database.begin() as session:
            given = recovery.grant_to(session, seed, member, utc_now())
            new = recovery.renew(session, seed, utc_now()) if renew else None
    except (AppError, WrongKey, CannotOpen) as error:
        typer.echo(str(error) or "This opens nothing.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{given} keys were granted.")
    if new is not None:
        typer.echo("The recovery key that you typed opens nothing any more. The new one, shown once, for paper:")
        typer.echo(recovery.format_key(new))
