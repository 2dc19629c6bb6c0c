"""The engine: rules compiled once, evaluated three-valued with a trace, put in order with every term visible.

Kleene logic: YES 2, UNKNOWN 1, NO 0; `all` is the least, `any` the greatest, `not` the mirror. Unknown is never no: a
service one answer away is *nearest*, shown with what to ask.

Order of candidates (ORDER_VERSION), each term visible in `terms`, smaller first:
  1 unverified last, 2 fewer of the person's needs covered later, 3 not made for people like this later, 4 needs an
  interpreter later, 5 does not fit the urgency later, 6 chooses its cases later, 7 no known free place later,
  8 no court representation where the need asks for it later, 9 the seeded tie-break.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal

from app.directory.packs import Directory, ServiceEntry
from app.directory.rules import Rule
from app.matching.facts import Facts
from app.matching.reasons import Reason

NO, UNKNOWN, YES = 0, 1, 2
ORDER_VERSION: Final = 1
_VALUE: Final = {"no": NO, "unknown": UNKNOWN, "yes": YES}
_GOES_TO_COURT: Final = frozenset({"appeals", "detention", "deportation", "dublin", "extradition_interpol", "criminal_defence"})
_ASKED_FIRST: Final = (
    "region", "nationality", "status", "language", "deadline_within", "group", "age", "gender", "remote_ok", "need",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Live:
    """What of a service changes from day to day."""

    capacity: Literal["open", "full", "unknown"] = "unknown"
    capacity_until: date | None = None
    accepts: bool = True


Outcome = tuple[int, str]  # value, and the part of the reason key after the leaf's name
Test = Callable[[Facts, Live, date], Outcome]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A compiled leaf test: what it is called, how it is asked, and how its reason reads."""

    name: str
    ask: Test
    explain: Callable[[Facts, str], Reason]


