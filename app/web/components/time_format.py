"""Days, instants and lengths of time in words for staff: `Tue 24 Nov 2026`, `5 h`, `in 3 d`, `in 23 hours`."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.directory.packs import Directory

_UTC = "UTC"


def day(value: date) -> str:
    """A day like `Tue 24 Nov 2026`."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def moment(value: datetime) -> str:
    """An instant in UTC, marked as such, because a team works in several time zones."""
    return f"{value:%a} {value.day} {value:%b %Y, %H:%M} UTC"


def waiting_time(since: datetime, now: datetime) -> str:
    """The whole hours since an instant, like `5 h`; from two days on whole days, like `3 d`."""
    hours = max(0, int((now - since).total_seconds() // 3600))
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def time_since(instant: datetime, now: datetime) -> str:
    """The time since an instant, from seconds (`90 s`) through minutes and hours to days."""
    seconds = max(0, int((now - instant).total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else waiting_time(instant, now)


def days_until(deadline: date, today: date) -> str:
    """`today`, `tomorrow`, `in 3 d` or `2 d ago`."""
    days = (deadline - today).days
    if days < 0:
        return f"{-days} d ago"
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} d")


def rough_duration(hours: int) -> str:
    """About how long something takes: `5 h`, from two days on rounded days; never less than an hour."""
    return f"{max(1, hours)} h" if hours < 48 else f"{round(hours / 24)} d"


def duration(time: timedelta) -> str:
    """A duration of the settings as text: whole days (`90 d`), or else minutes."""
    return f"{time.days} d" if time.days and not time.seconds else f"{int(time.total_seconds() // 60)} min"


def respond_by(limit: datetime, now: datetime, zone: str) -> str:
    """A time limit in the country's local time, like `Thu 26 Nov 2026, 11:00 (Warsaw time), in 23 hours`."""
    return f"{local_moment(limit, zone)}, {time_left(limit, now)}"


def local_day(instant: datetime, zone: str) -> date:
    """The day of an instant in the country's local time."""
    return instant.astimezone(ZoneInfo(zone)).date()


def local_moment(instant: datetime, zone: str) -> str:
    """An instant in the country's local time, like `Thu 26 Nov 2026, 11:00 (Warsaw time)`."""
    local = instant.astimezone(ZoneInfo(zone))
    place = _UTC if zone == _UTC else f"{place_of(zone)} time"
    return f"{day(local)}, {local:%H:%M} ({place})"


def time_left(limit: datetime, now: datetime) -> str:
    """The time until a limit (`in 23 hours`) or since it (`2 days late`), in the largest useful unit; never rounded up."""
    if limit < now:
        return f"{_length(now - limit)} late"
    return f"in {_length(limit - now)}"


def hours_and_minutes(time: timedelta) -> str:
    """A length of time in which a clock runs: `41 min`, `1 h 55 min`; from two days on whole days, `3 d`. Never rounded up."""
    minutes = max(0, int(time.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} d"


def short_moment(instant: datetime, now: datetime, zone: ZoneInfo) -> str:
    """An instant of these days in a country's local time: `16:00` on the same day, else `Mon 10:00` or `Mon 7 Dec 10:00`."""
    local, here = instant.astimezone(zone), now.astimezone(zone)
    days = (local.date() - here.date()).days
    if days == 0:
        return f"{local:%H:%M}"
    return f"{local:%a %H:%M}" if 0 < days < 7 else f"{local:%a} {local.day} {local:%b %H:%M}"


def short_day(value: date) -> str:
    """A day of these months like `Tue 24 Nov`."""
    return f"{value:%a} {value.day} {value:%b}"


def place_of(zone: str) -> str:
    """The city that a time zone is named after: `Warsaw` for `Europe/Warsaw`."""
    return zone.rpartition("/")[2].replace("_", " ")


def zones(packs: Directory) -> dict[str, str]:
    """The time zone of each country, by its code."""
    return {country.code: country.time_zone for country in packs.countries}


def zone_of(packs: Directory, country: str) -> str:
    """The time zone of a country; UTC if there is no pack of it."""
    return packs.country(country).time_zone if packs.has_country(country) else _UTC


def _length(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return _count(minutes, "minute")
    hours = minutes // 60
    return _count(hours, "hour") if hours < 48 else _count(hours // 24, "day")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" + ("" if number == 1 else "s")
