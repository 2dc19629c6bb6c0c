"""Counted sentences: each language has as many forms as CLDR says, and uses them where CLDR does."""

from datetime import UTC, date, datetime
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from app.cli import i18n as catalogues
from app.core.i18n import LANGUAGES, OWN_NAMES, plural_forms, translator

COUNTED = [message for message in catalogues.messages() if not isinstance(message, str)]
FORMS = {"ru": 3, "en": 2, "be": 3, "uk": 3, "pl": 3, "lt": 3, "ka": 2, "de": 2}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_form_goes_with_the_same_class_of_cldr(language: str) -> None:
    words = translator(language)
    forms = {f"{n}": words.locale.plural_form(n) for n in range(200)}
    chosen = {n: words._ngettext(*COUNTED[0], int(n)) for n in forms}
    by_class = {kind: {chosen[n] for n in forms if forms[n] == kind} for kind in set(forms.values())}
    assert all(len(used) == 1 for used in by_class.values()), "one class of numbers, one form"
    assert plural_forms(language)[0] == len(by_class) == FORMS[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_counted_sentence_holds_its_number(language: str) -> None:
    words = translator(language)
    for one, many in COUNTED:
        others = {name: "" for _text, name, _spec, _conversion in Formatter().parse(many) if name and name != "n"}
        for n in (1, 2, 5, 21):
            assert str(n) in words.plural(one, many, n, **others)


@pytest.mark.parametrize(("language", "four"), [("ru", "4 дня"), ("pl", "4 dni"), ("lt", "4 dienos"), ("de", "4 Tage")])
def test_four_days_are_said_as_they_are_said_there(language: str, four: str) -> None:
    assert four in translator(language).plural("{n} day is left.", "{n} days are left.", 4)


def test_days_hours_and_numbers_are_written_as_the_reader_writes_them() -> None:
    at = datetime(2026, 11, 25, 20, 5, tzinfo=UTC)
    assert translator("en").date(date(2026, 11, 25)) == "25 November 2026", "British, not American"
    assert translator("ru").moment(at, ZoneInfo("Asia/Tbilisi")) == "26 ноября, 00:05"
    assert translator("de").number(12345) == "12.345"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_called_as_cldr_has_it(language: str) -> None:
    assert OWN_NAMES[language].lower() == translator(language).language_name(language).lower()
