"""CSV that a spreadsheet opens as a table and nothing else: no cell is ever taken for a formula.

Source: OWASP, "CSV Injection": a cell that begins with one of these characters is calculated when the file is opened.
"""

import csv
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BOM: Final = "\ufeff"
"""At the head of a file for people: without it some spreadsheets take UTF-8 for another encoding."""


def harmless(value: object) -> str:
    """The cell as text, behind an apostrophe where it could be calculated. None is an empty cell."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_DANGEROUS) else text


def write(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """RFC 4180, lines end with CRLF. `out` must not change line ends (open files with newline="")."""
    table = csv.writer(out)
    table.writerow(map(harmless, header))
    for row in rows:
        table.writerow(map(harmless, row))
