"""The last safe day of a letter, counted cautiously from the country's legal limits.

This is not legal advice: every page that shows a finding also shows its source and "check the date printed in your letter".

How days are counted:

* the day of the event (delivery, notification) is not counted;
* calendar days, working days and months end on their last day; a month without that day ends on its last one;
* hours run from the first moment of the day of the event in the country's own time, for the hour is not asked; the last
  safe day is the last day that has wholly passed before they end;
* a last day on a Saturday, Sunday or official holiday moves to the next working day only if the row says yes, or says
  nothing sure and the country has a general rule that says so; otherwise the earlier of the two days, the last day
  itself, is the safe one. A holiday kept only in some regions counts for those who said that they are there.

An unknown limit, kind or date: due in 5 days, the shortest appeal period that Reg. (EU) 2024/1348 Art. 67 allows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from app.directory.packs import Country, Deadline, Limit

Certainty = Literal["sourced-high", "sourced-medium", "sourced-low", "assumed"]
ASSUMED: Final = timedelta(days=5)
ASSUMED_SOURCE: Final = "Reg. (EU) 2024/1348 Art. 67(7)"
ASSUMED_SOURCE_URL: Final = "http://data.europa.eu/eli/reg/2024/1348/oj"
_SOURCED: Final[dict[str, Certainty]] = {"high": "sourced-high", "medium": "sourced-medium", "low": "sourced-low"}
_WEEKEND: Final = 5
_LONGEST_HOLIDAYS: Final = 30


@dataclass(frozen=True, slots=True)
class DeadlineFinding:
    """The last safe day, how sure it is, and where it is from.

    `passed`: it is before today. The person should still ask at once: a missed time limit can sometimes be reinstated.
    """

    last_safe_day: date
    certainty: Certainty
    source: str
    source_url: str | None
    event: str | None
    passed: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """A country's (or region's) working days and time zone."""

    time_zone: ZoneInfo
    is_holiday: Callable[[date], bool]
    rolls_over: bool | None
    """The country's general rule for a last day on a day off; None if the pack has no such rule."""

    def is_working(self, day: date) -> bool:
        return day.weekday() < _WEEKEND and not self.is_holiday(day)


def time_zone(country: Country) -> ZoneInfo:
    return ZoneInfo(country.time_zone)


def calendar_of(country: Country, region: str | None = None) -> Calendar:
    """The calendar of a country; with a region also that region's own holidays. Source: the `holidays` library."""
    part = region.partition("-")[2] if region else ""
    rolls = country.counting.rolls_over if country.counting else None
    return Calendar(time_zone(country), lambda day: day in _holidays(country.holidays, part, day.year), rolls)


@lru_cache(maxsize=512)
def _holidays(code: str, part: str, year: int) -> frozenset[date]:
    """Official holidays of one year. A region without holidays of its own has those of the country."""
    import holidays

    try:
        return frozenset(holidays.country_holidays(code, subdiv=part or None, years=year))
    except NotImplementedError:  # the library's answer for a region that it does not know
        return frozenset(holidays.country_holidays(code, years=year))


def last_safe_day(served_on: date, limit: Limit, calendar: Calendar, rolls_over: str = "unknown") -> date:
    """The last day on which the step is surely still in time.

    Args:
        served_on: the day the letter was handed over, in the country's own time zone; it is not counted.
        limit: a number of calendar or working days, hours or months.
        calendar: the country's working days.
        rolls_over: yes, no or unknown: whether a last day on a day off moves to the next working day.
    Source: for the way of counting, Reg. (EU) 2024/1348 Art. 73; the national rules are named in the packs.
    """
    if limit.unit == "hours":
        return _after_hours(served_on, limit.value, calendar)
    if limit.unit == "working_days":
        return _after_working_days(served_on, limit.value, calendar)
    nominal = (
        served_on + timedelta(days=limit.value)
        if limit.unit == "calendar_days"
        else _after_months(served_on, limit.value)
    )
    if rolls_over == "yes" or (rolls_over == "unknown" and calendar.rolls_over):
        return _next_working(nominal, calendar)
    return nominal


def _after_hours(served_on: date, hours: int, calendar: Calendar) -> date:
    start = datetime.combine(served_on, time.min, calendar.time_zone).astimezone(UTC)
    end = (start + timedelta(hours=hours)).astimezone(calendar.time_zone)
    return end.date() - timedelta(days=1) if end.date() > served_on else served_on


def _after_working_days(served_on: date, days: int, calendar: Calendar) -> date:
    day = served_on
    while days:
        day += timedelta(days=1)
        days -= calendar.is_working(day)
    return day


def _after_months(served_on: date, months: int) -> date:
    years, month = divmod(served_on.month - 1 + months, 12)
    year, month = served_on.year + years, month + 1
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(served_on.day, (first_of_next - timedelta(days=1)).day))


def _next_working(day: date, calendar: Calendar) -> date:
    for later in range(_LONGEST_HOLIDAYS):
        candidate = day + timedelta(days=later)
        if calendar.is_working(candidate):
            return candidate
    return day


def assess(
    deadline: Deadline | None, received_on: date | None, country: Country, today: date, region: str | None = None
) -> DeadlineFinding:
    """The deadline that a letter sets: the pack's limit counted from the day it arrived, or a cautious assumption.

    `deadline` None: the kind of letter is unknown. A received date in the future is treated as unknown. The assumed day is
    never later than the limit would be if the letter arrived today.
    """
    if deadline is None or deadline.limit is None:
        return _assumed(today + ASSUMED, deadline)
    calendar = calendar_of(country, region)
    try:
        if received_on is None or received_on > today:
            latest = last_safe_day(today, deadline.limit, calendar, deadline.rolls_over)
            return _assumed(min(today + ASSUMED, latest), deadline)
        day = last_safe_day(received_on, deadline.limit, calendar, deadline.rolls_over)
    except (OverflowError, ValueError):  # past the last day that `date` can hold
        return _assumed(today + ASSUMED, deadline)
    return DeadlineFinding(
        last_safe_day=day,
        certainty=_SOURCED[deadline.source.confidence],
        source=deadline.legal_basis or deadline.source.title,
        source_url=deadline.source.url,
        event=deadline.event,
        passed=day < today,
    )


def _assumed(day: date, deadline: Deadline | None) -> DeadlineFinding:
    event = deadline.event if deadline else None
    return DeadlineFinding(day, "assumed", ASSUMED_SOURCE, ASSUMED_SOURCE_URL, event, passed=False)
