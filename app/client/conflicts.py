"""Hashing of conflict lists: names, phone numbers, e-mail addresses and user names of people you must not advise.

Only the hashes leave the machine. Identifiers are normalised by `core.identifiers`, so that different spellings and scripts
of a name give the same hash on both sides.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.core import identifiers
from app.core.identifiers import FORM, Identifier

__all__ = ["FORM", "ParsedList", "hashes", "read"]

_ROUNDED: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eEеЕ][+-]?\d+")
COLUMNS: Final = ("name", "phone", "email", "handle")


@dataclass(frozen=True, slots=True)
class ParsedList:
    """Identifiers of a list. `skipped`: numbers of the lines that cannot be used (their text is not repeated)."""

    identifiers: tuple[Identifier, ...]
    skipped: tuple[int, ...]


def read(lines: Iterable[str], country: str) -> ParsedList:
    """Parse CSV (commas, semicolons or tabs) with any of the columns name, phone, email, handle, or one identifier per line.

    A name of one word is skipped: it would match everybody of that name. `country`: ISO 3166-1 alpha-2 code for phone
    numbers without a country code.
    """
    lines = list(lines)
    reader = csv.reader(lines, delimiter=_delimiter(lines))
    rows = [(number, row) for number, row in enumerate(reader, 1) if any(cell.strip() for cell in row)]
    if not rows:
        return ParsedList((), ())
    heading = tuple(cell.strip().lower() for cell in rows[0][1])
    columns = heading if set(heading) & set(COLUMNS) else None
    found: dict[Identifier, None] = {}
    skipped = []
    for number, row in rows[1:] if columns else rows:
        usable = list(_row_identifiers(columns, row, country))
        found.update(dict.fromkeys(usable))
        if not usable:
            skipped.append(number)
    return ParsedList(tuple(found), tuple(skipped))


def hashes(items: Iterable[Identifier], salt: bytes) -> list[bytes]:
    """Hashes in sorted order, so that their order reveals nothing about the list."""
    return sorted({identifier.keyed(salt) for identifier in items})


def _delimiter(lines: Sequence[str]) -> str:
    """What separates the cells: a tab or semicolon, as spreadsheets write them, if the first line has one; else the comma."""
    first = next((line for line in lines if line.strip()), "")
    return next((sign for sign in "\t;" if sign in first), ",")


def _row_identifiers(columns: Sequence[str] | None, row: Sequence[str], country: str) -> Iterator[Identifier]:
    """The usable identifiers of one row."""
    cells = zip(columns, row, strict=False) if columns else ((_guess_kind(cell), cell) for cell in row)
    for kind, cell in cells:
        yield from (found for found in _identifiers(kind, cell, country) if found.strong)


def _guess_kind(text: str) -> str:
    """The kind of identifier in a list without column names."""
    text = text.strip()
    if text.startswith("@") or "t.me/" in text or "signal.me/" in text:
        return "handle"
    if "@" in text:
        return "email"
    if _ROUNDED.fullmatch(text):
        return "phone"
    return "phone" if sum(c.isdigit() for c in text) >= 6 and not any(c.isalpha() for c in text) else "name"


def _identifiers(kind: str, text: str, country: str) -> list[Identifier]:
    """The identifiers in one cell. A number that a spreadsheet has rounded (`7.91612E+10`) is none."""
    if kind == "phone":
        return [] if _ROUNDED.fullmatch(text.strip()) else identifiers.phones(text, country)
    if kind == "name":
        return identifiers.names(text)
    makers = {"email": identifiers.email, "handle": identifiers.handle}
    make = makers.get(kind)
    found = make(text) if make and text.strip() else None
    return [found] if found else []
