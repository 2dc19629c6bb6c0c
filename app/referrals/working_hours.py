"""Working hours of an organisation: its country's calendar, limited by its own hours, or else by the directory's."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any, Final

from app.core.errors import FieldError, Invalid
from app.directory.opening_hours import DAYS
from app.directory.packs import load_packs
from app.matching.deadlines import calendar_of
from app.referrals.deadlines import WorkingHours

MOST_DAYS_OFF: Final = 60
_DAY: Final = 7


def hours_of(country: str, own: Mapping[str, Any] | None = None) -> WorkingHours:
    """The hours in which an answer from this country can be due. `own`: the hours as `validated_hours` returns them."""
    pack = load_packs().country(country)
    calendar = calendar_of(pack)
    if not own:
        opens, closes = time.fromisoformat(pack.opens), time.fromisoformat(pack.closes)
        return WorkingHours(calendar.time_zone, calendar.is_holiday, opens, closes)
    off = frozenset(date.fromisoformat(day) for day in own["days_off"])
    return WorkingHours(
        calendar.time_zone,
        lambda day: day in off or calendar.is_holiday(day),
        opens=time.fromisoformat(own["opens"]),
        closes=time.fromisoformat(own["closes"]),
        weekdays=frozenset(own["weekdays"]),
    )


def directory_hours(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """The opening hours of an organisation in the directory, in the form of `validated_hours`; None when there are none.

    Each day counts from the first hour at which it is open on any day to the last: an answer is never owed on a day on which
    nobody is there.
    """
    periods = entry.get("hours") or ()
    if not periods:
        return None
    return {
        "opens": min(period["opens"] for period in periods),
        "closes": max(period["closes"] for period in periods),
        "weekdays": sorted({DAYS.index(day) for period in periods for day in period["days"]}),
        "days_off": [],
    }


def validated_hours(opens: str, closes: str, weekdays: list[str], days_off: list[str]) -> dict[str, Any]:
    """Check an organisation's own hours and return them as they are stored. Raises Invalid: no hour, no day, or never open."""
    errors: list[FieldError] = []
    hours: dict[str, time] = {}
    for name, text in (("opens", opens), ("closes", closes)):
        try:
            hours[name] = time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
        except ValueError:
            errors.append(FieldError(pointer=f"/{name}", code="not_an_hour", detail="Write the hour like 09:00."))
    if len(hours) == 2 and hours["opens"] >= hours["closes"]:
        errors.append(FieldError(pointer="/closes", code="out_of_range", detail="It closes after it opens."))
    days = sorted({int(day) for day in weekdays if day.isascii() and day.isdigit() and int(day) < _DAY})
    if not days:
        errors.append(FieldError(pointer="/weekdays", code="required", detail="Choose at least one day of the week."))
    off = set()
    try:
        off = {date.fromisoformat(day).isoformat() for day in days_off}
    except ValueError:
        errors.append(FieldError(pointer="/days_off", code="not_a_day", detail="Write days as YYYY-MM-DD."))
    if len(off) > MOST_DAYS_OFF:
        detail = f"At most {MOST_DAYS_OFF} days. For a longer time off, pause your organisation."
        errors.append(FieldError(pointer="/days_off", code="too_long", detail=detail))
    if errors:
        raise Invalid(errors)
    return {
        **{name: f"{hour:%H:%M}" for name, hour in hours.items()},
        "weekdays": days,
        "days_off": sorted(off),
    }
