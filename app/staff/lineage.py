"""Rules on who counts as a second person, from who gave each member their seat. Pure.

One person with invented colleagues is still one person. So two members count as two people only if neither of them, nor anybody
who seated them, had a part in seating the other: directly, or through a chain. A tie ends after `TIE_LASTS`, or earlier, when
an independent holder of the key has granted the member the key.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

TIE_LASTS: Final = timedelta(days=30)
Ties = Mapping[UUID, Collection[UUID]]
"""For each member the people who proposed and approved their seat, their way back or their role, as long as the tie lasts."""


def lineage(member: UUID, ties: Ties) -> frozenset[UUID]:
    """The member, everybody who had a part in seating them, everybody who had a part in seating those, and so on."""
    related, waiting = {member}, [member]
    while waiting:
        for sponsor in ties.get(waiting.pop(), ()):
            if sponsor not in related:
                related.add(sponsor)
                waiting.append(sponsor)
    return frozenset(related)


def independent(one: UUID, other: UUID, ties: Ties) -> bool:
    """Whether these two count as two people."""
    return lineage(one, ties).isdisjoint(lineage(other, ties))
