"""The clock of a case, and of an offer, in the words of the desk's lists: `41 min left`, `today`, `2 d late`, and until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.casework import case_clocks
from app.casework.case_clocks import Clock, ListedReferral, Nearness
from app.directory.packs import Directory
from app.web.components import time_format
from app.web.components.time_format import TimeFormat
from app.web.desk.labels import CLOCKS


@dataclass(frozen=True, slots=True)
class ClockView:
    """`left`: how long is left, or how late it is; `what`: what happens by then, to be translated; `by`: the local time or day.

    `is_day`: it runs until the end of a day and not to the minute; `names_day`: `left` says which, as `today` or `tomorrow`, and
    `is_today`: it is today.
    """

    nearness: Nearness
    left: str
    what: str
    by: str
    is_day: bool = False
    names_day: bool = False
    is_today: bool = False


@dataclass(frozen=True, slots=True)
class Clocks:
    """Words for clocks at one moment, in the local time of each case's country and the reader's language."""

    packs: Directory
    now: datetime
    times: TimeFormat

    def zone(self, country: str) -> ZoneInfo:
        return ZoneInfo(time_format.zone_of(self.packs, country))

    def of_case(self, case: Any, offers: Sequence[ListedReferral]) -> ClockView:
        """The clock that ends first of an open case."""
        zone = self.zone(case.country)
        return self._view(case_clocks.next_clock(case, offers, self.now, zone), zone)

    def of_offer(self, offer: ListedReferral, country: str) -> ClockView | None:
        zone = self.zone(country)
        clock = case_clocks.clock_of_offer(offer, self.now, zone)
        return self._view(clock, zone) if clock is not None else None

    def until(self, instant: datetime, country: str) -> ClockView:
        """A time that is set, such as that of a task."""
        zone = self.zone(country)
        return self._view(Clock(case_clocks.ClockKind.ANSWER, instant), zone)

    def time(self, instant: datetime, country: str) -> str:
        return self.times.short_moment(instant, self.now, self.zone(country))

    def _view(self, clock: Clock, zone: ZoneInfo) -> ClockView:
        nearness = clock.nearness(self.now, zone)
        if clock.day is not None:
            days = (clock.day - self.now.astimezone(zone).date()).days
            left, by = self.times.days_left(days), self.times.short_day(clock.day)
            return ClockView(
                nearness, left, CLOCKS[clock.kind], by, is_day=True, names_day=days in (0, 1), is_today=days == 0
            )
        left = self.times.clock_left(abs(clock.at - self.now), late=nearness is Nearness.LATE)
        return ClockView(nearness, left, CLOCKS[clock.kind], self.times.short_moment(clock.at, self.now, zone))
