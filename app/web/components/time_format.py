"""Formats days, instants and durations for staff, in the reader's language: `Tue 24 Nov 2026`, `5 h`, `in 3 d`."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.core.i18n import N_, NN_, Translator
from app.directory.packs import Directory

_UTC = "UTC"
_SECONDS, _MINUTES, _HOURS, _DAYS = N_("{n} s"), N_("{n} min"), N_("{n} h"), N_("{n} d")
_TO_COME = (
    NN_("in {n} minute", "in {n} minutes"),
    NN_("in {n} hour", "in {n} hours"),
    NN_("in {n} day", "in {n} days"),
)
_OVER = (
    NN_("{n} minute late", "{n} minutes late"),
    NN_("{n} hour late", "{n} hours late"),
    NN_("{n} day late", "{n} days late"),
)


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """Times in the words of one language, of the staff's domain."""

    words: Translator

    def day(self, value: date) -> str:
        """A day like `Tue 24 Nov 2026`."""
        return self.words.day(value)

    def short_day(self, value: date) -> str:
        """A day within about a year, like `Tue 24 Nov`."""
        return self.words.short_day(value)

    def moment(self, value: datetime) -> str:
        """An instant in UTC, marked as such, because a team works in several time zones: `Tue 24 Nov 2026, 13:05 UTC`."""
        return f"{self.day(value)}, {value:%H:%M} {_UTC}"

    def local_moment(self, instant: datetime, zone: str) -> str:
        """An instant in the country's local time, like `Thu 26 Nov 2026, 11:00 (Warsaw time)`."""
        return _local_moment(self.words, instant, zone)

    def short_moment(self, instant: datetime, now: datetime, zone: ZoneInfo) -> str:
        """A near instant in a country's local time: `16:00` on the same day, else `Mon 10:00` or `Mon 7 Dec 10:00`."""
        local, here = instant.astimezone(zone), now.astimezone(zone)
        days = (local.date() - here.date()).days
        if days == 0:
            return f"{local:%H:%M}"
        day = self.words.short_weekday(local) if 0 < days < 7 else self.short_day(local)
        return f"{day} {local:%H:%M}"

    def period(self, code: object) -> str:
        """The period of a report, by its code: `November 2026` for `2026-11`, `Q4 2026`, `2026`, `Q4 2026 – Q1 2027`."""
        return " – ".join(self._period(part) for part in str(code).split(".."))

    def _period(self, code: str) -> str:
        year, _, part = code.partition("-")
        if part.startswith("Q"):
            return self.words.quarter(date(int(year), 3 * int(part[1:]), 1))
        return self.words.month(date(int(year), int(part), 1)) if part else year

    def place_of(self, zone: str) -> str:
        """The city that a time zone is named after: `Warsaw` for `Europe/Warsaw`."""
        return self.words.city(zone)

    def waiting_time(self, since: datetime, now: datetime) -> str:
        """The whole hours since an instant, like `5 h`; from two days on whole days, like `3 d`."""
        hours = max(0, int((now - since).total_seconds() // 3600))
        return self._hours_or_days(hours, hours // 24)

    def time_since(self, instant: datetime, now: datetime) -> str:
        """The time since an instant, from seconds (`90 s`) through minutes and hours to days."""
        seconds = max(0, int((now - instant).total_seconds()))
        if seconds < 120:
            return self._text(_SECONDS, seconds)
        return self._text(_MINUTES, seconds // 60) if seconds < 7200 else self.waiting_time(instant, now)

    def days_until(self, deadline: date, today: date) -> str:
        """`today`, `tomorrow`, `in 3 d` or `2 d ago`."""
        days = (deadline - today).days
        return self._text(N_("{n} d ago"), -days) if days < 0 else self._days_to_come(days)

    def days_left(self, days: int) -> str:
        """`today`, `tomorrow`, `in 3 d` or `2 d late`."""
        return self._text(N_("{n} d late"), -days) if days < 0 else self._days_to_come(days)

    def rough_duration(self, hours: int) -> str:
        """About how long something takes: `5 h`, from two days on rounded days; never less than an hour."""
        return self._hours_or_days(max(1, hours), round(hours / 24))

    def duration(self, time: timedelta) -> str:
        """A duration of the settings as text: whole days (`90 d`), or else minutes."""
        if time.days and not time.seconds:
            return self._text(_DAYS, time.days)
        return self._text(_MINUTES, int(time.total_seconds() // 60))

    def hours_and_minutes(self, time: timedelta) -> str:
        """The remaining time of a clock: `41 min`, `1 h 55 min`; from two days on whole days, `3 d`. Never rounded up."""
        minutes = max(0, int(time.total_seconds() // 60))
        if minutes < 60:
            return self._text(_MINUTES, minutes)
        if minutes >= 48 * 60:
            return self._text(_DAYS, minutes // (24 * 60))
        whole = self._text(_HOURS, minutes // 60)
        return f"{whole} {self._text(_MINUTES, minutes % 60)}" if minutes % 60 else whole

    def hours_taken(self, hours: float) -> str:
        """A duration in hours (`5.5 h`), in days from two days on (`2.3 d`)."""
        return self._text(_HOURS, hours) if hours < 48 else self._text(_DAYS, round(hours / 24, 1))

    def clock_left(self, time: timedelta, *, late: bool) -> str:
        """`1 h 55 min left` or `1 h 55 min late`."""
        length = self.hours_and_minutes(time)
        return self.words.text(N_("{time} late") if late else N_("{time} left"), time=length)

    def respond_by(self, limit: datetime, now: datetime, zone: str) -> str:
        """A time limit in the country's local time, like `Thu 26 Nov 2026, 11:00 (Warsaw time), in 23 hours`."""
        return f"{self.local_moment(limit, zone)}, {self.time_left(limit, now)}"

    def time_left(self, limit: datetime, now: datetime) -> str:
        """The time until a limit (`in 23 hours`) or since it (`2 days late`), in the largest useful unit; never rounded up."""
        in_minutes, in_hours, in_days = _OVER if limit < now else _TO_COME
        minutes = int(abs(limit - now).total_seconds() // 60)
        hours = minutes // 60
        if minutes < 120:
            return self.words.plural(*in_minutes, minutes)
        return self.words.plural(*in_hours, hours) if hours < 48 else self.words.plural(*in_days, hours // 24)

    def _days_to_come(self, days: int) -> str:
        if days < 2:
            return self.words.text(N_("tomorrow") if days else N_("today"))
        return self._text(N_("in {n} d"), days)

    def _hours_or_days(self, hours: int, days: int) -> str:
        return self._text(_HOURS, hours) if hours < 48 else self._text(_DAYS, days)

    def _text(self, message: str, number: float) -> str:
        return self.words.text(message, n=self.words.number(number))


@lru_cache(maxsize=4096)
def _local_moment(words: Translator, instant: datetime, zone: str) -> str:
    """Kept, because the page of a case shows each of its past moments again. There is one translator for each language."""
    local = instant.astimezone(ZoneInfo(zone))
    place = _UTC if zone == _UTC else words.text(N_("{place} time"), place=words.city(zone))
    return f"{words.day(local)}, {local:%H:%M} ({place})"


def local_day(instant: datetime, zone: str) -> date:
    """The day of an instant in the country's local time."""
    return instant.astimezone(ZoneInfo(zone)).date()


def zones(packs: Directory) -> dict[str, str]:
    """The time zone of each country, by its code."""
    return {country.code: country.time_zone for country in packs.countries}


def zone_of(packs: Directory, country: str) -> str:
    """The time zone of a country; UTC if there is no pack of it."""
    return packs.country(country).time_zone if packs.has_country(country) else _UTC
