"""Days, instants and durations as staff read them, in each language."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.core.i18n import LANGUAGES, STAFF, NoSuchDay, Translatable, translator
from app.core.written_dates import read
from app.web.components.time_format import TimeFormat

DAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def times(language: str) -> TimeFormat:
    return TimeFormat(translator(language, STAFF))


@pytest.mark.parametrize(
    ("language", "day", "short"),
    [
        ("en", "Tue 24 Nov 2026", "Tue 24 Nov"),
        ("ru", "вт, 24 нояб. 2026", "вт, 24 нояб."),
        ("de", "Di., 24. Nov. 2026", "Di., 24. Nov."),
        ("ka", "სამ, 24 ნოე. 2026", "სამ, 24 ნოე"),
        ("lt", "2026-11-24, an", "11-24, an"),
    ],
)
def test_a_day_is_written_as_the_reader_writes_it(language: str, day: str, short: str) -> None:
    assert (times(language).day(DAY), times(language).short_day(DAY)) == (day, short)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_that_a_form_shows_is_read_back(language: str) -> None:
    """The days off of an organisation stand in a field, one on each line."""
    for number in range(0, 366, 7):
        day = date(2027, 1, 1) + timedelta(days=number)
        assert read(times(language).day(day), today=DAY) == day, times(language).day(day)


def test_a_city_is_named_in_the_readers_language() -> None:
    assert times("ru").local_moment(NOON, "Asia/Tbilisi").endswith("16:00 (местное время: Тбилиси)")
    assert times("ru").place_of("Europe/Vilnius") == "Вильнюс"
    assert times("ka").local_moment(NOON, "UTC").endswith("(UTC)")


def test_a_moment_that_was_shown_before_is_shown_to_each_reader_and_country_in_its_own_way() -> None:
    shown = [times(language).local_moment(NOON, zone) for language in ("ru", "de") for zone in ("Asia/Tbilisi", "UTC")]
    assert len(set(shown)) == 4
    again = [times(language).local_moment(NOON, zone) for language in ("ru", "de") for zone in ("Asia/Tbilisi", "UTC")]
    assert again == shown


def test_a_length_of_time_takes_the_plural_form_of_its_number() -> None:
    in_russian = [times("ru").time_left(NOON + timedelta(hours=hours), NOON) for hours in (2, 5, 21)]
    assert in_russian == ["через 2 часа", "через 5 часов", "через 21 час"]
    assert times("en").hours_and_minutes(timedelta(minutes=130)) == "2 h 10 min"
    assert times("ru").hours_and_minutes(timedelta(minutes=130)) == "2 ч 10 мин"
    assert [times("en").days_left(days) for days in (-1, 0, 1, 3)] == ["1 d late", "today", "tomorrow", "in 3 d"]
    assert [times("en").hours_taken(hours) for hours in (5.5, 60)] == ["5.5 h", "2.5 d"]
    assert times("ru").hours_taken(5.5) == "5,5 ч"


def test_the_day_in_an_error_is_in_the_readers_language_too() -> None:
    sentence = Translatable("There is no such day: {day}. Please check the date.", day=NoSuchDay(30, 2, 2027))
    assert str(sentence) == "There is no such day: 30 February 2027. Please check the date."
    assert "30 февраля 2027" in translator("ru", STAFF).text(sentence)
