"""CSV and XLSX files in which no cell is ever executed as a formula (protection against formula injection).

All such files are written here; docs/decisions/0101-one-guard-for-every-table.md says why files for machines are no exception.
Source: OWASP, "CSV Injection". In addition to the ASCII characters it names, their full-width and small forms count, which some
spreadsheets treat as the same (Unicode NFKC), and `|` and `%`, with which commands began in older programs.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TextIO

BOM: Final = "\ufeff"
"""At the head of a file for people: without it some spreadsheets take UTF-8 for another encoding."""
_GUARD: Final = "'"
_FORMULA: Final = set("=+-@|%\t\r\n")
_NOT_SEEN: Final = {"Zs", "Zl", "Zp", "Cc", "Cf"}
"""Unicode categories that a cell may begin with and seem to begin later: spaces, controls, zero-width characters."""
_NUMBER: Final = re.compile(r"[+-]\d[\d ]*(?:\.\d+)?", re.ASCII)
"""A number, or a phone number in international form."""

Cell = object
"""Text, a number, a truth value, or None for an empty cell; anything else is written as its `str`."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of an XLSX workbook. A name has at most 31 characters."""

    name: str
    header: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def safe_text(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet could calculate it. Plain numbers and phone numbers stay as they are."""
    return _GUARD + text if _begins_a_formula(text) and not _NUMBER.fullmatch(text) else text


def original_text(cell: str) -> str:
    """The inverse of `safe_text`: the cell without the apostrophe that it, or another program, put before a formula or a number."""
    return cell[1:] if cell[:1] == _GUARD and _begins_a_formula(cell[1:]) else cell


def write_csv(out: TextIO, header: Sequence[str], rows: Iterable[Sequence[Cell]], *, line_end: str = "\r\n") -> None:
    """RFC 4180. `out` must not change line ends (open files with newline="")."""
    table = csv.writer(out, lineterminator=line_end)
    table.writerow(map(_csv_cell, header))
    for row in rows:
        table.writerow(map(_csv_cell, row))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, for_people: bool = False) -> str:
    """The rows as CSV text; with a byte order mark where it is `for_people`."""
    out = io.StringIO(BOM if for_people else "", newline="")
    out.seek(0, io.SEEK_END)
    write_csv(out, header, rows)
    return out.getvalue()


def xlsx(sheets: Iterable[Sheet]) -> bytes:
    """A workbook. Numbers are numbers, everything else is text: nothing that somebody typed becomes a formula or a link."""
    import xlsxwriter  # of use to few processes, and two megabytes

    file = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.set_column(0, 0, 40)
            page.set_column(1, max(len(sheet.header) - 1, 1), 18)
            page.freeze_panes(1, 1)
            for column, text in enumerate(sheet.header):
                page.write_string(0, column, safe_text(text), bold)
            for line, row in enumerate(sheet.rows, 1):
                for column, cell in enumerate(row):
                    if _is_number(cell):
                        page.write_number(line, column, cell)
                    else:
                        page.write_string(line, column, _text(cell))
    return file.getvalue()


def _csv_cell(cell: Cell) -> str:
    return str(cell) if _is_number(cell) else _text(cell)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else safe_text(str(cell))


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float | Decimal) and not isinstance(cell, bool)


def _begins_a_formula(text: str) -> bool:
    """Whether the first character that is seen could begin one. An apostrophe before it is passed over: it has to come back too."""
    for character in text:
        if character in _FORMULA or unicodedata.normalize("NFKC", character)[:1] in _FORMULA:
            return True
        if character != _GUARD and unicodedata.category(character) not in _NOT_SEEN:
            return False
    return False
