"""The deadlines of a referral and what happens when they pass. Pure: absolute times, computed from the referral's events.

| urgency | acknowledge | decide | first contact |
| --- | --- | --- | --- |
| emergency | 2 h | 24 h | 24 h, all on the wall clock |
| urgent | 1 working day | 72 h | 3 days |
| normal | 2 working days | 14 days | 7 days |

They run out while the organisation is open: an offer that is not an emergency is answered, reminded of and expired within
its opening hours (its own, else those of the directory, else 9:00 to 18:00 from Monday to Friday), without breaks, the
holidays of its country and region and its days off. Which rule counts (`Counting`) depends on the time of the offer:

* `usual`, urgent and normal: the times above, and a whole opening day at least (normal: two); never later than two working
  days before the legal deadline. Expiry at 150 %, and one more opening day at least.
* `near`, urgent and normal, when two working days before the deadline are too early for that: 4 open hours to decide and 6
  until expiry, at most half and three quarters of those left before the deadline.
* `wall`, emergencies, and offers with less than four open hours left before the deadline: 24 h to decide, day and night, and
  with a near deadline 2 h. Expiry at 150 %, and after two open hours at least; where the deadline leaves none, its day ends.

So no offer expires before the organisation was open, unless the deadline leaves no opening hour. The person does not wait for it
either: when a `usual` or `wall` offer is still open at 150 % of the plain time, the next-best is asked as well (`ASK_OTHERS`), and
the first that accepts has it. When a `near` offer is made while the organisation is closed, the team is told two hours later that
somebody has to be phoned (`NEAR_DEADLINE`). A legal deadline that has passed limits nothing. Reminders are sent at 50 % and 80 %
of the time to decide, escalation comes at 100 %; an offer that is not acknowledged in time is escalated on its own. A question to
the person stops the deadlines, at most twice and for at most `MAX_PAUSE` each time; the open hours that were left remain after the
answer. What waits for a later day (waitlist, hold, work under way, consent) is reviewed at intervals.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from app.matching.facts import Urgency
from app.matching.urgency import EMERGENCY_DAYS, URGENT_DAYS
from app.referrals.states import DeadlineChange
from app.referrals.working_time import LONGEST_CLOSED, WorkingHours

MINIMUM_ANSWER_TIME: Final = timedelta(hours=2)
"""The least time for an answer. For an emergency plain hours, else hours in which the organisation is open."""
MAX_PAUSE: Final = timedelta(days=5)
MAX_PAUSES: Final = 2
REOPEN_WITHIN: Final = timedelta(days=90)
UNDO_WITHIN: Final = timedelta(minutes=30)
MAX_REVIEW_AHEAD: Final = timedelta(days=180)
"""How far ahead the day may be that `waitlist` and `hold` name."""
_LEAST_LEFT: Final = 2 * MINIMUM_ANSWER_TIME
_LAST_MINUTE: Final = time(23, 59)
_LONGEST_WAIT: Final = timedelta(days=LONGEST_CLOSED)
_DAYS_BEFORE_DEADLINE: Final = 2
_DECIDE: Final = {"emergency": timedelta(hours=24), "urgent": timedelta(hours=72), "normal": timedelta(days=14)}
_OPENING_DAYS: Final = {"urgent": 1, "normal": 2}
_FIRST_CONTACT: Final = {"emergency": timedelta(hours=24), "urgent": timedelta(days=3), "normal": timedelta(days=7)}
_CONSENT: Final = _FIRST_CONTACT
_PROGRESS: Final = {"emergency": timedelta(days=7), "urgent": timedelta(days=14), "normal": timedelta(days=30)}
_REVIEW_AGAIN: Final = {"emergency": timedelta(days=1), "urgent": timedelta(days=3), "normal": timedelta(days=7)}


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
    """The action of the scheduler when `due_at` comes. The first four happen in turn to an offer that nobody answers."""

    REMIND = "remind"
    REMIND_AGAIN = "remind_again"
    ESCALATE = "escalate"
    ASK_OTHERS = "ask_others"  # the offer stays open, because the organisation was closed
    NEAR_DEADLINE = "near_deadline"  # the organisation is closed, and little is left after it opens
    EXPIRE = "expire"
    NOT_ACKNOWLEDGED = "not_acknowledged"
    NOT_ANSWERED = "not_answered"  # the partner's question: the offer can still expire
    REVIEW = "review"


_QUIET: Final = frozenset(DueAction) - {DueAction.ESCALATE, DueAction.EXPIRE}


class CountingRule(StrEnum):
    """How the deadlines of an offer are counted; see the table above."""

    USUAL = "usual"
    NEAR = "near"
    WALL = "wall"


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
    day = _open_deadline(start, terms)
    if day is None:
        return None
    left = _DAYS_BEFORE_DEADLINE
    while left:
        day -= timedelta(days=1)
        left -= terms.hours.is_office_day(day)
    return max(terms.hours.closing(day), start + MINIMUM_ANSWER_TIME)


def _open_deadline(start: datetime, terms: DeadlineTerms) -> date | None:
    """The legal deadline, unless it has passed."""
    day = terms.deadline_on
    return None if day is None or day < terms.hours.day_of(start) else day


def _end_of_deadline(start: datetime, terms: DeadlineTerms) -> datetime | None:
    day = _open_deadline(start, terms)
    return None if day is None else max(terms.hours.at(day, _LAST_MINUTE), start)


def open_hours_left(start: datetime, terms: DeadlineTerms) -> timedelta | None:
    """How long the organisation is open before the end of the deadline's day; None without a deadline."""
    end = _end_of_deadline(start, terms)
    return None if end is None else terms.hours.time_between(start, end)


