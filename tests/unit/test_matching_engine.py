"""Every leaf over every value it may meet, Kleene's tables, reasons of each outcome."""

from datetime import date, timedelta
from itertools import combinations, product
from typing import Any

import pytest

from app.directory.packs import load_packs
from app.directory.rules import AGES, GENDERS, GROUPS, LEAVES, STATUSES, URGENCIES, Rule
from app.matching import engine
from app.matching.engine import NO, UNKNOWN, YES, LiveStatus, MatchResult, ServiceMatch
from app.matching.facts import Facts
from app.matching.reasons import SENTENCES
from tests.support.rules import entry, facts

TODAY = date(2026, 11, 24)
NEEDS = ["asylum", "appeals", "detention", "housing"]


def asked(rule: Any, case: Facts, **more: Any) -> tuple[int, ServiceMatch]:
    """The verdict over one service with this rule (consent, pauses and capacity say nothing), and what was found."""
    result = engine.evaluate(case, [entry("one", rule)], TODAY, **more)
    for verdict, group in ((YES, result.candidates), (UNKNOWN, result.nearest), (NO, result.not_matched)):
        if group:
            return verdict, group[0]
    raise AssertionError("a service is in none of the three lists")


LEAF_TABLE = [
    # rule, facts, verdict, key of the leaf's reason (None: goes without saying)
    ({"need": {"any_of": ["asylum"]}}, {"needs": {"asylum"}}, YES, "need.yes"),
    ({"need": {"any_of": ["asylum", "appeals"]}}, {"needs": {"appeals", "housing"}}, YES, "need.yes"),
    ({"need": {"any_of": ["asylum"]}}, {"needs": {"housing"}}, NO, "need.no"),
    ({"country": {"any_of": ["PL", "LT"]}}, {"country": "LT"}, YES, None),
    ({"country": {"any_of": ["PL"]}}, {"country": "DE"}, NO, "country.no"),
    ({"region": {"any_of": ["PL-14"]}}, {"region": "PL-14"}, YES, "region.yes"),
    ({"region": {"any_of": ["PL-14"]}}, {"region": "PL-02"}, NO, "region.no"),
    ({"region": {"any_of": ["PL-14"]}}, {"region": None}, UNKNOWN, "region.unknown"),
    ({"region": {"any_of": ["PL-06"], "only_part": "Lublin"}}, {"region": "PL-06"}, UNKNOWN, "region.part"),
    ({"region": {"any_of": ["PL-06"], "only_part": "Lublin"}}, {"region": "PL-02"}, NO, "region.no"),
    ({"region": {"any_of": ["PL-06"], "only_part": "Lublin"}}, {"region": None}, UNKNOWN, "region.unknown"),
    ({"language": {"any_of": ["ru", "pl"], "interpreter": "no"}}, {"languages": ("ru",)}, YES, "language.yes"),
    ({"language": {"any_of": ["pl"], "interpreter": "no"}}, {"languages": ("ru", "be")}, NO, "language.no"),
    ({"language": {"any_of": ["pl"], "interpreter": "no"}}, {"languages": ()}, UNKNOWN, "language.unknown"),
    ({"language": {"any_of": ["pl"], "interpreter": "yes"}}, {"languages": ("ru",)}, YES, "language.interpreter"),
    ({"language": {"any_of": ["pl"], "interpreter": "unknown"}}, {"languages": ("ru",)}, YES, "language.interpreter"),
    ({"language": {"any_of": ["pl"], "interpreter": "yes"}}, {"languages": ()}, YES, "language.interpreter"),
    ({"language": {"any_of": ["pl"], "interpreter": "unknown"}}, {"languages": ()}, YES, "language.interpreter"),
    ({"language": {"any_of": [], "interpreter": "unknown"}}, {"languages": ("ru",)}, YES, "language.not_listed"),
    ({"language": {"any_of": [], "interpreter": "unknown"}}, {"languages": ()}, YES, "language.not_listed"),
    ({"status": {"any_of": ["protected"]}}, {"status": "protected"}, YES, "status.yes"),
    ({"status": {"any_of": ["protected"]}}, {"status": "visa"}, NO, "status.no"),
    ({"status": {"any_of": ["protected"]}}, {"status": None}, UNKNOWN, "status.unknown"),
    ({"status": {"any_of": ["protected"], "perhaps": ["visa"]}}, {"status": "visa"}, UNKNOWN, "status.perhaps"),
    ({"status": {"any_of": ["protected"], "perhaps": ["visa"]}}, {"status": "no_status"}, NO, "status.no"),
    ({"status": {"any_of": ["protected"], "perhaps": ["visa"]}}, {"status": None}, UNKNOWN, "status.unknown"),
    ({"group": {"any_of": ["lgbtq"]}}, {"groups": frozenset({"lgbtq", "student"})}, YES, "group.yes"),
    ({"group": {"any_of": ["lgbtq"]}}, {"groups": frozenset({"student"})}, NO, "group.no"),
    ({"group": {"any_of": ["lgbtq"]}}, {"groups": frozenset()}, NO, "group.no"),
    ({"group": {"any_of": ["lgbtq"]}}, {"groups": None}, UNKNOWN, "group.unknown"),
    ({"nationality": {"any_of": ["RU"]}}, {"nationality": "RU"}, YES, "nationality.yes"),
    ({"nationality": {"any_of": ["RU"]}}, {"nationality": "BY"}, NO, "nationality.no"),
    ({"nationality": {"any_of": ["RU"]}}, {"nationality": None}, UNKNOWN, "nationality.unknown"),
    ({"gender": {"any_of": ["woman"]}}, {"gender": "woman"}, YES, "gender.yes"),
    ({"gender": {"any_of": ["woman"]}}, {"gender": "man"}, NO, "gender.no"),
    ({"gender": {"any_of": ["woman"]}}, {"gender": None}, UNKNOWN, "gender.unknown"),
    ({"age": {"any_of": ["minor"]}}, {"age": "minor"}, YES, "age.yes"),
    ({"age": {"any_of": ["minor"]}}, {"age": "adult"}, NO, "age.no"),
    ({"age": {"any_of": ["minor"]}}, {"age": None}, UNKNOWN, "age.unknown"),
    ({"urgency": {"any_of": ["emergency"]}}, {"urgency": "emergency"}, YES, None),
    ({"urgency": {"any_of": ["emergency"]}}, {"urgency": "normal"}, NO, "urgency.no"),
    ({"deadline_within": 7}, {"last_safe_day": date(2026, 12, 1)}, YES, "deadline_within.yes"),
    ({"deadline_within": 7}, {"last_safe_day": date(2026, 12, 2)}, NO, "deadline_within.no"),
    ({"deadline_within": 7}, {"last_safe_day": date(2026, 11, 1)}, YES, "deadline_within.yes"),
    ({"deadline_within": 7}, {"last_safe_day": None}, UNKNOWN, "deadline_within.unknown"),
    ({"remote_ok": "yes"}, {}, YES, "remote_ok.yes"),
    ({"remote_ok": "no"}, {}, NO, "remote_ok.no"),
    ({"remote_ok": "unknown"}, {}, UNKNOWN, "remote_ok.unknown"),
    ({"consent_allows": True}, {}, YES, None),
    ({"consent_allows": True}, {"never": frozenset({"one"})}, NO, "consent_allows.no"),
    ({"consent_allows": True}, {"excluded": frozenset({"one"})}, NO, "consent_allows.excluded"),
    ({"accepts_referrals": True}, {}, YES, None),
    ({"capacity": True}, {}, YES, "capacity.unknown"),
]