@dataclass(frozen=True, slots=True)
class Tree:
    """A compiled node. `leaf`: index into the service's leaves; otherwise `op` over `children`."""

    op: Literal["leaf", "all", "any", "not"]
    leaf: int = -1
    children: tuple["Tree", ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A service ready to be asked."""

    entry: ServiceEntry
    leaves: tuple[Leaf, ...]
    tree: Tree
    listed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """One service in the result. `outcomes` is the trace, a value for each leaf; `terms` the order terms of a candidate."""

    service: str
    organisation: str
    name: str
    verified: bool
    reasons: tuple[Reason, ...]
    outcomes: tuple[int, ...]
    rank: int = 0
    terms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchResult:
    """Who can help, who nearly, who not, each with reasons."""

    candidates: tuple[Found, ...] = ()
    nearest: tuple[Found, ...] = ()
    not_matched: tuple[Found, ...] = ()
    order_version: int = field(default=ORDER_VERSION)

    def offerable(self) -> tuple[Found, ...]:
        """Candidates that may be offered by the clock: never an unverified one."""
        return tuple(found for found in self.candidates if found.verified)


def evaluate(
    facts: Facts,
    services: Sequence[ServiceEntry],
    on: date,
    *,
    related: Mapping[str, frozenset[str]] | None = None,
    live: Mapping[str, Live] | None = None,
    seed: int = 0,
) -> MatchResult:
    """Ask every service. Pure: the same arguments give the same result, in the same order, in any process.

    Args:
        related: for a need, the broader and related ones; a service that lists only these is nearest.
        live: capacity and pauses by service key; a missing key means unknown capacity and no pause.
        seed: decides between equals.
    """
    close = frozenset(other for need in facts.needs for other in (related or {}).get(need, ()))
    candidates, nearest, others = [], [], []
    for entry in services:
        service = compiled(entry)
        state = (live or {}).get(entry.key, _NO_NEWS)
        answers = [leaf.ask(facts, state, on) for leaf in service.leaves]
        values = [value for value, _ in answers]
        verdict = _value(service.tree, values)
        if verdict == YES:
            candidates.append(_candidate(service, facts, answers, state, seed))
        elif verdict == UNKNOWN:
            nearest.append(_nearest(service, facts, answers, 0))
        elif close & service.listed and _only_the_need(service, values):
            nearest.append(_related(service, facts, answers, close))
        else:
            others.append(_refused(service, facts, answers))
    candidates.sort(key=lambda found: found.terms)
    nearest.sort(key=lambda found: found.terms)
    return MatchResult(
        tuple(_ranked(found, rank) for rank, found in enumerate(candidates, 1)), tuple(nearest), tuple(others)
    )


_NO_NEWS: Final = Live()


def _ranked(found: Found, rank: int) -> Found:
    return Found(
        found.service, found.organisation, found.name, found.verified, found.reasons, found.outcomes, rank, found.terms
    )


def related_needs(directory: Directory) -> dict[str, frozenset[str]]:
    return {need.id: frozenset((*need.broader, *need.related)) for need in directory.needs}


# --- trees ---------------------------------------------------------------------------------------------------------


def _value(tree: Tree, values: Sequence[int]) -> int:
    if tree.op == "leaf":
        return values[tree.leaf]
    if tree.op == "all":
        least = YES
        for child in tree.children:
            value = _value(child, values)
            if value < least:
                if value == NO:
                    return NO
                least = value
        return least
    if tree.op == "any":
        return max(_value(child, values) for child in tree.children)
    return YES - _value(tree.children[0], values)


def _decisive(tree: Tree, values: Sequence[int], verdict: int) -> list[int]:
    """The leaves that make this node what it is: the least one has to know to believe the verdict."""
    if tree.op == "leaf":
        return [tree.leaf]
    if tree.op == "not":
        return _decisive(tree.children[0], values, YES - verdict)
    matching = [child for child in tree.children if _value(child, values) == verdict]
    one_is_enough = verdict == (NO if tree.op == "all" else YES)
    if one_is_enough and verdict == YES:
        matching = matching[:1]
    return [leaf for child in matching for leaf in _decisive(child, values, verdict)]


def _only_the_need(service: Compiled, values: Sequence[int]) -> bool:
    """Whether everything but the tests of the need would let this case in, or might."""
    granted = [YES if leaf.name == "need" else value for leaf, value in zip(service.leaves, values, strict=True)]
    return _value(service.tree, granted) != NO


# --- what is found -------------------------------------------------------------------------------------------------


def _explain(service: Compiled, facts: Facts, answers: Sequence[Outcome], leaf: int) -> Reason:
    return service.leaves[leaf].explain(facts, answers[leaf][1])


_SELF_EVIDENT: Final = frozenset({"country.yes", "consent_allows.yes", "accepts_referrals.yes", "urgency.yes"})


def _unique(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    kept: list[Reason] = []
    for reason in reasons:
        if reason not in kept:
            kept.append(reason)
    return tuple(kept)


def _candidate(service: Compiled, facts: Facts, answers: Sequence[Outcome], live: Live, seed: int) -> Found:
    values = [value for value, _ in answers]
    decisive = _decisive(service.tree, values, YES)
    reasons = [_explain(service, facts, answers, leaf) for leaf in decisive]
    reasons = [reason for reason in reasons if reason.key not in _SELF_EVIDENT]
    reasons += _remarks(service)
    keys = {f"{leaf.name}.{answer[1]}" for leaf, answer in zip(service.leaves, answers, strict=True)}
    entry = service.entry
    terms = (
        int(not entry.verified),
        -len(facts.needs & service.listed),
        -sum(service.leaves[leaf].name in {"group", "nationality", "status"} for leaf in decisive),
        int("language.yes" not in keys),
        int(facts.tier == "emergency" and entry.service.remote != "yes"),
        int(entry.service.selective),
        int(live.capacity != "open"),
        int(bool(facts.needs & _GOES_TO_COURT)) * (2 - _VALUE[entry.service.representation]),
        _draw(seed, entry.key),
    )
    return _found(service, _unique(reasons), values, terms)


def _remarks(service: Compiled) -> list[Reason]:
    entry = service.entry
    remarks = []
    if entry.service.selective:
        remarks.append(Reason("selective"))
    if entry.service.cost == "unknown":
        remarks.append(Reason("cost_unknown"))
    if not entry.verified:
        remarks.append(Reason("not_verified"))
    return remarks


def _nearest(service: Compiled, facts: Facts, answers: Sequence[Outcome], distance: int) -> Found:
    values = [value for value, _ in answers]
    leaves = _decisive(service.tree, values, UNKNOWN)
    leaves.sort(key=lambda leaf: _ASKED_FIRST.index(service.leaves[leaf].name))
    reasons = _unique([_explain(service, facts, answers, leaf) for leaf in leaves])
    terms = (int(not service.entry.verified), distance + len(reasons), -len(facts.needs & service.listed))
    return _found(service, (*reasons, *_remarks(service)), values, terms)


def _related(service: Compiled, facts: Facts, answers: Sequence[Outcome], close: frozenset[str]) -> Found:
    values = [value for value, _ in answers]
    granted = [YES if leaf.name == "need" else value for leaf, value in zip(service.leaves, values, strict=True)]
    reasons = [Reason("need.related", {"needs": sorted(facts.needs), "listed": sorted(close & service.listed)})]
    if _value(service.tree, granted) == UNKNOWN:
        reasons += [_explain(service, facts, answers, leaf) for leaf in _decisive(service.tree, granted, UNKNOWN)]
    terms = (int(not service.entry.verified), 1 + len(reasons), 0)
    return _found(service, (*_unique(reasons), *_remarks(service)), values, terms)


def _refused(service: Compiled, facts: Facts, answers: Sequence[Outcome]) -> Found:
    values = [value for value, _ in answers]
    reasons = [_explain(service, facts, answers, leaf) for leaf in _decisive(service.tree, values, NO)]
    return _found(service, _unique(reasons), values, ())


def _found(service: Compiled, reasons: tuple[Reason, ...], values: Sequence[int], terms: tuple[int, ...]) -> Found:
    entry = service.entry
    name = entry.organisation.name.en
    return Found(
        entry.key, entry.organisation.id, name, entry.verified, reasons, tuple(values), rank=0, terms=terms
    )


def _draw(seed: int, key: str) -> int:
    """A number that decides between equals: the same for the same seed on any machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:6], "big")