def opening_day_over(start: datetime, hours: WorkingHours, days: int = 1) -> datetime:
    """Closing time of the `days`-th working day after `start`, or of a later one if it was not open long enough until then."""
    moment = hours.working_days_later(start, days)
    while hours.time_between(start, moment) < MINIMUM_ANSWER_TIME and moment - start < _LONGEST_WAIT:
        moment = hours.working_days_later(moment, 1)
    return moment


def counting_of(start: datetime, terms: DeadlineTerms) -> CountingRule:
    """The rule by which an offer made at `start` is counted."""
    left = open_hours_left(start, terms)
    if terms.urgency == "emergency" or (left is not None and left < _LEAST_LEFT):
        return CountingRule.WALL
    latest = latest_answer(start, terms)
    near = latest is not None and latest < opening_day_over(start, terms.hours)
    return CountingRule.NEAR if near else CountingRule.USUAL


def answer_times(offered_at: datetime, terms: DeadlineTerms) -> tuple[datetime, datetime, datetime]:
    """By when the partner has to have acknowledged and decided, and when the offer expires."""
    return _ANSWER_TIMES[counting_of(offered_at, terms)](offered_at, terms)


def _usual_times(start: datetime, terms: DeadlineTerms) -> tuple[datetime, datetime, datetime]:
    latest, hours = latest_answer(start, terms), terms.hours
    acknowledge = opening_day_over(start, hours, _OPENING_DAYS[terms.urgency])
    soonest = acknowledge if acknowledge >= start + _DECIDE["emergency"] else hours.working_days_later(acknowledge, 1)
    decide = max(soonest, hours.last_open(start + _DECIDE[terms.urgency]))
    expires = max(hours.last_open(start + 1.5 * _DECIDE[terms.urgency]), hours.working_days_later(decide, 1))
    floor = opening_day_over(start, hours)
    acknowledge, decide, expires = (
        max(floor, hours.last_open(_capped(moment, latest))) for moment in (acknowledge, decide, expires)
    )
    return acknowledge, decide, expires


def _near_times(start: datetime, terms: DeadlineTerms) -> tuple[datetime, datetime, datetime]:
    left = open_hours_left(start, terms)
    assert left is not None
    step, floor = min(MINIMUM_ANSWER_TIME, left / 4), opening_day_over(start, terms.hours)
    decide, expires = (min(floor, terms.hours.after(start, step * steps)) for steps in (2, 3))
    return decide, decide, expires


