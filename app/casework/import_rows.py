"""Rows of a list of cases that a team kept elsewhere, and the answers of an intake that each gives. Pure.

A value is a code of ours or its name in any of our languages. Faults name the column and say what would fit; they never repeat
what a cell contains.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final

from app.casework.import_code_words import CodeWords, plain
from app.casework.import_columns import COLUMNS, LEFT_OUT, NOTE
from app.client.list_files import Cell
from app.core import written_dates
from app.core.errors import Invalid
from app.core.i18n import LANGUAGES, N_, Translatable, translator
from app.core.written_dates import Nearest, NotADate
from app.directory.packs import Directory
from app.intake import schemas
from app.intake.schemas import Intake
from app.intake.vocabulary import CHANNELS

_UNCLEAR: Final = (
    N_("a formula"), N_("a date"), N_("a number with a fraction"), N_("an error of the spreadsheet"),
)  # fmt: skip
"""What `list_files` says of a cell whose text is not what was typed, to be translated."""
LONGEST_NOTE: Final = 5_000
OLDEST: Final = timedelta(days=10 * 366)
_CHANNELS_BY_COLUMN: Final[tuple[str, ...]] = ("signal", "telegram", "whatsapp", "email", "phone")
"""Columns that hold an address each, in the order in which one becomes the way to answer."""

_YES: Final = frozenset(["yes", "y", "true", "1", "x", "+", "да", "так", "taip", "tak", "კი", "ja", "v", "✓", "✔"])
_NO: Final = frozenset(["no", "n", "false", "0", "-", "нет", "ні", "не", "nie", "ne", "არა", "nein"])
_TIME: Final = re.compile(r"[ T,]+\d{1,2}[:.]\d\d(?:[:.]\d\d)?$")
_SEPARATORS: Final = re.compile(r"[;,\n|]+")
_COLUMN_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "call_me": "name", "consent/organisations": "centres", "consent/never": "never", "answer_by/address": "address",
        "answer_by/channel": "channel", "answer_by/good_times": "good_times", "letter/kind": "letter",
        "letter/received_on": "letter_on", "speak": "speak",
    }
)  # fmt: skip
"""The column that a field of the intake comes from, where it has another name."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a row: the code of the column (empty: the row as a whole) and what would fit."""

    column: str
    why: str


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row of the list. `intake` is None if it has problems. Its repr shows no word of it."""

    number: int
    intake: Intake | None = field(repr=False)
    waiting_since: date | None = None
    note: str = field(default="", repr=False)
    wants_card: bool = False
    problems: tuple[Problem, ...] = ()
    identity: bytes = field(default=b"", repr=False)
    """What all cells of the row contain, whatever its columns are taken for: the same row has the same, wherever it stands."""


class _Row:
    """One row on its way to an intake: its cells by column, and the problems found so far."""

    def __init__(self, cells: Sequence[Cell], columns: Sequence[str], headings: Sequence[str]) -> None:
        self.cells: dict[str, Cell] = {}
        self.notes: list[str] = []
        self.problems: list[Problem] = []
        for position, cell in enumerate(cells):
            column = columns[position] if position < len(columns) else LEFT_OUT
            if column == LEFT_OUT or not (cell.text or cell.unclear):
                continue
            if cell.unclear and cell.day is None:
                self.fault(
                    column, Translatable("The cell holds {what}. Write it as text.", what=Translatable(cell.unclear))
                )
            elif column == NOTE:
                text = cell.day.isoformat() if cell.day else cell.text
                self.notes.append(f"{headings[position]}: {text}" if headings[position] else text)
            elif column in self.cells:
                self.fault(column, N_("Two columns are chosen for this."))
            else:
                self.cells[column] = cell

    def fault(self, column: str, why: str) -> None:
        self.problems.append(Problem(column, why))

    def text(self, column: str) -> str:
        """The text of a cell; a cell that the spreadsheet keeps as a date is a fault where no day is asked for."""
        cell = self.cells.get(column)
        if cell is None:
            return ""
        if cell.unclear:
            self.fault(column, N_("The spreadsheet has turned this cell into a date. Write it as text."))
            return ""
        return cell.text

    def day(self, column: str, today: date) -> date | None:
        cell = self.cells.get(column)
        if cell is None:
            return None
        day = cell.day
        if day is None:
            try:
                day = written_dates.read(_TIME.sub("", cell.text.strip()), today=today, nearest=Nearest.PAST)
            except NotADate:
                self.fault(column, N_("This date is ambiguous or not a date. Write it like 24.11.2026."))
                return None
        if day is not None and not today - OLDEST <= day <= today:
            self.fault(column, N_("This day is still to come.") if day > today else N_("This day is too long ago."))
            return None
        return day

    def yes(self, column: str) -> bool:
        text = plain(self.text(column))
        if text and text not in _YES | _NO:
            self.fault(column, N_("Write yes or no."))
        return text in _YES

    def code(self, column: str, words: CodeWords) -> str | None:
        text = self.text(column)
        if not text:
            return None
        code = words.code("speak" if column == "language" else column, text)
        if code is None:
            self.fault(column, _UNKNOWN)
        return code

    def codes(self, column: str, words: CodeWords) -> list[str]:
        text = self.text(column)
        whole = words.code(column, text) if text else None
        if whole:  # a name with a comma in it
            return [whole]
        found = []
        for part in filter(None, map(str.strip, _SEPARATORS.split(text))):
            code = words.code(column, part)
            if code is None:
                self.fault(column, _UNKNOWN)
                return []
            found.append(code)
        return found


_UNKNOWN: Final = N_("This is none of our codes or their names.")


def read_row(
    number: int,
    cells: Sequence[Cell],
    columns: Sequence[str],
    headings: Sequence[str],
    *,
    directory: Directory,
    words: CodeWords,
    country: str,
    today: date,
) -> ReadRow:
    """Read one row. `country`: where a person is whose row does not say so; `today`: in UTC, for days that are still to come."""
    row = _Row(cells, columns, headings)
    where = (row.code("country", words) or "") if "country" in row.cells else country
    answers: dict[str, Any] = {
        "for_whom": row.code("for_whom", words) or "self",
        "needs": row.codes("needs", words),
        "how_soon": row.code("how_soon", words) or "unknown",
        "country": where,
        "speak": row.codes("speak", words),
        "story": row.text("story"),
        "call_me": row.text("name"),
        "nationality": row.code("nationality", words),
        "status": row.code("status", words),
        "groups": row.codes("groups", words),
        "helps": row.codes("helps", words),
    }
    language = row.code("language", words)
    if language is not None and language not in LANGUAGES:
        row.fault("language", N_("We do not write in this language. Leave the cell empty: English is used then."))
    elif language is None:
        language = next((code for code in answers["speak"] if code in LANGUAGES), None)
    answers["language"] = language
    _add_region(row, answers, where, words)
    column, rest = _add_contact(row, answers, words)
    _add_letter(row, answers, directory, where, today)
    centres, never = row.codes("centres", words), row.codes("never", words)
    answers["consent"] = {"mode": "named" if centres else "ask_first", "organisations": centres, "never": never}
    wrote_on = row.day("wrote_on", today)
    wants_card = row.yes("card")
    note = _note(row, rest)
    if len(note) > LONGEST_NOTE:
        row.fault(NOTE, Translatable("The notes are longer than {most} characters.", most=LONGEST_NOTE))
    if "needs" not in row.cells and not row.problems:
        row.fault("needs", N_("Say what help is needed with."))
    if not where and "country" not in row.cells:
        row.fault("country", N_("Say where the person is, or choose a country for all rows without one."))
    intake = None
    if not row.problems:
        try:
            intake = schemas.read(answers, directory, today)
        except Invalid as error:
            row.problems += [Problem(_column_of(entry["pointer"], column), entry["detail"]) for entry in error.errors]
    return ReadRow(number, intake, wrote_on, note, wants_card, tuple(row.problems), _identity(cells))


def _identity(cells: Iterable[Cell]) -> bytes:
    """The content of the cells, independent of the order of the columns and of the chosen columns, headings and country."""
    texts = (cell.day.isoformat() if cell.day else " ".join(cell.text.split()) for cell in cells)
    return "\x1f".join(sorted(filter(None, texts))).encode()


def _add_region(row: _Row, answers: dict[str, Any], country: str, words: CodeWords) -> None:
    text = row.text("region")
    if text:
        answers["region"] = words.region(country, text)
        if answers["region"] is None:
            row.fault("region", N_("This is no region of the country."))


def _add_contact(row: _Row, answers: dict[str, Any], words: CodeWords) -> tuple[str, list[tuple[str, str]]]:
    """Add the person's contact channel to the answers. Returns the column of its address, and the further addresses."""
    channel, address = row.code("channel", words), row.text("address")
    given = [(code, row.text(code)) for code in _CHANNELS_BY_COLUMN if code in row.cells]
    column = "address"
    if not address and given:
        chosen = next((pair for pair in given if pair[0] == channel), given[0])
        column, address, channel = chosen[0], chosen[1], chosen[0]
        given.remove(chosen)
    if address and channel is None:
        channel = _channel_of(address)
        if channel is None:
            row.fault(
                "address", N_("Say which way this address is for: a column “Way to answer”, or one for each way.")
            )
    answers["answer_by"] = {
        "channel": channel or "number",
        "address": address,
        "good_times": row.text("good_times"),
        "may_say_who": row.yes("may_say_who"),
        "may_leave_message": row.yes("may_leave_message"),
    }
    return column, given


