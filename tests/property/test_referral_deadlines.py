"""What holds for the times of every referral, whatever happens to it and whenever."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from app.matching.facts import Urgency
from app.referrals import deadlines
from app.referrals.deadlines import LEAST, LONGEST_PAUSE, Happened, Hours, Owed, Step, Terms
from app.referrals.states import Clock

moments = st.timedeltas(timedelta(0), timedelta(days=700)).map(lambda span: datetime(2026, 1, 1, tzinfo=UTC) + span)
urgencies: st.SearchStrategy[Urgency] = st.sampled_from(["emergency", "urgent", "normal"])
zones = st.sampled_from(["Europe/Warsaw", "Europe/Vilnius", "Europe/Berlin", "Asia/Tbilisi"]).map(ZoneInfo)
holidays = st.frozensets(st.dates(date(2025, 12, 1), date(2028, 2, 1)), max_size=60)
calendars = st.builds(lambda zone, days: Hours(zone, days.__contains__), zones, holidays)
spans = st.timedeltas(timedelta(0), timedelta(days=40))


@st.composite
def terms_at(draw: st.DrawFn, start: datetime) -> Terms:
    """Terms with no deadline, one that has passed, is near, or is far."""
    day = draw(st.none() | st.integers(-5, 60).map(lambda days: start.date() + timedelta(days=days)))
    return Terms(draw(urgencies), draw(calendars), day)


@st.composite
def offers(draw: st.DrawFn) -> tuple[datetime, Terms, Owed]:
    start = draw(moments)
    terms = draw(terms_at(start))
    return start, terms, deadlines.after(Owed(), Happened(Clock.START_ANSWER, start), terms)


def cap_of(terms: Terms, start: datetime) -> datetime | None:
    """The end of the day two working days before the deadline, worked out in another way than the clocks do."""
    if terms.deadline_on is None or terms.deadline_on < start.astimezone(terms.hours.zone).date():
        return None
    before = [terms.deadline_on - timedelta(days=days) for days in range(1, 120)]
    day = [one for one in before if terms.hours.is_working(one)][1]
    return datetime(day.year, day.month, day.day, 18, tzinfo=terms.hours.zone)


@given(offers())
def test_times_stand_in_order_and_after_the_offer(offer: tuple[datetime, Terms, Owed]) -> None:
    start, _, owed = offer
    assert owed.acknowledge_by is not None
    assert owed.decide_by is not None
    assert owed.expires_at is not None
    assert start < owed.acknowledge_by <= owed.decide_by <= owed.expires_at
    assert owed.decide_by - start >= LEAST
    assert owed.expires_at - start <= (owed.decide_by - start) * 1.5


@given(offers())
def test_nothing_is_owed_after_the_cap_of_the_deadline(offer: tuple[datetime, Terms, Owed]) -> None:
    start, terms, owed = offer
    cap = cap_of(terms, start)
    assume(cap is not None)
    assert cap is not None
    assert owed.expires_at is not None
    assert owed.expires_at <= max(cap, start + LEAST)


@given(st.data(), moments, spans)
def test_an_earlier_deadline_never_gives_more_time(data: st.DataObject, start: datetime, more: timedelta) -> None:
    near = data.draw(terms_at(start))
    assume(near.deadline_on is not None and near.deadline_on >= start.astimezone(near.hours.zone).date())
    assert near.deadline_on is not None
    far = Terms(near.urgency, near.hours, near.deadline_on + more)
    assert all(
        a <= b for a, b in zip(deadlines.answer_times(start, near), deadlines.answer_times(start, far), strict=True)
    )


@given(moments, spans, urgencies, calendars)
def test_a_later_offer_is_never_due_earlier(start: datetime, later: timedelta, urgency: Urgency, hours: Hours) -> None:
    terms = Terms(urgency, hours)
    first, second = deadlines.answer_times(start, terms), deadlines.answer_times(start + later, terms)
    assert all(a <= b for a, b in zip(first, second, strict=True))


@given(moments, calendars)
def test_the_more_urgent_the_sooner(start: datetime, hours: Hours) -> None:
    emergency, urgent, normal = (
        deadlines.answer_times(start, Terms(urgency, hours)) for urgency in ("emergency", "urgent", "normal")
    )
    assert emergency[1] <= urgent[1] <= normal[1]
    assert emergency[2] <= urgent[2] <= normal[2]


@given(offers(), spans, spans)
def test_a_pause_gives_no_more_than_it_took_and_five_days(
    offer: tuple[datetime, Terms, Owed], asked: timedelta, answered: timedelta
) -> None:
    start, terms, owed = offer
    assert owed.expires_at is not None
    assume(start + asked <= owed.expires_at)
    paused = deadlines.after(owed, Happened(Clock.PAUSE, start + asked), terms)
    going = deadlines.after(paused, Happened(Clock.UNPAUSE, start + asked + answered), terms)
    for name in ("acknowledge_by", "decide_by", "expires_at"):
        before, now = getattr(owed, name), getattr(going, name)
        assert before <= now <= before + min(answered, LONGEST_PAUSE)
    assert going.acknowledge_by <= going.decide_by <= going.expires_at  # type: ignore[operator]
    last = deadlines.agenda(paused, terms)[-1]
    assert last[0] is Step.EXPIRE
    cap = cap_of(terms, start + asked)
    if cap is not None:
        assert last[1] <= max(cap, owed.expires_at, start + asked + LEAST)


@given(st.data(), offers())
def test_whatever_is_asked_and_answered_the_offer_runs_out(
    data: st.DataObject, offer: tuple[datetime, Terms, Owed]
) -> None:
    """Under any play of questions, answers and rounds of the clock it expires, and no later than 1.5 × 14 d + 2 × 5 d."""
    start, terms, owed = offer
    now = start
    for _ in range(60):
        assert owed.due_at is not None
        if owed.paused_at is not None and data.draw(st.booleans()):
            now = max(now, min(owed.due_at, now + data.draw(spans)))
            owed = deadlines.after(owed, Happened(Clock.UNPAUSE, now), terms)
            continue
        if owed.paused_at is None and owed.pauses < deadlines.MOST_PAUSES and data.draw(st.booleans()):
            owed = deadlines.after(owed, Happened(Clock.PAUSE, now), terms)
            continue
        now = max(now, owed.due_at)
        steps, owed = deadlines.strike(owed, now, terms)
        assert len(steps) <= 3
        if Step.EXPIRE in steps:
            break
    else:
        raise AssertionError("it never ended")
    assert now - start <= timedelta(days=31)


@given(offers(), spans)
def test_a_round_of_the_clock_that_comes_again_finds_nothing(
    offer: tuple[datetime, Terms, Owed], later: timedelta
) -> None:
    start, terms, owed = offer
    steps, going = deadlines.strike(owed, start + later, terms)
    if Step.EXPIRE not in steps:
        assert deadlines.strike(going, start + later, terms) == ((), going)


@given(offers(), st.sampled_from([Clock.FIRST_CONTACT, Clock.PROGRESS, Clock.WAIT, Clock.REVIEW]), spans)
def test_what_is_live_always_has_a_next_look(
    offer: tuple[datetime, Terms, Owed], effect: Clock, later: timedelta
) -> None:
    start, terms, owed = offer
    moment = start + later
    owed = deadlines.after(owed, Happened(effect, moment, moment.date() + timedelta(days=30)), terms)
    for _ in range(3):
        assert owed.due_at is not None
        before = owed.due_at
        steps, owed = deadlines.strike(owed, before, terms)
        assert steps == (Step.LOOK,)
        assert owed.due_at is not None
        assert owed.due_at > before
