"""Implementation of `pristan backup`, `pristan restore` and `pristan keys backup-key`.

A backup is encrypted to a public key whose private half is kept on another machine; it is restored into an empty database.
"""

import base64
import os
from pathlib import Path
from typing import Any, BinaryIO

import typer

import app.model_registry  # noqa: F401  fills Base.metadata: no table is left out
from app.app_context import AppContext, migrate, open_app_context
from app.cli import files
from app.core.clock import utc_now
from app.core.sealing import X_WING, CannotOpen, KeyPair, check_public_key, kem_of
from app.operations import dump, heartbeats, restored, sealed_file
from app.operations.dump import NotRestorable
from app.operations.sealed_file import DamagedFile
from app.staff import recovery
from app.staff.recovery import WrongKey


def make_backup(context: AppContext, file: Path) -> None:
    """Write an encrypted backup to a new file and record it for the operations page. Exits with 1 if the file exists."""
    public = _public_key(context)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        typer.echo("This file already exists. A backup never overwrites a file.", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        files.refuse(file, files.problem(error))
    with context.database.begin(write=False) as session:
        length = dump.count_rows(session)
    with os.fdopen(descriptor, "wb") as sink, typer.progressbar(length=length, label="Backup") as bar:
        _write(context, sink, public, bar)
    with context.database.begin() as session:
        heartbeats.record(session, heartbeats.BACKUP, utc_now(), schema=True)
    typer.echo(f"Backup written: {file.stat().st_size} bytes. It does not contain the key file: keep that separately.")


def _write(context: AppContext, sink: BinaryIO, public: bytes, bar: Any) -> None:
    """Write all rows and sync them to disk. Deletes the file when this fails."""
    try:
        sealed_file.write(sink, public, dump.lines(context.database, context.settings.var, bar.update))
    except BaseException:
        Path(str(sink.name)).unlink() if isinstance(sink.name, str) else None
        raise
    sink.flush()
    os.fsync(sink.fileno())


def restore(file: Path) -> None:
    """Ask for the private backup key and load the file into an empty database. Exits with 1 if nothing was restored.

    Exits with 2 if the file is no backup, or is damaged or cut off.
    """
    with files.open_binary(file) as source:
        if not sealed_file.is_one(source):
            files.refuse(file, "it is not a backup of Pristan")
    context = open_app_context()
    try:
        pair = KeyPair.from_seed(recovery.parse_key(typer.prompt("Private backup key", hide_input=True)))
        with files.open_binary(file) as source:
            counts = dump.load(
                context.database, sealed_file.read(source, pair), lambda step: migrate(context.database, step)
            )
    except DamagedFile:
        files.refuse(file, "nothing was restored, because the file is damaged or cut off")
    except (CannotOpen, NotRestorable, WrongKey) as error:
        typer.echo(
            f"Nothing was restored: {str(error) or 'the key does not decrypt this file, or the file was changed'}.",
            err=True,
        )
        raise typer.Exit(1) from None
    with context.database.begin() as session:
        back = restored.note(session, utc_now())
    typer.echo(
        f"{sum(counts.values())} rows restored. Values encrypted under a destroyed epoch key cannot be decrypted."
    )
    if back.until is not None:
        typer.echo(f"Everything is as it was at {back.until:%Y-%m-%d %H:%M} UTC.")
    typer.echo(
        "Whoever was deactivated after that, and each secret of a program that was ended after that, works again. "
        "Look through them, and end what has to be ended before anybody signs in:"
    )
    typer.echo(f"Active members: {', '.join(back.members) or '-'}")
    typer.echo(f"Active programs: {', '.join(back.programs) or '-'}")
    typer.echo("Unused invitation codes were not restored, and proposals that waited have expired: propose them again.")


def make_backup_key(context: AppContext) -> None:
    """Write a new public backup key and print its private key once. Exits with 1 if there is one already."""
    path = context.settings.backup_key_file
    pair = KeyPair.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        typer.echo(
            f"{path.name} already exists. Move it away first; older backups still need its private key.", err=True
        )
        raise typer.Exit(1) from None
    with os.fdopen(descriptor, "w") as sink:
        sink.write(base64.b64encode(pair.public).decode() + "\n")
    typer.echo("The private backup key. Store it away from this machine; it is not shown again:")
    typer.echo(recovery.format_key(pair.seed))


def _public_key(context: AppContext) -> bytes:
    path = context.settings.backup_key_file
    try:
        public = base64.b64decode(path.read_text(), validate=False)
        check_public_key(public)
    except ValueError:
        public = b""
    except OSError:
        typer.echo(f"There is no backup key ({path.name}). Create one with: pristan keys backup-key", err=True)
        raise typer.Exit(1) from None
    if not public or kem_of(public) != X_WING:
        files.refuse(path, "it is no public backup key, as pristan keys backup-key writes one")
    return public
