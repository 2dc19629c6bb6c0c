"""Published figures against somebody who has kept every page there ever was, and subtracts."""

from collections import defaultdict
from datetime import date
from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from app.reporting.persecution_figures import MIN_PEOPLE, Figure, MonthlyCount, published

MONTHS = [date(2026, month, 1) for month in range(1, 13)]
LATER = [date(2026, month, 28) for month in range(2, 13)] + [date(2027, 1, 28)]
BEGUN = MonthlyCount(MONTHS[0], "search_seizure", "PL", 3)
cells = st.lists(
    st.builds(
        MonthlyCount,
        st.sampled_from(MONTHS),
        st.sampled_from(["search_seizure", "violence", "torture"]),
        st.sampled_from(["PL", "GE", "LT", "DE"]),
        st.integers(1, 25),
    ),
    max_size=60,
    unique_by=lambda one: (one.month, one.code, one.country),
)


def totals(figures: list[Figure]) -> dict[tuple[str, ...], int]:
    """Every sum that a reader can make: all, by kind, by country, by both."""
    sums: dict[tuple[str, ...], int] = defaultdict(int)
    for figure in figures:
        for key in ((), (figure.code,), (figure.country,), (figure.code, figure.country)):
            sums[key] += figure.count
    return sums


@given(cells)
def test_no_figure_and_no_difference_of_totals_is_about_fewer_than_ten(counted: list[MonthlyCount]) -> None:
    figures = published(counted, LATER[-1])
    assert all(figure.count >= MIN_PEOPLE for figure in figures)
    sums = totals(figures)
    for key, value in sums.items():
        for part, smaller in sums.items():
            if set(part) > set(key):
                assert value - smaller == 0 or value - smaller >= MIN_PEOPLE, (key, part)


@given(cells)
def test_no_two_pages_of_different_days_differ_by_fewer_than_ten(counted: list[MonthlyCount]) -> None:
    pages = [totals(published([one for one in counted if one.month <= today], today)) for today in LATER]
    for earlier, later in pairwise(pages):
        for key in later:
            grown = later[key] - earlier.get(key, 0)
            assert grown == 0 or grown >= MIN_PEOPLE, key


@given(cells, st.sampled_from(LATER))
def test_the_month_that_runs_is_not_shown_and_nothing_shown_ever_changes(
    counted: list[MonthlyCount], today: date
) -> None:
    now = published(counted, today)
    assert all(figure.last < today.replace(day=1) for figure in now)
    assert set(now) <= set(published(counted, LATER[-1])), "a figure stays as it was published"


def test_no_count_under_ten_can_be_worked_out_from_all_pages_together() -> None:
    """All histories of three months: those that look the same never agree on a small count.

    Up to 21 a month, and up to eleven where it is looked at: a reader knows no upper limit that would help them.
    """
    looks_like: dict[tuple[object, ...], list[tuple[int, ...]]] = defaultdict(list)
    for history in product(range(22), repeat=3):
        counted = [BEGUN, *(MonthlyCount(MONTHS[at + 1], "torture", "GE", n) for at, n in enumerate(history) if n)]
        looks_like[tuple(tuple(published(counted, today)) for today in LATER[1:4])].append(history)
    for alike in looks_like.values():
        looked_at = [history for history in alike if max(history) <= 11]
        for at in range(3):
            small = {history[at] for history in looked_at if 0 < history[at] < MIN_PEOPLE}
            assert not small or len({history[at] for history in alike}) > 1, alike


def test_months_are_put_together_until_there_are_ten_and_the_rest_waits() -> None:
    told = ((1, 4), (2, 5), (4, 3), (5, 9))
    counted = [BEGUN, *(MonthlyCount(MONTHS[at], "torture", "GE", n) for at, n in told)]
    assert published(counted, LATER[-1]) == [Figure("torture", "GE", MONTHS[0], MONTHS[4], 12)]
