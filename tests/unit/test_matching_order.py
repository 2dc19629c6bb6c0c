"""The rotation, and the terms of the order one by one."""

from collections import Counter
from datetime import date
from itertools import groupby, pairwise
from typing import Any

import pytest

from app.matching import order
from app.matching.engine import LiveStatus, MatchResult, evaluate
from app.matching.order import Share
from tests.support.rules import entry, facts

TODAY = date(2026, 11, 24)
RULE = {"need": {"any_of": ["asylum"]}}
FOUR = ["a/service", "b/service", "c/service", "d/service"]


def rotate(weights: dict[str, int], cases: int, seed: int = 0) -> list[str]:
    shares, given = order.shares_with_weights(weights), []
    for case in range(cases):
        chosen = order.rotation_order(list(weights), shares, seed * 1000 + case)[0]
        shares = order.shares_after_turn(list(weights), chosen, shares)
        given.append(chosen)
    return given


def longest_run(given: list[str]) -> int:
    return max(len(list(run)) for _, run in groupby(given))


@pytest.mark.parametrize("seed", range(25))
def test_weights_of_5_1_1_1_share_80_equal_cases_as_50_10_10_10(seed: int) -> None:
    given = rotate(dict(zip(FOUR, (5, 1, 1, 1), strict=True)), 80, seed)
    assert Counter(given) == dict(zip(FOUR, (50, 10, 10, 10), strict=True))
    assert longest_run(given) <= 3


@pytest.mark.parametrize("weights", [(1, 1), (2, 1), (3, 2, 1), (1, 1, 1, 1, 1, 1, 1), (4, 3, 2, 1), (9, 5, 2)])
def test_each_round_gives_everybody_exactly_their_part(weights: tuple[int, ...]) -> None:
    named = {f"{number}/service": weight for number, weight in enumerate(weights)}
    given = rotate(named, 3 * sum(weights))
    assert Counter(given) == {key: 3 * weight for key, weight in named.items()}


def test_nobody_gets_more_than_three_in_a_row_while_another_is_owed_something() -> None:
    weights = {"big/service": 10, "b/service": 1, "c/service": 1}
    shares = order.shares_with_weights(weights)
    given: list[str] = []
    for case in range(240):
        chosen = order.rotation_order(list(weights), shares, case)[0]
        if given[-3:] == [chosen] * 3:
            for other in weights.keys() - {chosen}:
                assert shares[other].owed + order.UNIT * weights[other] // 12 <= 0
        shares = order.shares_after_turn(list(weights), chosen, shares)
        given.append(chosen)
    assert Counter(given) == {"big/service": 200, "b/service": 20, "c/service": 20}


def test_who_was_alone_for_long_is_not_owed_less_by_it_but_waits_after_three() -> None:
    """A place nobody else had a claim to is none of the rotation's."""
    shares = order.shares_with_weights({"a/service": 1, "b/service": 1})
    assert order.shares_after_turn(["a/service"], "a/service", shares)["a/service"].owed == 0


def test_a_run_of_three_gives_way_even_to_somebody_who_is_owed_less() -> None:
    shares = {"a": Share(5, earned=9 * order.UNIT, got=3, in_a_row=3), "b": Share(1, earned=order.UNIT, got=0)}
    assert order.rotation_order(["a", "b"], shares, 0)[0] == "b"
    nothing_owed = {"a": shares["a"], "b": Share(1, earned=0, got=4)}
    assert order.rotation_order(["a", "b"], nothing_owed, 0)[0] == "a"


def test_a_new_weight_begins_a_new_count() -> None:
    assert order.shares_with_weights({"a": 2})["a"] == Share(weight=2, earned=0, got=0, in_a_row=0)


def test_equals_are_drawn_by_seed_the_same_everywhere() -> None:
    assert order.rotation_order(FOUR, {}, 7) == order.rotation_order(list(reversed(FOUR)), {}, 7)
    assert len({tuple(order.rotation_order(FOUR, {}, seed)) for seed in range(60)}) > 12
    assert order.tie_break(7, "a/service") == 276_758_778_123_188


def ranked(
    *services: Any, live: dict[str, LiveStatus] | None = None, days: dict[str, float] | None = None, **case: Any
) -> list[str]:
    result: MatchResult = evaluate(facts(**case), services, TODAY, live=live, answer_days=days)
    assert [found.rank for found in result.candidates] == list(range(1, len(result.candidates) + 1))
    for earlier, later in pairwise(result.candidates):
        assert earlier.terms <= later.terms
    return [found.organisation for found in result.candidates]


SPEAKS = {"all": [RULE, {"language": {"any_of": ["ru"]}}]}
SPEAKS_NOT = {"all": [RULE, {"language": {"any_of": ["pl"], "interpreter": "yes"}}]}
OPEN = LiveStatus("open", date(2026, 12, 1))


