"""The life of a proposal, written out a second time, and every combination tried."""

from itertools import product

import pytest

from app.core.errors import IllegalMove, NotAllowed
from app.staff.proposal_states import Actor, State, Verb, next_state

ALLOWED = {
    (State.OPEN, Verb.APPROVE, Actor.OTHER): State.APPROVED,
    (State.OPEN, Verb.DECLINE, Actor.OTHER): State.DECLINED,
    (State.OPEN, Verb.DECLINE, Actor.CONCERNED): State.DECLINED,
    (State.OPEN, Verb.WITHDRAW, Actor.PROPOSER): State.WITHDRAWN,
    (State.OPEN, Verb.EXPIRE, Actor.CLOCK): State.EXPIRED,
    (State.APPROVED, Verb.CONFIRM, Actor.HOLDER): State.APPROVED,
    (State.APPROVED, Verb.DECLINE, Actor.OTHER): State.DECLINED,
    (State.APPROVED, Verb.DECLINE, Actor.CONCERNED): State.DECLINED,
    (State.APPROVED, Verb.CARRY_OUT, Actor.PROPOSER): State.DONE,
    (State.APPROVED, Verb.CARRY_OUT, Actor.HOLDER): State.DONE,
    (State.APPROVED, Verb.WITHDRAW, Actor.PROPOSER): State.WITHDRAWN,
    (State.APPROVED, Verb.EXPIRE, Actor.CLOCK): State.EXPIRED,
}
EVERYTHING = list(product(State, Verb, Actor))


@pytest.mark.parametrize(("step", "target"), ALLOWED.items())
def test_what_the_policy_names_is_done(step: tuple[State, Verb, Actor], target: State) -> None:
    state, verb, by = step
    assert next_state(state, verb, by=by) is target


@pytest.mark.parametrize("step", [step for step in EVERYTHING if step not in ALLOWED])
def test_what_the_policy_does_not_name_is_refused(step: tuple[State, Verb, Actor]) -> None:
    state, verb, by = step
    with pytest.raises((IllegalMove, NotAllowed)):
        next_state(state, verb, by=by)


def test_nobody_approves_their_own() -> None:
    with pytest.raises(NotAllowed):
        next_state(State.OPEN, Verb.APPROVE, by=Actor.PROPOSER)
