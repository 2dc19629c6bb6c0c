"""Implementation of `pristan keys rotate` and `pristan recover`: key rotation and recovery with the offline key."""

import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import typer

from app.app_context import AppContext, open_app_context
from app.cases import restriction
from app.cli import recovery_proof
from app.core.clock import utc_now
from app.core.errors import AppError
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.operations import rotation, team_keys
from app.staff import recovery
from app.staff import service as staff
from app.staff.recovery import WrongKey


def rotate_epoch(backup: Path | None, *, root: bool = False, at_once: bool = False) -> None:
    """Re-encrypt all values under a new epoch key and destroy the old one; make a backup before that if a file is given.

    `root`: replace the root secret too, after the recovery key of the first team was typed.
    """
    context = open_app_context()
    if root:
        with context.database.begin(write=False) as session:
            recovery_proof.require(session)
    with context.database.begin(write=False) as session:
        length = rotation.remaining(
            session, context.keys.current if len(context.keys.epochs) > 1 else context.keys.current + 1
        )

    def take_backup(_ring: KeyRing) -> None:
        if backup is not None:
            from app.cli.backups import make_backup

            typer.echo()
            make_backup(context, backup)

    with typer.progressbar(length=length, label="Re-encrypting") as bar:
        report = rotation.rotate(
            context.database,
            context.settings.key_file,
            utc_now,
            progress=bar.update,
            before_destroying=take_backup,
            root=root,
            in_flight=timedelta(0) if at_once else rotation.IN_FLIGHT,
            publish=published_by(context.settings.key_file_publish),
        )
    typer.echo(
        f"{report.reencrypted} values re-encrypted under epoch key {report.epoch}. Destroyed: {list(report.destroyed)}."
    )
    if report.new_root:
        typer.echo("The root secret is new. Nothing in the database is left under the former one.")
    if report.unreadable:
        typer.echo(f"{report.unreadable} values could not be decrypted because their keys were destroyed earlier.")
    if backup is None:
        typer.echo(
            "Backups made before this rotation can no longer be decrypted. Make a new one now: pristan backup FILE"
        )


def published_by(program: Path | None) -> Callable[[Path], None]:
    """The function that gives the changed key file to other machines by the operator's program; without one it does nothing.

    Exits with 1 when it fails.
    """

    def publish(key_file: Path) -> None:
        if program is None:
            return
        done = subprocess.run([program, key_file.absolute()], check=False)
        if done.returncode:
            typer.echo(
                f"{program} ended with {done.returncode}: other machines may lack the changed key file. Nothing was lost."
                " Fix this, and run the same command again.",
                err=True,
            )
            raise typer.Exit(1)

    return publish


def rotate_team(slug: str, member: str) -> None:
    """Re-encrypt the case keys of a team to a new team key and destroy the grants of the old one."""
    context = open_app_context()
    try:
        seeds = _private_seeds(context, member)
        with context.database.begin(write=False) as session:
            team_id = team_keys.team_by_slug(session, slug)
            length = team_keys.wraps(session, team_id)
        typer.echo("At the end this waits a minute for requests that began before the new key existed.")
        with typer.progressbar(length=length, label="Re-encrypting") as bar:
            moved, destroyed = team_keys.rotate(
                context.database, context.keys, team_id, seeds, utc_now, progress=bar.update
            )
    except (AppError, WrongKey, CannotOpen) as error:
        typer.echo(str(error) or "This key or passphrase is wrong.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{moved} case keys encrypted to the new team key; {destroyed} grants of the old key destroyed.")


def _private_seeds(context: AppContext, member: str) -> Mapping[UUID, bytes]:
    """The private seeds that a member's passphrase, or else the recovery key, decrypts. Raises WrongKey."""
    if not member:
        seed = recovery.parse_key(typer.prompt("Recovery key", hide_input=True))
        with context.database.begin(write=False) as session:
            return recovery.granted_seeds(session, seed)
    passphrase = typer.prompt(f"Passphrase of {member}", hide_input=True)
    with context.database.begin(write=False) as session:
        sign_in = staff.begin_sign_in(session, member)
    own_seed = staff.open_seed(context.keys, sign_in, passphrase)
    if own_seed is None or sign_in.member_id is None:
        raise WrongKey("The name or the passphrase is wrong.")
    with context.database.begin(write=False) as session:
        return team_keys.held_by(session, staff.key_id(session, sign_in.member_id), own_seed)


def recover(member: str, *, renew: bool, case: str = "") -> None:
    """Ask for the recovery key and grant the member the keys of their team or organisation, or that of one restricted case."""
    context = open_app_context()
    try:
        seed = recovery.parse_key(typer.prompt("Recovery key", hide_input=True))
        with context.database.begin() as session:
            if case:
                granted = restriction.recover(session, seed, case.strip().upper(), member, utc_now())
            else:
                granted = recovery.grant_to(session, seed, member, utc_now())
            new = recovery.renew(session, seed, utc_now()) if renew else None
    except (AppError, WrongKey, CannotOpen) as error:
        typer.echo(str(error) or "This key or passphrase is wrong.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{granted} keys granted.")
    if new is not None:
        typer.echo("The recovery key you typed is no longer valid. The new one is shown only once. Write it on paper:")
        typer.echo(recovery.format_key(new))
