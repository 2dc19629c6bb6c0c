"""Columns of a list of cases that a team kept elsewhere, and the answers of an intake that a row of it gives. Pure.

A column is recognised by its heading, in English, Russian, Polish or Ukrainian, or chosen by the member. A value is a code of ours
or its name in any of our languages. Faults name the column and say what would fit; they never repeat what a cell contains.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from babel import Locale

from app.client.list_files import Cell
from app.core import written_dates
from app.core.errors import Invalid
from app.core.i18n import LANGUAGES, N_, Translatable, translator
from app.core.vocabulary import complete
from app.core.written_dates import Nearest, NotADate
from app.directory.packs import Directory
from app.intake import schemas
from app.intake.schemas import Intake
from app.intake.vocabulary import CHANNELS, FOR_WHOM, GROUPS, HELPS, HOW_SOON, STATUSES
from app.matching.code_names import CodeNames

LEFT_OUT: Final = ""
_UNCLEAR: Final = (
    N_("a formula"), N_("a date"), N_("a number with a fraction"), N_("an error of the spreadsheet"),
)  # fmt: skip
"""What `list_files` says of a cell whose text is not what was typed, to be translated."""
NOTE: Final = "note"
LONGEST_NOTE: Final = 5_000
OLDEST: Final = timedelta(days=10 * 366)
_CHANNELS_BY_COLUMN: Final[tuple[str, ...]] = ("signal", "telegram", "whatsapp", "email", "phone")
"""Columns that hold an address each, in the order in which one becomes the way to answer."""

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reference": N_("Number in the earlier list"),
        "wrote_on": N_("Day on which they first asked"),
        "name": N_("What to call the person"),
        "country": N_("Country where the person is"),
        "region": N_("Region"),
        "needs": N_("What help is needed with"),
        "how_soon": N_("By when something has to be done"),
        "for_whom": N_("Who asks: the person, somebody close, a helper"),
        "story": N_("What happened, in their words"),
        "language": N_("Language in which we write to them"),
        "speak": N_("Languages that they speak"),
        "nationality": N_("Citizenship"),
        "status": N_("Status in the country"),
        "groups": N_("Groups that decide who can help"),
        "helps": N_("What else they need"),
        "channel": N_("Way to answer"),
        "address": N_("Address for that way"),
        "signal": N_("Signal"),
        "telegram": N_("Telegram"),
        "whatsapp": N_("WhatsApp"),
        "email": N_("E-mail"),
        "phone": N_("Phone"),
        "good_times": N_("When it is safe to call or write"),
        "may_say_who": N_("We may say who we are (yes or no)"),
        "may_leave_message": N_("A message may be left (yes or no)"),
        "letter": N_("Kind of a letter with a time limit"),
        "letter_on": N_("Day on which the letter was handed over"),
        "centres": N_("Centres that the person agreed to"),
        "never": N_("Centres that must not know"),
        "note": N_("Note of the team"),
        "card": N_("Wants a card with a number (yes or no)"),
    }
)
"""What a column can be, by code; several columns may be notes."""

_HEADINGS: Final[Mapping[str, str]] = complete(
    COLUMNS,
    {
        "reference": "reference ref id no nr number case № номер номер_дела numer",
        "wrote_on": "wrote_on date received first_contact waiting_since created "
        "date_received дата дата_обращения обратился дата_звернення data data_zgłoszenia",
        "name": "name call_me full_name client имя фио как_обращаться ім'я imię imię_i_nazwisko nazwisko",
        "country": "country страна країна kraj państwo",
        "region": "region регион область регіон województwo",
        "needs": "needs need problem topic request потребности потребность "
        "запрос вопрос проблема тема потреби potrzeby potrzeba sprawa",
        "how_soon": "how_soon urgency deadline срочность терміновість pilność",
        "for_whom": "for_whom who для_кого за_кого dla_kogo",
        "story": "story description what_happened text история описание что_случилось опис історія opis historia",
        "language": "language язык язык_переписки мова język",
        "speak": "speak languages spoken_languages языки мови języki",
        "nationality": "nationality citizenship гражданство громадянство obywatelstwo",
        "status": "status legal_status статус правовой_статус status_pobytu",
        "groups": "groups group группа группы група grupa",
        "helps": "helps special_needs особые_потребности",
        "channel": "channel contact_way way_to_answer способ_связи канал kanał",
        "address": "address contact контакт контакты kontakt",
        "signal": "signal сигнал",
        "telegram": "telegram tg телеграм телеграмм",
        "whatsapp": "whatsapp wa ватсап вотсап",
        "email": "email e-mail mail почта эл_почта пошта",
        "phone": "phone telephone tel mobile телефон тел telefon",
        "good_times": "good_times when_to_call safe_times когда_звонить коли_дзвонити kiedy_dzwonić",
        "may_say_who": "may_say_who можно_назваться",
        "may_leave_message": "may_leave_message можно_оставить_сообщение",
        "letter": "letter letter_kind письмо решение лист pismo",
        "letter_on": "letter_on letter_date дата_письма дата_решения дата_вручения data_pisma data_doręczenia",
        "centres": "centres organisations agreed_to согласие организации zgoda",
        "never": "never not_to не_сообщать",
        "note": "note notes comment comments remarks заметки "
        "примечание примечания комментарий комментарии нотатки uwagi notatki",
        "card": "card wants_number карточка картка karta",
    },
)
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


def guess(heading: str) -> str:
    """The column with this heading; `LEFT_OUT` if none is known."""
    wanted = re.sub(r"[\s_./:-]+", "_", heading.strip().lower()).strip("_")
    return _by_heading().get(wanted, LEFT_OUT)


@lru_cache
def _by_heading() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for code, words in _HEADINGS.items():
        for word in (code, *words.split()):
            found.setdefault(re.sub(r"[\s_./:-]+", "_", word.lower()).strip("_"), code)
        found.setdefault(re.sub(r"[\s_./:-]+", "_", COLUMNS[code].lower()), code)
    return found


class CodeWords:
    """The names of codes in all languages, to find the code that a cell means."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        readers = [CodeNames(language, directory) for language in LANGUAGES]
        vocabularies = {
            "how_soon": HOW_SOON, "for_whom": FOR_WHOM, "status": STATUSES, "groups": GROUPS, "helps": HELPS, "channel": CHANNELS,
        }  # fmt: skip
        self._codes: dict[str, dict[str, str]] = {
            name: {
                word: code
                for code, label in vocabulary.items()
                for word in (code, *(_plain(reader.text(label)) for reader in readers))
            }
            for name, vocabulary in vocabularies.items()
        }
        self._codes["needs"] = {
            word: need.id
            for need in directory.needs
            for word in (need.id, *(_plain(reader.text(need.label)) for reader in readers))
        }
        self._codes["country"] = _territories()
        self._codes["nationality"] = self._codes["country"]
        self._codes["speak"] = _languages()
        self._codes["centres"] = {
            word: organisation.id
            for organisation in directory.organisations
            for word in (organisation.id, *map(_plain, filter(None, organisation.name.model_dump().values())))
        }
        self._codes["never"] = self._codes["centres"]

    def code(self, column: str, text: str) -> str | None:
        """The code that a cell of this column means; None if there is no such code."""
        return self._codes[column].get(_plain(text))

    def region(self, country: str, text: str) -> str | None:
        """The code of a region of this country, by its code or one of its names."""
        if not self._directory.has_country(country):
            return None
        for code, region in self._directory.country(country).regions.items():
            if _plain(text) in {
                code.lower(),
                code.lower().partition("-")[2],
                _plain(region.local),
                _plain(region.en or ""),
            }:
                return code
        return None


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".").casefold()


@lru_cache
def _territories() -> dict[str, str]:
    codes: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha():
                codes.setdefault(_plain(name), code)
                codes.setdefault(code.lower(), code)
    return codes


@lru_cache
def _languages() -> dict[str, str]:
    codes: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).languages.items():
            if len(code) in {2, 3} and code.isalpha():
                codes.setdefault(_plain(name), code)
                codes.setdefault(code, code)
    return codes


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
        text = _plain(self.text(column))
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
        if label and any(_plain(translator(language).text(label)) == _plain(text) for language in LANGUAGES):
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
