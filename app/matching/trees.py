"""How a rule joins its leaves, and what follows from their outcomes: the value, and what one has to know to believe it.

A tree knows its leaves by their places only, so that services whose rules differ in codes alone share one tree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple

from app.matching.leaves import ASKED_FIRST, reason_key
from app.matching.outcomes import UNKNOWN, YES, YES_, Outcome
from app.matching.reasons import Reason

Node = int | tuple[Literal["all", "any"], tuple[Any, ...]]
"""A leaf, by its place among the rule's leaves in reading order; or a join and the nodes that it joins."""

_MADE_FOR: Final = frozenset({"group", "nationality", "status"})
_SELF_EVIDENT: Final = frozenset({"country.yes", "consent_allows.yes", "accepts_referrals.yes", "urgency.yes"})
_PLACE: Final = {name: place for place, name in enumerate(ASKED_FIRST)}
_KEPT: Final = 4096
"""Outcomes from which the kept readings of a tree are made, all together: a rule of ten leaves keeps four hundred."""
_ALWAYS_FREE: Final = (YES, YES, YES)


def picker(numbers: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """A function that picks the items with these indexes, as a tuple."""
    if not numbers:
        return lambda _items: ()
    if len(numbers) == 1:
        only = numbers[0]
        return lambda items: (items[only],)
    picker: Any = itemgetter(*numbers)
    return picker  # type: ignore[no-any-return]


class Reading(NamedTuple):
    """What follows from the outcomes of a rule's leaves.

    Attributes:
        value: of the whole rule.
        effort: where it is unknown, the sum of the efforts on the easiest way to a yes.
        pick_reasons: picks out of the reasons of the rule's leaves those that are told: of the leaves that decide; where it is
            unknown, of those to be asked, the easiest way and what is easy first.
        repeats: two of these have the same key, so that they may be the same reason.
        trace: the value of each leaf in reading order, and a yes each for consent, pause and capacity.
        made_for: a leaf that decides says that the service is there for such people.
        shares_language: no interpreter is needed.
    """

    value: int
    effort: int
    pick_reasons: Callable[[Sequence[Reason]], tuple[Reason, ...]]
    repeats: bool
    trace: tuple[int, ...]
    made_for: bool
    shares_language: bool


@dataclass(slots=True, eq=False)
class Tree:
    """`names` and `efforts` are those of the leaves, by place. A reading is kept for the next service and the next case."""

    root: Node
    names: tuple[str, ...]
    efforts: tuple[int, ...]
    _repeats: bool = field(init=False)
    """Whether two leaves are of one kind. Leaves of different kinds have each their own reason, even if it reads the same."""
    _known: dict[tuple[Outcome, ...], Reading] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._repeats = len(set(self.names)) < len(self.names)

    def read(self, outcomes: tuple[Outcome, ...]) -> Reading:
        """`outcomes`: of the leaves, by place."""
        return self._known.get(outcomes) or self._read(outcomes)

    def _read(self, outcomes: tuple[Outcome, ...]) -> Reading:
        values = tuple(outcome.value for outcome in outcomes)
        found = self._weigh(self.root, values)
        places, effort = found.decide, 0
        if found.value == UNKNOWN:
            effort = found.effort
            places = [*sorted(found.decide, key=self._ease), *sorted(found.other_ways, key=self._ease)]
        keys = {place: reason_key(self.names[place], outcomes[place]) for place in places}
        told = [place for place, key in keys.items() if key not in _SELF_EVIDENT]
        reading = Reading(
            found.value,
            effort,
            picker(told),
            repeats=self._repeats and len({keys[place] for place in told}) < len(told),
            trace=values + _ALWAYS_FREE,
            made_for=any(self.names[place] in _MADE_FOR for place in places),
            shares_language=all(
                outcome is YES_ for outcome, name in zip(outcomes, self.names, strict=True) if name == "language"
            ),
        )
        if len(self._known) * len(outcomes) >= _KEPT:
            self._known.clear()
        self._known[outcomes] = reading
        return reading

    def _ease(self, place: int) -> tuple[int, int]:
        return self.efforts[place], _PLACE[self.names[place]]

    def _weigh(self, node: Node, values: Sequence[int]) -> "_Weighed":
        """Kleene's three-valued logic: `all` has the smallest value of its parts, `any` the greatest; those parts decide."""
        if isinstance(node, int):
            return _Weighed(values[node], self.efforts[node], [node], [])
        join, below = node
        parts = [self._weigh(part, values) for part in below]
        value = (min if join == "all" else max)(part.value for part in parts)
        parts = [part for part in parts if part.value == value]
        if value == UNKNOWN and join == "any":
            return _easiest(parts)
        return _Weighed(
            value,
            sum(part.effort for part in parts),
            [place for part in parts for place in part.decide],
            [place for part in parts for place in part.other_ways],
        )


class _Weighed(NamedTuple):
    """One node.

    Attributes:
        effort: of an unknown, the sum of the efforts on the easiest way to a yes.
        decide: the leaves that make the node what it is; of an unknown, those on the easiest way.
        other_ways: of an unknown, the open leaves on the other ways.
    """

    value: int
    effort: int
    decide: list[int]
    other_ways: list[int]


def _easiest(ways: Sequence[_Weighed]) -> _Weighed:
    """Of the unknown parts of an `any` the easiest; of two as easy, the one that is written first."""
    best, *others = ways
    other_ways = [*best.other_ways]
    for way in others:
        other_ways += way.other_ways
        if way.effort < best.effort:
            other_ways += best.decide
            best = way
        else:
            other_ways += way.decide
    return _Weighed(UNKNOWN, best.effort, best.decide, other_ways)
