"""Rules compiled once into a flat program: every distinct test has one slot, and a case answers each slot once.

Two thousand services ask perhaps five hundred different questions. A node holds the slots of its own leaves and the
nodes below; `not` is pushed down into the leaves (De Morgan holds for three values), so only `all` and `any` are left.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Literal

from app.directory.packs import ServiceEntry
from app.directory.rules import Rule
from app.matching.leaves import ABOUT_THE_SERVICE, ASKED_FIRST, NO, UNKNOWN, YES, Leaf, compile_leaf
from app.matching.reasons import Reason

Values = Sequence[int]
_KEPT: Final = 16


@dataclass(slots=True)
class Slot:
    """One distinct leaf test. `service`: it is about this service's own state, and so shared with nobody."""

    leaf: Leaf
    service: str | None


@dataclass(slots=True)
class Node:
    """`all` or `any` over leaves and nodes. `ask(values)` gives its value."""

    op: Literal["all", "any"]
    slots: tuple[int, ...]
    nodes: tuple["Node", ...]
    ask: Callable[[Values], int]


@dataclass(slots=True)
class Line:
    """One service of a program. `trace(values)`: the values of its leaves in reading order."""

    entry: ServiceEntry
    key: str
    organisation: str
    name: str
    verified: bool
    listed: frozenset[str]
    root: Node
    ask: Callable[[Values], int]
    leaves: tuple[int, ...]
    trace: Callable[[Values], tuple[int, ...]]
    remarks: tuple[Reason, ...]


@dataclass(slots=True)
class Program:
    """The compiled rules of some services, in their order."""

    slots: tuple[Slot, ...]
    lines: tuple[Line, ...]
    need_slots: tuple[int, ...]
    efforts: tuple[int, ...]
    asked_when: tuple[int, ...]
    """For each slot: how hard it is to answer, and its place among questions of one effort."""
    offered_by: dict[str, int]
    """For a need: how many verified services list it."""


def program_of(services: Sequence[ServiceEntry]) -> Program:
    """The services compiled; kept for the next case. Entries are immutable, so they are known by identity."""
    key = tuple(map(id, services))
    known = _programs.get(key)
    if known is None:
        known = _compile(services)
        while len(_programs) >= _KEPT:
            _programs.pop(next(iter(_programs)), None)
        _programs[key] = known  # holds the entries, so that no id is given twice
    return known


_programs: dict[tuple[int, ...], Program] = {}


def _compile(services: Sequence[ServiceEntry]) -> Program:
    maker = _Maker()
    lines = tuple(maker.line(entry) for entry in services)
    leaves = [slot.leaf for slot in maker.slots]
    return Program(
        slots=tuple(maker.slots),
        lines=lines,
        need_slots=tuple(index for index, leaf in enumerate(leaves) if leaf.name == "need"),
        efforts=tuple(leaf.effort for leaf in leaves),
        asked_when=tuple(100 * leaf.effort + ASKED_FIRST.index(leaf.name) for leaf in leaves),
        offered_by=_offered_by(services),
    )


def _offered_by(services: Sequence[ServiceEntry]) -> dict[str, int]:
    return Counter(need for entry in services if entry.verified for need in entry.service.needs)


