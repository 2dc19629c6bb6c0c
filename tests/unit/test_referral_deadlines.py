"""The times of a referral, worked out by hand on a calendar. Warsaw is one hour ahead of UTC in winter, two in summer."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.core.errors import Invalid
from app.matching.facts import Urgency
from app.referrals import deadlines
from app.referrals.deadlines import CountingRule, DeadlineEvent, Deadlines, DeadlineTerms, DueAction
from app.referrals.states import DeadlineChange
from app.referrals.working_hours import directory_hours, hours_at_offer, hours_of, validated_hours
from app.referrals.working_time import WorkingHours

INDEPENDENCE_DAY = date(2026, 11, 11)  # a Wednesday
WARSAW = WorkingHours(ZoneInfo("Europe/Warsaw"), lambda day: day == INDEPENDENCE_DAY)


def at(day: int, hour: int = 10, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def terms(urgency: Urgency = "normal", deadline_on: date | None = None) -> DeadlineTerms:
    return DeadlineTerms(urgency, WARSAW, deadline_on)


MONDAY = at(23)


def offered(urgency: Urgency = "normal", deadline_on: date | None = None, when: datetime = MONDAY) -> Deadlines:
    return deadlines.after_event(
        Deadlines(), DeadlineEvent(DeadlineChange.START_ANSWER, when), terms(urgency, deadline_on)
    )


@pytest.mark.parametrize(
    ("urgency", "acknowledge", "decide", "expires"),
    [
        ("emergency", at(23, 12), at(24, 10), at(24, 22)),
        ("urgent", at(24, 17), at(26, 10), at(27, 17)),
        ("normal", at(25, 17), at(7, 10, month=12), at(14, 10, month=12)),
    ],
)
def test_by_when_an_answer_is_owed(
    urgency: Urgency, acknowledge: datetime, decide: datetime, expires: datetime
) -> None:
    times = offered(urgency)  # on a Monday
    assert (times.acknowledge_by, times.decide_by, times.expires_at) == (acknowledge, decide, expires)


def test_weekends_and_holidays_are_no_working_days() -> None:
    assert WARSAW.working_days_later(at(6), 2) == at(10, 17)  # Friday → Monday, Tuesday
    assert WARSAW.working_days_later(at(10), 1) == at(12, 17)  # Tuesday → (holiday) → Thursday


def test_an_emergency_runs_on_the_wall_clock_through_a_holiday_night() -> None:
    times = offered("emergency", when=at(10, 23))
    assert times.acknowledge_by == at(11, 1)
    assert times.decide_by == at(11, 23)


def test_the_day_is_that_of_the_country() -> None:
    assert WARSAW.working_days_later(at(23, 23, 30), 1) == at(25, 17)  # half past midnight in Warsaw: the 24th


def test_nothing_is_owed_later_than_two_working_days_before_the_deadline() -> None:
    times = offered("normal", date(2026, 12, 1))  # a Tuesday: Monday 30, Friday 27
    assert times.decide_by == times.expires_at == at(27, 17)
    assert times.acknowledge_by == at(25, 17)


def test_when_that_has_gone_by_the_partner_still_has_hours_in_which_it_is_open() -> None:
    times = offered("normal", date(2026, 11, 24))
    assert (times.acknowledge_by, times.decide_by, times.expires_at) == (at(23, 14), at(23, 14), at(23, 16))


def test_an_emergency_has_the_least_at_once() -> None:
    times = offered("emergency", date(2026, 11, 24))
    assert times.acknowledge_by == times.decide_by == times.expires_at == at(23) + deadlines.MINIMUM_ANSWER_TIME


FRIDAY_EVENING = at(27, 17, 30)  # half past six in Warsaw


def test_a_friday_evening_with_a_deadline_on_tuesday_waits_for_monday_and_a_coordinator_is_told() -> None:
    how = terms("urgent", date(2026, 12, 1))
    times = offered("urgent", date(2026, 12, 1), FRIDAY_EVENING)
    assert deadlines.counting_of(FRIDAY_EVENING, how) is CountingRule.NEAR
    monday = at(30, 8)
    assert (times.decide_by, times.expires_at) == (monday + timedelta(hours=4), monday + timedelta(hours=6))
    assert play(times, how) == [
        (DueAction.NEAR_DEADLINE, at(27, 19, 30)),
        (DueAction.REMIND, monday + timedelta(hours=2)),
        (DueAction.REMIND_AGAIN, monday + timedelta(hours=3, minutes=12)),
        (DueAction.NOT_ACKNOWLEDGED, monday + timedelta(hours=4)),
        (DueAction.ESCALATE, monday + timedelta(hours=4)),
        (DueAction.EXPIRE, monday + timedelta(hours=6)),
    ]


def test_an_emergency_of_friday_evening_asks_others_and_leaves_the_offer_open_until_monday() -> None:
    times = offered("emergency", when=FRIDAY_EVENING)
    assert play(times, terms("emergency"))[-3:] == [
        (DueAction.ESCALATE, at(28, 17, 30)),
        (DueAction.ASK_OTHERS, at(29, 5, 30)),
        (DueAction.EXPIRE, at(30, 10)),
    ]


@pytest.mark.parametrize("urgency", ["emergency", "urgent"])
def test_a_deadline_inside_the_weekend_goes_on_by_the_wall_clock_until_its_day_ends(urgency: Urgency) -> None:
    sunday = date(2026, 11, 29)
    times = offered(urgency, sunday, FRIDAY_EVENING)
    assert play(times, terms(urgency, sunday))[-3:] == [
        (DueAction.ESCALATE, at(27, 19, 30)),
        (DueAction.ASK_OTHERS, at(27, 19, 30)),
        (DueAction.EXPIRE, at(29, 22, 59)),
    ]


def test_over_christmas_an_urgent_offer_waits_and_the_next_is_asked_beside_it() -> None:
    """Poland: 24 December is a holiday too, and in 2026 it is a Thursday."""
    how = DeadlineTerms("urgent", hours_of("PL"))
    times = deadlines.after_event(
        Deadlines(), DeadlineEvent(DeadlineChange.START_ANSWER, at(23, 15, month=12)), how
    )  # four in the afternoon
    assert (times.acknowledge_by, times.decide_by) == (at(28, 17, month=12), at(28, 17, month=12))
    assert [entry for entry in play(times, how) if entry[0] in {DueAction.ASK_OTHERS, DueAction.EXPIRE}] == [
        (DueAction.ASK_OTHERS, at(28, 3, month=12)),
        (DueAction.EXPIRE, at(29, 17, month=12)),
    ]


def test_orthodox_easter_is_no_time_to_answer() -> None:
    """In 2027 it is on 2 May: Good Friday to Monday are holidays in Georgia. Tbilisi is four hours ahead of UTC."""
    how = DeadlineTerms("urgent", hours_of("GE"))
    thursday = datetime(2027, 4, 29, 14, tzinfo=UTC)
    times = deadlines.after_event(Deadlines(), DeadlineEvent(DeadlineChange.START_ANSWER, thursday), how)
    assert times.acknowledge_by == times.decide_by == datetime(2027, 5, 4, 14, tzinfo=UTC)


def test_first_contact_is_not_due_in_the_night_or_on_a_weekend() -> None:
    friday = at(27, 15)
    times = deadlines.after_event(
        offered("urgent"), DeadlineEvent(DeadlineChange.FIRST_CONTACT, friday), terms("urgent")
    )
    assert times.contact_by == at(30, 17)
    thursday = at(26, 15)
    times = deadlines.after_event(
        offered("urgent"), DeadlineEvent(DeadlineChange.FIRST_CONTACT, thursday), terms("urgent")
    )
    assert times.contact_by == at(27, 17)


def test_a_break_is_no_working_time() -> None:
    entry = {
        "hours": [
            {"days": ["MO", "TU"], "opens": "09:00", "closes": "12:00"},
            {"days": ["MO"], "opens": "13:00", "closes": "16:00"},
        ]
    }
    hours = hours_of("PL", directory_hours(entry))
    assert hours.after(at(23, 8), timedelta(hours=4)) == at(23, 13)
    assert hours.time_between(at(23, 8), at(24, 23)) == timedelta(hours=9)
    assert not hours.is_open(at(23, 11, 30))
    assert hours.last_open(at(23, 11, 30)) == at(23, 11)


def test_opening_hours_without_days_are_those_of_office_days() -> None:
    entry = {"hours": [{"days": [], "opens": "09:30", "closes": "17:00"}]}
    assert hours_of("GE", directory_hours(entry)).weekdays == frozenset(range(5))


@pytest.mark.parametrize(
    ("rule", "works"),
    [
        ({"all": [{"any": [{"region": {"any_of": ["DE-BY"]}}, {"remote_ok": "unknown"}]}]}, False),
        ({"all": [{"region": {"any_of": ["DE-BE", "DE-BY"]}}]}, True),
        ({"not": {"region": {"any_of": ["DE-BY"]}}}, True),
        (None, True),
    ],
)
def test_a_centre_in_one_region_has_the_holidays_of_that_region(rule: object, works: bool) -> None:
    """Epiphany is a holiday in Bavaria, and not in Germany."""
    assert hours_of("DE", hours_at_offer(None, {}, {"rule": rule}, "DE")).is_working(date(2027, 1, 6)) is works


@pytest.mark.parametrize("weekdays", [[], [0]])
def test_an_organisation_that_is_never_open_stops_no_clock(weekdays: list[int]) -> None:
    hours = WorkingHours(WARSAW.zone, lambda day: True, {day: ((time(9), time(17)),) for day in weekdays},
                         WARSAW.is_holiday)  # fmt: skip
    for urgency in ("emergency", "urgent", "normal"):
        assert deadlines.answer_times(MONDAY, DeadlineTerms(urgency, hours, date(2026, 12, 1)))[2] > MONDAY  # type: ignore[arg-type]
        assert deadlines.answer_times(MONDAY, DeadlineTerms(urgency, hours))[2] > MONDAY  # type: ignore[arg-type]


def test_a_deadline_that_has_passed_binds_nothing_any_more() -> None:
    assert offered("urgent", date(2026, 11, 22)) == offered("urgent")


@pytest.mark.parametrize(
    ("deadline_on", "now_is"),
    [
        (None, "normal"),
        (date(2026, 12, 1), "normal"),
        (date(2026, 11, 30), "urgent"),
        (date(2026, 11, 25), "emergency"),
    ],
)
def test_a_deadline_that_came_near_raises_the_urgency(deadline_on: date | None, now_is: str) -> None:
    today = date(2026, 11, 23)
    assert deadlines.raised_urgency("normal", deadline_on, today) == now_is
    assert deadlines.raised_urgency("emergency", deadline_on, today) == "emergency"


def play(times: Deadlines, how: DeadlineTerms) -> list[tuple[DueAction, datetime]]:
    """What the clock does when nobody else does anything."""
    done: list[tuple[DueAction, datetime]] = []
    while times.due_at is not None and len(done) < 20:
        now = times.due_at
        steps, times = deadlines.take_due(times, now, how)
        done += [(step, now) for step in steps]
        if DueAction.EXPIRE in steps:
            break
    return done


def test_an_offer_that_nobody_answers() -> None:
    assert play(offered("emergency"), terms("emergency")) == [
        (DueAction.NOT_ACKNOWLEDGED, at(23, 12)),
        (DueAction.REMIND, at(23, 22)),
        (DueAction.REMIND_AGAIN, at(24, 5, 12)),
        (DueAction.ESCALATE, at(24, 10)),
        (DueAction.EXPIRE, at(24, 22)),
    ]


def test_before_its_time_the_clock_does_nothing() -> None:
    times = offered("emergency")
    assert deadlines.take_due(times, at(23, 11, 59), terms("emergency")) == ((), times)


def test_a_clock_that_stood_still_does_not_make_up_for_its_reminders() -> None:
    times = offered("emergency")
    steps, going = deadlines.take_due(times, at(24, 6), terms("emergency"))
    assert steps == (DueAction.NOT_ACKNOWLEDGED, DueAction.REMIND_AGAIN)
    assert going.due_at == at(24, 10)
    assert deadlines.take_due(times, at(28), terms("emergency"))[0] == (DueAction.EXPIRE,)


def test_a_question_stops_the_clock_and_the_answer_moves_every_time_on() -> None:
    how = terms("urgent")
    times = offered("urgent")
    paused = deadlines.after_event(times, DeadlineEvent(DeadlineChange.PAUSE, at(23, 12)), how)
    assert (paused.pauses, paused.paused_at) == (1, at(23, 12))
    assert [step for step, _ in deadlines.agenda(paused, how)] == [DueAction.NOT_ANSWERED, DueAction.EXPIRE]
    going = deadlines.after_event(paused, DeadlineEvent(DeadlineChange.UNPAUSE, at(25, 12)), how)
    assert going.decide_by == at(30, 10), "two working days later: Monday"
    assert going.expires_at == at(1, 17, month=12)
    assert going.paused_at is None


def test_a_pause_counts_for_five_days_at_most() -> None:
    how = terms("normal")
    paused = deadlines.after_event(offered("normal"), DeadlineEvent(DeadlineChange.PAUSE, at(24)), how)
    assert play(paused, how) == [
        (DueAction.NOT_ANSWERED, at(29)),
        (DueAction.EXPIRE, at(17, 17, month=12)),
    ]
    going = deadlines.after_event(paused, DeadlineEvent(DeadlineChange.UNPAUSE, at(4, month=12)), how)
    assert going.decide_by == at(10, 17, month=12), "34 open hours later"


def test_a_pause_never_reaches_past_the_deadline() -> None:
    how = terms("normal", date(2026, 12, 1))
    paused = deadlines.after_event(
        offered("normal", date(2026, 12, 1)), DeadlineEvent(DeadlineChange.PAUSE, at(24)), how
    )
    assert deadlines.agenda(paused, how)[-1] == (DueAction.EXPIRE, at(27, 17))
    going = deadlines.after_event(paused, DeadlineEvent(DeadlineChange.UNPAUSE, at(26)), how)
    assert going.decide_by == going.expires_at == at(27, 17)


def test_after_an_answer_no_reminder_comes_twice() -> None:
    how = terms("normal")
    times = offered("normal")
    paused = deadlines.after_event(
        times, DeadlineEvent(DeadlineChange.PAUSE, at(1, month=12)), how
    )  # after the reminder at 50 %
    going = deadlines.after_event(paused, DeadlineEvent(DeadlineChange.UNPAUSE, at(1, 11, month=12)), how)
    assert [step for step, _ in play(going, how)] == [DueAction.REMIND_AGAIN, DueAction.ESCALATE, DueAction.EXPIRE]


@pytest.mark.parametrize(("urgency", "by"), [("emergency", at(24)), ("urgent", at(26)), ("normal", at(30))])
def test_first_contact(urgency: Urgency, by: datetime) -> None:
    times = deadlines.after_event(offered(urgency), DeadlineEvent(DeadlineChange.FIRST_CONTACT, at(23)), terms(urgency))
    assert times.contact_by == times.due_at == by
    assert times.expires_at is None


def test_first_contact_is_due_before_the_deadline_too() -> None:
    how = terms("normal", date(2026, 11, 27))
    assert deadlines.after_event(
        Deadlines(), DeadlineEvent(DeadlineChange.FIRST_CONTACT, at(23)), how
    ).contact_by == at(25, 17)


def test_what_waits_for_a_day_is_looked_at_on_that_day_and_again_and_again() -> None:
    how = terms("normal")
    times = deadlines.after_event(offered(), DeadlineEvent(DeadlineChange.REVIEW, at(23), date(2026, 12, 10)), how)
    assert times.due_at == at(10, 8, month=12)
    steps, later = deadlines.take_due(times, at(10, 8, month=12), how)
    assert steps == (DueAction.REVIEW,)
    assert later.due_at == at(17, 8, month=12)


def test_it_does_not_wait_beyond_the_deadline() -> None:
    how = terms("normal", date(2026, 12, 1))
    times = deadlines.after_event(offered(), DeadlineEvent(DeadlineChange.REVIEW, at(23), date(2026, 12, 10)), how)
    assert (times.review_on, times.due_at) == (date(2026, 12, 10), at(27, 17))


def test_an_end_that_is_no_help_has_the_next_asked_at_once() -> None:
    times = deadlines.after_event(offered(), DeadlineEvent(DeadlineChange.ASK_NEXT, at(24)), terms())
    assert (times.due_at, times.expires_at) == (at(24), None)


def test_two_pauses_survive_all_the_rest() -> None:
    moves = [
        DeadlineEvent(DeadlineChange.WAIT, at(22)),
        DeadlineEvent(DeadlineChange.START_ANSWER, at(23)),
        DeadlineEvent(DeadlineChange.PAUSE, at(23, 11)),
        DeadlineEvent(DeadlineChange.UNPAUSE, at(23, 12)),
        DeadlineEvent(DeadlineChange.PAUSE, at(23, 13)),
        DeadlineEvent(DeadlineChange.UNPAUSE, at(23, 14)),
        DeadlineEvent(DeadlineChange.FIRST_CONTACT, at(24)),
    ]
    assert deadlines.deadlines_after(moves, terms()).pauses == 2


def test_an_organisations_own_hours_and_days_off_move_what_it_owes() -> None:
    """Tuesdays and Thursdays from 10 to 16, and not on the Thursday of this week: one working day later is next Tuesday at four."""
    own = validated_hours("10:00", "16:00", ["1", "3"], ["2026-11-26"])
    hours = hours_of("PL", own)
    assert hours.working_days_later(datetime(2026, 11, 24, 9, 0, tzinfo=UTC), 1) == datetime(
        2026, 12, 1, 15, 0, tzinfo=UTC
    )
    assert hours_of("PL").working_days_later(datetime(2026, 11, 24, 9, 0, tzinfo=UTC), 1) == datetime(
        2026, 11, 25, 17, 0, tzinfo=UTC
    )


def test_an_organisations_own_break_is_no_working_time() -> None:
    hours = hours_of("PL", validated_hours("09:00", "17:00", ["0"], [], ("12:00", "13:30")))
    assert hours.week == {0: ((time(9), time(12)), (time(13, 30), time(17)))}


@pytest.mark.parametrize("pause", [("12:00", ""), ("noon", "13:00"), ("08:00", "10:00"), ("13:00", "12:00")])
def test_a_break_that_makes_no_sense_is_refused(pause: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        validated_hours("09:00", "17:00", ["0"], [], pause)
    assert [error["pointer"] for error in refused.value.errors] == ["/break_from"]


@pytest.mark.parametrize(
    ("opens", "closes", "weekdays", "days_off", "pointer"),
    [
        ("late", "16:00", ["1"], [], "/opens"),
        ("16:00", "10:00", ["1"], [], "/closes"),
        ("10:00", "16:00", ["7", "x"], [], "/weekdays"),
        ("10:00", "16:00", ["1"], ["christmas"], "/days_off"),
    ],
)
def test_hours_that_make_no_sense_are_refused(
    opens: str, closes: str, weekdays: list[str], days_off: list[str], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        validated_hours(opens, closes, weekdays, days_off)
    assert [error["pointer"] for error in refused.value.errors] == [pointer]
