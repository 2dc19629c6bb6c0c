"""What holds for the times of every referral, whatever happens to it and whenever."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from app.matching.facts import Urgency
from app.referrals import deadlines
from app.referrals.deadlines import (
    MAX_PAUSE,
    MINIMUM_ANSWER_TIME,
    CountingRule,
    DeadlineEvent,
    Deadlines,
    DeadlineTerms,
    DueAction,
)
from app.referrals.states import DeadlineChange
from app.referrals.working_time import WorkingHours, week_of

moments = st.timedeltas(timedelta(0), timedelta(days=700)).map(lambda span: datetime(2026, 1, 1, tzinfo=UTC) + span)
urgencies: st.SearchStrategy[Urgency] = st.sampled_from(["emergency", "urgent", "normal"])
zones = st.sampled_from(["Europe/Warsaw", "Europe/Vilnius", "Europe/Berlin", "Asia/Tbilisi"]).map(ZoneInfo)
holidays = st.frozensets(st.dates(date(2025, 12, 1), date(2028, 2, 1)), max_size=60)
calendars = st.builds(lambda zone, days: WorkingHours(zone, days.__contains__), zones, holidays)
stretches = st.tuples(st.integers(0, 6), st.integers(0, 22), st.integers(1, 12)).map(
    lambda given: (given[0], time(given[1]), time(min(given[1] + given[2], 23)))
)
centres = st.builds(
    lambda zone, days, off, week: WorkingHours(zone, (days | off).__contains__, week_of(week), days.__contains__),
    zones, holidays, holidays, st.lists(stretches, min_size=1, max_size=8),
)  # fmt: skip
"""Any weeks with breaks, nights and weekends, with public holidays and days off."""
spans = st.timedeltas(timedelta(0), timedelta(days=40))


@st.composite
def terms_at(draw: st.DrawFn, start: datetime) -> DeadlineTerms:
    """Terms with no deadline, one that has passed, is near, or is far."""
    day = draw(st.none() | st.integers(-5, 60).map(lambda days: start.date() + timedelta(days=days)))
    return DeadlineTerms(draw(urgencies), draw(calendars), day)


@st.composite
def offers(draw: st.DrawFn) -> tuple[datetime, DeadlineTerms, Deadlines]:
    start = draw(moments)
    terms = draw(terms_at(start))
    return start, terms, deadlines.after_event(Deadlines(), DeadlineEvent(DeadlineChange.START_ANSWER, start), terms)


def cap_of(terms: DeadlineTerms, start: datetime) -> datetime | None:
    """The end of the day two working days before the deadline, worked out in another way than the clocks do."""
    if terms.deadline_on is None or terms.deadline_on < start.astimezone(terms.hours.zone).date():
        return None
    before = [terms.deadline_on - timedelta(days=days) for days in range(1, 120)]
    day = [one for one in before if terms.hours.is_working(one)][1]
    return datetime(day.year, day.month, day.day, 18, tzinfo=terms.hours.zone)


@given(offers())
def test_times_stand_in_order_and_after_the_offer(offer: tuple[datetime, DeadlineTerms, Deadlines]) -> None:
    start, _, times = offer
    assert times.acknowledge_by is not None
    assert times.decide_by is not None
    assert times.expires_at is not None
    assert start < times.acknowledge_by <= times.decide_by <= times.expires_at
    assert times.decide_by - start >= MINIMUM_ANSWER_TIME


@given(st.data(), moments, centres)
def test_nobody_is_expired_before_they_were_open(data: st.DataObject, start: datetime, hours: WorkingHours) -> None:
    """Random centres, hours, instants: two open hours at least, unless the legal deadline leaves less than four."""
    near = data.draw(terms_at(start))
    terms = DeadlineTerms(near.urgency, hours, near.deadline_on)
    acknowledge, decide, expires = deadlines.answer_times(start, terms)
    assert start < acknowledge <= decide <= expires
    left = deadlines.open_hours_left(start, terms)
    counting = deadlines.counting_of(start, terms)
    if left is None or left >= 2 * MINIMUM_ANSWER_TIME:
        assert hours.time_between(start, expires) >= MINIMUM_ANSWER_TIME
    if left is not None:
        assert hours.day_of(expires) <= max(terms.deadline_on or date.min, hours.day_of(start + MINIMUM_ANSWER_TIME))
    if counting is not CountingRule.WALL:
        for moment in (acknowledge, decide, expires):
            assert hours.last_open(moment) == moment, "it runs out while they are open, at the latest when they close"
    if terms.urgency != "emergency" and (left is None or left >= 2 * MINIMUM_ANSWER_TIME):
        assert counting is not CountingRule.WALL


@given(moments, centres, spans)
def test_open_hours_are_counted_as_they_are_laid_out(start: datetime, hours: WorkingHours, span: timedelta) -> None:
    open_for = timedelta(minutes=1 + span.days * 60)
    end = hours.after(start, open_for)
    assert hours.time_between(start, end) == open_for
    assert hours.last_open(end) == end
    assert hours.is_open(hours.next_open(start))


@given(offers())
def test_nothing_is_owed_after_the_cap_of_the_deadline(offer: tuple[datetime, DeadlineTerms, Deadlines]) -> None:
    """Two working days before it; where that is too early, within three quarters of the open hours that are left."""
    start, terms, times = offer
    cap = cap_of(terms, start)
    left = deadlines.open_hours_left(start, terms)
    assume(cap is not None and left is not None)
    assert cap is not None
    assert left is not None
    assert times.expires_at is not None
    counting = deadlines.counting_of(start, terms)
    if counting is CountingRule.USUAL:
        assert times.expires_at <= cap
    elif counting is CountingRule.NEAR:
        assert terms.hours.time_between(start, times.expires_at) <= left * 0.75 + timedelta(seconds=1)
    else:
        assert times.expires_at <= max(
            cap, start + MINIMUM_ANSWER_TIME, terms.hours.at(terms.deadline_on or date.min, time(23, 59))
        )


@given(st.data(), moments, spans)
def test_an_earlier_deadline_never_gives_more_time(data: st.DataObject, start: datetime, more: timedelta) -> None:
    near = data.draw(terms_at(start))
    assume(near.deadline_on is not None and near.deadline_on >= start.astimezone(near.hours.zone).date())
    assert near.deadline_on is not None
    far = DeadlineTerms(near.urgency, near.hours, near.deadline_on + more)
    assert all(
        a <= b for a, b in zip(deadlines.answer_times(start, near), deadlines.answer_times(start, far), strict=True)
    )


@given(moments, spans, urgencies, calendars)
def test_a_later_offer_is_never_due_earlier(
    start: datetime, later: timedelta, urgency: Urgency, hours: WorkingHours
) -> None:
    terms = DeadlineTerms(urgency, hours)
    first, second = deadlines.answer_times(start, terms), deadlines.answer_times(start + later, terms)
    assert all(a <= b for a, b in zip(first, second, strict=True))


@given(moments, calendars)
def test_the_more_urgent_the_sooner(start: datetime, hours: WorkingHours) -> None:
    emergency, urgent, normal = (
        deadlines.answer_times(start, DeadlineTerms(urgency, hours)) for urgency in ("emergency", "urgent", "normal")
    )
    assert emergency[1] <= urgent[1] <= normal[1]
    assert emergency[2] <= urgent[2] <= normal[2]


@given(offers(), spans, spans)
def test_a_pause_gives_no_more_than_it_took_and_five_days(
    offer: tuple[datetime, DeadlineTerms, Deadlines], asked: timedelta, answered: timedelta
) -> None:
    start, terms, times = offer
    assert times.expires_at is not None
    assume(start + asked <= times.expires_at)
    paused = deadlines.after_event(times, DeadlineEvent(DeadlineChange.PAUSE, start + asked), terms)
    going = deadlines.after_event(paused, DeadlineEvent(DeadlineChange.UNPAUSE, start + asked + answered), terms)
    pause = min(answered, MAX_PAUSE)
    open_for = terms.hours.time_between(start + asked, start + asked + pause)
    on_wall = deadlines.counting_of(start, terms) is CountingRule.WALL
    for name in ("acknowledge_by", "decide_by", "expires_at"):
        before, now = getattr(times, name), getattr(going, name)
        assert before <= now
        if on_wall:
            assert now <= before + pause
        else:
            assert terms.hours.time_between(before, now) <= open_for
    assert going.acknowledge_by <= going.decide_by <= going.expires_at  # type: ignore[operator]
    last = deadlines.agenda(paused, terms)[-1]
    assert last[0] is DueAction.EXPIRE
    assert going.expires_at <= last[1] or answered < MAX_PAUSE or terms.deadline_on is not None  # type: ignore[operator]


@given(st.data(), offers())
def test_whatever_is_asked_and_answered_the_offer_runs_out(
    data: st.DataObject, offer: tuple[datetime, DeadlineTerms, Deadlines]
) -> None:
    """Under any play of questions, answers and rounds of the clock it expires, later by the open hours of two pauses at most."""
    start, terms, times = offer
    first = times.expires_at
    assert first is not None
    now = start
    for _ in range(60):
        assert times.due_at is not None
        if times.paused_at is not None and data.draw(st.booleans()):
            now = max(now, min(times.due_at, now + data.draw(spans)))
            times = deadlines.after_event(times, DeadlineEvent(DeadlineChange.UNPAUSE, now), terms)
            continue
        if times.paused_at is None and times.pauses < deadlines.MAX_PAUSES and data.draw(st.booleans()):
            times = deadlines.after_event(times, DeadlineEvent(DeadlineChange.PAUSE, now), terms)
            continue
        now = max(now, times.due_at)
        steps, times = deadlines.take_due(times, now, terms)
        assert len(steps) <= 3
        if DueAction.EXPIRE in steps:
            break
    else:
        raise AssertionError("it never ended")
    if deadlines.counting_of(start, terms) is CountingRule.WALL:
        assert now <= first + 2 * MAX_PAUSE
    else:
        assert terms.hours.time_between(first, now) <= 2 * timedelta(hours=5 * 9)


@given(offers(), spans)
def test_a_round_of_the_clock_that_comes_again_finds_nothing(
    offer: tuple[datetime, DeadlineTerms, Deadlines], later: timedelta
) -> None:
    start, terms, times = offer
    steps, going = deadlines.take_due(times, start + later, terms)
    if DueAction.EXPIRE not in steps:
        assert deadlines.take_due(going, start + later, terms) == ((), going)


@given(
    offers(),
    st.sampled_from(
        [DeadlineChange.FIRST_CONTACT, DeadlineChange.PROGRESS, DeadlineChange.WAIT, DeadlineChange.REVIEW]
    ),
    spans,
)
def test_what_is_live_always_has_a_next_look(
    offer: tuple[datetime, DeadlineTerms, Deadlines], effect: DeadlineChange, later: timedelta
) -> None:
    start, terms, times = offer
    moment = start + later
    times = deadlines.after_event(times, DeadlineEvent(effect, moment, moment.date() + timedelta(days=30)), terms)
    for _ in range(3):
        assert times.due_at is not None
        before = times.due_at
        steps, times = deadlines.take_due(times, before, terms)
        assert steps == (DueAction.REVIEW,)
        assert times.due_at is not None
        assert times.due_at > before
