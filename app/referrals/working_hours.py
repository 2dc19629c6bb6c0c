"""Working hours of an organisation: its country's calendar, limited by its own hours, or else by the directory's."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any, Final

from app.core.errors import FieldError, Invalid
from app.core.i18n import N_, Translatable
from app.directory.opening_hours import DAYS
from app.directory.packs import load_packs
from app.matching.deadlines import calendar_of
from app.referrals.working_time import WorkingHours, week_of

MOST_DAYS_OFF: Final = 60
_DAY: Final = 7
_OFFICE_DAYS: Final = range(5)


def hours_of(country: str, own: Mapping[str, Any] | None = None) -> WorkingHours:
    """The hours in which an answer from this country can be due. `own`: as `validated_hours` or `hours_at_offer` return them.

    `week` (weekday, opening and closing time of each stretch) takes precedence over `opens`, `closes` and `weekdays`, which say
    the same without breaks, as former versions wrote and read them.
    """
    pack = load_packs().country(country)
    own = own or {}
    calendar = calendar_of(pack, own.get("region"))
    if "week" in own:
        stretches = [(day, time.fromisoformat(opens), time.fromisoformat(closes)) for day, opens, closes in own["week"]]
    else:
        opens, closes = (time.fromisoformat(own.get(name, getattr(pack, name))) for name in ("opens", "closes"))
        stretches = [(day, opens, closes) for day in own.get("weekdays", _OFFICE_DAYS)]
    off = frozenset(date.fromisoformat(day) for day in own.get("days_off", ()))
    return WorkingHours(
        calendar.time_zone,
        lambda day: day in off or calendar.is_holiday(day),
        week_of(stretches or [(day, time(9), time(18)) for day in _OFFICE_DAYS]),
        calendar.is_holiday,
    )


def hours_at_offer(
    own: Mapping[str, Any] | None, entry: Mapping[str, Any], service: Mapping[str, Any], country: str
) -> dict[str, Any] | None:
    """The hours that an offer keeps: the organisation's own, else those of its directory entry, and the region of the service.

    None: nothing is known, and the country's usual office hours count.
    """
    hours = dict(own) if own else directory_hours(entry)
    region = _only_region(service.get("rule"), country)
    if region is None:
        return hours
    pack = load_packs().country(country)
    usual = {"opens": pack.opens, "closes": pack.closes, "weekdays": list(_OFFICE_DAYS), "days_off": []}
    return {**(hours or usual), "region": region}


def directory_hours(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """The opening hours of an organisation in the directory, as a referral keeps them; None when there are none.

    A stretch without days counts from Monday to Friday.
    """
    periods = entry.get("hours") or ()
    if not periods:
        return None
    week = sorted(
        [day, period["opens"], period["closes"]]
        for period in periods
        for day in ([DAYS.index(code) for code in period.get("days", ())] or _OFFICE_DAYS)
    )
    return {
        "opens": min(period["opens"] for period in periods),
        "closes": max(period["closes"] for period in periods),
        "weekdays": sorted({day for day, _opens, _closes in week}),
        "days_off": [],
        "week": week,
    }


def _only_region(rule: Any, country: str) -> str | None:
    """The region that a rule names, if it names exactly one: the organisation is there, and has that region's holidays."""
    regions = _regions(rule)
    return regions.pop() if len(regions) == 1 and next(iter(regions)).startswith(f"{country}-") else None


def _regions(rule: Any) -> set[str]:
    if isinstance(rule, Mapping):
        here = rule.get("region")
        named = set(here.get("any_of") or ()) if isinstance(here, Mapping) else set()
        return named.union(*(_regions(part) for name, part in rule.items() if name in {"all", "any"}))
    return set().union(*(_regions(part) for part in rule)) if isinstance(rule, list | tuple) else set()


def validated_hours(
    opens: str, closes: str, weekdays: list[str], days_off: list[str], closed_between: tuple[str, str] = ("", "")
) -> dict[str, Any]:
    """Check an organisation's own hours and return them as they are stored. `closed_between`: the break of each day, or nothing.

    Raises Invalid: no hour, no day, never open, or a break outside the hours.
    """
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
        detail = Translatable(
            "At most {most} days. For a longer time off, pause your organisation.", most=MOST_DAYS_OFF
        )
        errors.append(FieldError(pointer="/days_off", code="too_long", detail=detail))
    closed = _break(closed_between, hours, errors)
    if errors:
        raise Invalid(errors)
    opens, closes = (f"{hours[name]:%H:%M}" for name in ("opens", "closes"))
    stored = {"opens": opens, "closes": closes, "weekdays": days, "days_off": sorted(off)}
    if not closed:
        return stored
    return {
        **stored,
        "break": list(closed),
        "week": [stretch for day in days for stretch in ([day, opens, closed[0]], [day, closed[1], closes])],
    }


def _break(given: tuple[str, str], hours: Mapping[str, time], errors: list[FieldError]) -> tuple[str, str] | None:
    if not any(given):
        return None
    try:
        begins, ends = (time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None) for text in given)
    except ValueError:
        detail = N_("Write both hours of the break like 12:00, or leave both empty.")
        errors.append(FieldError(pointer="/break_from", code="not_an_hour", detail=detail))
        return None
    if len(hours) == 2 and not hours["opens"] < begins < ends < hours["closes"]:
        detail = N_("The break lies between opening and closing.")
        errors.append(FieldError(pointer="/break_from", code="out_of_range", detail=detail))
    return f"{begins:%H:%M}", f"{ends:%H:%M}"
