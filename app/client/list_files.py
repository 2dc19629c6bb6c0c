"""Rows of a list as people have it: CSV in the encodings and with the separators of spreadsheets, or XLSX.

A conflict list is read on the partner's machine and goes nowhere; a list of cases is read by the service, within narrower `Limits`.
Errors and places name rows and columns, never what a cell contains.
"""

import codecs
import csv
import datetime as dt
import io
import math
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

_LARGEST: Final = 50_000_000
"""Bytes of a file, and of an XLSX when it is unpacked."""
_UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP: Final = b"PK\x03\x04"
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0"
_OTHER_FORMS: Final = re.compile(
    rb"(?i)(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*(?:<[\0]*[!?a-z]|[{\[]\s*[\"{}\[\]]|%PDF-|\{\\rtf|BEGIN:VCARD|From )"
)
"""HTML, XML, JSON, PDF, RTF, address books and mail: they are text or look like it, and no rows of people."""
_CYRILLIC_PAGES: Final = ("cp1251", "koi8-r", "koi8-u", "cp866", "iso8859-5", "mac-cyrillic")
"""In the order in which they are believed."""
_USUAL_SIGNS: Final = frozenset("\xa0«»„“”–—№’…")
_LETTERS_IN_1000: Final = dict(zip("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґў", (
    110, 84, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19, 17, 17, 16, 16, 14, 12, 10, 9, 7, 6, 5, 4, 3, 3, 0.4, 0.4,
    8, 2, 2, 0.3, 5,
), strict=True))  # fmt: skip
"""How often a letter stands in a Russian text, and about how often in a Belarusian or Ukrainian one."""
_NEVER_IN_1000: Final = 0.02
_USUAL_IN_1000: Final = 3
_CLOSE: Final = 10
"""Bits: two readings whose likelihoods differ by less (a thousand to one) are not told apart."""
_UNCERTAIN: Final = "its letters cannot be told for certain: save it as XLSX, or as CSV in UTF-8"
_WORD: Final = re.compile(r"[А-ЯЁІЇЄҐЎ]?[а-яёіїєґў]+|[А-ЯЁІЇЄҐЎ]+")


class UnreadableListError(Exception):
    """The file is no list that can be read; the text is the end of a sentence that begins with
    the file's name, without anything from the file. `message` and `params`: the same before its fields are filled in."""

    def __init__(self, message: str, **params: int) -> None:
        super().__init__(message.format(**params))
        self.message, self.params = message, params


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell contains, as text. `unclear`: why its text is not what was typed, for example "a date"; else empty.

    `day`: the day of a cell that a spreadsheet keeps as a date."""

    text: str
    unclear: str = ""
    day: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a file. `size`: its bytes; `unpacked`: those of an XLSX when unpacked.

    `rows`, `columns`: of a sheet, None: no limit. `formulas`: whether a formula counts as its last result; otherwise its cell is
    unclear.
    """

    size: int = _LARGEST
    unpacked: int = _LARGEST
    rows: int | None = None
    columns: int | None = None
    formulas: bool = True


_ANY: Final = Limits()


@dataclass(frozen=True, slots=True)
class Sheet:
    """`rows` with their numbers as a spreadsheet shows them, from 1; empty rows are left out. `encoding`: empty for XLSX."""

    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    encoding: str = ""


