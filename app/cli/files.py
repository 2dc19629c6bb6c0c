"""Files that the commands are given: what cannot be read or written is one sentence on standard error and exit code 2."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

import typer

from app.core import strict_json
from app.core.errors import AppError

STANDARD_INPUT: Final = Path("-")
_MOST_BYTES: Final = 20 * 1024 * 1024


def refuse(file: Path, why: str) -> NoReturn:
    """Print `file: why` as one sentence on standard error and exit with 2."""
    typer.echo(f"{file}: {why.removesuffix('.')}.", err=True)
    raise typer.Exit(2)


def content(file: Path) -> bytes:
    """The content of a file, or of standard input for `-`. Exits with 2 if it cannot be read or is larger than 20 MB."""
    try:
        with typer.get_binary_stream("stdin") if file == STANDARD_INPUT else file.open("rb") as source:
            read: bytes = source.read(_MOST_BYTES + 1)
    except OSError as error:
        refuse(file, problem(error))
    if len(read) > _MOST_BYTES:
        refuse(file, "it is larger than 20 MB")
    return read


def text(file: Path) -> str:
    """The text of a file, or of standard input for `-`. Exits with 2 if it cannot be read or is empty or no text.

    It is UTF-8, or UTF-16 with a byte order mark, as Windows programs write "Unicode"; the mark is left out.
    """
    read = content(file)
    wide = read.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        decoded = read.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        refuse(file, "it is not text in UTF-8, but another kind of file or another encoding")
    if not decoded.strip():
        refuse(file, "it is empty")
    if "\0" in decoded:
        refuse(file, "it is not text, but another kind of file")
    return decoded


def json_document(file: Path) -> Any:
    """The JSON document in a file, or on standard input for `-`. Exits with 2 as `text` does, and if it is no JSON."""
    try:
        return strict_json.loads(text(file).encode("utf-8", "surrogatepass"))
    except AppError:
        refuse(file, "it is not JSON, or it is cut off")


def open_binary(file: Path) -> BinaryIO:
    """The file, opened for reading. Exits with 2."""
    try:
        return file.open("rb")
    except OSError as error:
        refuse(file, problem(error))


def folder(value: Path | None) -> Path | None:
    """Callback of an option: the folder to read. Exits with 2 if there is no such folder."""
    if value is not None and not value.is_dir():
        refuse(value, "it is a file, not a folder" if value.exists() else "there is no such folder")
    return value


def writable(value: Path | None) -> Path | None:
    """Callback of an option or argument: the file to write. Exits with 2, before any work, if it is a folder or has none."""
    if value is not None and value.is_dir():
        refuse(value, "it is a folder, not a file")
    if value is not None and not value.parent.is_dir():
        refuse(value, "its folder does not exist")
    return value


@contextmanager
def writing(file: Path | None) -> Iterator[None]:
    """Context manager around opening a file for writing: exits with 2 if that fails."""
    try:
        yield
    except OSError as error:
        refuse(file or Path("standard output"), problem(error))


def problem(error: OSError) -> str:
    """Why a file cannot be opened, in words."""
    words = {
        FileNotFoundError: "there is no such file",
        IsADirectoryError: "it is a folder, not a file",
        NotADirectoryError: "its folder does not exist",
        FileExistsError: "there is such a file already, and it is not overwritten",
        PermissionError: "this account may not open it",
    }
    return words.get(type(error), error.strerror or "it cannot be opened")
