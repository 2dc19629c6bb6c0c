"""Rules compiled once into a flat program: every distinct test, and every distinct part of a rule, has one cell.

A case fills each cell once: first the leaves, then the parts in order, for a part stands after what it is made of. `not`
is pushed down into the leaves (De Morgan holds for three values), so that there are only `all` and `any`.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, Literal

from app.directory.packs import ServiceEntry
from app.directory.rules import Rule
from app.matching.leaves import ABOUT_THE_SERVICE, ASKED_FIRST, NO, UNKNOWN, YES, Ask, Leaf, compile_leaf
from app.matching.reasons import Reason

Values = Sequence[int]
Pick = Callable[[Values], tuple[int, ...]]
_KEPT: Final = 16
_READINGS: Final = 256


@dataclass(slots=True)
class LeafCell:
    """One distinct leaf test. `service`: it is about this service's own state, and so shared with nobody."""

    cell: int
    leaf: Leaf
    service: str | None


@dataclass(slots=True)
class Part:
    """`all` or `any` over other cells. `decides`: the value of one cell that settles it; `otherwise`: when none is open."""

    cell: int
    op: Literal["all", "any"]
    cells: tuple[int, ...]
    pick: Pick
    decides: int
    otherwise: int


Row = tuple[int, Pick, int, int]
"""A part as it is worked out: its cell, how to look at its cells, what decides it, what it is otherwise."""


Way = tuple[int, list[int], list[int]]
"""The effort of the cheapest way to a yes, the leaves on it, and the open leaves of the other ways."""


Reading = tuple[int, tuple[int, ...]]
"""Of a yes or a no: 0 and the leaves that decide it. Of an unknown: the effort to find out, and what to ask, easy ones first."""


def _row(part: Part) -> Row:
    return part.cell, part.pick, part.decides, part.otherwise


@dataclass(slots=True)
class Line:
    """One service of a program. `root`: the cell of its rule; `trace(values)`: its leaves' values in reading order."""

    entry: ServiceEntry
    key: str
    organisation: str
    name: str
    verified: bool
    listed: frozenset[str]
    root: int
    leaves: tuple[int, ...]
    languages: tuple[int, ...]
    trace: Pick
    remarks: tuple[Reason, ...]
    repeats: bool
    """Whether two of its leaves could give the same reason."""
    read: dict[tuple[int, ...], "Reading"] = field(default_factory=dict)
    """By its leaves' values: what follows from them. Filled as cases come; see `Program.reading`."""


@dataclass(slots=True)
class Program:
    """The compiled rules of some services, in their order."""

    size: int
    own: tuple[LeafCell, ...]
    """The leaves about the state of one service."""
    asks: tuple[tuple[int, Ask], ...]
    """The leaves that are shared, and so asked without the state of one service, but for those in `yes_for`."""
    parts: tuple[Row, ...]
    lines: tuple[Line, ...]
    leaf_of: dict[int, LeafCell]
    part_of: dict[int, Part]
    efforts: tuple[int, ...]
    asked_when: tuple[int, ...]
    """By cell: how hard a leaf is to find out, and its place among questions, the easy ones first."""
    yes_for: dict[str, tuple[int, ...]]
    """By need: the leaves that are a yes for it. They are many, and all else about them is a no."""
    needs: tuple[tuple[int, Ask], ...]
    after_needs: tuple[Row, ...]
    """The other leaves that ask for the need, and the parts that hang on any of them."""
    offered_by: dict[str, int]
    """For a need: how many verified services list it."""
    said: dict[str, list[Reason | None]] = field(default_factory=dict)
    """By answer and cell: the reasons that depend on the rule alone. Filled as cases come."""

    def fill(self, values: list[int], parts: Sequence[Row]) -> None:
        """Work out parts whose cells are filled."""
        for cell, pick, decides, otherwise in parts:
            seen = pick(values)
            values[cell] = decides if decides in seen else UNKNOWN if UNKNOWN in seen else otherwise

    def reading(self, line: Line, outcomes: tuple[int, ...], values: Values) -> Reading:
        """What follows for a service from its leaves' values: the same for every case that has these, so it is kept."""
        found = line.read.get(outcomes)
        if found is None:
            if len(line.read) >= _READINGS:
                line.read.clear()
            found = line.read[outcomes] = self._read(line.root, values)
        return found

    def _read(self, root: int, values: Values) -> Reading:
        if values[root] != UNKNOWN:
            return 0, tuple(self.decisive(root, values))
        effort, best, rest = self.to_ask(root, values)
        return effort, (*sorted(best, key=self.asked_when.__getitem__), *sorted(rest, key=self.asked_when.__getitem__))

    def decisive(self, cell: int, values: Values) -> list[int]:
        """The leaves that make this cell what it is: what one has to know to believe it, and no more."""
        part = self.part_of.get(cell)
        if part is None:
            return [cell]
        verdict, efforts = values[cell], self.efforts
        found = [below for below in part.cells if values[below] == verdict]
        if all(map(efforts.__getitem__, found)):
            return found
        return [leaf for below in found for leaf in self.decisive(below, values)]

    def to_ask(self, cell: int, values: Values) -> Way:
        """Of an unknown cell: the effort of the cheapest way to a yes, the leaves on it, and the open ones of other ways."""
        part, efforts = self.part_of.get(cell), self.efforts
        if part is None:
            return efforts[cell], [cell], []
        total, best, rest = 0, list[int](), list[int]()
        for below in part.cells:
            if values[below] != UNKNOWN:
                continue
            if efforts[below]:
                effort, way = efforts[below], [below]
            else:
                effort, way, more = self.to_ask(below, values)
                rest += more
            if part.op == "all":
                total += effort
                best += way
            elif not best or effort < total:
                rest += best
                total, best = effort, list(way)
            else:
                rest += way
        return total, best, rest


