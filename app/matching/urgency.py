"""How urgent a case is (emergency, urgent or normal), from the answers. Cautious in doubt."""

from collections.abc import Collection
from datetime import date
from typing import Final

from app.matching.facts import Urgency

HELD_OR_IN_DANGER: Final = frozenset({"detention", "deportation", "gbv"})
WANTED: Final = frozenset({"extradition_interpol"})
EMERGENCY_DAYS: Final = 2
URGENT_DAYS: Final = 7


def assess(
    *,
    needs: Collection[str],
    helps: Collection[str],
    happened: Collection[str],
    how_soon: str,
    last_safe_day: date | None,
    today: date,
) -> Urgency:
    """The urgency of a case.

    `emergency`: held, to be removed, violence, a child alone, a last safe day within 48 hours (or passed), "today".

    `urgent`: a last safe day within 7 days, extradition or a wanted list, "this week". Else `normal`.
    """
    left = (last_safe_day - today).days if last_safe_day else None
    if (
        HELD_OR_IN_DANGER.intersection(needs)
        or "child_alone" in helps
        or how_soon == "today"
        or (left is not None and left <= EMERGENCY_DAYS)
    ):
        return "emergency"
    if (
        WANTED.intersection(needs)
        or "wanted_list" in happened
        or how_soon == "week"
        or (left is not None and left <= URGENT_DAYS)
    ):
        return "urgent"
    return "normal"
