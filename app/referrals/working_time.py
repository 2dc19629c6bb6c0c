"""Time in which an organisation is open: its days, its opening hours with their breaks, in its own time zone. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

Period = tuple[time, time]
"""Opening and closing time of one stretch of a day; the break is between two of them."""

LONGEST_CLOSED: Final = 400
"""Days after which a search for the next opening ends; an organisation that is never open counts as open then."""
_OFFICE_DAYS: Final = range(5)


def _usual_week() -> dict[int, tuple[Period, ...]]:
    return dict.fromkeys(_OFFICE_DAYS, ((time(9, 0), time(18, 0)),))


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """When an organisation is open.

    Args:
        zone: its time zone.
        is_holiday: a public holiday there, or a day off of its own.
        week: the opening hours by weekday (0 is Monday), in order and apart; a weekday that is missing is closed.
        is_public_holiday: a public holiday there, without its own days off; by default `is_holiday`.
    """

    zone: ZoneInfo
    is_holiday: Callable[[date], bool]
    week: Mapping[int, tuple[Period, ...]] = field(default_factory=_usual_week)
    is_public_holiday: Callable[[date], bool] | None = None

    @property
    def weekdays(self) -> frozenset[int]:
        return frozenset(day for day, periods in self.week.items() if periods)

    def is_working(self, day: date) -> bool:
        """Whether the organisation is open on this day."""
        return bool(self.week.get(day.weekday())) and not self.is_holiday(day)

    def is_office_day(self, day: date) -> bool:
        """Whether courts and offices work: Monday to Friday, no public holiday. The organisation itself may be closed."""
        return day.weekday() in _OFFICE_DAYS and not (self.is_public_holiday or self.is_holiday)(day)

    def at(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, self.zone).astimezone(UTC)

    def day_of(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def open_on(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of one day in which the organisation is open."""
        if self.is_working(day):
            for opens, closes in self.week[day.weekday()]:
                yield self.at(day, opens), self.at(day, closes)

    def closing(self, day: date) -> datetime:
        """When the organisation closes on this day, or would close, were it open."""
        periods = self.week.get(day.weekday()) or next(iter(self.week.values()), ()) or _usual_week()[0]
        return self.at(day, periods[-1][1])

    def next_open(self, moment: datetime) -> datetime:
        """The moment itself, or when the organisation opens next."""
        for opens, closes in self._stretches_from(moment):
            if moment < closes:
                return max(moment, opens)
        return moment + timedelta(days=LONGEST_CLOSED)

    def last_open(self, moment: datetime) -> datetime:
        """The moment itself, or when the organisation closed last before it."""
        day = self.day_of(moment)
        for back in range(LONGEST_CLOSED):
            for opens, closes in reversed(list(self.open_on(day - timedelta(days=back)))):
                if opens < moment:
                    return min(moment, closes)
        return moment

    def is_open(self, moment: datetime) -> bool:
        return self.next_open(moment) == moment

    def time_between(self, start: datetime, end: datetime) -> timedelta:
        """How long the organisation is open between two moments."""
        open_for = timedelta(0)
        if end > start:
            for opens, closes in self._stretches_from(start):
                if opens >= end:
                    break
                open_for += max(min(closes, end) - max(opens, start), timedelta(0))
        return open_for

    def after(self, start: datetime, open_for: timedelta) -> datetime:
        """The moment by which the organisation has been open for the duration `open_for`, counted from `start`."""
        left = open_for
        for opens, closes in self._stretches_from(start):
            begins = max(opens, start)
            if begins + left <= closes and begins < closes:
                return begins + left
            left -= max(closes - begins, timedelta(0))
        return start + timedelta(days=LONGEST_CLOSED)

    def working_days_later(self, start: datetime, days: int) -> datetime:
        """Closing time of the `days`-th working day after the day of `start`."""
        day = self.day_of(start)
        for _ in range(LONGEST_CLOSED):
            day += timedelta(days=1)
            days -= self.is_working(day)
            if days <= 0:
                break
        return self.closing(day)

    def _stretches_from(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """All stretches from the day of `moment` on, in order; ends after `LONGEST_CLOSED` days without one."""
        day, closed = self.day_of(moment), 0
        for ahead in count():
            is_open = False
            for stretch in self.open_on(day + timedelta(days=ahead)):
                is_open = True
                yield stretch
            closed = 0 if is_open else closed + 1
            if closed > LONGEST_CLOSED:
                return


def week_of(stretches: Iterable[tuple[int, time, time]]) -> dict[int, tuple[Period, ...]]:
    """The working week, by weekday. `stretches`: weekday, opening and closing time, in any order; overlapping ones become one."""
    by_day: dict[int, list[Period]] = {}
    for weekday, opens, closes in sorted(stretches):
        periods = by_day.setdefault(weekday, [])
        if periods and opens <= periods[-1][1]:
            periods[-1] = periods[-1][0], max(periods[-1][1], closes)
        else:
            periods.append((opens, closes))
    return {weekday: tuple(periods) for weekday, periods in by_day.items()}
