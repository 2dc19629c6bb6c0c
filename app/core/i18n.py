"""Languages: gettext catalogues, and names, dates and lists formatted for the reader's language (CLDR data, by Babel).

Message ids are English sentences. A catalogue is `locales/<language>/LC_MESSAGES/<domain>.po`; its compiled `.mo` is used
if it is not older. There are two domains: what people who ask for help read (`PERSON`; a test fails if a language lacks a message),
and what staff and partners read (`STAFF`). A message without a translation is shown in English.
"""

import gettext
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton, format_time, get_timezone_location
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

PERSON: Final = "messages"
STAFF: Final = "staff"
# Written out, because Babel would load 11 MB of eight locales for eight words. A test compares them with CLDR.
OWN_NAMES: Final = {
    "ru": "Русский", "en": "English", "be": "Беларуская", "uk": "Українська",
    "pl": "Polski", "lt": "Lietuvių", "ka": "ქართული", "de": "Deutsch",
}  # fmt: skip
LANGUAGES: Final = tuple(OWN_NAMES)
LOCALES: Final = Path(__file__).resolve().parent.parent / "locales"
_REGIONAL: Final = {"en": "en_GB"}
_OTHER_PLURALS: Final = {"ka": (2, "(n != 1)")}
"""Plural rules that replace those of Babel, which have fewer forms than CLDR: Georgian distinguishes one from many."""


def N_(message: str) -> str:
    """Mark a message for extraction."""
    return message


def NN_(one: str, many: str) -> tuple[str, str]:
    """Mark a counted message for extraction."""
    return one, many


class Translatable(str):
    """An English sentence with filled-in fields that is translated where it is shown. Whoever reads it as a string reads English.

    The fields take numbers and codes of ours, never what somebody typed; days and instants are written as the reader writes them.
    """

    message: str
    params: dict[str, object]

    def __new__(cls, message: str, **params: object) -> "Translatable":
        in_english = {
            name: value if isinstance(value, str) else _field(translator("en"), value) for name, value in params.items()
        }
        text = super().__new__(cls, message.format(**in_english))
        text.message, text.params = message, params
        return text


@dataclass(frozen=True, slots=True)
class NoSuchDay:
    """A day that the calendar does not have, such as 30 February, as the field of a sentence."""

    day: int
    month: int
    year: int | None