def read_sheets(content: bytes, limits: Limits = _ANY) -> list[Sheet]:
    """The sheets of a file: one of a CSV file, all of an XLSX one. Raises UnreadableListError."""
    if len(content) > limits.size:
        raise UnreadableListError("it is longer than {megabytes} MB", megabytes=limits.size // 1_000_000)
    if not content.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise UnreadableListError("it is empty")
    if content.startswith(_OLD_OFFICE):
        raise UnreadableListError(
            "it is a file of an old or encrypted Excel: save it as XLSX without a password, or as CSV"
        )
    if content.startswith(_ZIP):
        return _workbook(content, limits)
    if _OTHER_FORMS.match(content):
        raise UnreadableListError("it is neither XLSX nor CSV: save the list as one of these")
    text, encoding = decode(content)
    return [Sheet(_within(_lines(text), limits), encoding)]


def _within(rows: Iterator[tuple[int, tuple[Cell, ...]]], limits: Limits) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    """The rows of a sheet. Raises UnreadableListError: more rows or columns than are read."""
    kept: list[tuple[int, tuple[Cell, ...]]] = []
    for number, cells in rows:
        if limits.columns is not None and len(cells) > limits.columns:
            raise UnreadableListError("it has more than {columns} columns", columns=limits.columns)
        if limits.rows is not None and len(kept) == limits.rows:
            raise UnreadableListError("it has more than {rows} rows with the headings: divide it", rows=limits.rows)
        kept.append((number, cells if limits.formulas else tuple(map(_no_formula, cells))))
    return tuple(kept)


def _no_formula(cell: Cell) -> Cell:
    return Cell("", "a formula") if cell.text.startswith("=") else cell


def read_lines(lines: Sequence[str]) -> Sheet:
    """The rows of lines of CSV."""
    return Sheet(tuple(_lines("\n".join(lines))))


def decode(content: bytes) -> tuple[str, str]:
    """The text of a CSV file, and its encoding by name. Raises UnreadableListError."""
    if content.startswith(_UTF_32):
        encoding = "utf-32"
    elif content.startswith(_UTF_16):
        encoding = "utf-16"
    elif 0 in content and _looks_like_utf_16(content[1::2], content):
        encoding = "utf-16-le"
    elif 0 in content and _looks_like_utf_16(content[::2], content):
        encoding = "utf-16-be"
    else:
        encoding = "utf-8-sig"
    for candidate in (encoding, "cp1251"):
        try:
            text = content.decode(candidate, "replace" if candidate == "cp1251" else "strict")
        except UnicodeError:
            if candidate != "utf-8-sig":
                break
            continue
        used = candidate.removesuffix("-sig")
        if candidate == "cp1251":
            text, used = _single_byte(content, text)
        if "\ufffd" in text and used == "cp1251":
            break
        if any(unicodedata.category(sign) == "Cc" and sign not in "\t\r\n\v\f" for sign in text):
            break
        return text, used
    raise UnreadableListError("it is neither XLSX nor text: save it as XLSX, or as CSV in UTF-8")


def _looks_like_utf_16(high: bytes, content: bytes) -> bool:
    """Whether these could be the high bytes of Latin, Cyrillic, Georgian and punctuation."""
    return len(content) % 2 == 0 and sum(high.count(value) for value in (0, 1, 4, 0x10, 0x20)) > 0.9 * len(high)


def _single_byte(content: bytes, text: str) -> tuple[str, str]:
    """The text in the Cyrillic code page in which its words look most like words: by capitals within words, by signs, and by how
    often the letters stand in Russian, which alone tells KOI8 in capitals from Windows in small letters; or in the page of Central
    Europe or the Baltic, if words would be half Cyrillic and half Latin. Raises UnreadableListError where two readings are as good.
    """
    pages: dict[str, str] = {}
    for page in _CYRILLIC_PAGES:
        found = _decoded(content, page)
        if found is not None and _oddity(found) < 0.2:
            pages.setdefault(found, page)
    if pages:
        best, *others = sorted(pages, key=_likelihood, reverse=True)
        if others and _likelihood(best) - _likelihood(others[0]) < _CLOSE:
            raise UnreadableListError(_UNCERTAIN)
        return best, pages[best]
    words = re.findall(r"[^\W\d_]{2,}", text)
    if any(re.search(r"[a-zA-Z]", word) and re.search(r"[\u0400-\u04ff]", word) for word in words):
        return _latin(content)
    return text, "cp1251"


_CENTRAL: Final = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻčšžČŠŽäöüßÄÖÜ"
_BALTIC: Final = "ąčęėįšųūžĄČĘĖĮŠŲŪŽ"
_ONLY_BALTIC: Final = "ąčėįūĄČĖĮŪ"
"""Their bytes are no letters of German, Scandinavian or Turkish names in the pages of Western Europe and Turkey."""


def _latin(content: bytes) -> tuple[str, str]:
    """The text in the page of Central Europe or the Baltic.

    Raises UnreadableListError: it has letters of another page, or it may be Danish or Turkish as well (ø and ų, ğ and š are one
    byte).
    """
    for page, letters in (("cp1250", _CENTRAL), ("cp1257", _BALTIC)):
        found = _decoded(content, page)
        if found is None or not all(letter.isascii() or letter in letters for letter in found if letter.isalpha()):
            continue
        if page == "cp1257" and not any(letter in _ONLY_BALTIC for letter in found):
            break
        return found, page
    raise UnreadableListError(_UNCERTAIN)


def _decoded(content: bytes, page: str) -> str | None:
    try:
        return content.decode(page)
    except UnicodeError:
        return None


def _oddity(text: str) -> float:
    """How much of what is beyond ASCII does not look like Cyrillic words, 0 to 1: capitals within a word, Latin letters, signs."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    signs = [sign for sign in text if not sign.isascii() and not sign.isalpha()]
    odd = sum(len(word) for word in words if not _WORD.fullmatch(word))
    odd += sum(sign not in _USUAL_SIGNS for sign in signs) + len(re.findall(r"[^\W\d_][№«„“…](?=[^\W\d_])", text))
    return odd / max(1, sum(map(len, words)) + len(signs))


def _likelihood(text: str) -> float:
    """Bits: how well all letters and signs beyond ASCII fit a Russian, Belarusian or Ukrainian text; more is likelier."""
    signs = [sign for sign in text[:200_000].casefold() if not sign.isascii()]
    bits = sum(
        math.log2(_LETTERS_IN_1000.get(sign, _USUAL_IN_1000 if sign in _USUAL_SIGNS else _NEVER_IN_1000) / 1000)
        for sign in signs
    )
    return bits - 6 * _oddity(text) * len(signs)


def _lines(text: str) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    text = text.removeprefix("\ufeff")
    named = re.match(r"(?i)sep=(.)\r?\n", text)
    delimiter = named[1] if named else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number, row = 0, [""]
    try:
        for number, row in enumerate(reader, 1):
            if any(cell.strip() for cell in row) and not (named and number == 1):
                yield number, tuple(Cell(cell.strip()) for cell in row)
    except csv.Error:
        raise UnreadableListError("its cells cannot be told apart: save it as XLSX, or as CSV in UTF-8") from None
    if "\n" in "".join(row[-1:]) and text.count('"') % 2:
        raise UnreadableListError(
            "a quotation mark in row {row} is not closed, so the rows below it are part of its cell", row=number
        )


def _delimiter(text: str) -> str:
    """What separates the cells: a tab, semicolon or bar, as spreadsheets write them, if the first line with a separator has one;
    else the comma."""
    first = next((line for line in text.splitlines() if any(sign in line for sign in "\t;|,")), "")
    return next((sign for sign in "\t;|" if sign in first), ",")


def _workbook(content: bytes, limits: Limits) -> list[Sheet]:
    import openpyxl  # only who has an XLSX file needs it

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if "[Content_Types].xml" not in packed.namelist():
                raise UnreadableListError("it is no XLSX file: save the list as XLSX, or as CSV in UTF-8")
            if sum(entry.file_size for entry in packed.infolist()) > limits.unpacked:
                raise UnreadableListError(
                    "unpacked, it is longer than {megabytes} MB", megabytes=limits.unpacked // 1_000_000
                )
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=limits.formulas, keep_links=False)
        sheets = [Sheet(_within(_worksheet(sheet, limits), limits)) for sheet in book.worksheets]
    except UnreadableListError:
        raise
    except Exception:  # noqa: BLE001 - a broken archive raises whatever it likes, and its text may quote the file
        raise UnreadableListError("it is damaged or encrypted: save the list again, without a password") from None
    if not any(sheet.rows for sheet in sheets):
        raise UnreadableListError("it is empty")
    return sheets


def _worksheet(sheet: Any, limits: Limits) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    """The rows with something in them. Raises UnreadableListError for a sheet that goes on far below: it is not walked through."""
    last_row = None if limits.rows is None else 10 * limits.rows
    last_column = None if limits.columns is None else limits.columns + 1
    sheet.reset_dimensions()  # what a file says of its own size is not believed
    for number, row in enumerate(sheet.iter_rows(max_col=last_column), 1):
        if last_row is not None and number > last_row:
            raise UnreadableListError("it has rows below row {row}: delete them, also if they look empty", row=last_row)
        cells = tuple(Cell("", "a formula") if cell.data_type == "f" else _cell(cell.value) for cell in row)
        while cells and not (cells[-1].text or cells[-1].unclear):
            cells = cells[:-1]
        if cells:
            yield number, cells


def _cell(value: object) -> Cell:
    if value is None:
        return Cell("")
    if isinstance(value, bool):
        return Cell("", "true or false")
    if isinstance(value, dt.datetime | dt.date):
        return Cell("", "a date", value.date() if isinstance(value, dt.datetime) else value)
    if isinstance(value, dt.time | dt.timedelta):
        return Cell("", "a date")
    if isinstance(value, int | float):
        whole = int(value) if abs(value) < 1e16 and value == int(value) else None
        return Cell(str(whole)) if whole is not None else Cell("", "a number with a fraction")
    text = str(value).strip()
    return Cell("", "an error of the spreadsheet") if re.fullmatch(r"#[A-Z/0!?]+", text) else Cell(text)