def _channel_of(address: str) -> str | None:
    """The contact channel that an address implies: e-mail, Telegram for a user name, or phone for a phone number."""
    if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address):
        return "email"
    if re.fullmatch(r"@\w+|(https?://)?t\.me/\w+", address):
        return "telegram"
    return "phone" if re.fullmatch(r"\+?[\d\s()./-]{6,25}", address) else None


def _add_letter(row: _Row, answers: dict[str, Any], directory: Directory, country: str, today: date) -> None:
    kind, received_on = row.text("letter").strip(), row.day("letter_on", today)
    if not kind and received_on is None:
        return
    if kind and kind != "unknown" and directory.has_country(country) and directory.deadline(country, kind) is None:
        kind = _letter_kind(directory, country, kind) or kind
    answers["letter"] = {"kind": kind or "unknown", "received_on": received_on.isoformat() if received_on else None}


def _letter_kind(directory: Directory, country: str, text: str) -> str | None:
    """The event of a letter by the name that the form gives it, in any language."""
    for rule in directory.deadlines(country):
        label = rule.label if rule.letter_kind else None
        if label and any(plain(translator(language).text(label)) == plain(text) for language in LANGUAGES):
            return rule.event
    return None


def _note(row: _Row, rest: Iterable[tuple[str, str]]) -> str:
    """The note of the team: the number in the earlier list, the notes, and the addresses that are not the way to answer."""
    reference = row.text("reference")
    lines = [f"Number in the earlier list: {reference}"] if reference else []
    return "\n".join((*lines, *row.notes, *(f"{CHANNELS[code]}: {address}" for code, address in rest)))


def _column_of(pointer: str, address: str) -> str:
    steps = pointer.strip("/").split("/")
    for name in ("/".join(steps[:2]), steps[0]):
        if name == "answer_by/address":
            return address
        if name in _COLUMN_OF:
            return _COLUMN_OF[name]
        if name in COLUMNS:
            return name
    return ""
