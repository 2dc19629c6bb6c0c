"""The deadlines of a referral and what happens when they pass. Pure: absolute times, computed from the referral's events.

| urgency | acknowledge | decide | first contact |
| --- | --- | --- | --- |
| emergency | 2 h | 24 h | 24 h, all on the wall clock |
| urgent | 1 working day | 72 h | 3 days |
| normal | 2 working days | 14 days | 7 days |

None of them is later than the legal deadline minus two working days. When that moment has passed already, the partner has
`MINIMUM_ANSWER_TIME`; a legal deadline that has passed limits nothing. A working day lasts from 9:00 until 18:00 local time,
without the country's holidays, unless the organisation has named its own hours and days off, or the directory has its
opening hours.
Reminders are sent at 50 % and 80 % of the time to decide, escalation comes at 100 %, expiry at 150 %; an offer that is not
acknowledged in time is escalated on its own. A question to the person pauses the deadlines, at most twice and for at most
`MAX_PAUSE` each time. What waits for a later day (waitlist, hold, work under way, consent) is reviewed at intervals.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.matching.facts import Urgency
from app.matching.urgency import EMERGENCY_DAYS, URGENT_DAYS
from app.referrals.states import DeadlineChange

MINIMUM_ANSWER_TIME: Final = timedelta(hours=2)
MAX_PAUSE: Final = timedelta(days=5)
MAX_PAUSES: Final = 2
REOPEN_WITHIN: Final = timedelta(days=90)
UNDO_WITHIN: Final = timedelta(minutes=30)
MAX_REVIEW_AHEAD: Final = timedelta(days=180)
"""How far ahead the day may be that `waitlist` and `hold` name."""
_DAYS_BEFORE_DEADLINE: Final = 2
_FIRST_CONTACT: Final = {"emergency": timedelta(hours=24), "urgent": timedelta(days=3), "normal": timedelta(days=7)}
_CONSENT: Final = _FIRST_CONTACT
_PROGRESS: Final = {"emergency": timedelta(days=7), "urgent": timedelta(days=14), "normal": timedelta(days=30)}
_REVIEW_AGAIN: Final = {"emergency": timedelta(days=1), "urgent": timedelta(days=3), "normal": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class WorkingHours:
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
class DeadlineTerms:
    """What the deadlines of one referral depend on: urgency, the organisation's working hours, the legal deadline."""

    urgency: Urgency
    hours: WorkingHours
    deadline_on: date | None = None


@dataclass(frozen=True, slots=True)
class Deadlines:
    """All deadlines of a referral. While an answer is due: `acknowledge_by` ≤ `decide_by` ≤ `expires_at`.

    `due_at` is the time of the scheduler's next action, `clock_steps` the number of actions of the agenda that are done.
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


class DueAction(StrEnum):
    """What the scheduler does when `due_at` comes. The first four happen in turn to an offer that nobody answers."""

    REMIND = "remind"
    REMIND_AGAIN = "remind_again"
    ESCALATE = "escalate"
    EXPIRE = "expire"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    NOT_ANSWERED = "not_answered"  # the partner's question: the offer can still expire
    REVIEW = "review"


_QUIET: Final = frozenset({DueAction.REMIND, DueAction.REMIND_AGAIN, DueAction.NOT_ACKNOWLEDGED})


class DeadlineEvent(NamedTuple):
    """A move, as far as deadlines depend on it. `until`: the day that it names for a review."""

    change: DeadlineChange
    at: datetime
    until: date | None = None


# --- rules ---------------------------------------------------------------------------------------------------------


def raised_urgency(urgency: Urgency, deadline_on: date | None, today: date) -> Urgency:
    """The urgency of a case from some time ago, raised by a deadline that has come near. It is never lowered."""
    left = (deadline_on - today).days if deadline_on else None
    if urgency == "emergency" or (left is not None and left <= EMERGENCY_DAYS):
        return "emergency"
    return "urgent" if urgency == "urgent" or (left is not None and left <= URGENT_DAYS) else "normal"


def latest_answer(start: datetime, terms: DeadlineTerms) -> datetime | None:
    """Two working days before the legal deadline, at closing time; at least `MINIMUM_ANSWER_TIME` after `start`.

    None: no legal deadline, or one that has passed.
    """
    day = terms.deadline_on
    if day is None or day < start.astimezone(terms.hours.zone).date():
        return None
    left = _DAYS_BEFORE_DEADLINE
    while left:
        day -= timedelta(days=1)
        left -= terms.hours.is_working(day)
    return max(terms.hours.at(day, terms.hours.closes), start + MINIMUM_ANSWER_TIME)


def working_days_later(start: datetime, days: int, hours: WorkingHours) -> datetime:
    """Closing time of the `days`-th working day after the day of `start`."""
    day = start.astimezone(hours.zone).date()
    while days:
        day += timedelta(days=1)
        days -= hours.is_working(day)
    return hours.at(day, hours.closes)


def answer_times(offered_at: datetime, terms: DeadlineTerms) -> tuple[datetime, datetime, datetime]:
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


# --- what a move changes ----------------------------------------------------------------------------------------------


def after_event(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    """The deadlines after one move."""
    return _CHANGES[event.change](times, event, terms)


def deadlines_after(events: Iterable[DeadlineEvent], terms: DeadlineTerms) -> Deadlines:
    """The deadlines after all of a referral's moves."""
    times = Deadlines()
    for event in events:
        times = after_event(times, event, terms)
    return times


