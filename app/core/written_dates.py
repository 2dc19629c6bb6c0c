"""Dates as people type them: in three boxes, or whole in one, in eight languages and in the digits of any script.

Pure: today, the day where the person is, is an argument. The parser reads what is written and guesses only a year that is not
written; it never swaps day and month. Whoever calls it reads the day back in words (`Translator.weekday_date`).
"""

import re
import unicodedata
from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from babel import Locale

from app.core.i18n import LANGUAGES

LONGEST: Final = 60
"""Characters of a whole date; more is not read."""


class Fault(StrEnum):
    """Why a text is no date. The codes are those of field errors."""

    UNREADABLE = "date_unreadable"
    NO_DAY = "date_without_day"
    NO_MONTH = "date_without_month"
    WRONG_MONTH = "no_such_month"
    WRONG_DAY = "no_such_day"
    WRONG_YEAR = "no_such_year"


class Nearest(StrEnum):
    """The year to assume where none is written: for a letter that came, the last such day; for a plan, the next one."""

    PAST = "past"
    FUTURE = "future"


class NotADate(ValueError):
    """The text is no date. `day`, `month` and `year` are set for a day that the calendar does not have."""

    def __init__(self, fault: Fault, day: int = 0, month: int = 0, year: int | None = None) -> None:
        super().__init__(fault)
        self.fault, self.day, self.month, self.year = fault, day, month, year


def read(day: str, month: str = "", year: str = "", *, today: date, nearest: Nearest = Nearest.PAST) -> date | None:
    """The date in the three boxes; None when all are empty. The first box may hold a whole date. Raises NotADate."""
    first, second, third = (_plain(text) for text in (day, month, year))
    if not (first or second or third):
        return None
    if max(len(first), len(second), len(third)) > LONGEST:
        raise NotADate(Fault.UNREADABLE)
    if re.fullmatch(r"\d{0,2}", first):
        return _of_boxes(first, second, third, today, nearest)
    if (second or third) and (alone := _agreed(first, second, third, today, nearest)):
        return alone
    return _whole(" ".join(part for part in (first, second, third) if part), today, nearest)


def _agreed(whole: str, month: str, year: str, today: date, nearest: Nearest) -> date | None:
    """A whole date that was pasted over a day whose month and year are still in the other boxes, if they are the same."""
    try:
        day = _whole(whole, today, nearest)
    except NotADate:
        return None
    same_month = not month or (int(month) if month.isdecimal() else _month_of(month)) == day.month
    return day if same_month and year in {"", str(day.year), f"{day:%y}"} else None


def _of_boxes(day: str, month: str, year: str, today: date, nearest: Nearest) -> date:
    if not day:
        raise NotADate(Fault.NO_DAY)
    if not month:
        raise NotADate(Fault.NO_MONTH)
    number = int(month) if month.isdecimal() else _month_of(month.strip(" ."))
    if number is None:
        raise NotADate(Fault.WRONG_MONTH if month.isdecimal() else Fault.UNREADABLE)
    digits = re.sub(r"\D+$", "", year)  # «2026 г.»
    if year and not digits.isdecimal():
        raise NotADate(Fault.WRONG_YEAR)
    return _date(int(day), number, digits, today, nearest)


_TIME: Final = re.compile(r"[ t]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(z|[+-]\d{2}:?\d{2})?\b")
_TOKEN: Final = re.compile(r"\d+|[^\W\d_]+")
_ROMAN: Final = {
    text: at for at, text in enumerate(["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"], 1)
}
_LOOKS_LATIN: Final = str.maketrans("іх", "ix")


