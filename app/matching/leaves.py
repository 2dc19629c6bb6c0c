"""The closed list of leaf tests: how each is answered from the facts, and which reason each answer has.

Most are *choices*: the answer is looked up under what the person said. The others are asked. A leaf below a `not` is the
mirror of itself with reasons of its own (`not_yes`: what it leaves out is the case), so a tree needs only `all` and `any`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal

from app.directory.rules import Rule
from app.matching.facts import Facts
from app.matching.outcomes import (
    EXCLUDED,
    FULL,
    INTERPRETER,
    LANGUAGE_PAUSED,
    NEED_PAUSED,
    NO,
    NO_,
    NOT_KNOWN,
    NOT_LISTED,
    OPEN,
    PART,
    PERHAPS,
    UNKNOWN,
    UNKNOWN_,
    VALUE,
    YES,
    YES_,
    Outcome,
    mirrored,
)
from app.matching.reasons import Reason

ASKED_FIRST: Final = (
    "region", "nationality", "status", "language", "deadline_within", "group", "age", "gender", "country", "urgency",
    "need", "remote_ok", "consent_allows", "accepts_referrals", "capacity",
)  # fmt: skip
"""What is easiest to say comes first; what only the centre knows comes last."""
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
Ask = Callable[[Facts, Live, date], Outcome]
Explain = Callable[[Facts, str], Reason]

SAID: Final[Mapping[str, Callable[[Facts], Collection[str] | None]]] = {
    "need": lambda facts: facts.needs,
    "country": lambda facts: (facts.country,),
    "region": lambda facts: _one(facts.region),
    "language": lambda facts: facts.speak or None,
    "status": lambda facts: _one(facts.status),
    "group": lambda facts: facts.groups,
    "nationality": lambda facts: _one(facts.nationality),
    "gender": lambda facts: _one(facts.gender),
    "age": lambda facts: _one(facts.age),
    "urgency": lambda facts: (facts.tier,),
    "remote_ok": lambda _facts: None,
}
"""By the name of a choice: the codes the person said; None: the question was not answered."""


def _one(said: str | None) -> tuple[str] | None:
    return None if said is None else (said,)


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer that is looked up. `by_code`: when the person said this; `otherwise`: something else; `missing`: nothing.

    Where a person may say several codes, all answers of `by_code` are the same one.
    """

    by_code: Mapping[str, Outcome]
    otherwise: Outcome
    missing: Outcome

    def answer(self, said: Collection[str] | None) -> Outcome:
        if said is None:
            return self.missing
        return next((self.by_code[code] for code in said if code in self.by_code), self.otherwise)

    def mirrored(self) -> "Choice":
        turned = {code: mirrored(outcome) for code, outcome in self.by_code.items()}
        return Choice(turned, mirrored(self.otherwise), mirrored(self.missing))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A compiled leaf test: what it is called, how it is answered, how its reason reads, and the effort to find out.

    `answer`: a choice, or what has to be asked. `effort`: 1 when the person can say it, 2 when the centre has to be asked.
    A reason depends on the rule alone, but for those of the answers in `of_case` (what the person said, whatever the
    rule) and in `of_both`.
    """

    name: str
    answer: Choice | Ask
    explain: Explain
    effort: int = 1
    of_case: frozenset[str] = field(default_factory=frozenset)
    of_both: frozenset[str] = field(default_factory=frozenset)

    def ask(self, facts: Facts, live: Live, on: date) -> Outcome:
        if isinstance(self.answer, Choice):
            return self.answer.answer(SAID[self.name](facts))
        return self.answer(facts, live, on)


def compile_leaf(rule: Rule, organisation: str, *, negated: bool = False) -> Leaf:
    """The leaf of a rule node that is one test. `organisation` is the slug of the centre whose rule it is."""
    leaf = _LEAVES[rule.kind](rule.test, organisation)
    return _mirrored(leaf) if negated else leaf


def _mirrored(leaf: Leaf) -> Leaf:
    def ask(facts: Facts, live: Live, on: date) -> Outcome:
        return mirrored(leaf.ask(facts, live, on))

    def explain(facts: Facts, answer: str) -> Reason:
        plain = leaf.explain(facts, answer.removeprefix("not_"))
        if leaf.name in ABOUT_THE_SERVICE or leaf.name == "remote_ok":
            return Reason({YES: "left_out.no", UNKNOWN: "left_out.unknown"}.get(leaf_value(answer), "left_out.yes"))
        return Reason(f"{leaf.name}.{answer}", plain.params)

    answer = leaf.answer.mirrored() if isinstance(leaf.answer, Choice) else ask
    return Leaf(leaf.name, answer, explain, leaf.effort, _not(leaf.of_case), _not(leaf.of_both))


def _not(answers: frozenset[str]) -> frozenset[str]:
    return frozenset(f"not_{answer}" for answer in answers)


def leaf_value(answer: str) -> int:
    """The value that stands behind an answer of a mirrored leaf."""
    plain = answer.removeprefix("not_")
    return YES - {
        "no": NO,
        "full": NO,
        "excluded": NO,
        "need_paused": NO,
        "language_paused": NO,
        "unknown": UNKNOWN,
        "part": UNKNOWN,
        "perhaps": UNKNOWN,
    }.get(plain, YES)


def _plain(name: str, **params: Any) -> Explain:
    """Reasons that depend on the rule alone."""
    return lambda _facts, answer: Reason(f"{name}.{answer}", params)


@lru_cache(maxsize=2048)
def _about_needs(answer: str, needs: frozenset[str]) -> Reason:
    return Reason(f"need.{answer}", {"needs": sorted(needs)})


def _need(test: Any, _organisation: str) -> Leaf:
    wanted = frozenset(test.any_of)

    def explain(facts: Facts, answer: str) -> Reason:
        return _about_needs(answer, facts.needs & wanted if answer == "yes" else facts.needs)

    choice = Choice(dict.fromkeys(wanted, YES_), NO_, NO_)
    return Leaf("need", choice, explain, of_case=frozenset({"no"}), of_both=frozenset({"yes"}))


def _country(test: Any, _organisation: str) -> Leaf:
    def explain(facts: Facts, answer: str) -> Reason:
        return Reason(f"country.{answer}", {"country": [facts.country]})

    choice = Choice(dict.fromkeys(test.any_of, YES_), NO_, UNKNOWN_)
    return Leaf("country", choice, explain, of_case=frozenset({"yes", "no", "unknown"}))


def _region(test: Any, _organisation: str) -> Leaf:
    place, plain = test.only_part, _plain("region", regions=sorted(set(test.any_of)))

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "part":
            return Reason("region.part", {"place": place})
        if answer == "yes":
            return Reason("region.yes", {"regions": [facts.region]})
        return plain(facts, answer)

    choice = Choice(dict.fromkeys(test.any_of, PART if place else YES_), NO_, UNKNOWN_)
    return Leaf("region", choice, explain, effort=2 if place else 1, of_case=frozenset({"yes"}))


def _language(test: Any, _organisation: str) -> Leaf:
    wanted, plain = frozenset(test.any_of), _plain("language", languages=list(test.any_of))

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "not_listed":
            return Reason("language.not_listed")
        if answer == "yes":
            return Reason("language.yes", {"languages": [code for code in facts.speak if code in wanted]})
        return plain(facts, answer)

    return Leaf("language", _languages(wanted, test.interpreter), explain, of_both=frozenset({"yes"}))


def _languages(wanted: frozenset[str], interpreter: str) -> Choice:
    if not wanted:
        return Choice({}, NOT_LISTED, NOT_LISTED)
    shared = dict.fromkeys(wanted, YES_)
    return Choice(shared, NO_, UNKNOWN_) if interpreter == "no" else Choice(shared, INTERPRETER, INTERPRETER)


def _one_value(name: str, param: str) -> Callable[[Any, str], Leaf]:
    def make(test: Any, _organisation: str) -> Leaf:
        explain = _plain(name, **({param: sorted(set(test.any_of))} if param else {}))
        return Leaf(name, Choice(dict.fromkeys(test.any_of, YES_), NO_, UNKNOWN_), explain)

    return make


def _status(test: Any, _organisation: str) -> Leaf:
    some = getattr(test, "perhaps", ())
    choice = Choice({**dict.fromkeys(test.any_of, YES_), **dict.fromkeys(some, PERHAPS)}, NO_, UNKNOWN_)
    return Leaf("status", choice, _plain("status", statuses=sorted(set(test.any_of))), effort=2 if some else 1)


def _group(test: Any, _organisation: str) -> Leaf:
    wanted = frozenset(test.any_of)
    plain = _plain("group", groups=sorted(wanted))

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "yes" and facts.groups:
            return Reason("group.yes", {"groups": sorted(facts.groups & wanted)})
        return plain(facts, answer)

    return Leaf("group", Choice(dict.fromkeys(wanted, YES_), NO_, UNKNOWN_), explain, of_both=frozenset({"yes"}))


def _deadline_within(test: Any, _organisation: str) -> Leaf:
    """Whether the last safe day is at most so many days away; one that has passed is nearer still."""

    def ask(facts: Facts, _live: Live, on: date) -> Outcome:
        if facts.last_safe_day is None:
            return UNKNOWN_
        return YES_ if (facts.last_safe_day - on).days <= test else NO_

    return Leaf("deadline_within", ask, _plain("deadline_within", days=test))


def _remote_ok(test: Any, _organisation: str) -> Leaf:
    """Known of the service, or not: the person is not asked."""
    outcome = (VALUE[test], test)
    return Leaf("remote_ok", Choice({}, outcome, outcome), _plain("remote_ok"), effort=2)


def _consent(_test: Any, organisation: str) -> Leaf:
    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        if organisation in facts.never:
            return NO_
        return EXCLUDED if organisation in facts.excluded else YES_

    return Leaf("consent_allows", ask, _plain("consent_allows"))


def _accepts(_test: Any, _organisation: str) -> Leaf:
    """A pause for a need hinders who has no other need that they take; one for a language, who speaks no other."""

    def ask(facts: Facts, live: Live, _on: date) -> Outcome:
        if not live.accepts:
            return NO_
        if facts.needs & live.paused_needs and not facts.needs & live.open_needs:
            return NEED_PAUSED
        if facts.speak and live.paused_languages.issuperset(facts.speak):
            return LANGUAGE_PAUSED
        return YES_

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "need_paused":
            return Reason("accepts_referrals.need_paused", {"needs": sorted(facts.needs)})
        if answer == "language_paused":
            return Reason("accepts_referrals.language_paused", {"languages": list(facts.speak)})
        return Reason(f"accepts_referrals.{answer}")

    return Leaf("accepts_referrals", ask, explain, of_case=frozenset({"need_paused", "language_paused"}))


def _capacity(_test: Any, _organisation: str) -> Leaf:
    """A known capacity holds until its day and then is unknown again. Unknown hinders nobody."""

    def ask(_facts: Facts, live: Live, on: date) -> Outcome:
        if live.capacity == "unknown" or live.capacity_until is None or live.capacity_until < on:
            return NOT_KNOWN
        return FULL if live.capacity == "full" else OPEN

    return Leaf("capacity", ask, _plain("capacity"))


_LEAVES: Final[dict[str, Callable[[Any, str], Leaf]]] = {
    "need": _need,
    "country": _country,
    "region": _region,
    "language": _language,
    "status": _status,
    "nationality": _one_value("nationality", "countries"),
    "gender": _one_value("gender", ""),
    "age": _one_value("age", ""),
    "urgency": _one_value("urgency", ""),
    "group": _group,
    "deadline_within": _deadline_within,
    "remote_ok": _remote_ok,
    "consent_allows": _consent,
    "accepts_referrals": _accepts,
    "capacity": _capacity,
}
ALWAYS: Final = ("consent_allows", "accepts_referrals", "capacity")
"""What is asked of every service, whatever its rule says, in this order."""


@lru_cache(maxsize=8192)
def always(organisation: str) -> tuple[Leaf, ...]:
    return tuple(_LEAVES[name](True, organisation) for name in ALWAYS)
