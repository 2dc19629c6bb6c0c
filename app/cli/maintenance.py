"""Maintenance commands: `pristan keys`, `members`, `recover`, `backup`, `restore`, `freeze`, `unfreeze`."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import files

keys_app = typer.Typer(
    no_args_is_help=True, help="Manage the server's epoch key, the keys of teams and organisations, and the backup key."
)
members_app = typer.Typer(
    no_args_is_help=True,
    help="Invite the first admin, or replace people when fewer than two are left. Everything else is done at the desk.",
)

Team = Annotated[str, typer.Option(help="Slug of a team: rotate its key instead of the epoch key.")]
As = Annotated[
    str,
    typer.Option(
        "--as", help="Member whose passphrase decrypts the team's key. Without it, the recovery key is asked for."
    ),
]
Backup = Annotated[
    Path | None,
    typer.Option(
        help="File for a backup, made after re-encryption and before the old key is destroyed.", callback=files.writable
    ),
]


Root = Annotated[bool, typer.Option("--root", help="Replace the root secret too. Asks for the recovery key.")]
AtOnce = Annotated[
    bool,
    typer.Option(
        "--at-once",
        help="With --root: stop accepting what was made with the former root, such as forms that people have open.",
    ),
]


@keys_app.command()
def rotate(
    team: Team = "", member: As = "", backup: Backup = None, root: Root = False, at_once: AtOnce = False
) -> None:
    """Re-encrypt everything under a new key and destroy the old one. Can be stopped and run again, or run twice at the same time.

    Earlier backups can no longer be decrypted afterwards; this is the purpose. Use --backup to make a new one.
    """
    from app.cli.keys import rotate_epoch, rotate_team

    if (root and team) or (at_once and not root):
        raise typer.BadParameter("--root cannot be combined with --team, and --at-once needs --root.")
    if team:
        rotate_team(team, member)
    else:
        rotate_epoch(backup, root=root, at_once=at_once)


@keys_app.command("backup-key")
def backup_key() -> None:
    """Create the key pair for backups and print the private key once. Store it away from this machine."""
    from app.app_context import open_app_context
    from app.cli.backups import make_backup_key

    make_backup_key(open_app_context())


@members_app.command("invite-admin")
def invite_admin(name: Annotated[str, typer.Argument(help="Sign-in name of the admin.")]) -> None:
    """Print a one-time code for the first admin. Further admins are proposed and approved at the desk, by two people."""
    from app.cli.members import invite_admin as run

    run(name)


@members_app.command("return")
def let_return(name: Annotated[str, typer.Argument(help="Sign-in name of the member who lost their sign-in.")]) -> None:
    """Print a one-time code for a member who lost passphrase or code app, when no two people are left to do it at the desk.

    Asks for the recovery key.
    """
    from app.cli.members import let_return as run

    run(name)


@members_app.command("invite")
def invite(
    name: Annotated[str, typer.Argument(help="Sign-in name of the new member.")],
    team: Annotated[str, typer.Option(help="Slug of their team.")],
    senior: Annotated[bool, typer.Option("--senior", help="A senior coordinator.")] = False,
) -> None:
    """Print a one-time code for a new coordinator, when no two people are left to do it at the desk. Asks for the recovery key."""
    from app.cli.members import invite as run

    run(name, team, senior=senior)


def recover(
    member: Annotated[str, typer.Argument(help="Member who gets the keys of their team or organisation.")],
    renew: Annotated[bool, typer.Option(help="Replace the recovery key after use and print the new one.")] = True,
    case: Annotated[
        str, typer.Option(help="Label of a restricted case: only its key is given, to a member of its team.")
    ] = "",
) -> None:
    """Use the offline recovery key to give a member keys that no other member holds any more."""
    from app.cli.keys import recover as run

    run(member, renew=renew, case=case)


def backup(
    file: Annotated[Path, typer.Argument(help="File to write. It must not exist.", callback=files.writable)],
) -> None:
    """Write all data into one file, encrypted to the backup key. The service can keep running."""
    from app.app_context import open_app_context
    from app.cli.backups import make_backup

    make_backup(open_app_context(), file)


def restore(file: Annotated[Path, typer.Argument(help="Backup file.")]) -> None:
    """Restore a backup into an empty SQLite or PostgreSQL database. Asks for the private backup key."""
    from app.cli.backups import restore as run

    run(file)


def freeze() -> None:
    """Immediately stop partners from reading any case, in every process."""
    from app.cli.members import turn_freeze

    turn_freeze(on=True)


def unfreeze() -> None:
    """Allow partners to read cases again."""
    from app.cli.members import turn_freeze

    turn_freeze(on=False)


def status() -> None:
    """Print what somebody has to do, one code a line; the handbook (docs/operations.md) says what each means.

    Exits with 1 if there is anything.
    """
    from app.cli.service_status import print_status

    print_status()