class _Maker:
    """Compiles services one after the other, giving equal tests the same slot."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self._known: dict[Hashable, int] = {}
        self._tests: dict[int, tuple[Rule, Hashable]] = {}

    def line(self, entry: ServiceEntry) -> Line:
        leaves: list[int] = []
        root = self._node(entry.service.rule, entry, False, leaves)
        return Line(
            entry, entry.key, entry.organisation.id, entry.organisation.name.en, entry.verified,
            frozenset(entry.service.needs), root, root.ask, tuple(leaves), _picker(tuple(leaves)), _remarks(entry),
        )  # fmt: skip

    def _node(self, rule: Rule, entry: ServiceEntry, negated: bool, leaves: list[int]) -> Node:
        if rule.kind == "not_":
            return self._node(rule.test, entry, not negated, leaves)
        if rule.kind not in {"all", "any"}:
            return _made("all", [self._slot(rule, entry, negated, leaves)], [])
        op: Literal["all", "any"] = "all" if (rule.kind == "all") != negated else "any"
        slots: list[int] = []
        nodes: list[Node] = []
        for child in rule.test:
            node = self._node(child, entry, negated, leaves)
            if node.op == op or len(node.slots) + len(node.nodes) == 1:
                slots += node.slots
                nodes += node.nodes
            else:
                nodes.append(node)
        return _made(op, slots, nodes)

    def _slot(self, rule: Rule, entry: ServiceEntry, negated: bool, leaves: list[int]) -> int:
        service = entry.key if rule.kind in ABOUT_THE_SERVICE else None
        key = (rule.kind, rule.test, negated, service)
        slot = self._known.get(key)
        if slot is None:
            slot = self._known[key] = len(self.slots)
            self.slots.append(Slot(compile_leaf(rule, entry.organisation.id, negated=negated), service))
        leaves.append(slot)
        return slot


def _remarks(entry: ServiceEntry) -> tuple[Reason, ...]:
    """What is said of a service whatever the case."""
    said = {
        "by_yourself": entry.service.takes_referrals == "no",
        "means_test": entry.service.means_test,
        "selective": entry.service.selective,
        "cost_unknown": entry.service.cost == "unknown",
        "not_verified": not entry.verified,
    }
    notes = (f"note.{key}" for key in entry.organisation.safety)
    return tuple(Reason(key) for key in (*(key for key, true in said.items() if true), *notes))


def _picker(slots: tuple[int, ...]) -> Callable[[Values], tuple[int, ...]]:
    if len(slots) == 1:
        only = slots[0]
        return lambda values: (values[only],)
    picker: Any = itemgetter(*slots)
    return picker  # type: ignore[no-any-return]


def _made(op: Literal["all", "any"], slots: list[int], nodes: list[Node]) -> Node:
    own = tuple(dict.fromkeys(slots))
    below = tuple(nodes)
    worst, best = (NO, YES) if op == "all" else (YES, NO)
    return Node(op, own, below, _asker(own, tuple(node.ask for node in below), worst, best))


def _asker(
    own: tuple[int, ...], below: tuple[Callable[[Values], int], ...], decides: int, otherwise: int
) -> Callable[[Values], int]:
    """The value of a node: `decides` as soon as one part has it, else UNKNOWN if one part is, else `otherwise`."""
    pick = _picker(own) if own else None

    def ask(values: Values) -> int:
        result = otherwise
        if pick is not None:
            seen = pick(values)
            if decides in seen:
                return decides
            if UNKNOWN in seen:
                result = UNKNOWN
        for part in below:
            value = part(values)
            if value == decides:
                return decides
            if value == UNKNOWN:
                result = UNKNOWN
        return result

    return ask


def decisive(node: Node, values: Values, verdict: int) -> list[int]:
    """The slots that make this node what it is: what one has to know to believe the verdict, and no more."""
    found = [slot for slot in node.slots if values[slot] == verdict]
    for child in node.nodes:
        if child.ask(values) == verdict:
            found += decisive(child, values, verdict)
    return found


def to_ask(node: Node, values: Values, efforts: Sequence[int]) -> tuple[int, list[int], list[int]]:
    """For an unknown node: the effort of the cheapest way to a yes, its slots, and the unknown slots of other ways."""
    best = [slot for slot in node.slots if values[slot] == UNKNOWN]
    ways = [to_ask(child, values, efforts) for child in node.nodes if child.ask(values) == UNKNOWN]
    rest: list[int] = []
    if node.op == "any":
        ways += [(efforts[slot], [slot], []) for slot in best]
        effort, best, rest = min(ways, key=itemgetter(0))
        rest = [slot for _, way, others in ways for slot in way + others if slot not in best]
        return effort, best, rest
    for _, way, others in ways:
        best += way
        rest += others
    return sum([efforts[slot] for slot in best]), best, rest