# --- compiling -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def _compiled(key: str, entry_id: int, holder: "_ById") -> Compiled:
    entry = holder.entry
    leaves: list[Leaf] = []
    tree = _compile(entry.service.rule, leaves)
    added = tuple(_add(leaves, leaf) for leaf in _always(entry))
    whole = Tree("all", children=(tree, *added))
    return Compiled(entry, tuple(leaves), whole, frozenset(entry.service.needs))


class _ById:
    """Lets the cache know an entry by its identity: hashing a whole rule costs more than asking it."""

    __slots__ = ("entry",)

    def __init__(self, entry: ServiceEntry) -> None:
        self.entry = entry

    def __hash__(self) -> int:
        return id(self.entry)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.entry is self.entry


def compiled(entry: ServiceEntry) -> Compiled:
    """The service with its rule compiled; kept for the next case."""
    return _compiled(entry.key, id(entry), _ById(entry))


def _add(leaves: list[Leaf], leaf: Leaf) -> Tree:
    leaves.append(leaf)
    return Tree("leaf", leaf=len(leaves) - 1)


def _compile(rule: Rule, leaves: list[Leaf]) -> Tree:
    kind, test = rule.kind, rule.test
    if kind in {"all", "any"}:
        op: Literal["all", "any"] = "all" if kind == "all" else "any"
        return Tree(op, children=tuple(_compile(child, leaves) for child in test))
    if kind == "not_":
        return Tree("not", children=(_compile(test, leaves),))
    return _add(leaves, _LEAVES[kind](test))


def _always(entry: ServiceEntry) -> tuple[Leaf, ...]:
    """What is asked of every service, whatever its rule says."""
    return (_consent(entry.organisation.id), _accepts(), _capacity())


def _plain(name: str, **params: Any) -> Callable[[Facts, str], Reason]:
    reasons = {answer: Reason(f"{name}.{answer}", params) for answer in ("yes", "no", "unknown")}
    return lambda _facts, answer: reasons[answer]


def _said(value: str | None, wanted: frozenset[str]) -> Outcome:
    if value is None:
        return UNKNOWN, "unknown"
    return (YES, "yes") if value in wanted else (NO, "no")


def _need(test: Any) -> Leaf:
    wanted = frozenset(test.any_of)

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        return (YES, "yes") if facts.needs & wanted else (NO, "no")

    def explain(facts: Facts, answer: str) -> Reason:
        shown = facts.needs & wanted if answer == "yes" else facts.needs
        return Reason(f"need.{answer}", {"needs": sorted(shown)})

    return Leaf("need", ask, explain)


def _country(test: Any) -> Leaf:
    wanted = frozenset(test.any_of)

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        return _said(facts.country, wanted)

    return Leaf("country", ask, lambda facts, answer: Reason(f"country.{answer}", {"country": [facts.country]}))


