"""Whom you must not advise, hashed here: a list of names, phones, addresses and user names becomes hashes with your salt.

Nothing else leaves the machine. The forms are those of `core.identifiers`, so that any spelling and any script of a name comes to
the same hash on both sides.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.core import identifiers
from app.core.identifiers import FORM, Identifier

__all__ = ["FORM", "Read", "hashes", "read"]

COLUMNS: Final = ("name", "phone", "email", "handle")


@dataclass(frozen=True, slots=True)
class Read:
    """What was understood of a list. `skipped`: numbers of lines of which nothing can be used; the words are not repeated."""

    identifiers: tuple[Identifier, ...]
    skipped: tuple[int, ...]


def read(lines: Iterable[str], country: str) -> Read:
    """A table with the columns name, phone, email, handle (any of them), or one identifier a line.

    A name of one word is left out: it would keep from you everybody who is called so. `country`: ISO2, for phone
    numbers without a country code.
    """
    rows = [(number, row) for number, row in enumerate(csv.reader(lines), 1) if any(cell.strip() for cell in row)]
    if not rows:
        return Read((), ())
    heading = tuple(cell.strip().lower() for cell in rows[0][1])
    columns = heading if set(heading) & set(COLUMNS) else None
    found: dict[Identifier, None] = {}
    skipped = []
    for number, row in rows[1:] if columns else rows:
        usable = list(_of_row(columns, row, country))
        found.update(dict.fromkeys(usable))
        if not usable:
            skipped.append(number)
    return Read(tuple(found), tuple(skipped))


def hashes(found: Iterable[Identifier], salt: bytes) -> list[bytes]:
    """In an order that says nothing of the list's."""
    return sorted({identifier.keyed(salt) for identifier in found})


def _of_row(columns: Sequence[str] | None, row: Sequence[str], country: str) -> Iterator[Identifier]:
    cells = zip(columns, row, strict=False) if columns else ((_kind(cell), cell) for cell in row)
    for kind, cell in cells:
        found = _one(kind, cell, country) if cell.strip() else None
        if found is not None and found.strong:
            yield found


def _kind(text: str) -> str:
    """What a line without a heading holds."""
    text = text.strip()
    if text.startswith("@") or "t.me/" in text or "signal.me/" in text:
        return "handle"
    if "@" in text:
        return "email"
    return "phone" if sum(c.isdigit() for c in text) >= 6 and not any(c.isalpha() for c in text) else "name"


def _one(kind: str, text: str, country: str) -> Identifier | None:
    if kind == "phone":
        return identifiers.phone(text, country)
    makers = {"email": identifiers.email, "handle": identifiers.handle, "name": identifiers.name}
    make = makers.get(kind)
    return make(text) if make else None
