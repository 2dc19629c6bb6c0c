"""Dates as people type them, in eight languages, in any digits, whole or in three boxes."""

from datetime import date, timedelta

import pytest
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from app.core.i18n import LANGUAGES, translator
from app.core.written_dates import Fault, Nearest, NotADate, read
from app.web.components import date_fields

TODAY = date(2026, 11, 30)
DAY = date(2026, 11, 24)

WHOLE = """24.11.2026|24/11/26|24-11-2026|24 11 2026|24,11,2026|24.11|24/11|2026-11-24|2026.11.24|2026/11/24|24112026|20261124
241126|24. 11. 2026|24.11.2026 г.|24.11.26г|24.11.2026 10:30|2026-11-24T10:00:00Z|24.XI.2026|24 XI|24.11.2026!
24 ноября|24 ноября 2026 г.|24 ноября 2026 года|вторник, 24 ноября 2026 г.|24-го ноября|24 нояб. 2026|24 ноябре|«24» ноября 2026 г.
24 listopada|24 listopada 2026 r.|wtorek, 24 listopada 2026|dnia 24 listopada 2026 roku|24 lis 2026
24 лістапада|24 лістапада 2026 г.|24 листопада|24 листопада 2026 р.|вівторок, 24 листопада 2026
24. November|24. November 2026|Dienstag, 24. November 2026|den 24. Nov. 2026|November 24, 2026|24th of November 2026|Nov 24
lapkričio 24 d.|2026 m. lapkričio 24 d.|2026 m. lapkricio 24 d.|24 ნოემბერი|24 ნოემბერს|24 ნოემბრის|24 ნოემბერი, 2026|24 ნოე. 2026
٢٤.١١.٢٠٢٦|۲۴/۱۱/۲۰۲۶|२४/११/२०२६|２４．１１．２０２６|24\u00a0ноября\u202f2026|\u200e24.11.2026\u200f""".replace(
    "\n", "|"
).split("|")


HELD_OUT = """24.11.2026г.|24/XI/2026|24 . 11 . 2026|от 24 ноября|получил 24 ноября|24ноября2026|24-ое ноября
24ого ноября|2026, 24 ноября|24-го листопада 2026 року|24.11.2026 р.|аўторак, 24 лістапада
24-га лістапада|ад 24.11.2026|dn. 24.11.2026 r.|24-go listopada|24 XI 2026 r.|dnia 24 listopada br.
2026 lapkričio 24 d.|lapkričio 24-oji|2026 11 24 d.|2026 m. lapkričio mėn. 24 d.|Di., 24.11.2026
24.Nov.2026|vom 24. November 2026|24ter November|2026 წლის 24 ნოემბერი|24.11.2026 წ.|24-ნოემბერი
24 ნოემბრამდე|the 24th of November|24-Nov-2026|2026-Nov-24|received 24.11.2026|24′11′2026|24․11․2026
24:11:2026|24_11_2026|24\\11\\2026|24。11。2026|24.11 2026|otrzymałam 24.11""".replace("\n", "|").split("|")
"""Ways that were written down by somebody who had not seen the parser."""


@pytest.mark.parametrize("text", HELD_OUT)
def test_a_date_written_by_somebody_else_is_read(text: str) -> None:
    assert read(text, today=TODAY) == DAY


@pytest.mark.parametrize("text", WHOLE)
def test_a_whole_date_in_the_first_box_is_read(text: str) -> None:
    assert read(text, today=TODAY) == DAY


@pytest.mark.parametrize(
    "boxes",
    [
        ("24", "11", "2026"), ("24", "11", "26"), ("24", "11", ""), ("24", "ноября", ""), (" 24 ", "November", "2026"),
        ("٢٤", "١١", "٢٠٢٦"), ("24", "11", "2026 г."), ("24 ноября", "", "2026"), ("24.11.2026", "11", "2026"),
        ("24.", "11.", "26"),
    ],
)  # fmt: skip
def test_three_boxes_are_read(boxes: tuple[str, str, str]) -> None:
    assert read(*boxes, today=TODAY) == DAY


def test_nothing_typed_is_no_date_and_no_fault() -> None:
    assert read("", today=TODAY) is None
    assert read(" ", "\t", "", today=TODAY) is None


@pytest.mark.parametrize(
    ("text", "past", "future"),
    [
        ("24.11", date(2026, 11, 24), date(2027, 11, 24)),
        ("30.11", date(2026, 11, 30), date(2026, 11, 30)),
        ("1.12", date(2025, 12, 1), date(2026, 12, 1)),
        ("31 декабря", date(2025, 12, 31), date(2026, 12, 31)),
        ("29.02", date(2024, 2, 29), date(2028, 2, 29)),
        ("сегодня", TODAY, TODAY),
        ("wczoraj", date(2026, 11, 29), date(2026, 11, 29)),
    ],
)
def test_a_year_that_is_not_written_is_the_plausible_one(text: str, past: date, future: date) -> None:
    assert read(text, today=TODAY, nearest=Nearest.PAST) == past
    assert read(text, today=TODAY, nearest=Nearest.FUTURE) == future


