"""Languages: gettext catalogues, and names, dates and lists as the reader's language writes them (CLDR, by Babel).

Message ids are English sentences. A catalogue is `locales/<language>/LC_MESSAGES/messages.po`; its compiled `.mo` is used
when it is not older. A message without a translation comes out in English, and a test fails.
"""

import gettext
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton, format_time
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES: Final = ("ru", "en", "be", "uk", "pl", "lt", "ka", "de")
LOCALES: Final = Path(__file__).resolve().parent.parent / "locales"
_REGIONAL: Final = {"en": "en_GB"}
_OTHER_PLURALS: Final = {"ka": (2, "(n != 1)")}
"""Where the common gettext rule knows fewer forms than the language has (CLDR): Georgian says one house otherwise than two."""
OWN_NAMES: Final = {
    "ru": "Русский", "en": "English", "be": "Беларуская", "uk": "Українська",
    "pl": "Polski", "lt": "Lietuvių", "ka": "ქართული", "de": "Deutsch",
}  # fmt: skip


def N_(message: str) -> str:
    return message


class Translator:
    """One language: sentences, plurals, dates, names."""

    def __init__(self, language: str, catalogue: gettext.NullTranslations) -> None:
        self.language = language
        self.locale = Locale.parse(_REGIONAL.get(language, language))
        self._catalogue = catalogue

    def text(self, message: str, **params: object) -> str:
        """The sentence with `{name}` filled in. Raises KeyError when a parameter is missing."""
        translated = self._catalogue.gettext(message) if message else ""
        return translated.format(**params) if params else translated

    def plural(self, one: str, many: str, n: int, **params: object) -> str:
        """The sentence in the form that goes with `n`, which stands in it as this language writes numbers."""
        return self._catalogue.ngettext(one, many, n).format(n=self.number(n), **params)

    def number(self, value: float) -> str:
        return str(format_decimal(value, locale=self.locale))

    def months(self, first: date, last: date) -> str:
        """A stretch of time from the month of one day to the month of another."""
        return str(format_interval(first, last, skeleton="yMMMM", locale=self.locale))

    def date(self, day: date) -> str:
        """A day in words, without a full stop at its end (some languages abbreviate "year" there): it often ends a sentence."""
        return str(format_date(day, format="long", locale=self.locale)).rstrip(".")

    def moment(self, instant: datetime, zone: tzinfo = UTC) -> str:
        """Day and time of day, on the clocks of `zone`."""
        there = instant.astimezone(zone)
        day = str(format_skeleton("MMMMd", there, locale=self.locale))
        return str(self.locale.datetime_formats["medium"]).format(format_time(there, "HH:mm", locale=self.locale), day)

    def language_name(self, code: str) -> str:
        return _language_name(self.locale, code)

    def language_names(self, codes: Iterable[str]) -> list[str]:
        return [self.language_name(code) for code in codes]

    def country_name(self, code: str) -> str:
        return _country_name(self.locale, code)

    def listed(self, names: Sequence[str]) -> str:
        return _listed(self.locale, tuple(names)) if names else ""


# A list of cases says the same few of these on each row.


@lru_cache(maxsize=256)
def _language_name(locale: Locale, code: str) -> str:
    return str(locale.languages.get(code.partition("-")[0], code))


@lru_cache(maxsize=256)
def _country_name(locale: Locale, code: str) -> str:
    return str(locale.territories.get(code, code))


@lru_cache(maxsize=1024)
def _listed(locale: Locale, names: tuple[str, ...]) -> str:
    return str(format_list(list(names), locale=locale))


@lru_cache(maxsize=16)
def translator(language: str) -> Translator:
    """The translator of one of `LANGUAGES`; English for any other."""
    if language not in LANGUAGES:
        language = "en"
    return Translator(language, _catalogue(language))


def _catalogue(language: str) -> gettext.NullTranslations:
    source = po_file(language)
    compiled = source.with_suffix(".mo")
    if compiled.exists() and (not source.exists() or compiled.stat().st_mtime >= source.stat().st_mtime):
        with compiled.open("rb") as file:
            return gettext.GNUTranslations(file)
    if not source.exists():
        return gettext.NullTranslations()
    return gettext.GNUTranslations(io.BytesIO(compile_po(source)))


def po_file(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / "messages.po"


def compile_po(source: Path) -> bytes:
    """The .mo bytes of a .po file. Entries marked fuzzy count too."""
    with source.open("rb") as file:
        catalogue = read_po(file)
    buffer = io.BytesIO()
    write_mo(buffer, catalogue, use_fuzzy=True)
    return buffer.getvalue()


def plural_forms(language: str) -> tuple[int, str]:
    """How many forms a counted sentence has, and gettext's rule which of them goes with `n`."""
    if language in _OTHER_PLURALS:
        return _OTHER_PLURALS[language]
    rule = get_plural(language)
    return rule.num_plurals, rule.plural_expr
