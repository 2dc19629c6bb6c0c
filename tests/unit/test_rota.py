"""Who is on call, by weekday and hour of the team's own time zone."""

from datetime import UTC, datetime, time
from uuid import UUID, uuid4

import pytest

from app.core.errors import Invalid
from app.messaging.kinds import Speed
from app.messaging.rules import MemberHours, due_for_member
from app.staff.rota import Rota, Shift, parse, parsed_time

VERA, PAVEL, SOFIA = uuid4(), uuid4(), uuid4()
NIGHTS = Shift(frozenset({4, 5}), time(20), time(8), (VERA, PAVEL))
DAYS = Shift(frozenset(range(7)), time(8), time(20), (SOFIA,))
ROTA = Rota("Asia/Tbilisi", (NIGHTS, DAYS), 1)
ALL = {VERA, PAVEL, SOFIA}


@pytest.mark.parametrize(
    ("utc", "on_call"),
    [
        ("2026-11-28T15:59", [SOFIA]),  # Saturday, 19:59 in Tbilisi
        ("2026-11-28T16:00", [VERA, PAVEL]),
        ("2026-11-29T03:59", [VERA, PAVEL]),  # Sunday, 7:59
        ("2026-11-29T04:00", [SOFIA]),
        ("2026-11-29T16:00", []),  # Sunday evening is in no shift
    ],
)
def test_a_shift_runs_by_the_clock_of_its_team_and_over_midnight(utc: str, on_call: list[UUID]) -> None:
    assert ROTA.on_call(datetime.fromisoformat(utc).replace(tzinfo=UTC), ALL) == on_call


def test_who_cannot_be_told_is_passed_over_for_the_deputy() -> None:
    saturday = datetime(2026, 11, 28, 18, tzinfo=UTC)
    assert ROTA.first_on_call(saturday, ALL) == [VERA]
    assert ROTA.first_on_call(saturday, {PAVEL}) == [PAVEL]
    assert ROTA.first_on_call(saturday, set()) == []
    assert ROTA.named_on_call(saturday) == [VERA]


def test_the_hours_in_which_nobody_is_on_call_are_counted() -> None:
    assert ROTA.gap_hours(ALL) == 5 * 12
    assert Rota("UTC", (Shift(frozenset(range(7)), time(9), time(9), (VERA,)),)).gap_hours(ALL) == 0
    assert Rota().gap_hours(ALL) == 168


def test_a_rota_is_read_as_it_was_stored() -> None:
    assert parse(ROTA.zone, [shift.stored() for shift in ROTA.shifts], 1) == ROTA


@pytest.mark.parametrize("text", ["24:00", "8", "8:60", "", "8:0x"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parsed_time(text, "/from_0")
    assert parsed_time(" 8.30 ", "") == time(8, 30)


SATURDAY_NIGHT = datetime(2026, 11, 28, 21, 40, tzinfo=UTC)  # 22:40 in Warsaw


@pytest.mark.parametrize(
    ("speed", "digest", "quiet", "wakes", "due"),
    [
        (Speed.AT_ONCE, 8, (22, 7), True, SATURDAY_NIGHT),
        (Speed.AT_ONCE, 8, (22, 7), False, datetime(2026, 11, 29, 6, tzinfo=UTC)),
        (Speed.AT_ONCE, 8, None, False, SATURDAY_NIGHT),
        (Speed.SOON, 8, (22, 7), False, datetime(2026, 11, 29, 6, tzinfo=UTC)),
        (Speed.SOON, 8, (0, 6), False, SATURDAY_NIGHT),
        (Speed.DIGEST, 8, None, False, datetime(2026, 11, 29, 7, tzinfo=UTC)),
        (Speed.DIGEST, None, (22, 7), False, datetime(2026, 11, 29, 6, tzinfo=UTC)),
    ],
)
def test_a_member_is_told_by_their_own_hours(
    speed: Speed, digest: int | None, quiet: tuple[int, int] | None, wakes: bool, due: datetime
) -> None:
    hours = MemberHours(digest, quiet, "Europe/Warsaw")
    assert due_for_member(speed, hours, SATURDAY_NIGHT, wakes=wakes) == due
