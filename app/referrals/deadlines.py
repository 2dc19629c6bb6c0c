"""By when an answer is owed, and what the clock does about it. Pure: absolute times, folded from a referral's moves.

| urgency | acknowledge | decide | first contact |
| --- | --- | --- | --- |
| emergency | 2 h | 24 h | 24 h, all on the wall clock |
| urgent | 1 working day | 72 h | 3 days |
| normal | 2 working days | 14 days | 7 days |

None of them is later than the legal deadline minus two working days; when that moment has gone by already the partner has
`LEAST`, and once the deadline itself has passed it binds nothing any more. A working day lasts from 9:00
until 18:00 local time, without the country's holidays, unless the organisation has named hours and days off of its own, or the
directory knows when it is open.
Reminders come at 50 % and 80 % of the time to decide, escalation at 100 %, expiry at 150 %; an offer that is not even
acknowledged in time is escalated by itself. A question to the person stops the clock, at most twice and for at most
`LONGEST_PAUSE` each. What waits for a later day (waitlist, hold, work under way, consent) is looked at again and again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.matching.facts import Urgency
from app.matching.urgency import EMERGENCY_DAYS, URGENT_DAYS
from app.referrals.states import Clock

LEAST: Final = timedelta(hours=2)
LONGEST_PAUSE: Final = timedelta(days=5)
MOST_PAUSES: Final = 2
REOPEN_WITHIN: Final = timedelta(days=90)
UNDO_WITHIN: Final = timedelta(minutes=30)
LONGEST_REVIEW: Final = timedelta(days=180)
"""The furthest day that `waitlist` and `hold` may name."""
_DAYS_BEFORE_DEADLINE: Final = 2
_FIRST_CONTACT: Final = {"emergency": timedelta(hours=24), "urgent": timedelta(days=3), "normal": timedelta(days=7)}
_CONSENT: Final = _FIRST_CONTACT
_PROGRESS: Final = {"emergency": timedelta(days=7), "urgent": timedelta(days=14), "normal": timedelta(days=30)}
_LOOK_AGAIN: Final = {"emergency": timedelta(days=1), "urgent": timedelta(days=3), "normal": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Hours:
    """A time zone, days off, and the hours of a working day: the country's, or an organisation's own within it."""

    zone: ZoneInfo
    is_holiday: Callable[[date], bool]
    opens: time = time(9, 0)
    closes: time = time(18, 0)
    weekdays: frozenset[int] = frozenset(range(5))

    def is_working(self, day: date) -> bool:
        return day.weekday() in self.weekdays and not self.is_holiday(day)

    def at(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the times of one referral hang on."""

    urgency: Urgency
    hours: Hours
    deadline_on: date | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """All times of a referral. While an answer is owed: `acknowledge_by` ≤ `decide_by` ≤ `expires_at`.

    `due_at` is the next thing the clock has to do, `clock_steps` how many steps of its agenda it has done.
    """

    offered_at: datetime | None = None
    acknowledge_by: datetime | None = None
    decide_by: datetime | None = None
    expires_at: datetime | None = None
    contact_by: datetime | None = None
    review_on: date | None = None
    paused_at: datetime | None = None
    pauses: int = 0
    clock_steps: int = 0
    due_at: datetime | None = None


class Step(StrEnum):
    """What the clock does. The first four are an offer's way when nobody answers it."""

    REMIND = "remind"
    REMIND_AGAIN = "remind_again"
    ESCALATE = "escalate"
    EXPIRE = "expire"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    NOT_ANSWERED = "not_answered"  # the partner's question; its own clock goes on
    LOOK = "look"


_QUIET: Final = frozenset({Step.REMIND, Step.REMIND_AGAIN, Step.NOT_ACKNOWLEDGED})


class Happened(NamedTuple):
    """A move as far as the clock is concerned."""

    effect: Clock
    at: datetime
    until: date | None = None


# --- rules ---------------------------------------------------------------------------------------------------------


def urgency_now(urgency: Urgency, deadline_on: date | None, today: date) -> Urgency:
    """The urgency of a case from some time ago, raised by a deadline that has come near. It is never lowered."""
    left = (deadline_on - today).days if deadline_on else None
    if urgency == "emergency" or (left is not None and left <= EMERGENCY_DAYS):
        return "emergency"
    return "urgent" if urgency == "urgent" or (left is not None and left <= URGENT_DAYS) else "normal"


