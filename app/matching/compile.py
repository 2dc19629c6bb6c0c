"""Rules compiled once into a program: every distinct leaf test has one cell, and a case fills each cell once.

Tests that are answered alike when the person says something else, or nothing, stand side by side, so that a whole run of
cells is filled at once; only what the person said is then looked up. How a rule is built, and what follows from its leaves'
answers, is its `Shape`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Literal

from app.directory.packs import ServiceEntry
from app.directory.rules import Rule
from app.matching.facts import Facts
from app.matching.leaves import ABOUT_THE_SERVICE, NO_NEWS, SAID, Ask, Choice, Leaf, Live, compile_leaf
from app.matching.outcomes import CODE
from app.matching.reasons import Reason
from app.matching.shapes import SLOTS, Node, Shape, answer_in

Pick = Callable[[Sequence[int]], tuple[int, ...]]
_KEPT: Final = 16


@dataclass(slots=True)
class Line:
    """One service of a program. `place`: where it was given; `cells`: its leaves in reading order; `pick(codes)`: their answers."""

    place: int
    entry: ServiceEntry
    key: str
    organisation: str
    name: str
    verified: bool
    listed: frozenset[str]
    listed_bits: int
    shape: Shape
    cells: tuple[int, ...]
    pick: Pick
    remarks: tuple[Reason, ...]


@dataclass(slots=True)
class Run:
    """Neighbouring cells of choices of one name that are answered alike but for what the person said."""

    name: str
    otherwise: int
    missing: int
    length: int


Hits = Mapping[str, tuple[tuple[int, tuple[int, ...]], ...]]
"""By what the person said: an answer, and the cells that have it then."""


@dataclass(slots=True)
class Program:
    """The compiled rules of some services."""

    lines: tuple[Line, ...]
    """By their keys, so that what is put in order by it need not be sorted for each case."""
    leaves: tuple[Leaf, ...]
    """By cell."""
    runs: tuple[Run, ...]
    """Of the first cells, in their order: the choices."""
    hits: Mapping[str, Hits]
    """By the name of a choice."""
    asks: tuple[tuple[int, Ask], ...]
    """What is asked, and shared by services."""
    own: tuple[tuple[int, Ask, str], ...]
    """What is asked about one service's own state, by its key."""
    bits: Mapping[str, int]
    """For a need: its bit in `Line.listed_bits`."""
    offered_by: Mapping[str, int]
    """For a need: how many verified services list it."""
    said: tuple[dict[int, Reason], ...] = field(default_factory=lambda: tuple({} for _ in range(SLOTS)))
    """By slot and cell: the reasons that depend on the rule alone. Filled as cases come."""

    def answers(self, facts: Facts, live: Mapping[str, Live], on: date) -> list[int]:
        """By cell: the number of its answer."""
        codes = list[int]()
        said = {name: read(facts) for name, read in SAID.items()}
        for run in self.runs:
            codes += [run.missing if said[run.name] is None else run.otherwise] * run.length
        codes += [0] * (len(self.leaves) - len(codes))
        for name, heard in said.items():
            self.look_up(codes, name, heard or ())
        for cell, ask in self.asks:
            codes[cell] = CODE[ask(facts, NO_NEWS, on)]
        for cell, ask, service in self.own:
            codes[cell] = CODE[ask(facts, live.get(service, NO_NEWS), on)]
        return codes

    def look_up(self, codes: list[int], name: str, said: Iterable[str]) -> None:
        """Give the cells of this choice the answers they have when the person said so."""
        hits = self.hits.get(name, {})
        for heard in said:
            for code, cells in hits.get(heard, ()):
                for cell in cells:
                    codes[cell] = code

    def bits_of(self, needs: Iterable[str]) -> int:
        """As in `Line.listed_bits`; a need that no service lists has none."""
        return sum(self.bits.get(need, 0) for need in set(needs))

    def explain(self, cell: int, slot: int, facts: Facts, same: dict[int, Reason]) -> Reason:
        """The reason of an answer, kept where other cases (`said`) or, for this case, other services (`same`) have it too."""
        leaf, answer = self.leaves[cell], answer_in(slot)
        reason = leaf.explain(facts, answer)
        if answer in leaf.of_case:
            same[slot] = reason
        elif answer not in leaf.of_both:
            self.said[slot][cell] = reason
        return reason


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
    found: dict[Key, Leaf] = {}
    for entry in services:
        _collect(found, entry.service.rule, entry)
    leaves = _in_runs(found)
    cell_of = {key: cell for cell, key in enumerate(leaves)}
    listed = sorted({need for entry in services for need in entry.service.needs})
    bits = {need: 1 << place for place, need in enumerate(listed)}
    maker = _Maker(cell_of, tuple(leaves.values()), bits)
    asked = [
        (cell, leaf.answer, service)
        for cell, ((_, _, _, service), leaf) in enumerate(leaves.items())
        if not isinstance(leaf.answer, Choice)
    ]
    return Program(
        lines=tuple(maker.line(place, entry) for place, entry in sorted(enumerate(services), key=_by_key)),
        leaves=maker.leaves,
        runs=tuple(_runs(maker.leaves)),
        hits=_hits(maker.leaves),
        asks=tuple((cell, ask) for cell, ask, service in asked if not service),
        own=tuple((cell, ask, service) for cell, ask, service in asked if service),
        bits=bits,
        offered_by=Counter(need for entry in services if entry.verified for need in entry.service.needs),
    )


