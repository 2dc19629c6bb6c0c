"""The closed list of leaf tests, each as a table: its outcome for what the person said, and the reason of each outcome.

Nearly every test compares codes: the rule lists some, the person said some (`CodeTest`). The others ask for a day, or for the
state of the service whose rule it is (`Check`). A test below a `not` has the opposite outcomes, with reasons of their own
(`not_yes`: what the rule leaves out is the case), so that a rule's tree needs only `all` and `any`.
"""

from collections.abc import Callable, Mapping, Sequence
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
class LiveStatus:
    """The day-to-day state of a service: free places and pauses.

    During a pause for some needs, `paused_needs` contains these needs and `open_needs` those that it still takes.
    """

    capacity: Literal["open", "full", "unknown"] = "unknown"
    capacity_until: date | None = None
    accepts: bool = True
    paused_needs: frozenset[str] = frozenset()
    open_needs: frozenset[str] = frozenset()
    paused_languages: frozenset[str] = frozenset()


NO_LIVE_STATUS: Final = LiveStatus()


# --- tests that compare codes ----------------------------------------------------------------------------------------

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class CodeTest:
    """A leaf test that compares codes.

    Attributes: listed: the outcome for each code that the rule lists. otherwise: the outcome for somebody who said other codes
    only. not_said: the outcome for somebody who did not say. params: the parameters of a reason that names what the rule says.
    params_of: others, for an answer that needs them. effort: of finding out an unknown answer: 1 when the person can say it, 2
    when the centre has to be asked.
    """

    name: str
    listed: Mapping[str, Outcome]
    otherwise: Outcome = NO_
    not_said: Outcome = UNKNOWN_
    params: Params = field(default_factory=dict)
    params_of: Mapping[str, Params] = field(default_factory=dict)
    effort: int = 1


CODES_OF_PERSON: Final[Mapping[str, Callable[[Facts], Sequence[str] | None]]] = {
    "need": lambda facts: sorted(facts.needs),
    "country": lambda facts: [facts.country],
    "region": lambda facts: _one(facts.region),
    "language": lambda facts: facts.languages or None,
    "status": lambda facts: _one(facts.status),
    "group": lambda facts: None if facts.groups is None else sorted(facts.groups),
    "nationality": lambda facts: _one(facts.nationality),
    "gender": lambda facts: _one(facts.gender),
    "age": lambda facts: _one(facts.age),
    "urgency": lambda facts: [facts.urgency],
    "remote_ok": lambda _facts: None,
}
"""For a test that compares codes: the codes that the person said, in the order in which a reason names them. None: not said."""

NAMES_CODES_OF_PERSON: Final[Mapping[tuple[str, str], str]] = {
    ("need", "yes"): "needs",
    ("need", "no"): "needs",
    ("country", "yes"): "country",
    ("country", "no"): "country",
    ("region", "yes"): "regions",
    ("language", "yes"): "languages",
    ("group", "yes"): "groups",
}
"""The reasons that name codes of the person (the shared ones; where none is shared, all) and not of the rule: their parameter."""


def _one(code: str | None) -> list[str] | None:
    return None if code is None else [code]


def _need(test: Any) -> CodeTest:
    return CodeTest("need", dict.fromkeys(test.any_of, YES_), not_said=NO_)


def _country(test: Any) -> CodeTest:
    return CodeTest("country", dict.fromkeys(test.any_of, YES_))


def _region(test: Any) -> CodeTest:
    """`only_part`: the service covers only this place of the region, which the person is not asked for."""
    place, params = test.only_part, {"regions": sorted(set(test.any_of))}
    if place:
        only_there = dict.fromkeys(test.any_of, PART)
        return CodeTest("region", only_there, params=params, params_of={"part": {"place": place}}, effort=2)
    return CodeTest("region", dict.fromkeys(test.any_of, YES_), params=params)


def _language(test: Any) -> CodeTest:
    """Without a shared language an interpreter may help, unless the service is known to have none."""
    if not test.any_of:
        return CodeTest("language", {}, NOT_LISTED, NOT_LISTED)
    shared, params = dict.fromkeys(test.any_of, YES_), {"languages": list(test.any_of)}
    if test.interpreter == "no":
        return CodeTest("language", shared, params=params)
    return CodeTest("language", shared, INTERPRETER, INTERPRETER, params)


def _status(test: Any) -> CodeTest:
    """`perhaps`: the service takes only some of the people with such a status, and somebody has to ask which."""
    outcomes = {**dict.fromkeys(test.any_of, YES_), **dict.fromkeys(test.perhaps, PERHAPS)}
    params = {"statuses": sorted(set(test.any_of))}
    return CodeTest("status", outcomes, params=params, effort=2 if test.perhaps else 1)


def _group(test: Any) -> CodeTest:
    return CodeTest("group", dict.fromkeys(test.any_of, YES_), params={"groups": sorted(set(test.any_of))})


def _nationality(test: Any) -> CodeTest:
    return CodeTest("nationality", dict.fromkeys(test.any_of, YES_), params={"countries": sorted(set(test.any_of))})


def _gender(test: Any) -> CodeTest:
    return CodeTest("gender", dict.fromkeys(test.any_of, YES_))