def latest_answer(start: datetime, terms: Terms) -> datetime | None:
    """Two working days before the legal deadline, at the end of that day; never less than `LEAST` from `start`.

    None: no deadline, or one that has passed.
    """
    day = terms.deadline_on
    if day is None or day < start.astimezone(terms.hours.zone).date():
        return None
    left = _DAYS_BEFORE_DEADLINE
    while left:
        day -= timedelta(days=1)
        left -= terms.hours.is_working(day)
    return max(terms.hours.at(day, terms.hours.closes), start + LEAST)


def working_days_later(start: datetime, days: int, hours: Hours) -> datetime:
    """The end of the `days`-th working day after the day of `start`."""
    day = start.astimezone(hours.zone).date()
    while days:
        day += timedelta(days=1)
        days -= hours.is_working(day)
    return hours.at(day, hours.closes)


def answer_times(offered_at: datetime, terms: Terms) -> tuple[datetime, datetime, datetime]:
    """By when the partner has to have acknowledged and decided, and when the offer expires."""
    if terms.urgency == "emergency":
        acknowledge, decide = offered_at + timedelta(hours=2), offered_at + timedelta(hours=24)
    elif terms.urgency == "urgent":
        acknowledge, decide = working_days_later(offered_at, 1, terms.hours), offered_at + timedelta(hours=72)
    else:
        acknowledge, decide = working_days_later(offered_at, 2, terms.hours), offered_at + timedelta(days=14)
    latest = latest_answer(offered_at, terms)
    decide = _capped(decide, latest)
    expires = _capped(decide + (decide - offered_at) / 2, latest)
    return min(acknowledge, decide), decide, expires


def _capped(moment: datetime, latest: datetime | None) -> datetime:
    return moment if latest is None else min(moment, latest)


# --- what a move does ----------------------------------------------------------------------------------------------


def after(owed: Owed, happened: Happened, terms: Terms) -> Owed:
    """The times after one move."""
    return _EFFECTS[happened.effect](owed, happened, terms)


def fold(moves: Iterable[Happened], terms: Terms) -> Owed:
    """The times after all moves, from the first on."""
    owed = Owed()
    for happened in moves:
        owed = after(owed, happened, terms)
    return owed


def _start_answer(owed: Owed, happened: Happened, terms: Terms) -> Owed:
    acknowledge, decide, expires = answer_times(happened.at, terms)
    started = Owed(
        offered_at=happened.at,
        acknowledge_by=acknowledge,
        decide_by=decide,
        expires_at=expires,
        pauses=owed.pauses,
    )
    return _next_due(started, terms)


def _go_on(owed: Owed, _happened: Happened, _terms: Terms) -> Owed:
    return owed


def _pause(owed: Owed, happened: Happened, terms: Terms) -> Owed:
    return _next_due(replace(owed, paused_at=happened.at, pauses=owed.pauses + 1, clock_steps=0), terms)


def _unpause(owed: Owed, happened: Happened, terms: Terms) -> Owed:
    """Every time moves on by the length of the pause, never past the legal deadline, and never back."""
    assert owed.paused_at
    by = min(max(happened.at - owed.paused_at, timedelta(0)), LONGEST_PAUSE)
    latest = latest_answer(happened.at, terms)

    def later(moment: datetime | None) -> datetime:
        assert moment
        return max(moment, _capped(moment + by, latest))

    going = replace(
        owed,
        acknowledge_by=later(owed.acknowledge_by),
        decide_by=later(owed.decide_by),
        expires_at=later(owed.expires_at),
        paused_at=None,
        clock_steps=0,
    )
    gone_by = 0
    for step, at in agenda(going, terms):
        if step not in _QUIET or at > happened.at:
            break
        gone_by += 1
    return _next_due(replace(going, clock_steps=gone_by), terms)


def _stopped(owed: Owed) -> Owed:
    return Owed(offered_at=owed.offered_at, pauses=owed.pauses)