def _region(test: Any) -> Leaf:
    wanted, place = frozenset(test.any_of), test.only_part
    params = {"regions": sorted(wanted)}

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        value, answer = _said(facts.region, wanted)
        return (UNKNOWN, "part") if value == YES and place else (value, answer)

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "part":
            return Reason("region.part", {"place": place})
        return Reason("region.yes", {"regions": [facts.region]}) if answer == "yes" else Reason(f"region.{answer}", params)

    return Leaf("region", ask, explain)


def _language(test: Any) -> Leaf:
    wanted, only_these = frozenset(test.any_of), test.interpreter == "no"
    params = {"languages": list(test.any_of)}

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        if wanted.intersection(facts.speak):
            return YES, "yes"
        if not wanted:
            return YES, "not_listed"
        if not only_these:
            return YES, "interpreter"
        return (NO, "no") if facts.speak else (UNKNOWN, "unknown")

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "not_listed":
            return Reason("language.not_listed")
        shared = {"languages": [code for code in facts.speak if code in wanted]}
        return Reason(f"language.{answer}", shared if answer == "yes" else params)

    return Leaf("language", ask, explain)


def _one_value(name: str, param: str, read: Callable[[Facts], str | None]) -> Callable[[Any], Leaf]:
    def compile_leaf(test: Any) -> Leaf:
        wanted = frozenset(test.any_of)
        explain = _plain(name, **({param: sorted(wanted)} if param else {}))
        return Leaf(name, lambda facts, _live, _on: _said(read(facts), wanted), explain)

    return compile_leaf


def _group(test: Any) -> Leaf:
    wanted = frozenset(test.any_of)

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        if facts.groups is None:
            return UNKNOWN, "unknown"
        return (YES, "yes") if facts.groups & wanted else (NO, "no")

    def explain(facts: Facts, answer: str) -> Reason:
        shown = (facts.groups or frozenset()) & wanted if answer == "yes" else wanted
        return Reason(f"group.{answer}", {"groups": sorted(shown)})

    return Leaf("group", ask, explain)


def _deadline_within(test: Any) -> Leaf:
    def ask(facts: Facts, _live: Live, on: date) -> Outcome:
        if facts.last_safe_day is None:
            return UNKNOWN, "unknown"
        return (YES, "yes") if (facts.last_safe_day - on).days >= test else (NO, "no")

    return Leaf("deadline_within", ask, _plain("deadline_within"))


def _remote_ok(test: Any) -> Leaf:
    outcome = (_VALUE[test], test)
    return Leaf("remote_ok", lambda _facts, _live, _on: outcome, _plain("remote_ok"))


def _consent(organisation: str) -> Leaf:
    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        if organisation in facts.never:
            return NO, "no"
        return (NO, "excluded") if organisation in facts.excluded else (YES, "yes")

    return Leaf("consent_allows", ask, lambda _facts, answer: Reason(f"consent_allows.{answer}"))


def _accepts(_test: Any = None) -> Leaf:
    def ask(_facts: Facts, live: Live, _on: date) -> Outcome:
        return (YES, "yes") if live.accepts else (NO, "no")

    return Leaf("accepts_referrals", ask, _plain("accepts_referrals"))


def _capacity(_test: Any = None) -> Leaf:
    """A known capacity holds until its day and then is unknown again. Unknown hinders nobody."""

    def ask(_facts: Facts, live: Live, on: date) -> Outcome:
        if live.capacity == "unknown" or live.capacity_until is None or live.capacity_until < on:
            return YES, "unknown"
        return (NO, "full") if live.capacity == "full" else (YES, "open")

    return Leaf("capacity", ask, lambda _facts, answer: Reason(f"capacity.{answer}"))


def _consent_any(_test: Any) -> Leaf:
    return Leaf("consent_allows", lambda _f, _l, _o: (YES, "yes"), lambda _f, answer: Reason(f"consent_allows.{answer}"))


_LEAVES: Final[dict[str, Callable[[Any], Leaf]]] = {
    "need": _need,
    "country": _country,
    "region": _region,
    "language": _language,
    "status": _one_value("status", "statuses", lambda facts: facts.status),
    "nationality": _one_value("nationality", "countries", lambda facts: facts.nationality),
    "gender": _one_value("gender", "", lambda facts: facts.gender),
    "age": _one_value("age", "", lambda facts: facts.age),
    "urgency": _one_value("urgency", "", lambda facts: facts.tier),
    "group": _group,
    "deadline_within": _deadline_within,
    "remote_ok": _remote_ok,
    "consent_allows": _consent_any,
    "accepts_referrals": _accepts,
    "capacity": _capacity,
}
