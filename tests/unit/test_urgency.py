"""The urgency, with the policy written a second time by hand and every combination tried."""

from datetime import date, timedelta
from itertools import product

import pytest

from app.matching.urgency import assess

TODAY = date(2026, 11, 24)
NEEDS = ["asylum", "detention", "deportation", "gbv", "extradition_interpol"]
SOON = ["today", "week", "month", "none", "unknown"]
DAYS = [None, -400, -1, 0, 1, 2, 3, 6, 7, 8, 100]
EVERYTHING = list(product(NEEDS, [(), ("child_alone",), ("minor",)], [(), ("wanted_list",), ("violence",)], SOON, DAYS))


def by_hand(need: str, helps: tuple[str, ...], happened: tuple[str, ...], soon: str, days: int | None) -> str:
    if need in ("detention", "deportation", "gbv") or helps == ("child_alone",) or soon == "today":
        return "emergency"
    if days is not None and days <= 2:
        return "emergency"
    if need == "extradition_interpol" or happened == ("wanted_list",) or soon == "week":
        return "urgent"
    return "urgent" if days is not None and days <= 7 else "normal"


def test_every_combination_has_the_urgency_of_the_policy() -> None:
    for need, helps, happened, soon, days in EVERYTHING:
        last = None if days is None else TODAY + timedelta(days=days)
        found = assess(
            needs=["housing", need], helps=helps, happened=happened, how_soon=soon, last_safe_day=last, today=TODAY
        )
        assert found == by_hand(need, helps, happened, soon, days), (need, helps, happened, soon, days)


@pytest.mark.parametrize("need", ["asylum", "appeals", "trafficking", "criminal_defence", "evacuation", "children"])
def test_other_needs_alone_are_normal(need: str) -> None:
    assert assess(needs=[need], helps=(), happened=(), how_soon="none", last_safe_day=None, today=TODAY) == "normal"
