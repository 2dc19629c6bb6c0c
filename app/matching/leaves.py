"""The closed list of leaf tests: how each is answered from the facts, and which reason each answer has.

A leaf below a `not` gives the opposite value and has reasons of its own (`not_yes`: what the rule leaves out is the case),
so that a rule's tree needs only `all` and `any`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Final, Literal

from app.directory.rules import Rule
from app.matching.facts import Facts
from app.matching.outcomes import (
    EXCLUDED,
    FULL,
    INTERPRETER,
    LANGUAGE_PAUSED,
    NEED_PAUSED,
    NEGATED,
    NO_,
    NOT_KNOWN,
    NOT_LISTED,
    OPEN,
    PART,
    PERHAPS,
    UNKNOWN_,
    YES_,
    Outcome,
)
from app.matching.reasons import Reason

ASKED_FIRST: Final = (
    "region", "nationality", "status", "language", "deadline_within", "group", "age", "gender", "country", "urgency",
    "need", "remote_ok", "consent_allows", "accepts_referrals", "capacity",
)  # fmt: skip
"""Names of leaves in the order of asking: what is easiest to say comes first, what only the centre knows comes last."""
ABOUT_THE_SERVICE: Final = frozenset({"consent_allows", "accepts_referrals", "capacity"})


@dataclass(frozen=True, slots=True)
class Live:
    """What of a service changes from day to day.

    While it pauses for some needs, `paused_needs` names these and `open_needs` what else it still takes.
    """

    capacity: Literal["open", "full", "unknown"] = "unknown"
    capacity_until: date | None = None
    accepts: bool = True
    paused_needs: frozenset[str] = frozenset()
    open_needs: frozenset[str] = frozenset()
    paused_languages: frozenset[str] = frozenset()


NO_NEWS: Final = Live()
Answer = Callable[[Facts, Live, date], Outcome]
"""From the facts of a case, the state of the service that asks, and the day."""
Explain = Callable[[Facts, str], Reason]
"""From the facts of a case and the answer (`Outcome.answer`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One leaf test. `effort` to find out what is unknown: 1 when the person can say it, 2 when the centre has to be asked."""

    name: str
    answer: Answer
    explain: Explain
    effort: int = 1


def leaf_of(rule: Rule, organisation: str, *, below_not: bool = False) -> Leaf:
    """The leaf of a rule node that is one test. `organisation`: the id of the centre whose rule it is."""
    leaf = _LEAVES[rule.kind](rule.test, organisation)
    return _below_not(leaf) if below_not else leaf


def _below_not(leaf: Leaf) -> Leaf:
    def answer(facts: Facts, live: Live, on: date) -> Outcome:
        return NEGATED[leaf.answer(facts, live, on)]

    def explain(facts: Facts, answer: str) -> Reason:
        plain = answer.removeprefix("not_")
        if leaf.name in ABOUT_THE_SERVICE or leaf.name == "remote_ok":
            return _left_out(plain)
        return Reason(f"{leaf.name}.{answer}", leaf.explain(facts, plain).params)

    return Leaf(leaf.name, answer, explain, leaf.effort)


def _left_out(plain: str) -> Reason:
    """The reason of a `not` over what is known of the service: general, as a sentence about the service would say too much."""
    if plain in {"yes", "open"}:
        return Reason("left_out.yes")
    return Reason("left_out.unknown" if plain == "unknown" else "left_out.no")


def _by_rule(name: str, **params: Any) -> Explain:
    """Reasons that depend on the rule alone: each is made once, and is the same for every case."""
    reason = cache(lambda answer: Reason(f"{name}.{answer}", params))
    return lambda _facts, answer: reason(answer)


def _by_code(field: str, outcomes: Mapping[str, Outcome]) -> Answer:
    """For a fact that is one code: the outcome of this code; no for any other; unknown when the person did not say."""
    code_of = attrgetter(field)

    def answer(facts: Facts, _live: Live, _on: date) -> Outcome:
        code = code_of(facts)
        return UNKNOWN_ if code is None else outcomes.get(code, NO_)

    return answer


@lru_cache(maxsize=2048)
def _about_needs(answer: str, needs: frozenset[str]) -> Reason:
    return Reason(f"need.{answer}", {"needs": sorted(needs)})


def _need(test: Any, _organisation: str) -> Leaf:
    wanted = frozenset(test.any_of)

    def answer(facts: Facts, _live: Live, _on: date) -> Outcome:
        return NO_ if wanted.isdisjoint(facts.needs) else YES_

    def explain(facts: Facts, answer: str) -> Reason:
        return _about_needs(answer, facts.needs & wanted if answer == "yes" else facts.needs)

    return Leaf("need", answer, explain)


def _country(test: Any, _organisation: str) -> Leaf:
    def explain(facts: Facts, answer: str) -> Reason:
        return Reason(f"country.{answer}", {"country": [facts.country]})

    return Leaf("country", _by_code("country", dict.fromkeys(test.any_of, YES_)), explain)


def _region(test: Any, _organisation: str) -> Leaf:
    """`only_part`: the service covers only this place of the region, which the person is not asked for."""
    place, by_rule = test.only_part, _by_rule("region", regions=sorted(set(test.any_of)))

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "part":
            return Reason("region.part", {"place": place})
        if answer == "yes":
            return Reason("region.yes", {"regions": [facts.region]})
        return by_rule(facts, answer)

    answer = _by_code("region", dict.fromkeys(test.any_of, PART if place else YES_))
    return Leaf("region", answer, explain, effort=2 if place else 1)


def _language(test: Any, _organisation: str) -> Leaf:
    """Without a shared language an interpreter may help, unless the service is known to have none."""
    wanted, by_rule = frozenset(test.any_of), _by_rule("language", languages=list(test.any_of))
    not_shared = NO_ if test.interpreter == "no" else INTERPRETER
    not_said = UNKNOWN_ if test.interpreter == "no" else INTERPRETER

    def answer(facts: Facts, _live: Live, _on: date) -> Outcome:
        if not wanted:
            return NOT_LISTED
        if not facts.languages:
            return not_said
        return not_shared if wanted.isdisjoint(facts.languages) else YES_

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "not_listed":
            return Reason("language.not_listed")
        if answer == "yes":
            return Reason("language.yes", {"languages": [code for code in facts.languages if code in wanted]})
        return by_rule(facts, answer)

    return Leaf("language", answer, explain)


def _status(test: Any, _organisation: str) -> Leaf:
    """`perhaps`: of the people with such a status the service takes only some, and it has to be asked which."""
    perhaps = test.perhaps
    outcomes = {**dict.fromkeys(test.any_of, YES_), **dict.fromkeys(perhaps, PERHAPS)}
    explain = _by_rule("status", statuses=sorted(set(test.any_of)))
    return Leaf("status", _by_code("status", outcomes), explain, effort=2 if perhaps else 1)


def _group(test: Any, _organisation: str) -> Leaf:
    wanted = frozenset(test.any_of)
    by_rule = _by_rule("group", groups=sorted(wanted))

    def answer(facts: Facts, _live: Live, _on: date) -> Outcome:
        if facts.groups is None:
            return UNKNOWN_
        return NO_ if wanted.isdisjoint(facts.groups) else YES_

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "yes" and facts.groups:
            return Reason("group.yes", {"groups": sorted(facts.groups & wanted)})
        return by_rule(facts, answer)

    return Leaf("group", answer, explain)


def _nationality(test: Any, _organisation: str) -> Leaf:
    explain = _by_rule("nationality", countries=sorted(set(test.any_of)))
    return Leaf("nationality", _by_code("nationality", dict.fromkeys(test.any_of, YES_)), explain)


def _gender(test: Any, _organisation: str) -> Leaf:
    return Leaf("gender", _by_code("gender", dict.fromkeys(test.any_of, YES_)), _by_rule("gender"))


def _age(test: Any, _organisation: str) -> Leaf:
    return Leaf("age", _by_code("age", dict.fromkeys(test.any_of, YES_)), _by_rule("age"))


def _urgency(test: Any, _organisation: str) -> Leaf:
    return Leaf("urgency", _by_code("urgency", dict.fromkeys(test.any_of, YES_)), _by_rule("urgency"))


def _deadline_within(test: Any, _organisation: str) -> Leaf:
    """Whether the last safe day is at most so many days away; one that has passed is nearer still."""

    def answer(facts: Facts, _live: Live, on: date) -> Outcome:
        if facts.last_safe_day is None:
            return UNKNOWN_
        return YES_ if (facts.last_safe_day - on).days <= test else NO_

    return Leaf("deadline_within", answer, _by_rule("deadline_within", days=test))


def _remote_ok(test: Any, _organisation: str) -> Leaf:
    """What the source says of the service, whatever the case: the person is not asked."""
    outcome = {"yes": YES_, "no": NO_, "unknown": UNKNOWN_}[test]
    return Leaf("remote_ok", lambda _facts, _live, _on: outcome, _by_rule("remote_ok"), effort=2)


def _consent_allows(_test: Any, organisation: str) -> Leaf:
    def answer(facts: Facts, _live: Live, _on: date) -> Outcome:
        if organisation in facts.never:
            return NO_
        return EXCLUDED if organisation in facts.excluded else YES_

    return Leaf("consent_allows", answer, _by_rule("consent_allows"))


def _accepts_referrals(_test: Any, _organisation: str) -> Leaf:
    """A pause for a need hinders who has no other need that they take; one for a language, who speaks no other."""

    def answer(facts: Facts, live: Live, _on: date) -> Outcome:
        if not live.accepts:
            return NO_
        if facts.needs & live.paused_needs and not facts.needs & live.open_needs:
            return NEED_PAUSED
        if facts.languages and live.paused_languages.issuperset(facts.languages):
            return LANGUAGE_PAUSED
        return YES_

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "need_paused":
            return Reason("accepts_referrals.need_paused", {"needs": sorted(facts.needs)})
        if answer == "language_paused":
            return Reason("accepts_referrals.language_paused", {"languages": list(facts.languages)})
        return Reason(f"accepts_referrals.{answer}")

    return Leaf("accepts_referrals", answer, explain)


def _capacity(_test: Any, _organisation: str) -> Leaf:
    """A known capacity holds until its day and then is unknown again. Unknown hinders nobody."""

    def answer(_facts: Facts, live: Live, on: date) -> Outcome:
        if live.capacity == "unknown" or live.capacity_until is None or live.capacity_until < on:
            return NOT_KNOWN
        return FULL if live.capacity == "full" else OPEN

    return Leaf("capacity", answer, _by_rule("capacity"))


_LEAVES: Final[Mapping[str, Callable[[Any, str], Leaf]]] = {
    "need": _need,
    "country": _country,
    "region": _region,
    "language": _language,
    "status": _status,
    "nationality": _nationality,
    "gender": _gender,
    "age": _age,
    "urgency": _urgency,
    "group": _group,
    "deadline_within": _deadline_within,
    "remote_ok": _remote_ok,
    "consent_allows": _consent_allows,
    "accepts_referrals": _accepts_referrals,
    "capacity": _capacity,
}
ALWAYS: Final = ("consent_allows", "accepts_referrals", "capacity")
"""What is asked of every service, whatever its rule says, in this order."""


@lru_cache(maxsize=8192)
def always(organisation: str) -> tuple[Leaf, ...]:
    """The leaves of `ALWAYS` for a service of this organisation."""
    return tuple(_LEAVES[name](True, organisation) for name in ALWAYS)