@pytest.mark.parametrize(("rule", "known", "verdict", "key"), LEAF_TABLE)
def test_a_leaf_answers_as_its_table_says(
    rule: dict[str, Any], known: dict[str, Any], verdict: int, key: str | None
) -> None:
    got, found = asked(rule, facts(**known))
    assert got == verdict
    assert found.outcomes[0] == verdict
    assert key is None or key in {reason.key for reason in found.reasons}


# Asked of every service besides, so that their negation is a contradiction, which the linter refuses.
ALWAYS_ASKED = {"consent_allows", "accepts_referrals", "capacity"}


@pytest.mark.parametrize(
    ("rule", "known", "verdict", "key"), [row for row in LEAF_TABLE if ALWAYS_ASKED.isdisjoint(row[0])]
)
def test_a_negated_leaf_is_its_mirror_with_a_reason_of_its_own(
    rule: dict[str, Any], known: dict[str, Any], verdict: int, key: str | None
) -> None:
    got, found = asked({"not": rule}, facts(**known))
    assert got == YES - verdict
    assert key not in {reason.key for reason in found.reasons}, "a plain reason would say the opposite"


WHOLE: dict[str, tuple[str, list[Any]]] = {
    "region": ("region", ["PL-02", "PL-14", "PL-06"]),
    "status": ("status", sorted(STATUSES)),
    "nationality": ("nationality", ["RU", "BY", "UA"]),
    "gender": ("gender", sorted(GENDERS)),
    "age": ("age", sorted(AGES)),
    "urgency": ("urgency", sorted(URGENCIES)),
    "country": ("country", ["PL", "GE"]),
}


