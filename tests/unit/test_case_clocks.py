"""The clock of a case that ends first, and how near its end is."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.cases.local_days import LocalDays
from app.casework.case_clocks import Clock, ClockKind, ListedReferral, Nearness, clock_of_offer, holders, next_clock
from app.core.i18n import STAFF, translator
from app.referrals.states import ReferralState
from app.web.components.time_format import TimeFormat

WARSAW = ZoneInfo("Europe/Warsaw")
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
TODAY = NOW.date()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Row:
    urgency: str = "emergency"
    state: str = "submitted"
    uncovered: bool = True
    waiting_since: datetime = NOW
    due_on: date = TODAY
    last_safe_day: date | None = None


OFFER = ListedReferral(
    "R-1",
    ReferralState.OFFERED,
    "A centre",
    NOW,
    NOW + 2 * HOUR,
    NOW + DAY,
    NOW + 1.5 * DAY,
    None,
    None,
    NOW + HOUR,
    None,
)


@pytest.mark.parametrize(
    ("row", "offers", "kind", "at"),
    [
        (Row(), [], ClockKind.FIRST_ANSWER, NOW + 2 * HOUR),
        (Row(state="in_review"), [], ClockKind.REVIEW, datetime(2026, 11, 24, 23, 0, tzinfo=UTC)),
        (Row("normal", due_on=date(2026, 12, 4)), [], ClockKind.REVIEW, datetime(2026, 12, 4, 23, 0, tzinfo=UTC)),
        (Row("normal", due_on=date(2026, 12, 4), last_safe_day=date(2026, 11, 30)), [], ClockKind.DEADLINE, None),
        (Row(last_safe_day=date(2026, 11, 1)), [], ClockKind.FIRST_ANSWER, None),
        (Row(uncovered=False), [OFFER], ClockKind.SEEN, NOW + 2 * HOUR),
        (Row(uncovered=False), [replace(OFFER, state=ReferralState.ACKNOWLEDGED)], ClockKind.ANSWER, NOW + DAY),
        (Row(uncovered=False), [replace(OFFER, paused_at=NOW)], ClockKind.FIRST_ANSWER, None),
        (Row("normal", "referred", due_on=date(2026, 12, 4)), [OFFER], ClockKind.SEEN, None),
    ],
)
def test_the_clock_that_ends_first_is_shown(
    row: Row, offers: list[ListedReferral], kind: ClockKind, at: datetime | None
) -> None:
    clock = next_clock(row, offers, NOW, WARSAW)
    assert clock.kind is kind
    assert at is None or clock.at == at


def test_an_offer_owes_one_thing_after_the_other() -> None:
    owed = [clock_of_offer(OFFER, NOW + hours * HOUR, WARSAW) for hours in (1, 3, 25, 40)]
    assert [clock.kind for clock in owed if clock] == ["seen", "answer", "expiry", "expiry"]
    accepted = replace(OFFER, state=ReferralState.ACCEPTED, expires_at=None, contact_by=NOW + DAY)
    assert clock_of_offer(accepted, NOW, WARSAW) == Clock(ClockKind.CONTACT, NOW + DAY)
    asked = replace(OFFER, state=ReferralState.AWAITING_CONSENT, offered_at=None, expires_at=None)
    assert clock_of_offer(asked, NOW, WARSAW) == Clock(ClockKind.CONSENT, NOW + HOUR)
    held = replace(OFFER, state=ReferralState.ON_HOLD, expires_at=None, review_on=date(2026, 12, 1))
    found = clock_of_offer(held, NOW, WARSAW)
    assert found is not None
    assert (found.kind, found.at) == (ClockKind.CHECK, datetime(2026, 12, 1, 23, 0, tzinfo=UTC))
    assert holders([OFFER, asked, replace(OFFER, label="R-2")]) == ["A centre"]


@pytest.mark.parametrize(
    ("clock", "nearness"),
    [
        (Clock(ClockKind.SEEN, NOW), Nearness.LATE),
        (Clock(ClockKind.SEEN, NOW + 3 * HOUR), Nearness.SOON),
        (Clock(ClockKind.SEEN, NOW + 4 * HOUR), Nearness.TODAY),
        (Clock(ClockKind.SEEN, NOW + 13 * HOUR), Nearness.LATER),
        (Clock(ClockKind.REVIEW, NOW + 13 * HOUR, NOW.date()), Nearness.TODAY),
    ],
)
def test_two_hours_left_stand_out_from_a_day(clock: Clock, nearness: Nearness) -> None:
    assert clock.nearness(NOW, WARSAW) is nearness


def test_hours_and_minutes_are_never_rounded_up() -> None:
    lengths = [timedelta(seconds=59), timedelta(minutes=41), timedelta(minutes=115.9), 3 * HOUR, timedelta(hours=71)]
    assert [TimeFormat(translator("en", STAFF)).hours_and_minutes(length) for length in lengths] == [
        "0 min", "41 min", "1 h 55 min", "3 h", "2 d",
    ]  # fmt: skip


def test_it_is_tomorrow_in_one_country_before_the_other() -> None:
    zones = {"PL": "Europe/Warsaw", "GE": "Asia/Tbilisi"}
    days = LocalDays.at(datetime(2026, 11, 24, 21, 0, tzinfo=UTC), zones)
    assert (days.of("PL"), days.of("GE")) == (date(2026, 11, 24), date(2026, 11, 25))
    assert days.parameters() == {"today": date(2026, 11, 24), "latest_day": date(2026, 11, 25), "ahead": ["GE"]}
    alike = LocalDays.at(NOW, zones)
    assert (alike.earliest, alike.latest, alike.parameters()["ahead"]) == (NOW.date(), NOW.date(), [""])
