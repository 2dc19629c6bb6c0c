"""Hashing of conflict lists: names, phone numbers, e-mail addresses and user names of people you must not advise.

Only the hashes leave the machine. Identifiers are normalised by `core.identifiers`, so that different spellings and scripts
of a name give the same hash on both sides. What is not understood is not hashed: it is reported by sheet, row and column.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.client import list_files
from app.client.list_files import Cell, Sheet, UnreadableListError
from app.core import identifiers, look_alikes
from app.core.identifiers import FORM, Identifier

__all__ = ["FORM", "ParsedList", "Problem", "UnreadableListError", "hashes", "read", "read_file"]

_ROUNDED: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eEеЕ][+-]?\d+")
_DAY: Final = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:19|20)\d\d|(?:19|20)\d\d([./-])\d{1,2}\2\d{1,2}")
_SEARCHED_FOR_HEADINGS: Final = 5
_UNTITLED: Final = "untitled"
"""The kind of a column whose heading is empty."""
_ROW_NUMBER: Final = re.compile(r"\d{1,6}")
_HEADINGS: Final[Mapping[str, str]] = {
    # what a column may be called in English, Russian, Belarusian, Ukrainian, Polish, Lithuanian, German and Georgian
    "phone": (
        "phone phones telephone tel mobile cell cellphone whatsapp phone_number телефон телефоны тел моб мобильный сотовый "
        "ватсап тэлефон тэлефоны мабільны телефони мобільний telefon telefony tel komórka komórkowy telefonas telefonai mob "
        "mobilus telefonnummer handy handynummer mobilnummer rufnummer ტელეფონი ტელ მობილური"
    ),
    "email": (
        "email e-mail mail emails эл._адрес электронный_адрес почта "
        "имейл эл.почта емейл пошта е-пошта skrzynka mailadresse el.paštas paštas ელფოსტა "
        "ფოსტა მეილი"
    ),
    "handle": (
        "handle telegram signal username nick nickname messenger login телеграм телеграмм тг сигнал ник никнейм мессенджер "
        "логин тэлеграм нік нікнейм месенджер użytkownik komunikator slapyvardis benutzername ტელეგრამი სიგნალი"
    ),
    "first": (
        "first firstname given givenname forename vorname имя имена імя ім'я imię imie vardas სახელი"
    ),
    "last": (
        "last lastname surname family familyname nachname familienname фамилия фамилии прозвішча прізвище nazwisko pavardė "
        "pavarde გვარი"
    ),
    "middle": (
        "middle middlename patronymic отчество бацьку по_бацьку батькові otczestwo patronimik tėvavardis vatersname მამის"
    ),
    "name": (
        "name names fullname person client opponent фио ф.и.о клиент человек імёны піб пiб назва клієнт nazwa osoba klient "
        "vardas_pavardė asmuo klientas vollname mandant gegner person სახელი_გვარი კლიენტი"
    ),
    "any": (
        "contact contacts контакт контакты кантакт кантакты контакти kontakt kontakty kontaktas kontaktai kontakte კონტაქტი"
    ),
    "ignored": (
        "no nr id № n п/п lp eil date data datum дата note notes comment comments remark примечание примечания комментарий "
        "заметка заметки заўвага примітка примітки uwagi uwaga notatki pastaba pastabos bemerkung notiz anmerkung შენიშვნა "
        "geburtsdatum geburtstag birthday birthdate birth dob народження нараджэння urodzenia gimimo pesel "
        "თარიღი case дело справа sprawa byla akte"
    ),
}  # fmt: skip
_KIND_OF: Final = {word.replace("_", " "): kind for kind, words in _HEADINGS.items() for word in words.split()}
_ORGANISATION: Final = re.compile(
    r"(?i)(?:^|\W)(?:ооо|оао|зао|пао|ао|ип|нко|фонд|тов|gmbh|ag|ltd|llc|inc|e\.?v|uab|sp\.? z o\.?o|s\.?a|შპს)(?:\W|$)|[«»\"]"
)
_MOST_WORDS: Final = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """A place of a list that cannot be used, and why. `column`: its letter in a spreadsheet, empty for the whole row."""

    sheet: int
    row: int
    column: str
    why: str

    def __str__(self) -> str:
        sheet = f"sheet {self.sheet}, " if self.sheet > 1 else ""
        return f"{sheet}row {self.row}{f', column {self.column}' if self.column else ''}: {self.why}"


@dataclass(frozen=True, slots=True)
class ParsedList:
    """Identifiers of a list, and the places that cannot be used (their text is not repeated).

    understood: how many cells of each kind (name, phone, email, handle) were. encoding: how a CSV file was read; else empty.
    """

    identifiers: tuple[Identifier, ...]
    problems: tuple[Problem, ...] = ()
    understood: Mapping[str, int] | None = None
    encoding: str = ""

    @property
    def skipped(self) -> tuple[int, ...]:
        """The numbers of the rows with a place that cannot be used."""
        return tuple(dict.fromkeys(problem.row for problem in self.problems))


class _NotUnderstood(Exception):
    """Why a cell cannot be used."""


def read(lines: Iterable[str], country: str) -> ParsedList:
    """Parse lines of CSV; see `read_file`."""
    lines = list(lines)
    return _parsed([list_files.read_lines(lines)], country) if any(line.strip() for line in lines) else ParsedList(())


def read_file(content: bytes, country: str) -> ParsedList:
    """Parse a list: CSV (UTF-8, UTF-16, the Windows code pages; commas, semicolons, tabs) or XLSX.

    Columns are found by their headings in eight languages: name, or first name, surname and patronymic, phone, e-mail, user
    name. Without headings the kind of each cell is guessed. A name of one word cannot be used: it would match everybody of that
    name. `country`: ISO 3166-1 alpha-2 code for phone numbers without a country code. Raises UnreadableListError.
    """
    return _parsed(list_files.read_sheets(content), country)


def hashes(items: Iterable[Identifier], salt: bytes) -> list[bytes]:
    """Hashes in sorted order, so that their order reveals nothing about the list."""
    return sorted({identifier.keyed(salt) for identifier in items})


def _parsed(sheets: Sequence[Sheet], country: str) -> ParsedList:
    identified: dict[Identifier, None] = {}
    problems: list[Problem] = []
    understood: Counter[str] = Counter()
    for sheet_number, sheet in enumerate(sheets, 1):
        columns, start = _columns(sheet)
        for number, row in sheet.rows[:start]:
            problems += _unknown_headings(
                sheet_number, number, row, columns if number == sheet.rows[start - 1][0] else ()
            )
        for number, row in sheet.rows[start:]:
            used = False
            for column, kind, cell in _values(columns, row):
                try:
                    usable = _identifiers(kind, cell, country)
                except _NotUnderstood as error:
                    problems.append(Problem(sheet_number, number, _letter(column), str(error)))
                    used = True
                    continue
                identified.update(dict.fromkeys(usable))
                understood[usable[0].kind.value] += 1
                used = True
            if not used:
                problems.append(Problem(sheet_number, number, "", "nothing in a column that is understood"))
    return ParsedList(tuple(identified), tuple(problems), dict(understood), sheets[0].encoding if sheets else "")


def _columns(sheet: Sheet) -> tuple[tuple[str, ...], int]:
    """The kind of each column and the number of rows down to the headings; nothing and 0 if there are no headings.

    Of the first rows the one that names the most kinds: above it, a list often has a title.
    """
    found: tuple[tuple[str, ...], int] = ((), 0)
    for position, (_, row) in enumerate(sheet.rows[:_SEARCHED_FOR_HEADINGS]):
        kinds = tuple(_heading(cell.text) if cell.text else _UNTITLED for cell in row)
        if any(re.search(r"@\w", cell.text) or sum(map(str.isdigit, cell.text)) >= 6 for cell in row):
            break
        if len(_named(kinds)) > len(_named(found[0])):
            if "first" in kinds and "last" not in kinds:  # German lists: Name, Vorname
                kinds = tuple("last" if kind == "name" else kind for kind in kinds)
            found = kinds, position + 1
    return found


def _named(kinds: Sequence[str]) -> set[str]:
    return {*kinds} - {"", "ignored", _UNTITLED}


def _heading(text: str) -> str:
    """The kind of a column by its heading; empty if no word of it is known."""
    plain = re.sub(r"[\s_]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip(" :*.")
    plain = re.sub("[’ʼ`´]", "'", plain)
    if plain in _KIND_OF:
        return _KIND_OF[plain]
    words = [word.strip(".") for word in re.split(r"[\s/,;:()\[\]]+", plain)]
    words += [part for word in words if "-" in word for part in word.split("-")]  # E-Mail-Adresse
    kinds = {kind for word in words if (kind := _kind_of(word))}
    if "address" in words or "адрес" in words:
        kinds.add("email" if kinds & {"email", "mail"} else "")
    if {"first", "last"} <= kinds or {"name", "vorname"} <= set(words):
        return "name"
    order = ("phone", "email", "handle", "middle", "last", "first", "name", "any", "ignored")
    return next((kind for kind in order if kind in kinds), "")


def _kind_of(word: str) -> str:
    """The kind that a word of a heading names, with another ending too: телефона, telefonu."""
    known = (_KIND_OF[word[:end]] for end in range(len(word), max(len(word) - 4, 4), -1) if word[:end] in _KIND_OF)
    return _KIND_OF.get(word) or next(known, "")


def _unknown_headings(sheet: int, number: int, row: Sequence[Cell], columns: Sequence[str]) -> Iterator[Problem]:
    for position, cell in enumerate(row):
        if cell.text and not (columns and columns[position]):
            why = "this heading is not understood, and its column is not read" if columns else "above the headings"
            yield Problem(sheet, number, _letter(position), why)


def _values(columns: Sequence[str], row: Sequence[Cell]) -> Iterator[tuple[int, str, Cell]]:
    """The cells of one row with their column and kind; the parts of a name are one."""
    if not columns:
        filled = [(position, cell) for position, cell in enumerate(row) if cell.text or cell.unclear]
        if 1 < len(filled) <= 3 and all(re.fullmatch(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*", cell.text) for _, cell in filled):
            yield filled[0][0], "name", Cell(" ".join(cell.text for _, cell in filled))  # Last, First
            return
        yield from ((position, _guess_kind(cell.text), cell) for position, cell in filled)
        return
    parts = {kind: position for position, kind in enumerate(columns) if kind in {"last", "first", "middle"}}
    whole = [row[parts[kind]].text for kind in ("last", "first", "middle") if kind in parts and parts[kind] < len(row)]
    whole = [text for text in whole if text]
    if whole:
        yield min(parts.values()), "name", Cell(" ".join(whole))
    for place, cell in enumerate(row):
        if not (cell.text or cell.unclear):
            continue
        kind = columns[place] if place < len(columns) else "beyond"
        if kind == "any":
            kind = _guess_kind(cell.text)
        if kind == _UNTITLED and _ROW_NUMBER.fullmatch(cell.text):
            continue
        if kind in {"phone", "email", "handle", "name", "beyond", _UNTITLED}:
            yield place, kind, cell


def _guess_kind(text: str) -> str:
    """The kind of identifier in a list without headings."""
    if text.startswith("@") or "t.me/" in text or "signal.me/" in text:
        return "handle"
    if "@" in text:
        return "email"
    if _ROUNDED.fullmatch(text):
        return "phone"
    return "phone" if sum(c.isdigit() for c in text) >= 6 and not any(c.isalpha() for c in text) else "name"


def _identifiers(kind: str, cell: Cell, country: str) -> list[Identifier]:
    """The identifiers in one cell. Raises _NotUnderstood if any part of it is not understood."""
    if cell.unclear:
        raise _NotUnderstood(f"this cell is {cell.unclear}")
    if kind == "beyond":
        raise _NotUnderstood("this cell is beyond the last heading")
    if kind == _UNTITLED:
        raise _NotUnderstood("its column has no heading")
    if kind == "phone":
        return _phones(cell.text, country)
    if kind == "name":
        return [identifier for name in _people_in(cell.text) for identifier in _name(name)]
    make, what = (identifiers.emails, "e-mail address") if kind == "email" else (identifiers.handles, "user name")
    parsed: list[Identifier] = []
    for piece in re.split(r"\s*[;,|\n]\s*|\s+/\s+" + (r"|\s+(?=[^\s<]+@)" if kind == "email" else ""), cell.text):
        found = make(piece) if piece else []
        if piece and look_alikes.meant("email" if kind == "email" else "telegram", piece) is not None:
            raise _NotUnderstood(f"this {what} mixes letters of two alphabets that look alike")
        if piece and (not found or (kind == "handle" and any(re.search(r"\s", one.text) for one in found))):
            raise _NotUnderstood(f"this is no {what}")
        parsed += found
    if not parsed:
        raise _NotUnderstood(f"this is no {what}")
    return parsed


def _phones(text: str, country: str) -> list[Identifier]:
    if any(_ROUNDED.fullmatch(piece) for piece in re.split(r"[;\s]+", text)):
        raise _NotUnderstood("a spreadsheet has rounded this phone number")
    if _DAY.fullmatch(text):
        raise _NotUnderstood("this looks like a date")
    readings = identifiers.phones(text, country)
    if not readings or any(not identifier.text.startswith("+") for identifier in readings) or "@" in text:
        raise _NotUnderstood("this is no phone number")
    return readings


def _people_in(text: str) -> list[str]:
    """The names in one cell. "Last, First" is one; a semicolon, a line and a comma between full names separate two."""
    people: list[str] = []
    for piece in re.split(r"\s*[;\n|]\s*|\s+/\s+", text):
        parts = [part for part in re.split(r"\s*,\s*", piece) if part]
        people += parts if len(parts) > 1 and all(" " in part for part in parts) else [" ".join(parts)]
    return [person for person in people if person]


def _name(text: str) -> list[Identifier]:
    if re.search(r"[\d@:=<>{}\[\]#$%^&_+~*!?\\]", text):
        raise _NotUnderstood("this is no name")
    if _ORGANISATION.search(text):
        raise _NotUnderstood("this looks like an organisation; only people are compared")
    if len(text.split()) > _MOST_WORDS:
        raise _NotUnderstood("this is too long for a name")
    readings = identifiers.names(text)
    if not readings:
        raise _NotUnderstood("a name needs at least two words")
    return readings


def _letter(place: int) -> str:
    """The letters of a column as a spreadsheet shows them."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