@pytest.mark.parametrize("leaf", WHOLE)
def test_a_leaf_of_one_value_is_right_for_every_value_and_for_none(leaf: str) -> None:
    """Every code asked for, alone and in pairs, against every code said; not said is unknown, and never no."""
    field, codes = WHOLE[leaf]
    for wanted in [[code] for code in codes] + [list(pair) for pair in combinations(codes, 2)]:
        rule = {leaf: {"any_of": wanted}}
        for said in codes:
            verdict = YES if said in wanted else NO
            assert asked(rule, facts(**{field: said}))[0] == verdict
            assert asked({"not": rule}, facts(**{field: said}))[0] == YES - verdict
        if field not in {"urgency", "country"}:
            assert asked(rule, facts(**{field: None}))[0] == UNKNOWN
            assert asked({"not": rule}, facts(**{field: None}))[0] == UNKNOWN


@pytest.mark.parametrize(("leaf", "field", "codes"), [("group", "groups", sorted(GROUPS)), ("need", "needs", NEEDS)])
def test_a_leaf_of_many_values_asks_for_one_in_common(leaf: str, field: str, codes: list[str]) -> None:
    for wanted in [[code] for code in codes]:
        for said in [frozenset(), *[frozenset(pair) for pair in combinations(codes, 2)]]:
            if field == "needs" and not said:
                continue
            verdict = YES if said & set(wanted) else NO
            assert asked({leaf: {"any_of": wanted}}, facts(**{field: said}))[0] == verdict
    if field == "groups":
        assert asked({leaf: {"any_of": codes[:1]}}, facts(groups=None))[0] == UNKNOWN


@pytest.mark.parametrize("interpreter", ["yes", "no", "unknown"])
@pytest.mark.parametrize("listed", [(), ("pl",), ("pl", "ru")])
@pytest.mark.parametrize("languages", [(), ("ru",), ("be", "ru"), ("ka",)])
def test_a_language_is_an_obstacle_only_where_no_interpreter_comes(
    interpreter: str, listed: tuple[str, ...], languages: tuple[str, ...]
) -> None:
    rule = {"language": {"any_of": list(listed), "interpreter": interpreter}}
    shared = bool(set(listed) & set(languages))
    verdict = YES if shared or not listed or interpreter != "no" else NO if languages else UNKNOWN
    assert asked(rule, facts(languages=languages))[0] == verdict


@pytest.mark.parametrize("days", [0, 1, 7])
@pytest.mark.parametrize("left", [-400, -1, 0, 1, 2, 6, 7, 8, 400])
def test_a_near_deadline_is_one_within_so_many_days_and_a_passed_one_too(days: int, left: int) -> None:
    verdict = YES if left <= days else NO
    assert asked({"deadline_within": days}, facts(last_safe_day=TODAY + timedelta(days=left)))[0] == verdict


def test_the_table_tries_every_leaf_of_the_language() -> None:
    assert {next(iter(rule)) for rule, *_ in LEAF_TABLE} == set(LEAVES)


STATES = [
    (LiveStatus("open", date(2026, 11, 24)), YES, "capacity.open"),
    (LiveStatus("open", date(2026, 11, 23)), YES, "capacity.unknown"),
    (LiveStatus("full", date(2026, 11, 24)), NO, "capacity.full"),
    (LiveStatus("full", date(2026, 11, 23)), YES, "capacity.unknown"),
    (LiveStatus("full", None), YES, "capacity.unknown"),
    (LiveStatus("unknown", None), YES, "capacity.unknown"),
    (LiveStatus(accepts=False), NO, "accepts_referrals.no"),
]


@pytest.mark.parametrize(("live", "verdict", "key"), STATES)
def test_capacity_and_pauses_are_asked_of_every_service_and_decay(live: LiveStatus, verdict: int, key: str) -> None:
    got, found = asked({"need": {"any_of": ["asylum"]}}, facts(), live={"one/service": live})
    assert got == verdict
    assert key in {reason.key for reason in found.reasons}