def _stop(owed: Owed, _happened: Happened, _terms: Terms) -> Owed:
    return _stopped(owed)


def _ask_next(owed: Owed, happened: Happened, _terms: Terms) -> Owed:
    return replace(_stopped(owed), due_at=happened.at)


def _review(owed: Owed, happened: Happened, terms: Terms) -> Owed:
    assert happened.until
    look = _capped(terms.hours.at(happened.until, terms.hours.opens), latest_answer(happened.at, terms))
    return replace(_stopped(owed), review_on=happened.until, due_at=look)


def _first_contact(owed: Owed, happened: Happened, terms: Terms) -> Owed:
    by = _capped(happened.at + _FIRST_CONTACT[terms.urgency], latest_answer(happened.at, terms))
    return replace(_stopped(owed), contact_by=by, due_at=by)


def _progress(owed: Owed, happened: Happened, terms: Terms) -> Owed:
    look = _capped(happened.at + _PROGRESS[terms.urgency], latest_answer(happened.at, terms))
    return replace(_stopped(owed), due_at=look)


def _wait(owed: Owed, happened: Happened, terms: Terms) -> Owed:
    look = _capped(happened.at + _CONSENT[terms.urgency], latest_answer(happened.at, terms))
    return replace(_stopped(owed), due_at=look)


_EFFECTS: Final[dict[Clock, Callable[[Owed, Happened, Terms], Owed]]] = {
    Clock.WAIT: _wait,
    Clock.START_ANSWER: _start_answer,
    Clock.GO_ON: _go_on,
    Clock.PAUSE: _pause,
    Clock.UNPAUSE: _unpause,
    Clock.REVIEW: _review,
    Clock.FIRST_CONTACT: _first_contact,
    Clock.PROGRESS: _progress,
    Clock.ASK_NEXT: _ask_next,
    Clock.STOP: _stop,
}


# --- what the clock does -------------------------------------------------------------------------------------------


def agenda(owed: Owed, terms: Terms) -> list[tuple[Step, datetime]]:
    """All steps while an answer is owed, in the order of their times; empty otherwise."""
    if owed.expires_at is None or owed.decide_by is None or owed.offered_at is None or owed.acknowledge_by is None:
        return []
    if owed.paused_at is not None:
        latest = latest_answer(owed.paused_at, terms)
        expires = max(owed.expires_at, _capped(owed.expires_at + LONGEST_PAUSE, latest))
        return [(Step.NOT_ANSWERED, min(owed.paused_at + LONGEST_PAUSE, expires)), (Step.EXPIRE, expires)]
    length = owed.decide_by - owed.offered_at
    steps = [
        (Step.NOT_ACKNOWLEDGED, owed.acknowledge_by),
        (Step.REMIND, owed.offered_at + length * 0.5),
        (Step.REMIND_AGAIN, owed.offered_at + length * 0.8),
        (Step.ESCALATE, owed.decide_by),
        (Step.EXPIRE, owed.expires_at),
    ]
    return sorted(steps, key=lambda entry: entry[1])  # stable: expiry comes after what falls on the same moment


def _next_due(owed: Owed, terms: Terms) -> Owed:
    left = agenda(owed, terms)[owed.clock_steps :]
    return replace(owed, due_at=left[0][1] if left else None)


def strike(owed: Owed, now: datetime, terms: Terms) -> tuple[tuple[Step, ...], Owed]:
    """What is due by `now`, and the times after that. Nothing is due: no step and the same times.

    A clock that stood still for long does not make up for its reminders: only the last of them is due, and of an offer that
    has run out only its expiry. What is looked at is looked at again later.
    """
    if owed.due_at is None or owed.due_at > now:
        return (), owed
    steps = agenda(owed, terms)
    if not steps:
        return (Step.LOOK,), replace(owed, due_at=now + _LOOK_AGAIN[terms.urgency])
    due = [step for step, at in steps[owed.clock_steps :] if at <= now]
    done = owed.clock_steps + len(due)
    if Step.EXPIRE in due:
        return (Step.EXPIRE,), owed
    if Step.REMIND in due and Step.REMIND_AGAIN in due:
        due.remove(Step.REMIND)
    return tuple(due), _next_due(replace(owed, clock_steps=done), terms)
