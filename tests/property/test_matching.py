"""What must hold for all rules and all people: made up at random and shrunk to the smallest case that breaks it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.directory.packs import Limit, load_packs
from app.directory.rules import Rule
from app.matching.deadlines import ASSUMED, assess, calendar_of, last_safe_day
from app.matching.engine import NO, UNKNOWN, YES, LiveStatus, MatchResult, ServiceMatch, evaluate
from app.matching.facts import Facts
from app.matching.lint import can_be
from app.matching.reasons import SENTENCES
from tests.support.rules import entry

TODAY = date(2026, 11, 24)
NEEDS = ["asylum", "appeals", "housing", "dublin"]
REGIONS = ["PL-02", "PL-06", "PL-14"]
LANGUAGES = ["ru", "pl", "be"]
STATUSES = ["asylum_seeker", "protected", "visa"]
GROUPS = ["journalist", "lgbtq", "student"]
COUNTRIES = ["RU", "BY", "UA"]
RELATED = {"dublin": frozenset({"appeals"}), "appeals": frozenset({"asylum"})}


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


answers = st.sampled_from(["yes", "no", "unknown"])
leaves: st.SearchStrategy[dict[str, Any]] = st.one_of(
    some(NEEDS).map(lambda codes: {"need": {"any_of": codes}}),
    st.sampled_from([["PL"], ["DE"], ["PL", "LT"]]).map(lambda codes: {"country": {"any_of": codes}}),
    some(REGIONS).map(lambda codes: {"region": {"any_of": codes}}),
    st.just({"region": {"any_of": ["PL-06"], "only_part": "Lublin"}}),
    st.builds(lambda codes, how: {"language": {"any_of": codes, "interpreter": how}}, some(LANGUAGES), answers),
    some(STATUSES).map(lambda codes: {"status": {"any_of": codes}}),
    st.just({"status": {"any_of": ["protected"], "perhaps": ["visa"]}}),
    some(GROUPS).map(lambda codes: {"group": {"any_of": codes}}),
    some(COUNTRIES).map(lambda codes: {"nationality": {"any_of": codes}}),
    st.just({"gender": {"any_of": ["woman"]}}),
    st.just({"age": {"any_of": ["minor"]}}),
    st.just({"urgency": {"any_of": ["emergency", "urgent"]}}),
    st.integers(0, 30).map(lambda days: {"deadline_within": days}),
    answers.map(lambda answer: {"remote_ok": answer}),
)
rules: st.SearchStrategy[dict[str, Any]] = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.lists(below, min_size=1, max_size=4).map(lambda parts: {"all": parts}),
        st.lists(below, min_size=1, max_size=4).map(lambda parts: {"any": parts}),
        below.map(lambda part: {"not": part}),
    ),
    max_leaves=12,
)
maybe_codes = {
    "region": REGIONS,
    "status": STATUSES,
    "nationality": COUNTRIES,
    "gender": ["woman", "man"],
    "age": ["minor", "adult"],
}
people: st.SearchStrategy[Facts] = st.builds(
    Facts,
    needs=st.frozensets(st.sampled_from(NEEDS), min_size=1),
    country=st.just("PL"),
    languages=st.lists(st.sampled_from(LANGUAGES), max_size=2, unique=True).map(tuple),
    groups=st.none() | st.frozensets(st.sampled_from(GROUPS)),
    urgency=st.sampled_from(["emergency", "urgent", "normal"]),
    last_safe_day=st.none() | st.integers(-3, 40).map(lambda days: TODAY + timedelta(days=days)),
    never=st.frozensets(st.sampled_from(["s0", "s1"]), max_size=1),
    excluded=st.frozensets(st.sampled_from(["s0", "s2"]), max_size=1),
    **{name: st.none() | st.sampled_from(codes) for name, codes in maybe_codes.items()},
)
states = st.dictionaries(
    st.sampled_from(["s0/service", "s1/service", "s3/service"]),
    st.builds(
        LiveStatus,
        capacity=st.sampled_from(["open", "full", "unknown"]),
        capacity_until=st.none() | st.just(TODAY) | st.just(TODAY - timedelta(days=1)),
        accepts=st.booleans(),
    ),
)


def run(
    many: list[dict[str, Any]], person: Facts, live: dict[str, LiveStatus] | None = None, seed: int = 0
) -> MatchResult:
    services = [
        entry(f"s{number}", rule, needs=NEEDS[: 1 + number % 3], confidence="low" if number % 4 == 3 else "high")
        for number, rule in enumerate(many)
    ]
    return evaluate(person, services, TODAY, related=RELATED, live=live, seed=seed)


def by_service(result: MatchResult) -> dict[str, tuple[str, ServiceMatch]]:
    groups = (("yes", result.candidates), ("near", result.nearest), ("no", result.not_matched))
    return {found.service: (where, found._replace(rank=0, terms=())) for where, group in groups for found in group}


def slow_truth(rule: Rule, person: Facts) -> int:
    """The rule language a second time: straight from the words, with no rulebook, no trees and no push-down of `not`."""
    kind, test = rule.kind, rule.test
    if kind == "all":
        return min(slow_truth(child, person) for child in test)
    if kind == "any":
        return max(slow_truth(child, person) for child in test)
    if kind == "not_":
        return 2 - slow_truth(test, person)
    if kind == "need":
        return YES if any(need in test.any_of for need in person.needs) else NO
    if kind == "group":
        if person.groups is None:
            return UNKNOWN
        return YES if any(group in test.any_of for group in person.groups) else NO
    if kind == "language":
        if any(code in test.any_of for code in person.languages) or test.interpreter != "no":
            return YES
        return NO if person.languages else UNKNOWN
    if kind == "deadline_within":
        if person.last_safe_day is None:
            return UNKNOWN
        return YES if person.last_safe_day <= TODAY + timedelta(days=test) else NO
    if kind == "remote_ok":
        return {"yes": YES, "no": NO, "unknown": UNKNOWN}[test]
    said = {
        "country": person.country, "region": person.region, "status": person.status, "gender": person.gender,
        "nationality": person.nationality, "age": person.age, "urgency": person.urgency,
    }[kind]  # fmt: skip
    if said is None:
        return UNKNOWN
    if kind == "region" and test.only_part and said in test.any_of:
        return UNKNOWN
    if kind == "status" and said in test.perhaps:
        return UNKNOWN
    return YES if said in test.any_of else NO


@given(rule=rules, person=people)
@settings(max_examples=600)
def test_the_engine_says_what_the_words_of_the_rule_say(rule: dict[str, Any], person: Facts) -> None:
    person = replace(person, never=frozenset(), excluded=frozenset())
    result = evaluate(person, [entry("one", rule)], TODAY)
    got = YES if result.candidates else UNKNOWN if result.nearest else NO
    assert got == slow_truth(Rule.model_validate(rule), person)


@given(many=st.lists(rules, min_size=1, max_size=4), crowd=st.lists(people, min_size=2, max_size=6), live=states)
def test_who_was_matched_before_changes_nothing(
    many: list[dict[str, Any]], crowd: list[Facts], live: dict[str, LiveStatus]
) -> None:
    """A rulebook keeps what it has worked out: the same services, many people, each as if they were the first."""
    services = [entry(f"s{number}", rule, needs=NEEDS[: 1 + number % 3]) for number, rule in enumerate(many)]
    for person in (*crowd, *crowd):
        fresh = [entry(f"s{number}", rule, needs=NEEDS[: 1 + number % 3]) for number, rule in enumerate(many)]
        one = evaluate(person, services, TODAY, related=RELATED, live=live)
        assert one == evaluate(person, fresh, TODAY, related=RELATED, live=live)


@given(many=st.lists(rules, min_size=1, max_size=5), more=rules, person=people, live=states)
def test_another_service_changes_nobody_s_outcome(
    many: list[dict[str, Any]], more: dict[str, Any], person: Facts, live: dict[str, LiveStatus]
) -> None:
    before, after = by_service(run(many, person, live)), by_service(run([*many, more], person, live))
    assert before == {key: value for key, value in after.items() if key in before}


skeletons: st.SearchStrategy[Any] = st.recursive(
    st.none(),
    lambda below: st.one_of(
        st.tuples(st.sampled_from(["all", "any"]), st.lists(below, min_size=1, max_size=3)),
        st.tuples(st.just("not"), below),
    ),
    max_leaves=6,
)


def filled(skeleton: Any, draw: Any) -> dict[str, Any]:
    """A rule built like this, of some leaves."""
    if skeleton is None:
        rule: dict[str, Any] = draw(leaves)
        return rule
    kind, below = skeleton
    return {kind: filled(below, draw) if kind == "not" else [filled(part, draw) for part in below]}


@given(skeleton=skeletons, count=st.integers(2, 4), person=people, leaf=st.data())
def test_rules_built_alike_that_ask_for_other_things_do_not_speak_for_each_other(
    skeleton: Any, count: int, person: Facts, leaf: st.DataObject
) -> None:
    many = [filled(skeleton, leaf.draw) for _ in range(count)]
    alone = [evaluate(person, [entry(f"s{number}", rule)], TODAY, related=RELATED) for number, rule in enumerate(many)]
    together = evaluate(person, [entry(f"s{number}", rule) for number, rule in enumerate(many)], TODAY, related=RELATED)
    assert by_service(together) == {key: value for result in alone for key, value in by_service(result).items()}
    efforts = {found.service: found.terms for found in together.nearest}
    assert efforts == {found.service: found.terms for result in alone for found in result.nearest}


@given(many=st.lists(rules, min_size=1, max_size=4), person=people, live=states)
def test_lifting_an_exclusion_never_takes_a_candidate_away(
    many: list[dict[str, Any]], person: Facts, live: dict[str, LiveStatus]
) -> None:
    def named(case: Facts) -> set[str]:
        return {found.service for found in run(many, case, live).candidates}

    assert named(person) <= named(replace(person, never=frozenset()))
    assert named(person) <= named(replace(person, excluded=frozenset()))


@given(rule=rules, person=people, said=st.data())
@settings(max_examples=300)
def test_one_more_answer_never_turns_a_yes_or_no_back(rule: dict[str, Any], person: Facts, said: st.DataObject) -> None:
    """Knowing more settles what was unknown and unsettles nothing: the order of information is kept.

    Two words of the language are about uncertain places and statuses, not about missing answers: knowing that somebody is in
    such a place leaves open what "somewhere" would have left open, so they can only stay unknown.
    """
    person = replace(person, never=frozenset(), excluded=frozenset())
    before = slow_truth(Rule.model_validate(rule), person)
    name = said.draw(st.sampled_from([*maybe_codes, "groups", "last_safe_day"]))
    if getattr(person, name) is not None:
        return
    values: dict[str, Any] = {**maybe_codes, "groups": [frozenset({"lgbtq"}), frozenset()], "last_safe_day": [TODAY]}
    richer = replace(person, **{name: said.draw(st.sampled_from(values[name]))})
    result = evaluate(richer, [entry("one", rule)], TODAY)
    after = YES if result.candidates else UNKNOWN if result.nearest else NO
    if before != UNKNOWN:
        assert after == before


@given(many=st.lists(rules, min_size=1, max_size=6), person=people, live=states, seed=st.integers(0, 2**64))
def test_the_order_is_total_stable_and_does_not_depend_on_the_order_of_the_directory(
    many: list[dict[str, Any]], person: Facts, live: dict[str, LiveStatus], seed: int
) -> None:
    services = [entry(f"s{number}", rule) for number, rule in enumerate(many)]
    one = evaluate(person, services, TODAY, related=RELATED, live=live, seed=seed)
    again = evaluate(person, services[::-1], TODAY, related=RELATED, live=live, seed=seed)
    assert one.candidates == again.candidates
    assert one.nearest == again.nearest
    assert by_service(one) == by_service(again)
    for result, listed in ((one, services), (again, services[::-1])):
        refused = [found.service for found in result.not_matched]
        assert refused == [service.key for service in listed if service.key in refused], "as the directory has them"
    assert len({found.terms for found in one.candidates}) == len(one.candidates)
    places = [*one.candidates, *one.nearest, *one.not_matched]
    assert sorted(found.service for found in places) == sorted(service.key for service in services)


@given(many=st.lists(rules, min_size=1, max_size=4), person=people, live=states)
def test_everything_that_is_found_has_a_reason_that_reads_as_a_sentence(
    many: list[dict[str, Any]], person: Facts, live: dict[str, LiveStatus]
) -> None:
    result = run(many, person, live)
    for found in (*result.candidates, *result.nearest, *result.not_matched):
        assert found.reasons
        for reason in found.reasons:
            assert SENTENCES[reason.key].format_map(reason.params)
    for found in result.not_matched:
        assert all(
            reason.key.split(".")[1] not in {"yes", "unknown"} or "left_out" in reason.key for reason in found.reasons
        )


known = st.builds(
    Facts,
    needs=st.frozensets(st.sampled_from(NEEDS), min_size=1),
    country=st.just("PL"),
    languages=st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=2, unique=True).map(tuple),
    groups=st.frozensets(st.sampled_from(GROUPS)),
    urgency=st.sampled_from(["emergency", "urgent", "normal"]),
    last_safe_day=st.integers(-3, 40).map(lambda days: TODAY + timedelta(days=days)),
    **{name: st.sampled_from(codes) for name, codes in maybe_codes.items()},
)


@given(rule=rules, person=known)
@settings(max_examples=300)
def test_the_linter_never_calls_impossible_what_somebody_fulfils(rule: dict[str, Any], person: Facts) -> None:
    """What is open of somebody who has answered everything, only the centre can say."""
    parsed = Rule.model_validate(rule)
    truth = slow_truth(parsed, person)
    if truth == YES:
        assert can_be(parsed)
    if truth != NO:
        assert can_be(parsed, may=True)


days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
limits = st.builds(
    Limit, value=st.integers(1, 60), unit=st.sampled_from(["calendar_days", "working_days", "months", "hours"])
)
PACKS = load_packs()
places = st.sampled_from([("PL", None), ("GE", None), ("LT", None), ("DE", None), ("DE", "DE-BE"), ("DE", "DE-BY")])


@given(served_on=days, later=st.integers(0, 40), limit=limits, place=places, rolls=answers)
def test_a_later_letter_never_has_an_earlier_last_day(
    served_on: date, later: int, limit: Limit, place: tuple[str, str | None], rolls: str
) -> None:
    calendar = calendar_of(PACKS.country(place[0]), place[1])
    first = last_safe_day(served_on, limit, calendar, rolls)
    assert last_safe_day(served_on + timedelta(days=later), limit, calendar, rolls) >= first
    assert first >= served_on


@given(served_on=days, limit=limits, place=places)
def test_moving_over_holidays_only_ever_moves_on_and_ends_on_a_working_day(
    served_on: date, limit: Limit, place: tuple[str, str | None]
) -> None:
    calendar = calendar_of(PACKS.country(place[0]), place[1])
    stays, moves = (last_safe_day(served_on, limit, calendar, rolls) for rolls in ("no", "yes"))
    assert stays <= moves <= stays + timedelta(days=10)
    if limit.unit != "hours":
        assert calendar.is_working(moves)


letters = st.sampled_from([(country.code, row) for country in PACKS.countries for row in PACKS.deadlines(country.code)])


@given(
    letter=letters, known=st.booleans(), today=days, passes=st.integers(0, 400),
    received=st.none() | st.integers(-400, 1), earlier=st.none() | st.integers(-400, 1), asked=st.integers(-30, 0),
)  # fmt: skip
def test_no_deadline_moves_later_because_time_passes(
    letter: Any, known: bool, today: date, passes: int, received: int | None, earlier: int | None, asked: int
) -> None:
    country, row = PACKS.country(letter[0]), letter[1] if known else None
    received_on, earlier_on = (today + timedelta(n) if n is not None else None for n in (received, earlier))
    asked_on = today + timedelta(asked)
    now, later = (
        assess(row, received_on, country, day, asked_on=asked_on, earlier_on=earlier_on)
        for day in (today, today + timedelta(passes))
    )
    assert later.last_safe_day == now.last_safe_day
    assert later.certainty == now.certainty
    assert now.passed <= later.passed
    if not now.is_known:
        assert now.last_safe_day <= min((day for day in (received_on, earlier_on) if day), default=asked_on) + ASSUMED