def test_a_pause_wins_over_an_open_question() -> None:
    got, found = asked({"region": {"any_of": ["PL-14"]}}, facts(), live={"one/service": LiveStatus(accepts=False)})
    assert got == NO
    assert [reason.key for reason in found.reasons] == ["accepts_referrals.no"]


def test_someone_excluded_for_conflict_reads_a_neutral_reason() -> None:
    _, found = asked({"need": {"any_of": ["asylum"]}}, facts(excluded=frozenset({"one"})))
    assert SENTENCES[found.reasons[0].key] == "They are not available for this request."


THREE: dict[int, dict[str, Any]] = {
    NO: {"remote_ok": "no"},
    UNKNOWN: {"remote_ok": "unknown"},
    YES: {"remote_ok": "yes"},
}


@pytest.mark.parametrize(("first", "second", "third"), list(product(THREE, repeat=3)))
def test_all_and_any_and_not_are_kleenes(first: int, second: int, third: int) -> None:
    parts = [THREE[first], THREE[second], THREE[third]]
    assert asked({"all": parts}, facts())[0] == min(first, second, third)
    assert asked({"any": parts}, facts())[0] == max(first, second, third)
    assert asked({"not": parts[0]}, facts())[0] == 2 - first
    assert asked({"not": {"all": parts}}, facts())[0] == 2 - min(first, second, third)
    assert asked({"not": {"any": parts}}, facts())[0] == 2 - max(first, second, third)
    assert asked({"any": [parts[0], {"all": parts[1:]}]}, facts())[0] == max(first, min(second, third))
    assert asked({"all": [parts[0], {"any": parts[1:]}]}, facts())[0] == min(first, max(second, third))
    assert asked({"not": {"not": parts[0]}}, facts())[0] == first
    assert asked({"all": [parts[0], {"not": {"all": parts[1:]}}]}, facts())[0] == min(first, 2 - min(second, third))


def test_a_pause_for_a_need_hinders_nobody_who_has_another_that_they_take() -> None:
    rule = {"need": {"any_of": ["asylum", "appeals"]}}
    paused = {"one/service": LiveStatus(paused_needs=frozenset({"asylum"}), open_needs=frozenset({"appeals"}))}
    verdict, found = asked(rule, facts(), live=paused)
    assert (verdict, found.reasons[0].key) == (NO, "accepts_referrals.need_paused")
    assert found.reasons[0].params == {"needs": ["asylum"]}
    assert asked(rule, facts(needs={"asylum", "appeals"}), live=paused)[0] == YES
    assert asked(rule, facts(needs={"appeals"}), live=paused)[0] == YES


def test_a_pause_for_a_language_hinders_nobody_who_speaks_another() -> None:
    paused = {"one/service": LiveStatus(paused_languages=frozenset({"ru", "be"}))}
    verdict, found = asked({"need": {"any_of": ["asylum"]}}, facts(languages=("ru", "be")), live=paused)
    assert (verdict, found.reasons[0].key) == (NO, "accepts_referrals.language_paused")
    assert found.reasons[0].params == {"languages": ["ru", "be"]}
    assert asked({"need": {"any_of": ["asylum"]}}, facts(languages=("ru", "en")), live=paused)[0] == YES
    assert asked({"need": {"any_of": ["asylum"]}}, facts(languages=()), live=paused)[0] == YES


def test_a_status_that_is_listed_twice_is_one_that_only_some_hold() -> None:
    rule = {"status": {"any_of": ["protected", "visa"], "perhaps": ["visa"]}}
    assert asked(rule, facts(status="visa"))[0] == UNKNOWN
    assert asked(rule, facts(status="protected"))[0] == YES


SAID = {
    "needs": {"asylum", "housing"},
    "languages": ("uk", "ru", "be"),
    "groups": frozenset({"student", "lgbtq", "activist"}),
    "region": "PL-14",
}


