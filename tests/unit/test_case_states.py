"""The life of a case, written down a second time by hand; every state × verb × actor is tried."""

from itertools import product

import pytest

from app.cases.states import CaseState, CaseVerb, allowed, next_state, replay
from app.core.errors import IllegalMove, NotAllowed

POLICY = """
submitted  take      in_review  coordinator senior
submitted  refer     referred   coordinator senior clock person
submitted  advise    advised    coordinator senior
submitted  unmet     unmet      coordinator senior clock
submitted  withdraw  withdrawn  coordinator senior person
submitted  erase     erased     person clock
in_review  refer     referred   coordinator senior clock person
in_review  help      helped     coordinator senior partner
in_review  advise    advised    coordinator senior partner
in_review  put_back  submitted  coordinator senior
in_review  unmet     unmet      coordinator senior clock
in_review  withdraw  withdrawn  coordinator senior person
in_review  erase     erased     person clock
referred   return    in_review  coordinator senior clock partner person
referred   help      helped     coordinator senior partner
referred   advise    advised    coordinator senior partner
referred   withdraw  withdrawn  coordinator senior person
referred   erase     erased     person clock
unmet      take      in_review  coordinator senior clock
unmet      refer     referred   coordinator senior clock person
unmet      advise    advised    coordinator senior
unmet      withdraw  withdrawn  coordinator senior person
unmet      erase     erased     person clock
helped     reopen    in_review  coordinator senior partner person
helped     erase     erased     person clock
advised    reopen    in_review  coordinator senior partner person
advised    erase     erased     person clock
withdrawn  recall    in_review  coordinator senior
withdrawn  erase     erased     person clock
"""
ACTORS = ("person", "coordinator", "senior", "partner", "clock")
ALLOWED = {
    (CaseState(source), CaseVerb(verb), actor): CaseState(target)
    for source, verb, target, *actors in (line.split() for line in POLICY.strip().splitlines())
    for actor in actors
}


def test_the_table_is_the_policy() -> None:
    for state, verb, actor in product(CaseState, CaseVerb, ACTORS):
        if (state, verb, actor) in ALLOWED:
            assert next_state(state, verb, by=actor) == ALLOWED[state, verb, actor]
            assert verb.value in allowed(state, by=actor)
        else:
            with pytest.raises((IllegalMove, NotAllowed)):
                next_state(state, verb, by=actor)
            assert verb.value not in allowed(state, by=actor)


def test_the_person_can_have_every_case_erased() -> None:
    for state in set(CaseState) - {CaseState.ERASED}:
        assert "erase" in allowed(state, by="person")
    assert not any(allowed(CaseState.ERASED, by=actor) for actor in ACTORS)


def test_a_case_is_not_called_unmet_or_closed_behind_a_partners_back() -> None:
    assert CaseVerb.UNMET.value not in allowed(CaseState.REFERRED, by="senior")


def test_a_life_folds_to_its_state() -> None:
    assert replay([]) == CaseState.SUBMITTED
    assert replay([CaseVerb.REFER, CaseVerb.RETURN, CaseVerb.UNMET, CaseVerb.TAKE]) == CaseState.IN_REVIEW
    with pytest.raises(IllegalMove):
        replay([CaseVerb.RETURN])
