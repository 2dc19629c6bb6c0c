"""The closed list of leaf tests: how each is answered from the facts, and which reason each answer has.

Three values: YES 2, UNKNOWN 1, NO 0. A leaf below a `not` is the mirror of itself with reasons of its own (`not_yes`:
what it leaves out is the case), so a tree needs only `all` and `any`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal

from app.directory.rules import Rule
from app.matching.facts import Facts
from app.matching.reasons import Reason

NO, UNKNOWN, YES = 0, 1, 2
VALUE: Final = {"no": NO, "unknown": UNKNOWN, "yes": YES}
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
Outcome = tuple[int, str]
"""The value, and the part of the reason's key after the leaf's name."""
YES_, NO_, UNKNOWN_ = (YES, "yes"), (NO, "no"), (UNKNOWN, "unknown")
Ask = Callable[[Facts, Live, date], Outcome]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A compiled leaf test: what it is called, how it is answered, how its reason reads, and the effort to find out.

    `effort`: 1 when the person can say it, 2 when the centre has to be asked. `codes`: of a test that is a yes when one of
    these is among the person's needs, and otherwise a no, so that it can be looked up instead of asked. `repeated`: the answers
    whose reason says again what the person said; the reason of any other depends on the rule alone.
    """

    name: str
    ask: Ask
    explain: Callable[[Facts, str], Reason]
    effort: int = 1
    codes: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()


def compile_leaf(rule: Rule, organisation: str, *, negated: bool = False) -> Leaf:
    """The leaf of a rule node that is one test. `organisation` is the slug of the centre whose rule it is."""
    leaf = _LEAVES[rule.kind](rule.test, organisation)
    return _mirrored(leaf) if negated else leaf


def _mirrored(leaf: Leaf) -> Leaf:
    def ask(facts: Facts, live: Live, on: date) -> Outcome:
        value, answer = leaf.ask(facts, live, on)
        return YES - value, f"not_{answer}"

    def explain(facts: Facts, answer: str) -> Reason:
        plain = leaf.explain(facts, answer.removeprefix("not_"))
        if leaf.name in ABOUT_THE_SERVICE or leaf.name == "remote_ok":
            return Reason({YES: "left_out.no", UNKNOWN: "left_out.unknown"}.get(leaf_value(answer), "left_out.yes"))
        return Reason(f"{leaf.name}.{answer}", plain.params)

    repeated = frozenset(f"not_{answer}" for answer in leaf.repeated)
    return Leaf(leaf.name, ask, explain, leaf.effort, repeated=repeated)


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


def _said(value: str | None, wanted: frozenset[str]) -> Outcome:
    if value is None:
        return UNKNOWN_
    return YES_ if value in wanted else NO_


def _plain(name: str, **params: Any) -> Callable[[Facts, str], Reason]:
    """Reasons that depend on the rule alone: made once."""
    made: dict[str, Reason] = {}

    def explain(_facts: Facts, answer: str) -> Reason:
        reason = made.get(answer)
        if reason is None:
            reason = made[answer] = Reason(f"{name}.{answer}", params)
        return reason

    return explain


@lru_cache(maxsize=2048)
def _about_needs(answer: str, needs: frozenset[str]) -> Reason:
    return Reason(f"need.{answer}", {"needs": sorted(needs)})


def _need(test: Any, _organisation: str) -> Leaf:
    wanted = frozenset(test.any_of)

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        return YES_ if facts.needs & wanted else NO_

    def explain(facts: Facts, answer: str) -> Reason:
        return _about_needs(answer, facts.needs & wanted if answer == "yes" else facts.needs)

    return Leaf("need", ask, explain, codes=wanted, repeated=frozenset({"yes", "no"}))


def _country(test: Any, _organisation: str) -> Leaf:
    wanted = frozenset(test.any_of)

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        return _said(facts.country, wanted)

    def explain(facts: Facts, answer: str) -> Reason:
        return Reason(f"country.{answer}", {"country": [facts.country]})

    return Leaf("country", ask, explain, repeated=frozenset({"yes", "no", "unknown"}))


def _region(test: Any, _organisation: str) -> Leaf:
    wanted, place = frozenset(test.any_of), test.only_part
    plain = _plain("region", regions=sorted(wanted))

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        value, answer = _said(facts.region, wanted)
        return (UNKNOWN, "part") if value == YES and place else (value, answer)

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "part":
            return Reason("region.part", {"place": place})
        if answer == "yes":
            return Reason("region.yes", {"regions": [facts.region]})
        return plain(facts, answer)

    return Leaf("region", ask, explain, effort=2 if place else 1, repeated=frozenset({"yes"}))


def _language(test: Any, _organisation: str) -> Leaf:
    wanted, only_these = frozenset(test.any_of), test.interpreter == "no"
    plain = _plain("language", languages=list(test.any_of))

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        if wanted.intersection(facts.speak):
            return YES_
        if not wanted:
            return YES, "not_listed"
        if not only_these:
            return YES, "interpreter"
        return NO_ if facts.speak else UNKNOWN_

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "not_listed":
            return Reason("language.not_listed")
        if answer == "yes":
            return Reason("language.yes", {"languages": [code for code in facts.speak if code in wanted]})
        return plain(facts, answer)

    return Leaf("language", ask, explain, repeated=frozenset({"yes"}))


