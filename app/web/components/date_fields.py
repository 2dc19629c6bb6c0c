"""Dates in forms: three boxes for day, month and year, the first of which also takes a whole date.

A date question has three fields: its own name, and the same with `_month` and `_year` at the end. A program may send a whole
date in the first one alone. What is typed is parsed by `app.core.written_dates`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from app.core import written_dates
from app.core.errors import FieldError, Invalid
from app.core.i18n import N_, NoSuchDay, Translatable, Translator
from app.core.vocabulary import complete
from app.core.written_dates import Fault, Nearest, NotADate

MESSAGES: Final = complete(Fault, {
    Fault.UNREADABLE: N_("We could not read this date. Please write the day, the month and the year, for example 24 11 2026."),
    Fault.NO_DAY: N_("Please write the day as well."),
    Fault.NO_MONTH: N_("Please write the month as well."),
    Fault.WRONG_MONTH: N_(
        "There is no such month. Please write the day first, then the month: a number from 1 to 12, or its name."
    ),
    Fault.WRONG_DAY: N_("There is no such day: {day}. Please check the date."),
    Fault.WRONG_YEAR: N_("Please check the year. Write all four digits, for example 2026."),
})  # fmt: skip


class Boxes(NamedTuple):
    """The content of the three boxes of a date."""

    day: str = ""
    month: str = ""
    year: str = ""


def names(name: str) -> tuple[str, str, str]:
    """The names of the three fields of a date question."""
    return name, f"{name}_month", f"{name}_year"


def typed(fields: Mapping[str, Sequence[str]], name: str) -> Boxes:
    """The boxes of a submitted form. A field has one value, or several of which the last counts."""
    values = (fields.get(part) or "" for part in names(name))
    return Boxes(*(value if isinstance(value, str) else value[-1] for value in values))


def of_day(day: date | datetime | str | None) -> Boxes:
    """The boxes with a day in them: a date, or one written as ISO 8601; other text is put into the first box unchanged."""
    if isinstance(day, str):
        try:
            day = date.fromisoformat(day)
        except ValueError:
            return Boxes(str(day))
    return Boxes(str(day.day), str(day.month), str(day.year)) if day else Boxes()


def message(problem: NotADate, words: Translator) -> str:
    """The error of a date, in the reader's language: "There is no such day: 30 February 2027. Please check the date."."""
    if problem.fault is not Fault.WRONG_DAY:
        return words.text(MESSAGES[problem.fault])
    return words.text(MESSAGES[problem.fault], day=words.impossible_date(problem.day, problem.month, problem.year))


def _translatable(problem: NotADate) -> str:
    if problem.fault is not Fault.WRONG_DAY:
        return MESSAGES[problem.fault]
    return Translatable(MESSAGES[problem.fault], day=NoSuchDay(problem.day, problem.month, problem.year))


def read(
    fields: Mapping[str, Sequence[str]], name: str, *, today: date, nearest: Nearest = Nearest.FUTURE
) -> date | None:
    """The day in the three fields; None if they are empty. Raises Invalid, in English, with a pointer to the first field."""
    try:
        return written_dates.read(*typed(fields, name), today=today, nearest=nearest)
    except NotADate as problem:
        detail = _translatable(problem)
        raise Invalid([FieldError(pointer=f"/{name}", code=problem.fault.value, detail=detail)]) from None


def listed_days(text: str, name: str, *, today: date) -> list[date]:
    """The days in a text: one on each line, or several on a line in figures. Raises Invalid, with a pointer to the field `name`."""
    days: list[date | None] = []
    for line in text.splitlines():
        try:
            days.append(read({name: [line]}, name, today=today))
        except Invalid:
            if not re.fullmatch(r"(\d{4}-\d\d-\d\d\s*)+", line):
                raise
            days += [date.fromisoformat(day) for day in line.split()]
    return [day for day in days if day is not None]
