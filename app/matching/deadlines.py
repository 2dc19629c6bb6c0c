"""The last safe day of a letter, counted cautiously from the country's legal limits.

This is not legal advice: every page that shows a finding also shows its source and "check the date printed in your letter".

How days are counted:

* the day of the event (delivery, notification) is not counted;
* calendar days, working days and months end on their last day; a month without that day ends on its last one;
* hours run from the first moment of the day of the event in the country's own time, for the hour is not asked; the last safe
day is the last day that is completely over before they end;
* a last day on a Saturday, Sunday or official holiday moves to the next working day only if the row says yes, or says
  nothing sure and the country has a general rule that says so; otherwise the earlier of the two days, the last day
  itself, is the safe one. Only holidays of the whole country move a day. A region's holidays count where the court is, and the
  region that a person names does not show that reliably;
* a letter counts from the earliest of the days that are known of its delivery;
* where two limits may hold for one letter, the earlier day counts.

An unknown limit or kind: 5 days from the day of receipt. An unknown day of receipt: from the day on which it was first asked,
which is stored, so that a result never moves later because time passes. In the EU 5 days are the shortest appeal period
that Reg. (EU) 2024/1348 Art. 67 allows in asylum procedures; elsewhere, and for a letter that is known to be about something else,
they are an assumption of ours that no law backs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from app.directory.packs import Country, Deadline, Limit

Certainty = Literal["sourced-high", "sourced-medium", "sourced-low", "assumed"]
ASSUMED: Final = timedelta(days=5)
ASSUMED_SOURCES: Final[dict[str | None, tuple[str, str | None]]] = {
    "EU": ("Reg. (EU) 2024/1348 Art. 67(7)", "http://data.europa.eu/eli/reg/2024/1348/oj"),
    None: ("no law known to us: 5 days are a careful assumption", None),
}
"""What the assumed 5 days rest on, and its address, by the frame of the country."""
_DAY_UNKNOWN: Final = "the day of receipt is not known: 5 days are a careful assumption"
_OF_A_TRANSFER: Final = (
    "Reg. (EU) 2024/1351 Art. 43(2): one to three weeks; 5 days are a careful assumption",
    "http://data.europa.eu/eli/reg/2024/1351/oj",
)
"""The same for a letter on a transfer to another state of the Union (Dublin), whose appeals another regulation frames."""
_DUBLIN: Final = "dublin"
_ABOUT_ASYLUM: Final = ("asylum",)
"""Words in the codes of letters to which the Union's rules on asylum procedures apply: no source for any other letter."""
OF_SOURCE: Final[dict[str, Certainty]] = {"high": "sourced-high", "medium": "sourced-medium", "low": "sourced-low"}
"""How sure a limit is by the confidence in its source."""
_WEEKEND: Final = 5
_LONGEST_HOLIDAYS: Final = 30


@dataclass(frozen=True, slots=True)
class FurtherDay:
    """The last safe day of another step that the same letter makes due. `rule`: the row of the pack with its limit."""

    last_safe_day: date
    certainty: Certainty
    rule: Deadline


@dataclass(frozen=True, slots=True)
class DeadlineFinding:
    """The last safe day, how certain it is, and its source.

    `passed`: it is before today. The person should still ask immediately: a missed time limit can sometimes be reinstated.
    `rule`: the row of the pack for this kind of letter; None where the kind is unknown.
    `further`: the days of its further steps (`rule.then`), where the day of receipt is known.
    """

    last_safe_day: date
    certainty: Certainty
    source: str
    source_url: str | None
    event: str | None
    passed: bool
    rule: Deadline | None = None
    further: tuple[FurtherDay, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the day is counted from a sourced limit and a known day; otherwise it is a careful assumption."""
        return self.certainty != "assumed"


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
    """Official holidays of one year. A region that the library does not know has those of the country. Without a code: none."""
    if not code:
        return frozenset()
    import holidays

    whole = holidays.country_holidays(code, years=year)
    if part not in whole.subdivisions:
        return frozenset(whole)
    return frozenset(holidays.country_holidays(code, subdiv=part, years=year))


def last_safe_day(served_on: date, limit: Limit, calendar: Calendar, rolls_over: str = "unknown") -> date:
    """The last day on which the step is certainly still in time.

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
    deadline: Deadline | None,
    received_on: date | None,
    country: Country,
    today: date,
    *,
    asked_on: date | None = None,
    earlier_on: date | None = None,
    further: Sequence[Deadline] = (),
) -> DeadlineFinding:
    """The deadline that a letter sets: the pack's limit counted from the day it arrived, or a cautious assumption.

    Args:
        deadline: None if the kind of letter is unknown.
        received_on: the day on which it was handed over. More than a day after today, it counts as unknown.
        today: in the country.
        asked_on: the day on which the day of receipt was first asked; by default, and at the latest, today.
        earlier_on: an earlier day on the envelope, of a notice left, of electronic delivery.
        further: the rows of the letter's further steps.
    """
    known_days = [day for day in (received_on, earlier_on) if day is not None and day - today <= timedelta(days=1)]
    start = min(known_days) if known_days else min(asked_on or today, today)
    calendar = calendar_of(country)
    limit_day = _limit_day(deadline, start, calendar) if deadline else None
    more = tuple(
        FurtherDay(day, OF_SOURCE[row.source.confidence], row)
        for row in (further if known_days else ())
        if (day := _limit_day(row, start, calendar)) is not None
    )
    if deadline is None or limit_day is None or not known_days:
        assumed_day = start + ASSUMED
        day = min(assumed_day, limit_day) if limit_day else assumed_day
        source, url = _source_of_assumption(deadline, limit_day, assumed_day, country)
        return DeadlineFinding(
            day,
            "assumed",
            source,
            url,
            deadline.event if deadline else None,
            passed=day < today,
            rule=deadline,
            further=more,
        )
    return DeadlineFinding(
        last_safe_day=limit_day,
        certainty=OF_SOURCE[deadline.source.confidence],
        source=deadline.legal_basis or deadline.source.title,
        source_url=deadline.source.url,
        event=deadline.event,
        passed=limit_day < today,
        rule=deadline,
        further=more,
    )


def _source_of_assumption(
    deadline: Deadline | None, limit_day: date | None, assumed_day: date, country: Country
) -> tuple[str, str | None]:
    """What an assumed day rests on, and its address. `limit_day`: what the letter's own limit gives; the earlier one counts."""
    if deadline is not None and limit_day is not None and limit_day < assumed_day:
        return deadline.legal_basis or deadline.source.title, deadline.source.url
    about_asylum = deadline is None or any(word in deadline.event for word in _ABOUT_ASYLUM)
    source = ASSUMED_SOURCES[country.frame if about_asylum else None]
    if country.frame and deadline is not None and _DUBLIN in deadline.event:
        source = _OF_A_TRANSFER
    return (_DAY_UNKNOWN, None) if limit_day is not None and source[1] is None else source


def _limit_day(deadline: Deadline, start: date, calendar: Calendar) -> date | None:
    """The earliest last day of the limits of a row; None: it has none, or the day is past what `date` can hold."""
    rolls_over = "no" if deadline.own_counting and deadline.rolls_over == "unknown" else deadline.rolls_over
    limits = [limit for limit in (deadline.limit, deadline.shorter) if limit is not None]
    try:
        return min((last_safe_day(start, limit, calendar, rolls_over) for limit in limits), default=None)
    except (OverflowError, ValueError):
        return None
