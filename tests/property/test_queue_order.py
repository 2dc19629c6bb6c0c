"""Nobody waits for ever: from the day after its own due day on, no newcomer stands before a case."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.cases.queue_views import URGENCY_RANK
from app.casework.filing import LOOK_WITHIN, due_on

hours = st.integers(0, 24 * 60).map(lambda hour: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour))
urgencies = st.sampled_from(sorted(LOOK_WITHIN))
days = st.none() | st.dates(date(2026, 9, 1), date(2027, 3, 1))
cases = st.tuples(hours, urgencies, days)
Case = tuple[datetime, str, date | None]


def key(case: Case, number: int = 0) -> tuple[object, ...]:
    """The formula of `intake.views`."""
    came_in, urgency, last_safe_day = case
    return due_on(urgency, last_safe_day, came_in), URGENCY_RANK[urgency], came_in, number


@given(cases, cases)
def test_who_comes_in_after_my_day_stands_behind_me(mine: Case, other: Case) -> None:
    if other[0].date() > due_on(mine[1], mine[2], mine[0]):
        assert key(mine) < key(other)


@given(cases)
def test_my_day_is_never_before_i_came_nor_later_than_my_letters(mine: Case) -> None:
    came_in, urgency, last_safe_day = mine
    due = due_on(urgency, last_safe_day, came_in)
    assert came_in.date() <= due <= (came_in + LOOK_WITHIN[urgency]).date()
    if last_safe_day is not None and last_safe_day >= came_in.date():
        assert due <= last_safe_day


@given(cases, st.lists(cases, max_size=40))
def test_a_desk_that_deals_with_one_case_a_day_reaches_mine(mine: Case, others: list[Case]) -> None:
    """However many come in: after my day only those are before me that were there already, and each day takes one away."""
    due = due_on(mine[1], mine[2], mine[0])
    before = [other for number, other in enumerate(others, 1) if key(other, number) < key(mine)]
    assert all(other[0].date() <= due for other in before)
