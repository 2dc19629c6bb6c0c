"""Tables that leave the house as CSV or XLSX: no cell may be taken for a formula by the program that opens it."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def safe_cell(text: str) -> str:
    """With an apostrophe before what a spreadsheet would carry out. Phone numbers and plain numbers stay as they are."""
    if not text.lstrip(" ").startswith(_FORMULA) and not text.startswith(_FORMULA):
        return text
    digits = text.removeprefix("+").removeprefix("-").replace(" ", "")
    plain = digits.replace(".", "", 1) if text[:1] == "-" else digits
    return text if text[:1] in {"+", "-"} and plain.isascii() and plain.isdigit() else "'" + text


def as_csv(rows: Iterable[Sequence[Any]]) -> str:
    """RFC 4180, with a byte order mark so that spreadsheets read Cyrillic and Georgian."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    for row in rows:
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else "" if cell is None else cell for cell in row])
    return "\ufeff" + file.getvalue()
