"""The rules of several services, prepared for evaluation: each distinct leaf test once, in whichever rules it occurs."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any, Final, Literal

from app.directory.catalogue import ServiceEntry
from app.directory.rules import Rule
from app.directory.safety_notes import notes_of
from app.matching.columns import Answers, CheckColumn, CodeColumn, Column, code_column
from app.matching.facts import Facts
from app.matching.leaves import ABOUT_THE_SERVICE, Check, CodeTest, LeafTest, LiveStatus, test_of
from app.matching.outcomes import Outcome
from app.matching.reasons import Reason
from app.matching.trees import Node, Tree, tuple_getter

_MAX_CACHED: Final = 16


@dataclass(frozen=True, slots=True)
class RuledService:
    """One service with its rule.

    Attributes:
        position: among the services as they were given.
        pick_own: picks what belongs to the leaves of its rule, in reading order, out of the outcomes or the reasons of all tests.
        remarks: reasons that are shown for every case.
    """

    position: int
    entry: ServiceEntry
    key: str
    organisation: str
    name: str
    verified: bool
    listed: frozenset[str]
    tree: Tree
    pick_own: Callable[[Sequence[Any]], tuple[Any, ...]]
    remarks: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The services in the order of their keys, so that results need no sorting by key for each case.

    Attributes:
        columns: the distinct leaf tests, each kind together; their numbers count through all columns.
        offered_by: for a need, how many verified services list it.
    """

    services: tuple[RuledService, ...]
    columns: tuple[Column, ...]
    offered_by: Mapping[str, int]

    def answers(self, facts: Facts, live: Mapping[str, LiveStatus], on: date) -> Answers:
        """The answers of all tests, by their numbers."""
        answers = Answers([], [])
        for column in self.columns:
            outcomes, reasons = column.answers(facts, live, on)
            answers.outcomes.extend(outcomes)
            answers.reasons.extend(reasons)
        return answers

    def with_needs(self, outcomes: Sequence[Outcome], needs: Collection[str]) -> list[Outcome]:
        """The outcomes as they would be if the person had these needs too."""
        changed = list(outcomes)
        for column in self.columns:
            if isinstance(column, CodeColumn) and column.name == "need":
                for number, outcome in column.listing(needs):
                    changed[number] = outcome
        return changed


def rulebook_of(services: Sequence[ServiceEntry]) -> Rulebook:
    """The rulebook of these services, cached for the next case. Entries are immutable, so identity is the cache key."""
    key = tuple(map(id, services))
    book = _books.get(key)
    if book is None:
        book = _write(services)
        while len(_books) >= _MAX_CACHED:
            _books.pop(next(iter(_books)), None)
        _books[key] = book  # holds the entries, so that no id is given twice
    return book


_books: dict[tuple[int, ...], Rulebook] = {}


@dataclass(slots=True, eq=False)
class _Leaf:
    """A distinct leaf test on its way into the book.

    Attributes:
        owner: of a test of a service's own state, the key of the service; else "".
        number: known when all leaves are.
    """

    below_not: bool
    owner: str
    test: LeafTest
    number: int = -1

    @property
    def column(self) -> tuple[str, bool]:
        return self.test.name, self.below_not


def _write(services: Sequence[ServiceEntry]) -> Rulebook:
    writer = _Writer()
    placed = sorted(enumerate(services), key=lambda item: item[1].key)
    rules = [writer.rule(entry) for _, entry in placed]
    columns = tuple(writer.columns())
    return Rulebook(
        services=tuple(_service(position, entry, rule) for (position, entry), rule in zip(placed, rules, strict=True)),
        columns=columns,
        offered_by=Counter(need for entry in services if entry.verified for need in entry.service.needs),
    )