class Translator:
    """Messages, plurals, dates and names in one language. `domain`: the catalogue that they are taken from."""

    def __init__(self, language: str, catalogue: gettext.NullTranslations, domain: str = PERSON) -> None:
        self.language, self.domain = language, domain
        self.locale = Locale.parse(_REGIONAL.get(language, language))
        self._gettext, self._ngettext = catalogue.gettext, catalogue.ngettext

    def text(self, message: str, **params: object) -> str:
        """The translated message with its `{name}` fields filled in. Raises KeyError when a parameter is missing."""
        if isinstance(message, Translatable):
            return self.text(message.message, **_fields(self, message.params))
        translated = self._gettext(message) if message else ""
        return translated.format(**_with_one_stop(translated, params)) if params else translated

    def reworded(self, table: Mapping[str, str]) -> "Translator":
        """The same translator for a reader who gets another wording of some sentences. `table`: English for English."""
        return _RewordedTranslator(self, table) if table else self

    def plural(self, one: str, many: str, n: int, **params: object) -> str:
        """The translated message in the plural form for `n`, with `{n}` formatted in this language."""
        translated = self._ngettext(one, many, n)
        return translated.format(n=self.number(n), **_with_one_stop(translated, params))

    def number(self, value: float) -> str:
        return _number(self.locale, value)

    def percent(self, value: float) -> str:
        """A share in whole hundredths, with a space before its sign in English as well: `45 %`."""
        return f"{self.number(round(value))} %"

    def months(self, first: date, last: date) -> str:
        """An interval from the month of one day to the month of another, for example "March – June 2026"."""
        return str(format_interval(first, last, skeleton="yMMMM", locale=self.locale))

    def weekday_date(self, day: date) -> str:
        """A date in full form with its weekday, to read a typed date back: "вторник, 24 ноября 2026 г."."""
        return str(format_date(day, format="full", locale=self.locale))

    def day(self, day: date) -> str:
        """A date with its short weekday, for lists and tables: `Tue 24 Nov 2026`, "вт, 24 нояб. 2026"."""
        return _day(self.locale, day.year, day.month, day.day, "yMMMEd")

    def short_day(self, day: date) -> str:
        """The same without the year: `Tue 24 Nov`."""
        return _day(self.locale, day.year, day.month, day.day, "MMMEd")

    def short_weekday(self, day: date) -> str:
        """`Tue`."""
        return _day(self.locale, day.year, day.month, day.day, "E")

    def short_month(self, day: date) -> str:
        """A month with its year: `Nov 2026`."""
        return _day(self.locale, day.year, day.month, 1, "yMMM")

    def month(self, day: date) -> str:
        """A month with its year, written in full: `November 2026`, "ноябрь 2026"."""
        return _day(self.locale, day.year, day.month, 1, "yMMMM")

    def quarter(self, day: date) -> str:
        """A quarter with its year: `Q4 2026`, "IV kw. 2026"."""
        return _day(self.locale, day.year, day.month, 1, "yQQQ")

    def city(self, zone: str) -> str:
        """The city that an IANA time zone is named after."""
        return _city(self.locale, zone)

    def impossible_date(self, day: int, month: int, year: int | None) -> str:
        """A day that the calendar does not have, such as "30 February 2027"; without a year if there is none."""
        like = date(year or 2000, month, 28)
        text = (
            format_date(like, format="long", locale=self.locale)
            if year
            else format_skeleton("MMMMd", like, locale=self.locale)
        )
        return re.sub(r"\b28\b", str(day), str(text), count=1)

    def date(self, day: date) -> str:
        """A date in long form, with the full stop that some languages put after "day" or "year": "2026 m. gruodžio 5 d."."""
        return str(format_date(day, format="long", locale=self.locale))

    def moment(self, instant: datetime, zone: tzinfo = UTC) -> str:
        """Day and time of day in the time zone `zone`."""
        there = instant.astimezone(zone)
        day = str(format_skeleton("MMMMd", there, locale=self.locale))
        return str(self.locale.datetime_formats["medium"]).format(format_time(there, "HH:mm", locale=self.locale), day)

    def language_name(self, code: str) -> str:
        return _language_name(self.locale, code)

    def language_names(self, codes: Iterable[str]) -> list[str]:
        return [self.language_name(code) for code in codes]

    def country_name(self, code: str) -> str:
        """The name of an ISO 3166-1 country; `XX` is every country that has no team of its own."""
        return self.text(_ANOTHER_COUNTRY) if code == "XX" else _country_name(self.locale, code)

    def listed(self, names: Sequence[str]) -> str:
        return _listed(self.locale, tuple(names)) if names else ""


def _fields(words: Translator, params: Mapping[str, object]) -> dict[str, object]:
    """The fields of a sentence as the reader writes them."""
    return {name: _field(words, value) for name, value in params.items()}


def _field(words: Translator, value: object) -> object:
    if isinstance(value, NoSuchDay):
        return words.impossible_date(value.day, value.month, value.year)
    if isinstance(value, datetime):
        return words.moment(value)
    if isinstance(value, date):
        return words.date(value)
    return words.text(value) if isinstance(value, Translatable) else value


_ANOTHER_COUNTRY: Final = N_("Another country")


def _with_one_stop(message: str, params: Mapping[str, object]) -> Mapping[str, object]:
    """The parameters, without the full stop of one that ends in an abbreviation ("5 d.", "e.V.") where the message has its own."""
    for value in params.values():
        if isinstance(value, str) and value.endswith("."):
            break
    else:
        return params  # nearly always
    return {
        name: value[:-1] if isinstance(value, str) and value.endswith(".") and f"{{{name}}}." in message else value
        for name, value in params.items()
    }


