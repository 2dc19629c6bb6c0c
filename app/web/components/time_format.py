"""Deadlines in words: the local time in the person's country, and the time that is left."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.directory.packs import Directory

_UTC = "UTC"


def by(moment: datetime, now: datetime, zone: str) -> str:
    """Like `Thu 26 Nov 2026, 11:00 (Warsaw time), in 23 hours`."""
    local = moment.astimezone(ZoneInfo(zone))
    place = _UTC if zone == _UTC else f"{zone.rpartition('/')[2].replace('_', ' ')} time"
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} ({place}), {left(moment, now)}"


def left(moment: datetime, now: datetime) -> str:
    """The time from now, or since then, in the largest useful unit; the time left is never rounded up."""
    if moment < now:
        return f"{_length(now - moment)} late"
    return f"in {_length(moment - now)}"


def _length(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return _count(minutes, "minute")
    hours = minutes // 60
    return _count(hours, "hour") if hours < 48 else _count(hours // 24, "day")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" + ("" if number == 1 else "s")


def zone_of(packs: Directory, country: str) -> str:
    return packs.country(country).time_zone if packs.has_country(country) else _UTC
