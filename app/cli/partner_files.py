"""Writing the pages of documents to files that only the user can read, and that replace none."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from app.client import OpenedPage
from app.core.sealing import CannotOpen

ORIGINAL_SUFFIX: Final = ".original"


def page_files(folder: Path, label: str, document: dict[str, Any]) -> list[Path]:
    """A file for each page, named by referral, document and page alone; nobody knows the file name that the sender used.

    Raises CannotOpen for a label or id that could lead out of the folder.
    """
    identity, pages = str(document["id"]), int(document["pages"])
    if not 0 < pages <= 1000:
        raise CannotOpen
    stem = _stem(label, identity)
    return [folder / f"{stem}-page-{page:02}.jpg" for page in range(1, pages + 1)]


def original_file(folder: Path, label: str, document: dict[str, Any]) -> Path:
    """The file for the untouched file of a document. Its name does not let a double click open it. Raises CannotOpen."""
    return folder / f"{_stem(label, str(document['id']))}-untouched{ORIGINAL_SUFFIX}"


def _stem(label: str, identity: str) -> str:
    stem = f"{label}-{identity}"
    if not all(part.isalnum() and part.isascii() for part in stem.split("-")):
        raise CannotOpen
    return stem


def write_pages(files: list[Path], pages: Iterator[OpenedPage]) -> Iterator[Path]:
    """Write each page to its file and yield the path; a file that exists already is left alone and not yielded.

    A page is written only once it is decrypted as a whole. Raises OSError; then no part of the last page remains.
    """
    files[0].parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file, page in zip(files, pages, strict=True):
        if _written(file, [page.content]):
            yield file


def write_whole(file: Path, pieces: Iterator[bytes]) -> bool:
    """Write pieces one after the other. False: the name is taken. Raises OSError, CannotOpen; then nothing remains."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _written(file, pieces)


def _written(file: Path, content: Iterable[bytes]) -> bool:
    """Write the bytes to a new file. False: the name is taken, even by a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(file, flags, 0o600)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.writelines(content)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return True
