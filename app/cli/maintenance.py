"""The commands of upkeep: `pristan keys`, `members`, `recover`, `backup`, `restore`, `freeze`, `unfreeze`."""

from pathlib import Path
from typing import Annotated

import typer

keys_app = typer.Typer(
    no_args_is_help=True, help="The server's epoch key, the keys of teams and organisations, the key of backups."
)
members_app = typer.Typer(no_args_is_help=True, help="The first admin.")

Team = Annotated[str, typer.Option(help="Rotate this team's key in place of the epoch key.")]
As = Annotated[str, typer.Option("--as", help="Member whose passphrase opens the team's key; empty: the recovery key.")]
Backup = Annotated[
    Path | None, typer.Option(help="Make a backup here when all is locked anew and before the old key is destroyed.")
]


@keys_app.command()
def rotate(team: Team = "", member: As = "", backup: Backup = None) -> None:
    """Lock or seal everything anew and destroy the old key. Safe to kill and to run again; two at once do no harm.

    Backups from before open no more afterwards: that is the purpose. Make one with --backup.
    """
    from app.cli.keys import rotate_epoch, rotate_team

    if team:
        rotate_team(team, member)
    else:
        rotate_epoch(backup)


@keys_app.command("backup-key")
def backup_key() -> None:
    """Make the key pair that backups are sealed to; prints the private half once. Keep it away from this machine."""
    from app.app_context import open_app_context
    from app.cli.backups import make_backup_key

    make_backup_key(open_app_context())


@members_app.command("invite-admin")
def invite_admin(name: Annotated[str, typer.Argument(help="Sign-in name.")]) -> None:
    """A one-time code for the first admin. When there is one, the next is proposed and approved at the desk, by two people."""
    from app.cli.members import invite_admin as run

    run(name)


def recover(
    member: Annotated[str, typer.Argument(help="Who is given the keys of their team or organisation.")],
    renew: Annotated[bool, typer.Option(help="Replace the recovery key that was used; prints the new one.")] = True,
) -> None:
    """With the offline recovery key: give a member the keys again that nobody else holds any more."""
    from app.cli.keys import recover as run

    run(member, renew=renew)


def backup(file: Annotated[Path, typer.Argument(help="Where to; must not exist yet.")]) -> None:
    """Write everything into one file, sealed to the backup key, while the service runs."""
    from app.app_context import open_app_context
    from app.cli.backups import make_backup

    make_backup(open_app_context(), file)


def restore(file: Annotated[Path, typer.Argument(help="A backup.", exists=True, dir_okay=False)]) -> None:
    """Put a backup into an empty database (of either kind). Asks for the private backup key."""
    from app.cli.backups import restore as run

    run(file)


def freeze() -> None:
    """Stop all reading by partners, in every process, at once."""
    from app.cli.members import turn_freeze

    turn_freeze(on=True)


def unfreeze() -> None:
    """Let partners read again."""
    from app.cli.members import turn_freeze

    turn_freeze(on=False)