def _wall_times(start: datetime, terms: DeadlineTerms) -> tuple[datetime, datetime, datetime]:
    """Answer times on the wall clock.

    The urgency does not matter: an offer with no opening hour left is treated as an emergency.
    """
    latest = latest_answer(start, terms)
    acknowledge, decide = (_capped(start + time, latest) for time in (timedelta(hours=2), _DECIDE["emergency"]))
    expires = _plain_expiry(start, terms)
    if terms.hours.time_between(start, expires) < MINIMUM_ANSWER_TIME:
        opened = terms.hours.after(start, MINIMUM_ANSWER_TIME)
        expires = max(expires, _capped(opened, _end_of_deadline(start, terms)))
    return acknowledge, decide, expires


def _plain_expiry(start: datetime, terms: DeadlineTerms) -> datetime:
    """150 % of the time to decide of an emergency, on the clock on the wall."""
    return _capped(start + 1.5 * _DECIDE["emergency"], latest_answer(start, terms))


_ANSWER_TIMES: Final[dict[CountingRule, Callable[[datetime, DeadlineTerms], tuple[datetime, datetime, datetime]]]] = {
    CountingRule.USUAL: _usual_times,
    CountingRule.NEAR: _near_times,
    CountingRule.WALL: _wall_times,
}


def others_asked_at(times: Deadlines, terms: DeadlineTerms) -> datetime | None:
    """When the next best is asked beside an open offer; None: not before it expires, or the organisation is in contact."""
    if times.offered_at is None or times.expires_at is None or times.pauses:
        return None
    counting = counting_of(times.offered_at, terms)
    if counting is CountingRule.NEAR:
        return None
    plain = (
        _plain_expiry(times.offered_at, terms)
        if counting is CountingRule.WALL
        else times.offered_at + 1.5 * _DECIDE[terms.urgency]
    )
    return plain if plain < times.expires_at else None


def _in_hours(start: datetime, within: timedelta, terms: DeadlineTerms) -> datetime:
    """`within` after `start`, counted like the time to decide of an offer, for what the organisation owes later."""
    counting = counting_of(start, terms)
    if counting is CountingRule.NEAR:
        return _near_times(start, terms)[1]
    moment = _capped(start + within, latest_answer(start, terms))
    return (
        moment
        if counting is CountingRule.WALL
        else max(opening_day_over(start, terms.hours), terms.hours.last_open(moment))
    )


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
    """Each deadline becomes later by the length of the pause, limited by the legal deadline, and never earlier.

    Outside `wall` the pause is counted in open hours: as many are left as when it began.
    """
    assert times.paused_at
    by = min(max(event.at - times.paused_at, timedelta(0)), MAX_PAUSE)
    latest = _last_expiry(event.at, terms)

    def later(moment: datetime | None) -> datetime:
        assert moment
        return max(moment, _capped(_shifted(moment, times, by, terms), latest))

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


def _shifted(moment: datetime, times: Deadlines, by: timedelta, terms: DeadlineTerms) -> datetime:
    """A moment of a paused offer, later by a pause of this length."""
    assert times.offered_at
    assert times.paused_at
    if counting_of(times.offered_at, terms) is CountingRule.WALL:
        return moment + by
    return terms.hours.after(moment, terms.hours.time_between(times.paused_at, times.paused_at + by))


def _last_expiry(moment: datetime, terms: DeadlineTerms) -> datetime | None:
    """The latest expiry that the legal deadline leaves to an offer that goes on at this moment."""
    latest = latest_answer(moment, terms)
    if latest is None:
        return None
    counting = counting_of(moment, terms)
    if counting is CountingRule.USUAL:
        return max(opening_day_over(moment, terms.hours), terms.hours.last_open(latest))
    return _near_times(moment, terms)[2] if counting is CountingRule.NEAR else _wall_times(moment, terms)[2]


def _stopped(times: Deadlines) -> Deadlines:
    return Deadlines(offered_at=times.offered_at, pauses=times.pauses)


