"""By when an answer is owed. Pure: absolute times from a moment, a tier, a calendar and a legal deadline.

| tier | acknowledge | decide | first contact |
| --- | --- | --- | --- |
| emergency | 2 h | 24 h | 24 h, all on the wall clock |
| urgent | 1 working day | 72 h | 3 days |
| normal | 2 working days | 14 days | 7 days |

None of them is later than the legal deadline minus two working days, unless that has passed: then the partner has at
least `LEAST` to answer. A working day lasts until 18:00 local time. Reminders come at 50 % and 80 % of the time to
decide, escalation at 100 %, expiry at 150 %, which the legal deadline never stretches.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

LEAST: Final = timedelta(hours=2)
LONGEST_PAUSE: Final = timedelta(days=5)
MOST_PAUSES: Final = 2
REOPEN_WITHIN: Final = timedelta(days=90)
_CLOSES: Final = time(18, 0)
_WEEKEND: Final = 5
_DAYS_BEFORE_DEADLINE: Final = 2


@dataclass(frozen=True, slots=True)
class Hours:
    """A country's time zone and days off."""

    zone: ZoneInfo
    is_holiday: Callable[[date], bool]

    def is_working(self, day: date) -> bool:
        return day.weekday() < _WEEKEND and not self.is_holiday(day)


@dataclass(frozen=True, slots=True)
class DueTimes:
    """Absolute instants. `acknowledge_by` ≤ `decide_by` ≤ `expires_at`."""

    acknowledge_by: datetime
    decide_by: datetime
    expires_at: datetime


class Step(StrEnum):
    """What the clock does next for an offer nobody answered."""

    REMIND = "remind"
    REMIND_AGAIN = "remind_again"
    ESCALATE = "escalate"
    EXPIRE = "expire"


STEPS: Final = tuple(Step)
_SHARE: Final = {Step.REMIND: 0.5, Step.REMIND_AGAIN: 0.8, Step.ESCALATE: 1.0}


def answer_times(tier: str, offered_at: datetime, hours: Hours, deadline_on: date | None) -> DueTimes:
    """When the partner has to have acknowledged and decided, and when the offer expires."""
    if tier == "emergency":
        acknowledge, decide = offered_at + timedelta(hours=2), offered_at + timedelta(hours=24)
    elif tier == "urgent":
        acknowledge, decide = working_days_later(offered_at, 1, hours), offered_at + timedelta(hours=72)
    else:
        acknowledge, decide = working_days_later(offered_at, 2, hours), offered_at + timedelta(days=14)
    latest = latest_answer(offered_at, hours, deadline_on)
    if latest is not None:
        decide = min(decide, latest)
    acknowledge = min(acknowledge, decide)
    expires = decide + (decide - offered_at) / 2
    if latest is not None:
        expires = min(expires, max(latest, decide))
    return DueTimes(acknowledge, decide, expires)


def first_contact_by(tier: str, accepted_at: datetime, hours: Hours, deadline_on: date | None) -> datetime:
    """When the partner has to have reached the person."""
    by_tier = accepted_at + {"emergency": timedelta(hours=24), "urgent": timedelta(days=3)}.get(tier, timedelta(days=7))
    latest = latest_answer(accepted_at, hours, deadline_on)
    return by_tier if latest is None else min(by_tier, latest)


def latest_answer(start: datetime, hours: Hours, deadline_on: date | None) -> datetime | None:
    """Two working days before the legal deadline, at the end of that day; never less than `LEAST` from `start`."""
    if deadline_on is None:
        return None
    day = deadline_on
    left = _DAYS_BEFORE_DEADLINE
    while left:
        day -= timedelta(days=1)
        left -= hours.is_working(day)
    return max(datetime.combine(day, _CLOSES, hours.zone).astimezone(start.tzinfo), start + LEAST)


def working_days_later(start: datetime, days: int, hours: Hours) -> datetime:
    """The end of the `days`-th working day after the day of `start`."""
    day = start.astimezone(hours.zone).date()
    while days:
        day += timedelta(days=1)
        days -= hours.is_working(day)
    return datetime.combine(day, _CLOSES, hours.zone).astimezone(start.tzinfo)


def step_at(step: Step, offered_at: datetime, times: DueTimes) -> datetime:
    """When the clock takes this step."""
    if step is Step.EXPIRE:
        return times.expires_at
    return offered_at + (times.decide_by - offered_at) * _SHARE[step]


def next_step(done: int, offered_at: datetime, times: DueTimes) -> tuple[Step, datetime] | None:
    """The step after `done` of them, and its time; None when the clock has nothing more to do."""
    if done >= len(STEPS):
        return None
    return STEPS[done], step_at(STEPS[done], offered_at, times)


def shifted(times: DueTimes, paused_for: timedelta) -> DueTimes:
    """The times after a pause, which counts up to `LONGEST_PAUSE`."""
    by = min(max(paused_for, timedelta(0)), LONGEST_PAUSE)
    return DueTimes(times.acknowledge_by + by, times.decide_by + by, times.expires_at + by)
