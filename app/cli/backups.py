"""What `pristan backup` and `pristan restore` do: a file that only a key kept elsewhere opens, and back into an empty database."""

import base64
import os
from pathlib import Path
from typing import Any, BinaryIO

import typer

import app.model_registry  # noqa: F401  fills Base.metadata: no table is left out
from app.app_context import AppContext, migrate, open_app_context
from app.core.clock import utc_now
from app.core.sealing import CannotOpen, KeyPair
from app.operations import dump, heartbeats, sealed_file
from app.operations.dump import NotRestorable
from app.staff import recovery
from app.staff.recovery import WrongKey


def make_backup(house: AppContext, file: Path) -> None:
    public = _public_key(house)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        typer.echo("This file exists already; a backup is never written over another.", err=True)
        raise typer.Exit(1) from None
    with house.database.begin(write=False) as session:
        length = dump.count_rows(session)
    with os.fdopen(descriptor, "wb") as sink, typer.progressbar(length=length, label="Backup") as bar:
        _write(house, sink, public, bar)
    with house.database.begin() as session:
        heartbeats.record(session, heartbeats.BACKUP, utc_now(), schema=True)
    typer.echo(f"Backup written: {file.stat().st_size} bytes. The key file is not in it, and has to be kept apart.")


def _write(house: AppContext, sink: BinaryIO, public: bytes, bar: Any) -> None:
    try:
        sealed_file.write(sink, public, dump.lines(house.database, house.settings.var, bar.update))
    except BaseException:
        Path(str(sink.name)).unlink() if isinstance(sink.name, str) else None
        raise
    sink.flush()
    os.fsync(sink.fileno())


def restore(file: Path) -> None:
    house = open_app_context()
    try:
        pair = KeyPair.from_seed(recovery.parse_key(typer.prompt("Private backup key", hide_input=True)))
        with file.open("rb") as source:
            counts = dump.load(
                house.database, sealed_file.read(source, pair), lambda step: migrate(house.database, step)
            )
    except (CannotOpen, NotRestorable, WrongKey) as error:
        typer.echo(f"Nothing was restored: {error or 'the key does not open this file, or it was changed'}.", err=True)
        raise typer.Exit(1) from None
    typer.echo(
        f"{sum(counts.values())} rows are restored. Values encrypted under a destroyed epoch key cannot be decrypted."
    )


def make_backup_key(house: AppContext) -> None:
    path = house.settings.backup_key_file
    pair = KeyPair.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        typer.echo(
            f"{path.name} exists already. Move it away first; old backups still need its private half.", err=True
        )
        raise typer.Exit(1) from None
    with os.fdopen(descriptor, "w") as sink:
        sink.write(base64.b64encode(pair.public).decode() + "\n")
    typer.echo("The private backup key. Keep it away from this machine; it is not shown again:")
    typer.echo(recovery.format_key(pair.seed))


def _public_key(house: AppContext) -> bytes:
    path = house.settings.backup_key_file
    try:
        return base64.b64decode(path.read_text(), validate=False)
    except OSError:
        typer.echo(f"There is no backup key {path.name} yet: pristan keys backup-key", err=True)
        raise typer.Exit(1) from None