def _start_answer(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    acknowledge, decide, expires = answer_times(event.at, terms)
    started = Deadlines(
        offered_at=event.at,
        acknowledge_by=acknowledge,
        decide_by=decide,
        expires_at=expires,
        pauses=times.pauses,
    )
    return _next_due(started, terms)


def _go_on(times: Deadlines, _event: DeadlineEvent, _terms: DeadlineTerms) -> Deadlines:
    return times


def _pause(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    return _next_due(replace(times, paused_at=event.at, pauses=times.pauses + 1, clock_steps=0), terms)


def _unpause(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    """Each deadline becomes later by the length of the pause, limited by the legal deadline, and never earlier."""
    assert times.paused_at
    by = min(max(event.at - times.paused_at, timedelta(0)), MAX_PAUSE)
    latest = latest_answer(event.at, terms)

    def later(moment: datetime | None) -> datetime:
        assert moment
        return max(moment, _capped(moment + by, latest))

    resumed = replace(
        times,
        acknowledge_by=later(times.acknowledge_by),
        decide_by=later(times.decide_by),
        expires_at=later(times.expires_at),
        paused_at=None,
        clock_steps=0,
    )
    passed = 0
    for action, at in agenda(resumed, terms):
        if action not in _QUIET or at > event.at:
            break
        passed += 1
    return _next_due(replace(resumed, clock_steps=passed), terms)


def _stopped(times: Deadlines) -> Deadlines:
    return Deadlines(offered_at=times.offered_at, pauses=times.pauses)


def _stop(times: Deadlines, _event: DeadlineEvent, _terms: DeadlineTerms) -> Deadlines:
    return _stopped(times)


def _ask_next(times: Deadlines, event: DeadlineEvent, _terms: DeadlineTerms) -> Deadlines:
    return replace(_stopped(times), due_at=event.at)


def _review(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    assert event.until
    review_at = _capped(terms.hours.at(event.until, terms.hours.opens), latest_answer(event.at, terms))
    return replace(_stopped(times), review_on=event.until, due_at=review_at)


def _first_contact(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    by = _capped(event.at + _FIRST_CONTACT[terms.urgency], latest_answer(event.at, terms))
    return replace(_stopped(times), contact_by=by, due_at=by)


def _progress(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    review_at = _capped(event.at + _PROGRESS[terms.urgency], latest_answer(event.at, terms))
    return replace(_stopped(times), due_at=review_at)


def _wait(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    review_at = _capped(event.at + _CONSENT[terms.urgency], latest_answer(event.at, terms))
    return replace(_stopped(times), due_at=review_at)


_CHANGES: Final[dict[DeadlineChange, Callable[[Deadlines, DeadlineEvent, DeadlineTerms], Deadlines]]] = {
    DeadlineChange.WAIT: _wait,
    DeadlineChange.START_ANSWER: _start_answer,
    DeadlineChange.GO_ON: _go_on,
    DeadlineChange.PAUSE: _pause,
    DeadlineChange.UNPAUSE: _unpause,
    DeadlineChange.REVIEW: _review,
    DeadlineChange.FIRST_CONTACT: _first_contact,
    DeadlineChange.PROGRESS: _progress,
    DeadlineChange.ASK_NEXT: _ask_next,
    DeadlineChange.STOP: _stop,
}


# --- what the scheduler does -------------------------------------------------------------------------------------------


def agenda(times: Deadlines, terms: DeadlineTerms) -> list[tuple[DueAction, datetime]]:
    """All actions with their times, in order, while an answer is due; empty otherwise."""
    if times.expires_at is None or times.decide_by is None or times.offered_at is None or times.acknowledge_by is None:
        return []
    if times.paused_at is not None:
        latest = latest_answer(times.paused_at, terms)
        expires = max(times.expires_at, _capped(times.expires_at + MAX_PAUSE, latest))
        return [(DueAction.NOT_ANSWERED, min(times.paused_at + MAX_PAUSE, expires)), (DueAction.EXPIRE, expires)]
    length = times.decide_by - times.offered_at
    actions = [
        (DueAction.NOT_ACKNOWLEDGED, times.acknowledge_by),
        (DueAction.REMIND, times.offered_at + length * 0.5),
        (DueAction.REMIND_AGAIN, times.offered_at + length * 0.8),
        (DueAction.ESCALATE, times.decide_by),
        (DueAction.EXPIRE, times.expires_at),
    ]
    return sorted(actions, key=lambda entry: entry[1])  # stable: expiry comes last among actions of one moment


def _next_due(times: Deadlines, terms: DeadlineTerms) -> Deadlines:
    left = agenda(times, terms)[times.clock_steps :]
    return replace(times, due_at=left[0][1] if left else None)


def take_due(times: Deadlines, now: datetime, terms: DeadlineTerms) -> tuple[tuple[DueAction, ...], Deadlines]:
    """The actions due by `now`, and the deadlines after them. When nothing is due: no action and the same deadlines.

    After a long standstill of the scheduler, missed reminders are not made up for: only the last of them is due, and of an
    offer that has run out only its expiry. A review is due again later.
    """
    if times.due_at is None or times.due_at > now:
        return (), times
    actions = agenda(times, terms)
    if not actions:
        return (DueAction.REVIEW,), replace(times, due_at=now + _REVIEW_AGAIN[terms.urgency])
    due = [action for action, at in actions[times.clock_steps :] if at <= now]
    done = times.clock_steps + len(due)
    if DueAction.EXPIRE in due:
        return (DueAction.EXPIRE,), times
    if DueAction.REMIND in due and DueAction.REMIND_AGAIN in due:
        due.remove(DueAction.REMIND)
    return tuple(due), _next_due(replace(times, clock_steps=done), terms)