@pytest.mark.parametrize(
    ("rule", "key", "params"),
    [
        ({"need": {"any_of": ["asylum", "appeals"]}}, "need.yes", {"needs": ["asylum"]}),
        ({"need": {"any_of": ["appeals"]}}, "need.no", {"needs": ["asylum", "housing"]}),
        ({"not": {"need": {"any_of": ["asylum"]}}}, "need.not_yes", {"needs": ["asylum"]}),
        ({"language": {"any_of": ["be", "ru", "pl"]}}, "language.yes", {"languages": ["ru", "be"]}),
        ({"language": {"any_of": ["pl", "en"]}}, "language.interpreter", {"languages": ["pl", "en"]}),
        ({"group": {"any_of": ["student", "activist"]}}, "group.yes", {"groups": ["activist", "student"]}),
        ({"group": {"any_of": ["student", "lawyer"]}}, "group.yes", {"groups": ["student"]}),
        ({"group": {"any_of": ["lawyer", "journalist"]}}, "group.no", {"groups": ["journalist", "lawyer"]}),
        ({"region": {"any_of": ["PL-14", "PL-02"]}}, "region.yes", {"regions": ["PL-14"]}),
        ({"region": {"any_of": ["PL-06", "PL-02"]}}, "region.no", {"regions": ["PL-02", "PL-06"]}),
        ({"region": {"any_of": ["PL-14"], "only_part": "Pruszków"}}, "region.part", {"place": "Pruszków"}),
        ({"not": {"remote_ok": "yes"}}, "left_out.yes", {}),
        ({"not": {"remote_ok": "unknown"}}, "left_out.unknown", {}),
        ({"not": {"remote_ok": "no"}}, "left_out.no", {}),
        ({"not": {"capacity": True}}, "left_out.yes", {}),
    ],
)
def test_a_reason_names_what_the_person_and_the_rule_have_in_common_or_what_the_rule_asks_for(
    rule: dict[str, Any], key: str, params: dict[str, Any]
) -> None:
    free = {"one/service": LiveStatus("open", TODAY)}
    reason = asked(rule, facts(**SAID), live=free)[1].reasons[0]
    assert (reason.key, reason.params) == (key, params)


def keys(found: ServiceMatch) -> list[str]:
    return [reason.key for reason in found.reasons]


def test_a_reason_over_what_a_rule_leaves_out_says_nothing_of_the_service() -> None:
    _, found = asked({"not": {"any": [{"consent_allows": True}, {"remote_ok": "yes"}]}}, facts())
    assert [(reason.key, reason.params) for reason in found.reasons] == [("left_out.yes", {})] * 2


def test_what_one_person_said_is_forgotten_before_the_next() -> None:
    asks = [{"need": {"any_of": ["asylum"]}}, {"region": {"any_of": ["PL-14"]}}, {"nationality": {"any_of": ["RU"]}}]
    services = [entry(f"s{place}", rule) for place, rule in enumerate(asks)]
    said = facts(region="PL-14", nationality="RU")
    other = facts(needs={"housing"}, region="PL-02", nationality="BY")
    alone = [
        engine.evaluate(person, [entry(f"s{place}", rule) for place, rule in enumerate(asks)], TODAY)
        for person in (said, other, facts(needs={"housing"}))
    ]
    in_turn = [engine.evaluate(person, services, TODAY) for person in (said, other, facts(needs={"housing"}))]
    assert in_turn == alone


def test_a_refusal_names_only_what_decided() -> None:
    rule = {
        "all": [
            {"need": {"any_of": ["asylum"]}},
            {"nationality": {"any_of": ["BY"]}},
            {"status": {"any_of": ["protected"]}},
            {"any": [{"region": {"any_of": ["PL-14"]}}, {"remote_ok": "no"}]},
        ]
    }
    verdict, found = asked(rule, facts(nationality="RU", region="PL-02", status="protected"))
    assert verdict == NO
    assert keys(found) == ["nationality.no", "region.no", "remote_ok.no"]


def test_what_goes_without_saying_is_no_reason() -> None:
    always = [{"consent_allows": True}, {"accepts_referrals": True}, {"urgency": {"any_of": ["normal"]}}]
    rule = {"all": [{"country": {"any_of": ["PL"]}}, {"need": {"any_of": ["asylum"]}}, *always]}
    assert keys(asked(rule, facts())[1]) == ["need.yes", "capacity.unknown"]


def test_the_easiest_way_to_a_yes_is_asked_first() -> None:
    rule = {
        "any": [
            {"all": [{"status": {"any_of": ["protected"]}}, {"group": {"any_of": ["lgbtq"]}}]},
            {"remote_ok": "unknown"},
            {"region": {"any_of": ["PL-14"]}},
        ]
    }
    _, found = asked(rule, facts())
    assert keys(found)[0] == "region.unknown"
    assert set(keys(found)) == {"region.unknown", "remote_ok.unknown", "status.unknown", "group.unknown"}