def _whole(text: str, today: date, nearest: Nearest) -> date:
    """A date in one text: numbers in the order day, month, year (or year first, if it has four digits), or a month by name."""
    text = _TIME.sub("", text)
    numbers: list[str] = []
    months: list[int] = []
    days_from_today: list[int] = []
    for token in _TOKEN.findall(text):
        if token.isdecimal():
            numbers.append(token)
        elif (roman := _ROMAN.get(token.translate(_LOOKS_LATIN))) is not None and len(numbers) == 1 and not months:
            months.append(roman)
        elif token in _RELATIVE:
            days_from_today.append(_RELATIVE[token])
        elif token not in _noise():
            month = _month_of(token)
            if month is None:
                raise NotADate(Fault.UNREADABLE)
            months.append(month)
    if days_from_today and not numbers and not months and len(days_from_today) == 1:
        return today + timedelta(days=days_from_today[0])
    if days_from_today or len(months) > 1:
        raise NotADate(Fault.UNREADABLE)
    day, month, year = _with_name(numbers, months[0]) if months else _in_numbers(numbers)
    return _date(day, month, year, today, nearest)


def _with_name(numbers: list[str], month: int) -> tuple[int, int, str]:
    if not numbers or (len(numbers) == 1 and len(numbers[0]) > 2):
        raise NotADate(Fault.NO_DAY)
    if len(numbers) > 2:
        raise NotADate(Fault.UNREADABLE)
    day, year = (*numbers, "")[:2]
    if len(day) == 4:
        day, year = year, day
    if len(day) > 2:
        raise NotADate(Fault.UNREADABLE)
    return int(day), month, year


def _in_numbers(numbers: list[str]) -> tuple[int, int, str]:
    lengths = [len(number) for number in numbers]
    if lengths == [8]:
        return _run_together(numbers[0])
    if lengths == [6]:
        return int(numbers[0][:2]), int(numbers[0][2:4]), numbers[0][4:]
    if len(numbers) == 1:
        raise NotADate(Fault.NO_MONTH if lengths[0] <= 2 else Fault.UNREADABLE)
    if len(numbers) == 2 and 4 in lengths:
        raise NotADate(Fault.NO_DAY)
    if len(numbers) not in {2, 3} or max(lengths[:2]) > 4 or lengths[1] > 2:
        raise NotADate(Fault.UNREADABLE)
    first, second, third = (*numbers, "")[:3]
    if len(first) == 4:
        first, third = third, first
    if len(first) > 2:
        raise NotADate(Fault.UNREADABLE)
    return int(first), int(second), third


def _run_together(digits: str) -> tuple[int, int, str]:
    """Eight digits: day, month and year, or the year first where only that can be a date."""
    day, month, year = int(digits[:2]), int(digits[2:4]), digits[4:]
    starts_with_a_year = digits[:2] in {"19", "20"} and 1 <= int(digits[4:6]) <= 12 and 1 <= int(digits[6:]) <= 31
    if starts_with_a_year and not (1 <= month <= 12 and year[:2] in {"19", "20"}):
        return int(digits[6:]), int(digits[4:6]), digits[:4]
    return day, month, year


def _date(day: int, month: int, year: str, today: date, nearest: Nearest) -> date:
    if not 1 <= month <= 12:
        raise NotADate(Fault.WRONG_MONTH)
    if year:
        if len(year) not in {2, 4}:
            raise NotADate(Fault.WRONG_YEAR)
        number = int(year) if len(year) == 4 else 2000 + int(year)
        if not 1900 <= number <= 2199:
            raise NotADate(Fault.WRONG_YEAR)
        if not 1 <= day <= monthrange(number, month)[1]:
            raise NotADate(Fault.WRONG_DAY, day, month, number)
        return date(number, month, day)
    if not 1 <= day <= monthrange(2024, month)[1]:
        raise NotADate(Fault.WRONG_DAY, day, month)
    years = range(today.year, today.year - 9, -1) if nearest is Nearest.PAST else range(today.year, today.year + 9)
    days = (date(number, month, day) for number in years if day <= monthrange(number, month)[1])
    return next(
        candidate for candidate in days if (candidate <= today if nearest is Nearest.PAST else candidate >= today)
    )


# --- words -------------------------------------------------------------------------------------------------------------

