"""The tree of a rule: how it joins its leaves, its value for their outcomes, and which leaves explain that value.

A tree knows its leaves by their positions only, so that services whose rules differ in codes alone share one tree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple

from app.matching.leaves import ASKED_FIRST, reason_key
from app.matching.outcomes import UNKNOWN, YES, YES_, Outcome
from app.matching.reasons import Reason

Node = int | tuple[Literal["all", "any"], tuple[Any, ...]]
"""A leaf, by its position among the rule's leaves in reading order; or a join and the nodes that it joins."""

_MADE_FOR: Final = frozenset({"group", "nationality", "status"})
_SELF_EVIDENT: Final = frozenset({"country.yes", "consent_allows.yes", "accepts_referrals.yes", "urgency.yes"})
_ASKING_ORDER: Final = {name: position for position, name in enumerate(ASKED_FIRST)}
_CACHE_LIMIT: Final = 4096
"""The most outcomes in the cached results of a tree, all together: for a rule with ten leaves, four hundred results."""
_ALWAYS_FREE: Final = (YES, YES, YES)


def tuple_getter(numbers: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """A function that picks the items with these indexes, as a tuple."""
    if not numbers:
        return lambda _items: ()
    if len(numbers) == 1:
        only = numbers[0]
        return lambda items: (items[only],)
    getter: Any = itemgetter(*numbers)
    return getter  # type: ignore[no-any-return]


class RuleResult(NamedTuple):
    """The result of a rule for the outcomes of its leaves.

    Attributes: value: of the whole rule. effort: where it is unknown, the sum of the efforts on the easiest way to a yes.
    pick_reasons: picks the reasons to show from those of the rule's leaves: of the leaves that decide; for an unknown, of those to
    ask about, the easiest way first. repeats: two of these have the same key, so that they may be the same reason. trace: the
    value of each leaf in reading order, and a yes each for consent, pause and capacity. made_for: a leaf that decides says that
    the service is there for such people. shares_language: no interpreter is needed.
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
    """A rule's tree. `names` and `efforts` belong to its leaves, by position. Results are cached for other services and cases."""

    root: Node
    names: tuple[str, ...]
    efforts: tuple[int, ...]
    _repeats: bool = field(init=False)
    """Whether two leaves are of the same kind. Leaves of different kinds have different reasons, even with the same text."""
    _results: dict[tuple[Outcome, ...], RuleResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._repeats = len(set(self.names)) < len(self.names)

    def evaluate(self, outcomes: tuple[Outcome, ...]) -> RuleResult:
        """The rule's result for these outcomes of its leaves, by position."""
        return self._results.get(outcomes) or self._compute(outcomes)

    def _compute(self, outcomes: tuple[Outcome, ...]) -> RuleResult:
        values = tuple(outcome.value for outcome in outcomes)
        node = self._evaluate_node(self.root, values)
        positions, effort = node.decide, 0
        if node.value == UNKNOWN:
            effort = node.effort
            positions = [*sorted(node.decide, key=self._ease), *sorted(node.other_ways, key=self._ease)]
        keys = {position: reason_key(self.names[position], outcomes[position]) for position in positions}
        shown = [position for position, key in keys.items() if key not in _SELF_EVIDENT]
        result = RuleResult(
            node.value,
            effort,
            tuple_getter(shown),
            repeats=self._repeats and len({keys[position] for position in shown}) < len(shown),
            trace=values + _ALWAYS_FREE,
            made_for=any(self.names[position] in _MADE_FOR for position in positions),
            shares_language=all(
                outcome is YES_ for outcome, name in zip(outcomes, self.names, strict=True) if name == "language"
            ),
        )
        if len(self._results) * len(outcomes) >= _CACHE_LIMIT:
            self._results.clear()
        self._results[outcomes] = result
        return result

    def _ease(self, position: int) -> tuple[int, int]:
        return self.efforts[position], _ASKING_ORDER[self.names[position]]

    def _evaluate_node(self, node: Node, values: Sequence[int]) -> "_NodeResult":
        """Kleene's three-valued logic: `all` has the smallest value of its parts, `any` the greatest; those parts decide."""
        if isinstance(node, int):
            return _NodeResult(values[node], self.efforts[node], [node], [])
        join, below = node
        parts = [self._evaluate_node(part, values) for part in below]
        value = (min if join == "all" else max)(part.value for part in parts)
        parts = [part for part in parts if part.value == value]
        if value == UNKNOWN and join == "any":
            return _easiest(parts)
        return _NodeResult(
            value,
            sum(part.effort for part in parts),
            [position for part in parts for position in part.decide],
            [position for part in parts for position in part.other_ways],
        )


class _NodeResult(NamedTuple):
    """The result of one node.

    Attributes:
        effort: of an unknown, the sum of the efforts on the easiest way to a yes.
        decide: the leaves that make the node what it is; of an unknown, those on the easiest way.
        other_ways: of an unknown, the open leaves on the other ways.
    """

    value: int
    effort: int
    decide: list[int]
    other_ways: list[int]


def _easiest(ways: Sequence[_NodeResult]) -> _NodeResult:
    """The easiest of the unknown parts of an `any`; the first in reading order if two are equally easy."""
    best, *others = ways
    other_ways = [*best.other_ways]
    for way in others:
        other_ways += way.other_ways
        if way.effort < best.effort:
            other_ways += best.decide
            best = way
        else:
            other_ways += way.decide
    return _NodeResult(UNKNOWN, best.effort, best.decide, other_ways)