def test_each_term_puts_the_better_first() -> None:
    two = {"need": {"any_of": ["asylum", "appeals"]}}
    assert ranked(
        entry("one-need", RULE), entry("both", two, needs=["asylum", "appeals"]), needs={"asylum", "appeals"}
    ) == ["both", "one-need"]
    assert ranked(entry("interpreter", SPEAKS_NOT), entry("shared", SPEAKS)) == ["shared", "interpreter"]
    partly = entry("a-partly", {"all": [SPEAKS, SPEAKS_NOT]})
    assert ranked(partly, entry("b-shared", SPEAKS)) == ["b-shared", "a-partly"], "in one of two languages"
    assert ranked(entry("far", RULE, remote="unknown"), entry("near", RULE), urgency="emergency") == ["near", "far"]
    assert ranked(entry("choosy", RULE, selective=True), entry("plain", RULE)) == ["plain", "choosy"]
    assert ranked(entry("unknown", RULE), entry("open", RULE), live={"open/service": OPEN}) == ["open", "unknown"]
    appeal = {"need": {"any_of": ["appeals"]}}
    court = entry("court", appeal, needs=["appeals"], representation="yes")
    advice = entry("advice", appeal, needs=["appeals"], representation="no")
    assert ranked(advice, court, needs={"appeals"}) == ["court", "advice"]
    assert ranked(entry("slow", RULE), entry("quick", RULE), days={"slow/service": 9.5, "quick/service": 0.4}) == [
        "quick",
        "slow",
    ]
    assert ranked(entry("last", RULE, takes_referrals="no"), entry("sure", RULE)) == ["sure", "last"]


def test_terms_are_compared_in_the_order_of_the_formula() -> None:
    assert ranked(
        entry("shared-full-history", SPEAKS),
        entry("open-interpreter", SPEAKS_NOT),
        live={"open-interpreter/service": OPEN},
    ) == ["shared-full-history", "open-interpreter"]
    assert order.TERMS[0] == "unverified"
    assert order.TERMS[-1] == "turn"


def test_a_scarce_service_keeps_its_free_places_for_the_cases_few_others_take() -> None:
    wide = [entry(f"wide-{number}", RULE) for number in range(3)]
    scarce = entry("scarce", {"need": {"any_of": ["asylum", "statelessness"]}}, needs=["asylum", "statelessness"])
    open_for_all = {f"{name}/service": OPEN for name in ("wide-0", "wide-1", "wide-2", "scarce")}
    assert ranked(scarce, *wide, live=open_for_all)[-1] == "scarce"
    assert ranked(scarce, *wide, live=open_for_all, needs={"statelessness"}) == ["scarce"]


def test_a_service_that_is_there_for_such_people_stands_before_one_for_everybody() -> None:
    plain = [entry(f"plain-{number}", RULE) for number in range(3)]
    theirs = entry("theirs", {"all": [RULE, {"group": {"any_of": ["journalist"]}}]})
    assert ranked(*plain, theirs, groups=frozenset({"journalist"}))[0] == "theirs"


def test_a_centre_that_nobody_has_confirmed_makes_a_need_no_less_scarce() -> None:
    confirmed = [entry(name, RULE) for name in ("one", "two")]
    services = [*confirmed, entry("low", RULE, confidence="low")]
    assert {found.terms[order.TERMS.index("scarcity")] for found in evaluate(facts(), services, TODAY).candidates} == {
        0
    }
    third = [*confirmed, entry("three", RULE)]
    assert {found.terms[order.TERMS.index("scarcity")] for found in evaluate(facts(), third, TODAY).candidates} == {1}


def test_who_is_also_there_for_other_people_does_not_stand_before_one_for_everybody() -> None:
    either = {"any": [RULE, {"group": {"any_of": ["journalist"]}}]}
    services = [entry("either", either), *(entry(f"plain-{number}", RULE) for number in range(3))]
    scarcity = {
        found.organisation: order.named_terms(found.terms)["scarcity"]
        for found in evaluate(facts(groups=frozenset({"student"})), services, TODAY).candidates
    }
    assert scarcity == {"either": 1, "plain-0": 1, "plain-1": 1, "plain-2": 1}


def test_shares_decide_between_equals_only() -> None:
    owed = {"b/service": Share(earned=3 * order.UNIT)}
    result = evaluate(facts(), [entry(name, RULE) for name in "abc"], TODAY, shares=owed)
    assert result.candidates[0].service == "b/service"
    assert set(result.equals_of_first()) == {"a/service", "b/service", "c/service"}
    better = evaluate(facts(), [entry("a", SPEAKS), entry("b", SPEAKS_NOT)], TODAY, shares=owed)
    assert better.candidates[0].service == "a/service"
    assert better.equals_of_first() == ("a/service",)


def test_every_term_of_a_candidate_has_a_name() -> None:
    result = evaluate(facts(), [entry("a", RULE)], TODAY)
    assert tuple(order.named_terms(result.candidates[0].terms)) == order.TERMS
