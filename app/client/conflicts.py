"""Hashing of conflict lists: names, phone numbers, e-mail addresses and user names of people you must not advise.

Only the hashes leave the machine. Identifiers are normalised by `core.identifiers`, so that different spellings and scripts
of a name give the same hash on both sides.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.core import identifiers
from app.core.identifiers import FORM, Identifier

__all__ = ["FORM", "ParsedList", "hashes", "read"]

COLUMNS: Final = ("name", "phone", "email", "handle")


@dataclass(frozen=True, slots=True)
class ParsedList:
    """Identifiers of a list. `skipped`: numbers of the lines that cannot be used (their text is not repeated)."""

    identifiers: tuple[Identifier, ...]
    skipped: tuple[int, ...]


def read(lines: Iterable[str], country: str) -> ParsedList:
    """Parse CSV with any of the columns name, phone, email, handle, or one identifier per line.

    A name of one word is skipped: it would match everybody of that name. `country`: ISO 3166-1 alpha-2 code for phone
    numbers without a country code.
    """
    rows = [(number, row) for number, row in enumerate(csv.reader(lines), 1) if any(cell.strip() for cell in row)]
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


def _row_identifiers(columns: Sequence[str] | None, row: Sequence[str], country: str) -> Iterator[Identifier]:
    """The usable identifiers of one row."""
    cells = zip(columns, row, strict=False) if columns else ((_guess_kind(cell), cell) for cell in row)
    for kind, cell in cells:
        identifier = _identifier(kind, cell, country) if cell.strip() else None
        if identifier is not None and identifier.strong:
            yield identifier


def _guess_kind(text: str) -> str:
    """The kind of identifier in a list without column names."""
    text = text.strip()
    if text.startswith("@") or "t.me/" in text or "signal.me/" in text:
        return "handle"
    if "@" in text:
        return "email"
    return "phone" if sum(c.isdigit() for c in text) >= 6 and not any(c.isalpha() for c in text) else "name"


def _identifier(kind: str, text: str, country: str) -> Identifier | None:
    if kind == "phone":
        return identifiers.phone(text, country)
    makers = {"email": identifiers.email, "handle": identifiers.handle, "name": identifiers.name}
    make = makers.get(kind)
    return make(text) if make else None