def test_what_is_to_be_asked_stands_from_easy_to_hard_on_the_best_way_and_on_the_others() -> None:
    status, region = {"status": {"any_of": ["protected"]}}, {"region": {"any_of": ["PL-14"]}}
    only_they_know, group = {"remote_ok": "unknown"}, {"group": {"any_of": ["lgbtq"]}}
    assert keys(asked({"all": [status, region]}, facts())[1]) == ["region.unknown", "status.unknown"]
    rule = {"any": [{"all": [only_they_know, group, region]}, status]}
    expected = ["status.unknown", "region.unknown", "group.unknown", "remote_ok.unknown"]
    assert keys(asked(rule, facts())[1]) == expected


def test_a_way_within_a_way_is_asked_too() -> None:
    status, region = {"status": {"any_of": ["protected"]}}, {"region": {"any_of": ["PL-14"]}}
    nationality, group = {"nationality": {"any_of": ["BY"]}}, {"group": {"any_of": ["lgbtq"]}}
    either = {"any": [nationality, group]}
    asked_of_all = keys(asked({"all": [{"any": [status, nationality]}, region]}, facts())[1])
    assert asked_of_all == ["region.unknown", "status.unknown", "nationality.unknown"]
    harder = {"all": [region, either]}
    expected = ["status.unknown", "region.unknown", "nationality.unknown", "group.unknown"]
    assert keys(asked({"any": [status, harder]}, facts())[1]) == expected
    assert keys(asked({"any": [harder, status]}, facts())[1]) == expected


def test_the_nearest_stand_by_effort_and_then_by_how_many_needs_they_name() -> None:
    open_still = {"status": {"any_of": ["protected"]}}
    need = {"need": {"any_of": ["dublin", "housing", "appeals"]}}
    services = [
        entry("a-one", {"all": [need, open_still]}, needs=["dublin"]),
        entry("b-two", {"all": [need, open_still]}, needs=["dublin", "housing"]),
        entry("c-close", {"need": {"any_of": ["appeals"]}}, needs=["appeals"]),
        entry("d-close-and-open", {"all": [{"need": {"any_of": ["appeals"]}}, open_still]}, needs=["appeals"]),
    ]
    result = engine.evaluate(facts(needs={"dublin", "housing"}), services, TODAY, related=RELATED)
    assert [(found.organisation, found.terms) for found in result.nearest] == [
        ("b-two", (0, 1, 0)), ("a-one", (0, 1, 1)), ("c-close", (0, 1, 2)), ("d-close-and-open", (0, 2, 2)),
    ]  # fmt: skip


def test_of_two_ways_as_easy_the_one_that_is_written_first_is_asked_first() -> None:
    rule = {"any": [{"status": {"any_of": ["protected"]}}, {"nationality": {"any_of": ["BY"]}}]}
    assert keys(asked(rule, facts())[1]) == ["status.unknown", "nationality.unknown"]


def test_who_is_one_answer_away_stands_before_who_is_two_away() -> None:
    near = entry("near", {"status": {"any_of": ["protected"]}})
    far = entry("far", {"all": [{"status": {"any_of": ["protected"]}}, {"nationality": {"any_of": ["RU"]}}]})
    result = engine.evaluate(facts(), [far, near], TODAY)
    assert [found.organisation for found in result.nearest] == ["near", "far"]


def test_what_only_the_centre_knows_is_more_effort_beside_a_rule_that_is_built_alike() -> None:
    services = [
        entry("whole", {"region": {"any_of": ["PL-06"]}}),
        entry("part", {"region": {"any_of": ["PL-06"], "only_part": "Lublin"}}),
        entry("all-of-them", {"status": {"any_of": ["protected"]}}),
        entry("some-of-them", {"status": {"any_of": ["protected"], "perhaps": ["visa"]}}),
        entry("remote", {"remote_ok": "unknown"}),
    ]
    result = engine.evaluate(facts(), services, TODAY)
    efforts = {found.organisation: found.terms[1] for found in result.nearest}
    assert efforts == {"whole": 1, "part": 2, "all-of-them": 1, "some-of-them": 2, "remote": 2}