def _one_value(name: str, param: str, read: Callable[[Facts], str | None]) -> Callable[[Any, str], Leaf]:
    def make(test: Any, _organisation: str) -> Leaf:
        wanted = frozenset(test.any_of)
        explain = _plain(name, **({param: sorted(wanted)} if param else {}))
        return Leaf(name, lambda facts, _live, _on: _said(read(facts), wanted), explain)

    return make


def _status(test: Any, _organisation: str) -> Leaf:
    wanted, some = frozenset(test.any_of), frozenset(getattr(test, "perhaps", ()))
    plain = _plain("status", statuses=sorted(wanted))

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        return (UNKNOWN, "perhaps") if facts.status in some else _said(facts.status, wanted)

    return Leaf("status", ask, plain, effort=2 if some else 1)


def _group(test: Any, _organisation: str) -> Leaf:
    wanted = frozenset(test.any_of)
    plain = _plain("group", groups=sorted(wanted))

    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        if facts.groups is None:
            return UNKNOWN_
        return YES_ if facts.groups & wanted else NO_

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "yes" and facts.groups:
            return Reason("group.yes", {"groups": sorted(facts.groups & wanted)})
        return plain(facts, answer)

    return Leaf("group", ask, explain, repeated=frozenset({"yes"}))


def _deadline_within(test: Any, _organisation: str) -> Leaf:
    """Whether the last safe day is at most so many days away; one that has passed is nearer still."""

    def ask(facts: Facts, _live: Live, on: date) -> Outcome:
        if facts.last_safe_day is None:
            return UNKNOWN_
        return YES_ if (facts.last_safe_day - on).days <= test else NO_

    return Leaf("deadline_within", ask, _plain("deadline_within", days=test))


def _remote_ok(test: Any, _organisation: str) -> Leaf:
    outcome = (VALUE[test], test)
    return Leaf("remote_ok", lambda _facts, _live, _on: outcome, _plain("remote_ok"), effort=2)


def _consent(_test: Any, organisation: str) -> Leaf:
    def ask(facts: Facts, _live: Live, _on: date) -> Outcome:
        if organisation in facts.never:
            return NO_
        return (NO, "excluded") if organisation in facts.excluded else YES_

    return Leaf("consent_allows", ask, _plain("consent_allows"))


def _accepts(_test: Any, _organisation: str) -> Leaf:
    """A pause for a need hinders who has no other need that they take; one for a language, who speaks no other."""

    def ask(facts: Facts, live: Live, _on: date) -> Outcome:
        if not live.accepts:
            return NO_
        if facts.needs & live.paused_needs and not facts.needs & live.open_needs:
            return NO, "need_paused"
        if facts.speak and live.paused_languages.issuperset(facts.speak):
            return NO, "language_paused"
        return YES_

    def explain(facts: Facts, answer: str) -> Reason:
        if answer == "need_paused":
            return Reason("accepts_referrals.need_paused", {"needs": sorted(facts.needs)})
        if answer == "language_paused":
            return Reason("accepts_referrals.language_paused", {"languages": list(facts.speak)})
        return Reason(f"accepts_referrals.{answer}")

    return Leaf("accepts_referrals", ask, explain, repeated=frozenset({"need_paused", "language_paused"}))


def _capacity(_test: Any, _organisation: str) -> Leaf:
    """A known capacity holds until its day and then is unknown again. Unknown hinders nobody."""

    def ask(_facts: Facts, live: Live, on: date) -> Outcome:
        if live.capacity == "unknown" or live.capacity_until is None or live.capacity_until < on:
            return YES, "unknown"
        return (NO, "full") if live.capacity == "full" else (YES, "open")

    return Leaf("capacity", ask, _plain("capacity"))


_LEAVES: Final[dict[str, Callable[[Any, str], Leaf]]] = {
    "need": _need,
    "country": _country,
    "region": _region,
    "language": _language,
    "status": _status,
    "nationality": _one_value("nationality", "countries", lambda facts: facts.nationality),
    "gender": _one_value("gender", "", lambda facts: facts.gender),
    "age": _one_value("age", "", lambda facts: facts.age),
    "urgency": _one_value("urgency", "", lambda facts: facts.tier),
    "group": _group,
    "deadline_within": _deadline_within,
    "remote_ok": _remote_ok,
    "consent_allows": _consent,
    "accepts_referrals": _accepts,
    "capacity": _capacity,
}
ALWAYS: Final = ("consent_allows", "accepts_referrals", "capacity")
"""What is asked of every service, whatever its rule says, in this order."""


def always(organisation: str) -> tuple[Leaf, ...]:
    return tuple(_LEAVES[name](True, organisation) for name in ALWAYS)