class _RewordedTranslator(Translator):
    """A translator that replaces some sentences. It is a separate class because every page calls `Translator.text` often."""

    def __init__(self, of: Translator, table: Mapping[str, str]) -> None:
        self.__dict__.update(of.__dict__)
        self._table = table

    def text(self, message: str, **params: object) -> str:
        return super().text(self._table.get(message, message), **params)


# Cached, because each row of a list of cases shows the same few names and numbers.


@lru_cache(maxsize=1024)
def _number(locale: Locale, value: float) -> str:
    return str(format_decimal(value, locale=locale))


@lru_cache(maxsize=2048)
def _day(locale: Locale, year: int, month: int, day: int, skeleton: str) -> str:
    """Without what Russian and Ukrainian put after a year, which is long, and without the comma of English."""
    value = date(year, month, day)
    if locale.language == "en":
        return str(format_date(value, _ENGLISH_DAYS[skeleton], locale=locale))
    return re.sub(r"[\s\u202f](?:г|р)\.$", "", str(format_skeleton(skeleton, value, locale=locale)))


_ENGLISH_DAYS: Final = {
    "yMMMEd": "EEE d MMM y",
    "MMMEd": "EEE d MMM",
    "E": "EEE",
    "yMMM": "MMM y",
    "yMMMM": "MMMM y",
    "yQQQ": "QQQ y",
}


@lru_cache(maxsize=64)
def _city(locale: Locale, zone: str) -> str:
    if zone == "UTC":
        return zone
    return str(get_timezone_location(zone, locale=locale, return_city=True))


@lru_cache(maxsize=256)
def _language_name(locale: Locale, code: str) -> str:
    return str(locale.languages.get(code.partition("-")[0], code))


@lru_cache(maxsize=256)
def _country_name(locale: Locale, code: str) -> str:
    return str(locale.territories.get(code, code))


@lru_cache(maxsize=1024)
def _listed(locale: Locale, names: tuple[str, ...]) -> str:
    return str(format_list(list(names), locale=locale))


@lru_cache(maxsize=32)
def translator(language: str, domain: str = PERSON) -> Translator:
    """The translator of one of `LANGUAGES`; English for any other.

    Messages that the staff catalogue lacks, such as the names of needs, are taken from the person's catalogue.
    """
    if language not in LANGUAGES:
        language = "en"
    catalogue = _catalogue(language, domain)
    if domain != PERSON and language != "en":  # an English message id needs no translation
        catalogue.add_fallback(_catalogue(language, PERSON))
    return Translator(language, catalogue, domain)


def _catalogue(language: str, domain: str) -> gettext.NullTranslations:
    source = po_file(language, domain)
    compiled = source.with_suffix(".mo")
    if compiled.exists() and (not source.exists() or compiled.stat().st_mtime >= source.stat().st_mtime):
        with compiled.open("rb") as file:
            return gettext.GNUTranslations(file)
    if not source.exists():
        return gettext.NullTranslations()
    return gettext.GNUTranslations(io.BytesIO(compile_po(source)))


def po_file(language: str, domain: str = PERSON) -> Path:
    return LOCALES / language / "LC_MESSAGES" / f"{domain}.po"


def compile_po(source: Path) -> bytes:
    """The .mo bytes of a .po file, including entries marked fuzzy."""
    with source.open("rb") as file:
        catalogue = read_po(file)
    buffer = io.BytesIO()
    write_mo(buffer, catalogue, use_fuzzy=True)
    return buffer.getvalue()


def plural_forms(language: str) -> tuple[int, str]:
    """The number of plural forms of a language, and the gettext expression that selects one for `n`."""
    if language in _OTHER_PLURALS:
        return _OTHER_PLURALS[language]
    rule = get_plural(language)
    return rule.num_plurals, rule.plural_expr