_RELATIVE: Final = {
    word: days
    for days, words in {
        0: "today сегодня сёння сьогодні dziś dzisiaj šiandien დღეს heute",
        -1: "yesterday вчера ўчора учора вчора wczoraj vakar გუშინ gestern",
        -2: "позавчера пазаўчора заўчора позавчора przedwczoraj užvakar გუშინწინ vorgestern",
        1: "tomorrow завтра заўтра jutro rytoj ხვალ morgen",
    }.items()
    for word in words.split()
}
_AROUND: Final = """
г гг год года году годзе го ого е й число числа от ад від р рік року rok roku r dnia dn go ego z m d metų
metai diena dieną dienos mėn mėnesio oji ąją nuo der den dem am vom jahr jahres წ წელი წლის წლით რიცხვი of the
on from th st nd rd у в во w we ა ს ое ье га ter te br received got получил получила получено отримав отримала
отримано атрымаў атрымала атрымана otrzymano otrzymałem otrzymałam odebrałem odebrałam gauta gavau erhalten
მივიღე
"""
"""Words that stand in a date and say nothing: "of the year", endings of ordinal numbers, "from", "received"."""


def _plain(text: str) -> str:
    """Lower case, compatibility forms undone, every digit as 0 to 9, apostrophes and invisible signs left out."""
    normal = unicodedata.normalize("NFKC", text).casefold().replace("\u2032", "'")
    kept = []
    for character in normal:
        digit = unicodedata.decimal(character, None)
        if digit is not None:
            kept.append(str(digit))
        elif unicodedata.category(character) in {"Cf", "Cc"}:
            kept.append(" " if character in "\t\n\r" else "")
        elif character not in "'’ʼ`":
            kept.append(character)
    return " ".join("".join(kept).split())


def _folded(word: str) -> str:
    """Without accents, so that a phone without the letters of the language will do: pazdziernika, rugsejo, Marz."""
    plain = unicodedata.normalize("NFKD", word.replace("ł", "l").replace("ё", "е"))
    return "".join(character for character in plain if not unicodedata.combining(character))


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    """Every form of the name of a month that CLDR has for our languages, folded."""
    forms = {"мае": 5, "maerz": 3, "სექტემბრის": 9, "ოქტომბრის": 10, "ნოემბრის": 11, "დეკემბრის": 12}
    for language in LANGUAGES:
        for context in Locale.parse(language).months.values():
            for width in ("wide", "abbreviated"):
                forms.update({_folded(_plain(name).strip(". ")): number for number, name in context[width].items()})
    return {form: number for form, number in forms.items() if len(form) > 2}


@lru_cache(maxsize=1)
def _noise() -> frozenset[str]:
    """Words around a date, and the days of the week: the date itself says which day it is."""
    words = {_plain(word) for word in _AROUND.split()} | {
        "в",
        "во",
        "суботу",
        "среду",
        "пятницу",
        "субботу",
        "środę",
        "sobotę",
    }
    for language in LANGUAGES:
        for context in Locale.parse(language).days.values():
            for width in ("wide", "abbreviated", "short"):
                words.update(_plain(name).strip(". ") for name in context.get(width, {}).values())
    return frozenset(words)


@lru_cache(maxsize=512)
def _month_of(word: str) -> int | None:
    """The month of a name in one of our languages, declined or cut short; None if it may be none, or two."""
    folded, forms = _folded(word), _months()
    if folded in forms:
        return forms[folded]
    if len(folded) < 3:
        return None
    begun = {number for form, number in forms.items() if form.startswith(folded)}
    if not begun:  # another ending: «ноябре», „marcu“
        begun = {number for form, number in forms.items() if _same_stem(form, folded)}
    return begun.pop() if len(begun) == 1 else None


def _same_stem(form: str, word: str) -> bool:
    shared = next(
        (at for at, pair in enumerate(zip(form, word, strict=False)) if pair[0] != pair[1]), min(len(form), len(word))
    )
    return shared >= max(3, min(len(form), len(word)) - 2) and abs(len(form) - len(word)) <= 2