def test_what_is_asked_twice_is_one_question() -> None:
    status = {"status": {"any_of": ["protected"]}}
    twice = entry("twice", {"all": [status, {"not": {"not": status}}]})
    _, found = asked({"all": [status, status]}, facts())
    assert keys(found) == ["status.unknown"]
    nested = entry("nested", {"all": [status, {"all": [status, {"remote_ok": "unknown"}]}]})
    result = engine.evaluate(facts(), [twice, entry("once", status), nested], TODAY)
    assert [(found.organisation, found.terms[1]) for found in result.nearest] == [
        ("once", 1),
        ("twice", 1),
        ("nested", 3),
    ]


RELATED = {"dublin": frozenset({"appeals"})}


def test_a_service_for_a_related_need_is_nearest_and_never_a_candidate() -> None:
    result = engine.evaluate(
        facts(needs={"dublin"}),
        [entry("one", {"need": {"any_of": ["appeals"]}}, needs=["appeals"])],
        TODAY,
        related=RELATED,
    )
    assert keys(result.nearest[0]) == ["need.related"]
    assert not result.candidates


def test_what_is_close_is_named_and_nothing_else_that_the_service_lists() -> None:
    several = entry("one", {"need": {"any_of": ["appeals", "housing"]}}, needs=["housing", "appeals"])
    result = engine.evaluate(facts(needs={"dublin"}), [several], TODAY, related=RELATED)
    assert result.nearest[0].reasons[0].params == {"needs": ["dublin"], "listed": ["appeals"]}


def test_a_rule_may_ask_for_the_state_of_its_own_service() -> None:
    rule = {"any": [{"capacity": True}, {"remote_ok": "unknown"}]}
    full = {"one/service": LiveStatus("full", TODAY)}
    both = [entry("one", rule), entry("two", rule)]
    result = engine.evaluate(facts(), both, TODAY, live=full)
    traces = {found.organisation: found.outcomes for found in (*result.candidates, *result.not_matched)}
    assert traces == {"one": (NO, UNKNOWN, YES, YES, NO), "two": (YES, UNKNOWN, YES, YES, YES)}


def test_a_close_need_is_no_group_of_the_same_name() -> None:
    rule = {"all": [{"need": {"any_of": ["lgbtq"]}}, {"group": {"any_of": ["lgbtq"]}}]}
    close = {"dublin": frozenset({"lgbtq"})}
    of_no_group = facts(needs={"dublin"}, groups=frozenset())
    result = engine.evaluate(of_no_group, [entry("one", rule, needs=["lgbtq"])], TODAY, related=close)
    assert keys(result.not_matched[0]) == ["need.no", "group.no"]


def test_a_service_is_not_close_by_a_need_that_it_does_not_list() -> None:
    rule = {"need": {"any_of": ["appeals", "asylum"]}}
    assert not engine.evaluate(
        facts(needs={"dublin"}), [entry("one", rule, needs=["asylum"])], TODAY, related=RELATED
    ).nearest


def test_a_related_need_does_not_help_when_something_else_stands_against_it() -> None:
    rule = {"all": [{"need": {"any_of": ["appeals"]}}, {"nationality": {"any_of": ["BY"]}}]}
    services = [entry("one", rule, needs=["appeals"])]
    refused = engine.evaluate(facts(needs={"dublin"}, nationality="RU"), services, TODAY, related=RELATED)
    assert keys(refused.not_matched[0]) == ["need.no", "nationality.no"]
    asks = engine.evaluate(facts(needs={"dublin"}), services, TODAY, related=RELATED)
    assert keys(asks.nearest[0]) == ["need.related", "nationality.unknown"]
    unwanted = facts(needs={"dublin"}, nationality="BY", never=frozenset({"one"}))
    assert not engine.evaluate(unwanted, services, TODAY, related=RELATED).nearest


def test_a_close_need_is_taken_beside_the_needs_of_the_person() -> None:
    rule = {"all": [{"need": {"any_of": ["appeals"]}}, {"need": {"any_of": ["dublin"]}}]}
    result = engine.evaluate(facts(needs={"dublin"}), [entry("one", rule, needs=["appeals"])], TODAY, related=RELATED)
    assert [keys(found) for found in result.nearest] == [["need.related"]]


