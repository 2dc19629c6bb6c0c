"""How a rule is built, whatever its leaves ask for: shared by all services whose rules are built alike.

`not` is pushed down into the leaves (De Morgan holds for three values), so that there are only `all` and `any`. What
follows from the answers of its leaves, the verdict and what one has to know to believe it, is worked out once and kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from app.matching.leaves import ASKED_FIRST
from app.matching.outcomes import CODE, OUTCOMES, UNKNOWN, VALUES, YES

Node = int | tuple[Literal["all", "any"], tuple[Any, ...]]
"""The place of a leaf among the rule's leaves, in reading order; or what is joined."""
Codes = Sequence[int]
"""The numbers of answers, see `outcomes.OUTCOMES`."""

SLOTS: Final = len(ASKED_FIRST) * len(OUTCOMES)
_PLACE: Final = {name: place for place, name in enumerate(ASKED_FIRST)}
_ALWAYS_FREE: Final = (YES, YES, YES)
_MADE_FOR: Final = frozenset({"group", "nationality", "status"})
_KEPT: Final = 4096
"""Answers that the kept readings of a shape are made from, all together: a rule of ten leaves keeps four hundred."""


def slot(name: str, code: int) -> int:
    """One number for an answer of a leaf of this name."""
    return _PLACE[name] * len(OUTCOMES) + code


def answer_in(slot: int) -> str:
    return OUTCOMES[slot % len(OUTCOMES)][1]


class Reading(NamedTuple):
    """What follows from the answers of a rule's leaves.

    `told`: the place and the slot of each leaf that decides, or, of an unknown, that is to be asked, easy ones first; `effort`:
    the cheapest way to a yes. `values`: the trace, with a yes each for consent, pause and capacity. `made_for`: it is there for
    such people. `shares_language`: no interpreter is needed.
    """

    verdict: int
    effort: int
    told: tuple[tuple[int, int], ...]
    values: tuple[int, ...]
    made_for: bool
    shares_language: bool


Way = tuple[int, list[int], list[int]]
"""The effort of the cheapest way to a yes, the leaves on it, and the open leaves of the other ways."""


@dataclass(slots=True)
class Shape:
    """`names`, `efforts`: of the leaves, by place. A leaf that is asked for twice is known by its first place."""

    tree: Node
    names: tuple[str, ...]
    efforts: tuple[int, ...]
    repeats: bool = field(init=False)
    """Whether two of the leaves could give the same reason."""
    readings: dict[Codes, Reading] = field(default_factory=dict)
    """By the answers of the leaves. Filled as cases come."""

    def __post_init__(self) -> None:
        self.repeats = len(set(self.names)) < len(self.names)

    def read(self, codes: tuple[int, ...]) -> Reading:
        """Works it out, and keeps it for the next case with these answers."""
        values = [VALUES[code] for code in codes]
        verdict, effort = _value(self.tree, values), 0
        if verdict == UNKNOWN:
            effort, best, rest = self._to_ask(self.tree, values)
            places = [*sorted(best, key=self._easy), *sorted(rest, key=self._easy)]
        else:
            places = _decisive(self.tree, values, verdict)
        languages = [code for code, name in zip(codes, self.names, strict=True) if name == "language"]
        reading = Reading(
            verdict,
            effort,
            told=tuple((place, slot(self.names[place], codes[place])) for place in places),
            values=(*values, *_ALWAYS_FREE),
            made_for=any(self.names[place] in _MADE_FOR for place in places),
            shares_language=all(code == CODE[YES, "yes"] for code in languages),
        )
        if len(self.readings) * len(codes) >= _KEPT:
            self.readings.clear()
        self.readings[codes] = reading
        return reading

    def _easy(self, place: int) -> tuple[int, int]:
        return self.efforts[place], _PLACE[self.names[place]]

    def _to_ask(self, node: Node, values: Sequence[int]) -> Way:
        """Of an unknown node."""
        if isinstance(node, int):
            return self.efforts[node], [node], []
        op, below = node
        total, best, rest = 0, list[int](), list[int]()
        for part in below:
            if _value(part, values) != UNKNOWN:
                continue
            effort, way, others = self._to_ask(part, values)
            rest += others
            if op == "all":
                total, best = total + effort, best + way
            elif not best or effort < total:
                total, best, rest = effort, way, rest + best
            else:
                rest += way
        return total, best, rest


def _value(node: Node, values: Sequence[int]) -> int:
    if isinstance(node, int):
        return values[node]
    op, below = node
    return (min if op == "all" else max)(_value(part, values) for part in below)


def _decisive(node: Node, values: Sequence[int], verdict: int) -> list[int]:
    """The leaves that make this node what it is: what one has to know to believe it, and no more."""
    if isinstance(node, int):
        return [node]
    return [leaf for part in node[1] if _value(part, values) == verdict for leaf in _decisive(part, values, verdict)]