def _stop(times: Deadlines, _event: DeadlineEvent, _terms: DeadlineTerms) -> Deadlines:
    return _stopped(times)


def _ask_next(times: Deadlines, event: DeadlineEvent, _terms: DeadlineTerms) -> Deadlines:
    return replace(_stopped(times), due_at=event.at)


def _review(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    assert event.until
    opens = terms.hours.next_open(terms.hours.at(event.until, time(0)))
    review_at = _capped(opens, latest_answer(event.at, terms))
    return replace(_stopped(times), review_on=event.until, due_at=review_at)


def _first_contact(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    by = _in_hours(event.at, _FIRST_CONTACT[terms.urgency], terms)
    return replace(_stopped(times), contact_by=by, due_at=by)


def _progress(times: Deadlines, event: DeadlineEvent, terms: DeadlineTerms) -> Deadlines:
    review_at = _in_hours(event.at, _PROGRESS[terms.urgency], terms)
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
        latest = _last_expiry(times.paused_at, terms)
        expires = max(times.expires_at, _capped(_shifted(times.expires_at, times, MAX_PAUSE, terms), latest))
        return [(DueAction.NOT_ANSWERED, min(times.paused_at + MAX_PAUSE, expires)), (DueAction.EXPIRE, expires)]
    actions = [
        (DueAction.NOT_ACKNOWLEDGED, times.acknowledge_by),
        *_reminders(times.offered_at, times.decide_by, terms),
        (DueAction.ESCALATE, times.decide_by),
        (DueAction.EXPIRE, times.expires_at),
    ]
    others_at = others_asked_at(times, terms)
    if others_at is not None:
        actions.append((DueAction.ASK_OTHERS, others_at))
    told_at = times.offered_at + MINIMUM_ANSWER_TIME
    closed_for = terms.hours.next_open(told_at) - told_at
    if closed_for > MINIMUM_ANSWER_TIME and counting_of(times.offered_at, terms) is CountingRule.NEAR:
        actions.append((DueAction.NEAR_DEADLINE, told_at))
    # Stable: among actions of one moment they stay in the order of the agenda, and expiry comes last.
    return sorted(actions, key=lambda entry: (entry[1], entry[0] is DueAction.EXPIRE))


def _reminders(start: datetime, end: datetime, terms: DeadlineTerms) -> list[tuple[DueAction, datetime]]:
    """The times of the reminders: half way and at four fifths, on the wall clock or in open hours."""
    hours = terms.hours
    open_for = timedelta(0) if counting_of(start, terms) is CountingRule.WALL else hours.time_between(start, end)
    return [
        (action, hours.after(start, open_for * part) if open_for else start + (end - start) * part)
        for action, part in ((DueAction.REMIND, 0.5), (DueAction.REMIND_AGAIN, 0.8))
    ]


def _next_due(times: Deadlines, terms: DeadlineTerms) -> Deadlines:
    left = agenda(times, terms)[times.clock_steps :]
    return replace(times, due_at=left[0][1] if left else None)


def take_due(times: Deadlines, now: datetime, terms: DeadlineTerms) -> tuple[tuple[DueAction, ...], Deadlines]:
    """The actions due by `now`, and the deadlines after them. When nothing is due: no action and the same deadlines.

    After a long standstill of the scheduler, missed reminders are not made up for: only the last of them is due, and for an offer
    that has run out, only its expiry. A review is due again later.
    """
    if times.due_at is None or times.due_at > now:
        return (), times
    actions = agenda(times, terms)
    if not actions:
        again = now + _REVIEW_AGAIN[terms.urgency]
        return (DueAction.REVIEW,), replace(
            times, due_at=again if terms.urgency == "emergency" else terms.hours.next_open(again)
        )
    due = [action for action, at in actions[times.clock_steps :] if at <= now]
    done = times.clock_steps + len(due)
    if DueAction.EXPIRE in due:
        return (DueAction.EXPIRE,), times
    if DueAction.REMIND in due and DueAction.REMIND_AGAIN in due:
        due.remove(DueAction.REMIND)
    return tuple(due), _next_due(replace(times, clock_steps=done), terms)