@dataclass(slots=True)
class _Writer:
    """Finds the distinct leaves of all rules, and shares trees of the same form."""

    leaves: dict[tuple[Any, ...], _Leaf] = field(default_factory=dict)
    """By what makes two leaves one."""
    trees: dict[tuple[Any, ...], Tree] = field(default_factory=dict)

    def rule(self, entry: ServiceEntry) -> tuple[Tree, list[_Leaf]]:
        """The tree of a service's rule, and the leaves in reading order."""
        leaves = list[_Leaf]()
        root = self._node(entry.service.rule, entry, False, leaves, {})
        names = tuple(leaf.test.name for leaf in leaves)
        efforts = tuple(leaf.test.effort for leaf in leaves)
        return self.trees.setdefault((root, names, efforts), Tree(root, names, efforts)), leaves

    def columns(self) -> Iterator[Column]:
        """Number all leaves, each kind together."""
        ordered = sorted(self.leaves.values(), key=lambda leaf: leaf.column)
        for number, leaf in enumerate(ordered):
            leaf.number = number
        for (name, below_not), group in groupby(ordered, key=lambda leaf: leaf.column):
            leaves = list(group)
            first = leaves[0].number
            checks = [leaf.test for leaf in leaves if isinstance(leaf.test, Check)]
            if checks:
                yield CheckColumn(name, below_not, first, checks, [leaf.owner for leaf in leaves])
            else:
                tests = [leaf.test for leaf in leaves if isinstance(leaf.test, CodeTest)]
                yield code_column(tests, first, below_not=below_not)

    def _node(
        self, rule: Rule, entry: ServiceEntry, below_not: bool, leaves: list[_Leaf], places: dict[_Leaf, int]
    ) -> Node:
        """The tree of a rule, with each `not` pushed down to its leaves.

        `leaves` are added in reading order; `places`: where each leaf stands first, by which it is known.
        """
        if rule.kind == "not_":
            return self._node(rule.test, entry, not below_not, leaves, places)
        if rule.kind not in {"all", "any"}:
            leaf = self._leaf(rule, entry, below_not)
            leaves.append(leaf)
            return places.setdefault(leaf, len(leaves) - 1)
        join: Literal["all", "any"] = "all" if (rule.kind == "all") != below_not else "any"
        parts = (self._node(part, entry, below_not, leaves, places) for part in rule.test)
        distinct = tuple(dict.fromkeys(node for part in parts for node in _joined(join, part)))
        return distinct[0] if len(distinct) == 1 else (join, distinct)

    def _leaf(self, rule: Rule, entry: ServiceEntry, below_not: bool) -> _Leaf:
        """Two leaves are one when they test the same, and, of a service's own state, of the same service."""
        owner = entry.key if rule.kind in ABOUT_THE_SERVICE else ""
        identity = (rule.kind, rule.test, below_not, owner)
        if identity not in self.leaves:
            self.leaves[identity] = _Leaf(below_not, owner, test_of(rule, entry.organisation.id))
        return self.leaves[identity]


def _service(position: int, entry: ServiceEntry, rule: tuple[Tree, list[_Leaf]]) -> RuledService:
    tree, leaves = rule
    return RuledService(
        position=position,
        entry=entry,
        key=entry.key,
        organisation=entry.organisation.id,
        name=entry.organisation.name.en,
        verified=entry.verified,
        listed=frozenset(entry.service.needs),
        tree=tree,
        pick_own=tuple_getter([leaf.number for leaf in leaves]),
        remarks=tuple(map(Reason, remarks_of(entry))),
    )


def _joined(join: str, node: Node) -> Collection[Node]:
    """The parts that a node adds to a join: an `all` within an `all` is flattened into its parts."""
    return node[1] if not isinstance(node, int) and node[0] == join else (node,)


def remarks_of(entry: ServiceEntry) -> Iterator[str]:
    """The keys of the reasons that are given for a service in every case."""
    codes = {
        "by_yourself": entry.service.takes_referrals == "no",
        "means_test": entry.service.means_test,
        "selective": entry.service.selective,
        "cost_unknown": entry.service.cost == "unknown",
        "state_run": entry.organisation.state_run,
        "not_verified": not entry.verified,
    }
    yield from (key for key, is_true in codes.items() if is_true)
    yield from (f"note.{key}" for key in notes_of(entry.organisation))
