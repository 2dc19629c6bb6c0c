"""The rules of several services, prepared for evaluation: each distinct leaf test once, in whichever rules it occurs."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from operator import itemgetter
from typing import Any, Final, Literal

from app.directory.catalogue import ServiceEntry
from app.directory.rules import Rule
from app.directory.safety_notes import notes_of
from app.matching.facts import Facts
from app.matching.leaves import ABOUT_THE_SERVICE, NO_NEWS, Leaf, Live, leaf_of
from app.matching.outcomes import Outcome
from app.matching.reasons import Reason
from app.matching.trees import Node, Tree

_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class RuledService:
    """One service with its rule.

    Attributes:
        position: among the services as they were given.
        leaves: of its rule in reading order, by their numbers in the rulebook.
        own_outcomes: picks the outcomes of these leaves out of the outcomes of all.
        repeats: two of its leaves have the same name, so that they may have the same reason.
        remarks: keys of the remarks that are shown for every case.
    """

    position: int
    entry: ServiceEntry
    key: str
    organisation: str
    name: str
    verified: bool
    listed: frozenset[str]
    tree: Tree
    leaves: tuple[int, ...]
    own_outcomes: Callable[[Sequence[Outcome]], tuple[Outcome, ...]]
    repeats: bool
    remarks: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The services in the order of their keys, so that results need no sorting by key for each case.

    Attributes:
        leaves: the distinct ones; their index is their number.
        about_needs: the numbers of the leaves that ask for a need.
        about_a_service: for a leaf that asks for the state of the service whose rule it stands in, the key of that service.
        offered_by: for a need, how many verified services list it.
    """

    services: tuple[RuledService, ...]
    leaves: tuple[Leaf, ...]
    about_needs: tuple[int, ...]
    about_a_service: Mapping[int, str]
    offered_by: Mapping[str, int]

    def outcomes(self, facts: Facts, live: Mapping[str, Live], on: date) -> list[Outcome]:
        """The outcome of every leaf, by its number."""
        outcomes = [leaf.answer(facts, NO_NEWS, on) for leaf in self.leaves]
        for number, key in self.about_a_service.items():
            outcomes[number] = self.leaves[number].answer(facts, live.get(key, NO_NEWS), on)
        return outcomes

    def with_needs(self, outcomes: Sequence[Outcome], needs: frozenset[str], facts: Facts, on: date) -> list[Outcome]:
        """The outcomes as they would be if the person had these needs instead."""
        changed, facts = list(outcomes), replace(facts, needs=needs)
        for number in self.about_needs:
            changed[number] = self.leaves[number].answer(facts, NO_NEWS, on)
        return changed


def rulebook_of(services: Sequence[ServiceEntry]) -> Rulebook:
    """The rulebook of these services, cached for the next case. Entries are immutable, so identity is the cache key."""
    key = tuple(map(id, services))
    book = _books.get(key)
    if book is None:
        book = _Writer().write(services)
        while len(_books) >= _KEPT:
            _books.pop(next(iter(_books)), None)
        _books[key] = book  # holds the entries, so that no id is given twice
    return book


_books: dict[tuple[int, ...], Rulebook] = {}


@dataclass(slots=True)
class _Writer:
    """Builds a rulebook: numbers each distinct leaf, and shares trees of the same form."""

    numbers: dict[tuple[Any, ...], int] = field(default_factory=dict)
    """Leaf numbers, by the key that makes two leaves equal."""
    leaves: list[Leaf] = field(default_factory=list)
    about_a_service: dict[int, str] = field(default_factory=dict)
    trees: dict[tuple[Any, ...], Tree] = field(default_factory=dict)

    def write(self, services: Sequence[ServiceEntry]) -> Rulebook:
        placed = sorted(enumerate(services), key=lambda item: item[1].key)
        ready = tuple(self._service(position, entry) for position, entry in placed)
        offered_by = Counter(need for entry in services if entry.verified for need in entry.service.needs)
        about_needs = tuple(number for number, leaf in enumerate(self.leaves) if leaf.name == "need")
        return Rulebook(ready, tuple(self.leaves), about_needs, self.about_a_service, offered_by)

    def _service(self, position: int, entry: ServiceEntry) -> RuledService:
        numbers = list[int]()
        root = self._node(entry.service.rule, entry, False, numbers, {})
        names = tuple(self.leaves[number].name for number in numbers)
        efforts = tuple(self.leaves[number].effort for number in numbers)
        return RuledService(
            position=position,
            entry=entry,
            key=entry.key,
            organisation=entry.organisation.id,
            name=entry.organisation.name.en,
            verified=entry.verified,
            listed=frozenset(entry.service.needs),
            tree=self.trees.setdefault((root, names, efforts), Tree(root, names, efforts)),
            leaves=tuple(numbers),
            own_outcomes=_picker(numbers),
            repeats=len(set(names)) < len(names),
            remarks=tuple(map(Reason, remarks_of(entry))),
        )

    def _node(
        self, rule: Rule, entry: ServiceEntry, below_not: bool, numbers: list[int], places: dict[int, int]
    ) -> Node:
        """The tree of a rule, with each `not` pushed down to its leaves.

        `numbers` of the leaves are added in reading order; `places`: where each leaf stands first, by which it is known.
        """
        if rule.kind == "not_":
            return self._node(rule.test, entry, not below_not, numbers, places)
        if rule.kind not in {"all", "any"}:
            number = self._number(rule, entry, below_not)
            numbers.append(number)
            return places.setdefault(number, len(numbers) - 1)
        join: Literal["all", "any"] = "all" if (rule.kind == "all") != below_not else "any"
        parts = (self._node(part, entry, below_not, numbers, places) for part in rule.test)
        distinct = tuple(dict.fromkeys(node for part in parts for node in _joined(join, part)))
        return distinct[0] if len(distinct) == 1 else (join, distinct)

    def _number(self, rule: Rule, entry: ServiceEntry, below_not: bool) -> int:
        """Of a leaf. Two are one when they test the same, and, of a service's own state, of the same service."""
        owner = entry.key if rule.kind in ABOUT_THE_SERVICE else ""
        identity = (rule.kind, rule.test, below_not, owner)
        if identity not in self.numbers:
            self.numbers[identity] = len(self.leaves)
            if owner:
                self.about_a_service[len(self.leaves)] = owner
            self.leaves.append(leaf_of(rule, entry.organisation.id, below_not=below_not))
        return self.numbers[identity]


def _joined(join: str, node: Node) -> Collection[Node]:
    """What a node adds to a join: an `all` in an `all` is no more than its parts."""
    return node[1] if not isinstance(node, int) and node[0] == join else (node,)


def _picker(numbers: Sequence[int]) -> Callable[[Sequence[Outcome]], tuple[Outcome, ...]]:
    if len(numbers) == 1:
        only = numbers[0]
        return lambda outcomes: (outcomes[only],)
    picker: Any = itemgetter(*numbers)
    return picker  # type: ignore[no-any-return]


def remarks_of(entry: ServiceEntry) -> Iterator[str]:
    """The keys of the reasons that are said of a service in every case."""
    said = {
        "by_yourself": entry.service.takes_referrals == "no",
        "means_test": entry.service.means_test,
        "selective": entry.service.selective,
        "cost_unknown": entry.service.cost == "unknown",
        "state_run": entry.organisation.state_run,
        "not_verified": not entry.verified,
    }
    yield from (key for key, is_true in said.items() if is_true)
    yield from (f"note.{key}" for key in notes_of(entry.organisation))