def test_a_need_of_the_person_is_not_named_as_something_close() -> None:
    service = entry("one", {"need": {"any_of": ["asylum"]}}, needs=["appeals", "asylum"])
    related = {"dublin": frozenset({"appeals", "asylum"})}
    result = engine.evaluate(facts(needs={"dublin", "appeals"}), [service], TODAY, related=related)
    assert result.nearest[0].reasons[0].params == {"needs": ["appeals", "dublin"], "listed": ["asylum"]}


def test_who_cannot_help_stands_as_in_the_directory() -> None:
    services = [entry(name, {"nationality": {"any_of": ["BY"]}}) for name in ("b", "c", "a")]
    result = engine.evaluate(facts(nationality="RU"), services, TODAY)
    assert [found.organisation for found in result.not_matched] == ["b", "c", "a"]


def test_a_second_need_that_a_rule_insists_on_is_not_waved_through() -> None:
    """A centre that houses victims of trafficking is not "close" for somebody who needs benefits."""
    rule = {"all": [{"need": {"any_of": ["trafficking", "housing"]}}, {"need": {"any_of": ["trafficking"]}}]}
    services = [entry("one", rule, needs=["trafficking", "housing"])]
    result = engine.evaluate(
        facts(needs={"social_benefits"}), services, TODAY, related={"social_benefits": frozenset({"housing"})}
    )
    assert not result.nearest


def test_unverified_centres_stand_last_say_so_and_are_never_offered() -> None:
    services = [
        entry("low", {"need": {"any_of": ["asylum"]}}, confidence="low"),
        entry("sure", {"all": [{"need": {"any_of": ["asylum"]}}, {"language": {"any_of": ["pl"]}}]}),
    ]
    result: MatchResult = engine.evaluate(facts(), services, TODAY)
    assert [found.organisation for found in result.candidates] == ["sure", "low"]
    assert "not_verified" in keys(result.candidates[1])
    assert [found.organisation for found in result.offerable()] == ["sure"]
    assert [found.offerable for found in result.candidates] == [True, False]


def test_every_reason_the_packs_can_give_has_a_sentence_and_its_parameters() -> None:
    directory = load_packs()
    for country in directory.countries:
        for need in directory.needs:
            result = engine.evaluate(
                facts(needs={need.id}, country=country.code),
                directory.services_for(country.code),
                TODAY,
                related=engine.related_needs(directory),
            )
            for found in (*result.candidates, *result.nearest, *result.not_matched):
                assert found.reasons
                for reason in found.reasons:
                    assert SENTENCES[reason.key].format_map(reason.params)


@pytest.mark.parametrize(("rule", "known", "verdict", "key"), LEAF_TABLE)
def test_every_answer_of_every_leaf_has_a_sentence(
    rule: dict[str, Any], known: dict[str, Any], verdict: int, key: str | None
) -> None:
    for tried in (rule, {"not": rule}):
        _, found = asked(tried, facts(**known))
        for reason in found.reasons:
            assert SENTENCES[reason.key].format_map(reason.params)


def test_a_rule_with_thousands_of_ways_is_answered_and_says_each_reason_once() -> None:
    regions = [f"PL-{number:02}" for number in range(40)]
    ways = [
        {"all": [{"region": {"any_of": list(pair)}}, {"deadline_within": number % 300}, {"age": {"any_of": ["minor"]}}]}
        for number, pair in enumerate(product(regions, repeat=2))
    ]
    verdict, found = asked({"any": ways}, facts(region="PL-07", age="adult"))
    assert verdict == NO
    assert [reason.key for reason in found.reasons].count("age.no") == 1
    assert len(found.outcomes) == 3 * 1600 + 3
    assert len(found.reasons) == len({str(reason) for reason in found.reasons}) > 700
    verdict, found = asked({"any": ways}, facts(region="PL-07", age="minor", last_safe_day=TODAY))
    assert verdict == YES


def test_a_rule_is_typed() -> None:
    with pytest.raises(ValueError):
        Rule.model_validate({"need": {"any_of": ["asylum"]}, "country": {"any_of": ["PL"]}})


def test_candidates_are_counted_from_one_and_others_have_no_rank() -> None:
    yes, no = {"country": {"any_of": ["PL"]}}, {"country": {"any_of": ["DE"]}}
    entries = [entry("one", yes), entry("two", yes), entry("three", yes), entry("other", no)]
    result = engine.evaluate(facts(), entries, TODAY)
    assert [found.rank for found in result.candidates] == [1, 2, 3]
    assert {found.rank for found in (*result.nearest, *result.not_matched)} == {0}