FAULTY = {
    Fault.WRONG_DAY: ["30.02.2026", "31 июня", "29.02.2025", "0.11.2026", "45 11 2026", "31 listopada"],
    Fault.WRONG_MONTH: ["24.13.2026", "11/24/2026", "24.0.2026"],
    Fault.WRONG_YEAR: ["24.11.1826", "24.11.026", "24.11.9999"],
    Fault.NO_MONTH: ["24"],
    Fault.NO_DAY: ["11.2026", "ноября", "2026-11", "November 2026"],
    Fault.UNREADABLE: ["", "foo", "24-25.11.2026", "5 rug", "в среду или четверг", "<>", "24 11 2026 5", "1" * 70,
        "24.ноября.декабря"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "text"), [(fault, text) for fault, texts in FAULTY.items() for text in texts if text]
)
def test_what_is_no_date_is_told_apart(fault: Fault, text: str) -> None:
    with pytest.raises(NotADate) as raised:
        read(text, today=TODAY)
    assert raised.value.fault is fault


@pytest.mark.parametrize(
    ("boxes", "fault"),
    [
        (("", "11", "2026"), Fault.NO_DAY),
        (("24", "", "2026"), Fault.NO_MONTH),
        (("24", "13", "2026"), Fault.WRONG_MONTH),
        (("24", "листьев", "2026"), Fault.UNREADABLE),
        (("24", "11", "x"), Fault.WRONG_YEAR),
        (("24.11.2026", "12", "2026"), Fault.UNREADABLE),
    ],
)
def test_a_box_that_does_not_fit_is_told_apart(boxes: tuple[str, str, str], fault: Fault) -> None:
    with pytest.raises(NotADate) as raised:
        read(*boxes, today=TODAY)
    assert raised.value.fault is fault


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "There is no such day: 30 February 2027. Please check the date."),
        ("ru", "Такого дня нет: 30 февраля 2027 г. Проверьте дату."),
        ("lt", "Tokios dienos nėra: 2027 m. vasario 30 d. Patikrinkite datą."),
        ("de", "Diesen Tag gibt es nicht: 30. Februar 2027. Bitte prüfen Sie das Datum."),
    ],
)
def test_a_day_that_does_not_exist_is_named(language: str, expected: str) -> None:
    with pytest.raises(NotADate) as raised:
        read("30", "2", "2027", today=TODAY)
    assert date_fields.message(raised.value, translator(language)).replace("\u202f", " ") == expected


def test_a_day_is_read_back_with_its_weekday() -> None:
    assert translator("ru").weekday_date(DAY).replace("\u202f", " ") == "вторник, 24 ноября 2026 г."
    assert translator("en").weekday_date(DAY) == "Tuesday, 24 November 2026"


DAYS = st.dates(min_value=date(2001, 1, 1), max_value=date(2098, 12, 31))
DIGITS = st.sampled_from(["0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９"])


@given(day=DAYS, language=st.sampled_from(LANGUAGES), width=st.sampled_from(["full", "long", "medium"]), digits=DIGITS)
def test_what_a_computer_writes_in_each_language_is_read(day: date, language: str, width: str, digits: str) -> None:
    written = str(format_date(day, width, locale=translator(language).locale))  # type: ignore[arg-type]
    assert read(written.translate(str.maketrans("0123456789", digits)), today=TODAY) == day
    assert read(translator(language).weekday_date(day), today=TODAY) == day


@given(day=DAYS, pattern=st.sampled_from(["%d.%m.%Y", "%d/%m/%Y", "%Y-%m-%d", "%d%m%Y", "%d %m %y", "%d-%m-%y"]))
def test_figures_are_read_day_first_or_year_first(day: date, pattern: str) -> None:
    assert read(day.strftime(pattern), today=TODAY) == day
    assert read(*date_fields.of_day(day), today=TODAY) == day


@given(today=DAYS, days=st.integers(0, 364))
def test_a_letter_without_a_year_never_came_in_the_future(today: date, days: int) -> None:
    came = today - timedelta(days=days)
    assert read(f"{came.day}.{came.month}", today=today) == came or (came.month, came.day) == (2, 29)


@given(text=st.text(max_size=80), month=st.text(max_size=20), year=st.text(max_size=20))
def test_any_text_is_a_date_or_a_fault(text: str, month: str, year: str) -> None:
    found: date | Fault | None
    try:
        found = read(text, month, year, today=TODAY)
    except NotADate as problem:
        found = problem.fault
    assert found is None or isinstance(found, date | Fault)