_PLACE: Final = {name: place for place, name in enumerate(ASKED_FIRST)}


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
    needs = tuple(leaf for leaf in maker.leaves if leaf.leaf.name == "need")
    yes_for: dict[str, list[int]] = {}
    for leaf in needs:
        for need in leaf.leaf.codes:
            yes_for.setdefault(need, []).append(leaf.cell)
    touched = {leaf.cell for leaf in needs}
    after = []
    for part in maker.parts:
        if not touched.isdisjoint(part.cells):
            touched.add(part.cell)
            after.append(part)
    efforts, asked_when = [0] * maker.size, [0] * maker.size
    for leaf in maker.leaves:
        efforts[leaf.cell] = leaf.leaf.effort
        asked_when[leaf.cell] = 100 * leaf.leaf.effort + _PLACE[leaf.leaf.name]
    return Program(
        size=maker.size,
        own=tuple(leaf for leaf in maker.leaves if leaf.service),
        asks=tuple((leaf.cell, leaf.leaf.ask) for leaf in maker.leaves if not (leaf.service or leaf.leaf.codes)),
        parts=tuple(map(_row, maker.parts)),
        lines=lines,
        leaf_of={leaf.cell: leaf for leaf in maker.leaves},
        part_of={part.cell: part for part in maker.parts},
        efforts=tuple(efforts),
        asked_when=tuple(asked_when),
        yes_for={need: tuple(cells) for need, cells in yes_for.items()},
        needs=tuple((leaf.cell, leaf.leaf.ask) for leaf in needs if not leaf.leaf.codes),
        after_needs=tuple(map(_row, after)),
        offered_by=Counter(need for entry in services if entry.verified for need in entry.service.needs),
    )


class _Maker:
    """Compiles services one after the other, giving equal tests and equal parts the same cell."""

    def __init__(self) -> None:
        self.size = 0
        self.leaves: list[LeafCell] = []
        self.parts: list[Part] = []
        self._known: dict[Hashable, int] = {}
        self._names: dict[int, str] = {}
        self._part: dict[int, Part] = {}

    def line(self, entry: ServiceEntry) -> Line:
        leaves: list[int] = []
        root = self._cell(entry.service.rule, entry, False, leaves)
        names = [self._names[cell] for cell in leaves]
        return Line(
            entry=entry,
            key=entry.key,
            organisation=entry.organisation.id,
            name=entry.organisation.name.en,
            verified=entry.verified,
            listed=frozenset(entry.service.needs),
            root=root,
            leaves=tuple(leaves),
            languages=tuple(cell for cell, name in zip(leaves, names, strict=True) if name == "language"),
            trace=_picker(tuple(leaves)),
            remarks=_remarks(entry),
            repeats=len(set(names)) < len(names),
        )

    def _cell(self, rule: Rule, entry: ServiceEntry, negated: bool, leaves: list[int]) -> int:
        if rule.kind == "not_":
            return self._cell(rule.test, entry, not negated, leaves)
        if rule.kind not in {"all", "any"}:
            return self._leaf(rule, entry, negated, leaves)
        op: Literal["all", "any"] = "all" if (rule.kind == "all") != negated else "any"
        cells: list[int] = []
        for child in rule.test:
            cell = self._cell(child, entry, negated, leaves)
            part = self._part.get(cell)
            cells += part.cells if part is not None and part.op == op else [cell]
        once = tuple(dict.fromkeys(cells))
        return once[0] if len(once) == 1 else self._joined(op, once)

    def _leaf(self, rule: Rule, entry: ServiceEntry, negated: bool, leaves: list[int]) -> int:
        service = entry.key if rule.kind in ABOUT_THE_SERVICE else None
        key = (rule.kind, rule.test, negated, service)
        cell = self._known.get(key)
        if cell is None:
            cell = self._known[key] = self._new()
            leaf = compile_leaf(rule, entry.organisation.id, negated=negated)
            self.leaves.append(LeafCell(cell, leaf, service))
            self._names[cell] = leaf.name
        leaves.append(cell)
        return cell

    def _joined(self, op: Literal["all", "any"], cells: tuple[int, ...]) -> int:
        cell = self._known.get((op, cells))
        if cell is None:
            cell = self._known[op, cells] = self._new()
            decides, otherwise = (NO, YES) if op == "all" else (YES, NO)
            self._part[cell] = Part(cell, op, cells, _picker(cells), decides, otherwise)
            self.parts.append(self._part[cell])
        return cell

    def _new(self) -> int:
        self.size += 1
        return self.size - 1


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


def _picker(cells: tuple[int, ...]) -> Pick:
    if len(cells) == 1:
        only = cells[0]
        return lambda values: (values[only],)
    picker: Any = itemgetter(*cells)
    return picker  # type: ignore[no-any-return]
