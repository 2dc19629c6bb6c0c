"""The life of a need, written down a second time by hand; every state × verb × actor is tried."""

from itertools import product

import pytest

from app.cases.need_states import (
    END_VERBS,
    ENDED,
    NeedState,
    NeedVerb,
    after,
    case_end,
    is_uncovered,
    may,
    next_state,
)
from app.core.errors import IllegalMove, NotAllowed

POLICY = """
open        offer       offered     coordinator senior clock person
open        accept      with_centre partner
open        help        helped      coordinator senior partner
open        advise      advised     coordinator senior partner
open        unmet       unmet       coordinator senior clock
open        drop        not_wanted  coordinator senior clock person
open        resume      with_centre coordinator senior partner
offered     accept      with_centre partner
offered     return      open        coordinator senior clock partner person
offered     help        helped      coordinator senior partner
offered     advise      advised     coordinator senior partner
offered     unmet       unmet       coordinator senior clock
offered     drop        not_wanted  coordinator senior clock person
offered     resume      with_centre coordinator senior partner
with_centre undo_accept offered     partner
with_centre return      open        coordinator senior clock partner person
with_centre help        helped      coordinator senior partner
with_centre advise      advised     coordinator senior partner
with_centre unmet       unmet       coordinator senior clock
with_centre drop        not_wanted  coordinator senior clock person
helped      reopen      open        coordinator senior clock partner person
helped      resume      with_centre coordinator senior partner
advised     reopen      open        coordinator senior clock partner person
advised     resume      with_centre coordinator senior partner
unmet       offer       offered     coordinator senior clock person
unmet       accept      with_centre partner
unmet       help        helped      coordinator senior
unmet       advise      advised     coordinator senior
unmet       drop        not_wanted  coordinator senior clock person
unmet       reopen      open        coordinator senior clock partner person
unmet       resume      with_centre coordinator senior partner
not_wanted  reopen      open        coordinator senior clock partner person
"""
ACTORS = ("person", "coordinator", "senior", "partner", "clock")
ALLOWED = {
    (NeedState(source), NeedVerb(verb), actor): NeedState(target)
    for source, verb, target, *actors in (line.split() for line in POLICY.strip().splitlines())
    for actor in actors
}


def test_the_table_is_the_policy() -> None:
    for state, verb, actor in product(NeedState, NeedVerb, ACTORS):
        if (state, verb, actor) in ALLOWED:
            assert next_state(state, verb, by=actor) is ALLOWED[state, verb, actor]
            assert may(state, verb)
        else:
            with pytest.raises((IllegalMove, NotAllowed)):
                next_state(state, verb, by=actor)


def test_each_end_has_the_verb_that_leads_to_it() -> None:
    assert set(END_VERBS) == {state.value for state in ENDED}
    for end, verb in END_VERBS.items():
        assert next_state(NeedState.OPEN, verb, by="coordinator") == end


def test_a_case_ends_as_the_best_of_its_needs_and_not_before_each_has_an_end() -> None:
    for first, second in product(NeedState, NeedState):
        found = case_end([first, second])
        if {first, second} - ENDED:
            assert found is None
            continue
        order = [NeedState.HELPED, NeedState.ADVISED, NeedState.UNMET, NeedState.NOT_WANTED]
        best = min((first, second), key=order.index)
        assert found == {"helped": "help", "advised": "advise", "unmet": "unmet", "not_wanted": "withdraw"}[best]


def test_a_need_is_uncovered_only_when_nobody_is_asked_for_it() -> None:
    states = {"asylum": NeedState.OPEN, "psych": NeedState.OPEN}
    offered = after(states, NeedVerb.OFFER, ["asylum"])
    assert is_uncovered(offered.values())
    assert not is_uncovered(after(offered, NeedVerb.OFFER, ["psych"]).values())
    assert not is_uncovered([NeedState.WITH_CENTRE, NeedState.UNMET])
