"""The present day in each country of a team: a day of the desk begins and ends at the local midnight of the case's country.

Between the time zones of the countries there are at most two days at one moment: the earlier one, and the one after it in the
countries that are ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

_NO_COUNTRY = ""


@dataclass(frozen=True, slots=True)
class LocalDays:
    """The local day now. `ahead`: countries in which it is `latest` already; in all others it is `earliest`."""

    earliest: date
    latest: date
    ahead: frozenset[str] = frozenset()

    @classmethod
    def at(cls, now: datetime, zones: Mapping[str, str]) -> "LocalDays":
        """The days at an instant. `zones`: the time zone of each country, by its code; without any, the day in UTC."""
        days = {country: now.astimezone(ZoneInfo(zone)).date() for country, zone in zones.items()}
        earliest, latest = (min(days.values()), max(days.values())) if days else (now.date(), now.date())
        return cls(earliest, latest, frozenset(country for country, day in days.items() if day > earliest))

    @classmethod
    def everywhere(cls, day: date) -> "LocalDays":
        """Make the same day the present one in all countries."""
        return cls(day, day)

    def of(self, country: str) -> date:
        return self.latest if country in self.ahead else self.earliest

    def parameters(self) -> dict[str, Any]:
        """The values of the parameters of `queue_views`."""
        return {"today": self.earliest, "latest_day": self.latest, "ahead": sorted(self.ahead) or [_NO_COUNTRY]}


def local_days(today: date | LocalDays) -> LocalDays:
    """A single day becomes the day of all countries; `LocalDays` are returned unchanged."""
    return today if isinstance(today, LocalDays) else LocalDays.everywhere(today)