def _by_key(placed: tuple[int, ServiceEntry]) -> str:
    return placed[1].key


Key = tuple[str, Any, bool, str]
"""What makes two leaf tests one: the kind, what it asks for, whether negated, and of which service's own state it is."""


def _key(rule: Rule, entry: ServiceEntry, negated: bool) -> Key:
    return rule.kind, rule.test, negated, entry.key if rule.kind in ABOUT_THE_SERVICE else ""


def _collect(found: dict[Key, Leaf], rule: Rule, entry: ServiceEntry, negated: bool = False) -> None:
    """Add the leaf tests of a rule that are not known yet."""
    if rule.kind == "not_":
        _collect(found, rule.test, entry, not negated)
    elif rule.kind in {"all", "any"}:
        for child in rule.test:
            _collect(found, child, entry, negated)
    elif (key := _key(rule, entry, negated)) not in found:
        found[key] = compile_leaf(rule, entry.organisation.id, negated=negated)


def _alike(leaf: Leaf) -> tuple[int, str, int, int]:
    """What leaves of one run have in common; those that are asked stand last, and are no run."""
    if not isinstance(leaf.answer, Choice):
        return 1, "", 0, 0
    return 0, leaf.name, CODE[leaf.answer.otherwise], CODE[leaf.answer.missing]


def _in_runs(leaves: Mapping[Key, Leaf]) -> dict[Key, Leaf]:
    return dict(sorted(leaves.items(), key=lambda item: _alike(item[1])))


def _runs(leaves: Iterable[Leaf]) -> Iterator[Run]:
    for (asked, name, otherwise, missing), run in groupby(leaves, key=_alike):
        if not asked:
            yield Run(name, otherwise, missing, len(list(run)))


def _hits(leaves: Iterable[Leaf]) -> dict[str, Hits]:
    found: dict[str, dict[str, dict[int, list[int]]]] = {}
    for cell, leaf in enumerate(leaves):
        if isinstance(leaf.answer, Choice):
            for said, outcome in leaf.answer.by_code.items():
                by_code = found.setdefault(leaf.name, {}).setdefault(said, {})
                by_code.setdefault(CODE[outcome], []).append(cell)
    return {
        name: {said: tuple((code, tuple(cells)) for code, cells in by_code.items()) for said, by_code in by.items()}
        for name, by in found.items()
    }


class _Maker:
    """Compiles services one after the other, giving rules that are built alike the same shape."""

    def __init__(self, cell_of: Mapping[Key, int], leaves: tuple[Leaf, ...], bits: Mapping[str, int]) -> None:
        self.leaves = leaves
        self._cell_of = cell_of
        self._bits = bits
        self._shapes: dict[Hashable, Shape] = {}
        self._reasons: dict[str, Reason] = {}

    def line(self, place: int, entry: ServiceEntry) -> Line:
        cells: list[int] = []
        shape = self._shape(self._node(entry.service.rule, entry, False, cells, {}), cells)
        return Line(
            place=place,
            entry=entry,
            key=entry.key,
            organisation=entry.organisation.id,
            name=entry.organisation.name.en,
            verified=entry.verified,
            listed=frozenset(entry.service.needs),
            listed_bits=sum(map(self._bits.__getitem__, set(entry.service.needs))),
            shape=shape,
            cells=tuple(cells),
            pick=_picker(tuple(cells)),
            remarks=tuple(self._reasons.setdefault(key, Reason(key)) for key in _remarks(entry)),
        )

    def _shape(self, tree: Node, cells: Sequence[int]) -> Shape:
        names = tuple(self.leaves[cell].name for cell in cells)
        efforts = tuple(self.leaves[cell].effort for cell in cells)
        return self._shapes.setdefault((tree, names, efforts), Shape(tree, names, efforts))

    def _node(self, rule: Rule, entry: ServiceEntry, negated: bool, cells: list[int], places: dict[int, int]) -> Node:
        """`cells` are added to; `places`: where each of them stands first."""
        if rule.kind == "not_":
            return self._node(rule.test, entry, not negated, cells, places)
        if rule.kind not in {"all", "any"}:
            cells.append(self._cell_of[_key(rule, entry, negated)])
            return places.setdefault(cells[-1], len(cells) - 1)
        op: Literal["all", "any"] = "all" if (rule.kind == "all") != negated else "any"
        nodes = (self._node(child, entry, negated, cells, places) for child in rule.test)
        once = tuple(dict.fromkeys(part for node in nodes for part in _joined(op, node)))
        return once[0] if len(once) == 1 else (op, once)


def _joined(op: str, node: Node) -> Collection[Node]:
    """What a node adds to one of this kind: an `all` in an `all` is no more than its parts."""
    return node[1] if not isinstance(node, int) and node[0] == op else (node,)


def _remarks(entry: ServiceEntry) -> Iterator[str]:
    """What is said of a service whatever the case."""
    said = {
        "by_yourself": entry.service.takes_referrals == "no",
        "means_test": entry.service.means_test,
        "selective": entry.service.selective,
        "cost_unknown": entry.service.cost == "unknown",
        "not_verified": not entry.verified,
    }
    yield from (key for key, true in said.items() if true)
    yield from (f"note.{key}" for key in entry.organisation.safety)


def _picker(cells: tuple[int, ...]) -> Pick:
    if len(cells) == 1:
        only = cells[0]
        return lambda values: (values[only],)
    picker: Any = itemgetter(*cells)
    return picker  # type: ignore[no-any-return]