def _age(test: Any) -> CodeTest:
    return CodeTest("age", dict.fromkeys(test.any_of, YES_))


def _urgency(test: Any) -> CodeTest:
    return CodeTest("urgency", dict.fromkeys(test.any_of, YES_))


def _remote_ok(test: Any) -> CodeTest:
    """The outcome from what the source says about the service, the same for every case: the person is not asked."""
    outcome = {"yes": YES_, "no": NO_, "unknown": UNKNOWN_}[test]
    return CodeTest("remote_ok", {}, not_said=outcome, effort=2)


_CODE_TESTS: Final[Mapping[str, Callable[[Any], CodeTest]]] = {
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
    "remote_ok": _remote_ok,
}


# --- tests that are asked ---------------------------------------------------------------------------------------------

Answer = Callable[[Facts, LiveStatus, date], Outcome]
"""From the facts of a case, the state of the service that asks, and the day."""
Explain = Callable[[Facts, Outcome], Params]
"""From the facts of a case and the outcome to the parameters of its reason."""


def _no_params(_facts: Facts, _outcome: Outcome) -> Params:
    return {}


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """A leaf test that is more than a comparison of codes."""

    name: str
    answer: Answer
    params: Explain = _no_params
    effort: int = 1


def _deadline_within(test: Any, _organisation: str) -> Check:
    """Whether the last safe day is at most so many days away; one that has passed is nearer still."""

    def answer(facts: Facts, _live: LiveStatus, on: date) -> Outcome:
        if facts.last_safe_day is None:
            return UNKNOWN_
        return YES_ if (facts.last_safe_day - on).days <= test else NO_

    return Check("deadline_within", answer, lambda _facts, _outcome: {"days": test})


def _consent_allows(_test: Any, organisation: str) -> Check:
    def answer(facts: Facts, _live: LiveStatus, _on: date) -> Outcome:
        if organisation in facts.never:
            return NO_
        return EXCLUDED if organisation in facts.excluded or organisation in facts.unsafe else YES_

    return Check("consent_allows", answer)


def _accepts_referrals(_test: Any, _organisation: str) -> Check:
    """A pause for a need matters only if they take no other of the person's; one for a language, if the person speaks no other."""

    def answer(facts: Facts, live: LiveStatus, _on: date) -> Outcome:
        if not live.accepts:
            return NO_
        if facts.needs & live.paused_needs and not facts.needs & live.open_needs:
            return NEED_PAUSED
        if facts.languages and live.paused_languages.issuperset(facts.languages):
            return LANGUAGE_PAUSED
        return YES_

    def params(facts: Facts, outcome: Outcome) -> Params:
        if outcome is NEED_PAUSED:
            return {"needs": sorted(facts.needs)}
        return {"languages": list(facts.languages)} if outcome is LANGUAGE_PAUSED else {}

    return Check("accepts_referrals", answer, params)


def _capacity(_test: Any, _organisation: str) -> Check:
    """A known capacity is valid until its day and then unknown again. An unknown capacity excludes nobody."""

    def answer(_facts: Facts, live: LiveStatus, on: date) -> Outcome:
        if live.capacity == "unknown" or live.capacity_until is None or live.capacity_until < on:
            return NOT_KNOWN
        return FULL if live.capacity == "full" else OPEN

    return Check("capacity", answer)


_CHECKS: Final[Mapping[str, Callable[[Any, str], Check]]] = {
    "deadline_within": _deadline_within,
    "consent_allows": _consent_allows,
    "accepts_referrals": _accepts_referrals,
    "capacity": _capacity,
}
ALWAYS: Final = ("consent_allows", "accepts_referrals", "capacity")
"""What is asked of every service, whatever its rule says, in this order."""


@lru_cache(maxsize=8192)
def always(organisation: str) -> tuple[Check, ...]:
    """The checks of `ALWAYS` for a service of this organisation."""
    return tuple(_CHECKS[name](True, organisation) for name in ALWAYS)


LeafTest = CodeTest | Check


def test_of(rule: Rule, organisation: str) -> LeafTest:
    """The test of a rule node that is a leaf. `organisation`: the id of the centre whose rule it is."""
    if rule.kind in _CODE_TESTS:
        return _CODE_TESTS[rule.kind](rule.test)
    return _CHECKS[rule.kind](rule.test, organisation)


# --- reasons ----------------------------------------------------------------------------------------------------------

_SAID_IN_GENERAL: Final = ABOUT_THE_SERVICE | {"remote_ok"}


def reason_key(name: str, outcome: Outcome) -> str:
    """The key of the reason of an outcome.

    For a `not` over a fact about the service the reason is general, because a sentence about the service would reveal too much.
    """
    answer = outcome.answer
    if name not in _SAID_IN_GENERAL or not answer.startswith("not_"):
        return f"{name}.{answer}"
    if answer in {"not_yes", "not_open"}:
        return "left_out.yes"
    return "left_out.unknown" if answer == "not_unknown" else "left_out.no"


def reason_of(name: str, outcome: Outcome, params: Params) -> Reason:
    return Reason(reason_key(name, outcome), params)
