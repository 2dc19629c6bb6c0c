"""The life of a proposal, written out a second time, and every combination tried."""

from itertools import product

import pytest

from app.core.errors import IllegalMove, NotAllowed
from app.staff.proposal_states import ProposalActor, ProposalState, ProposalVerb, next_state

ALLOWED = {
    (ProposalState.OPEN, ProposalVerb.APPROVE, ProposalActor.OTHER): ProposalState.APPROVED,
    (ProposalState.OPEN, ProposalVerb.DECLINE, ProposalActor.OTHER): ProposalState.DECLINED,
    (ProposalState.OPEN, ProposalVerb.DECLINE, ProposalActor.CONCERNED): ProposalState.DECLINED,
    (ProposalState.OPEN, ProposalVerb.WITHDRAW, ProposalActor.PROPOSER): ProposalState.WITHDRAWN,
    (ProposalState.OPEN, ProposalVerb.EXPIRE, ProposalActor.CLOCK): ProposalState.EXPIRED,
    (ProposalState.APPROVED, ProposalVerb.CONFIRM, ProposalActor.HOLDER): ProposalState.APPROVED,
    (ProposalState.APPROVED, ProposalVerb.DECLINE, ProposalActor.OTHER): ProposalState.DECLINED,
    (ProposalState.APPROVED, ProposalVerb.DECLINE, ProposalActor.CONCERNED): ProposalState.DECLINED,
    (ProposalState.APPROVED, ProposalVerb.CARRY_OUT, ProposalActor.PROPOSER): ProposalState.DONE,
    (ProposalState.APPROVED, ProposalVerb.CARRY_OUT, ProposalActor.HOLDER): ProposalState.DONE,
    (ProposalState.APPROVED, ProposalVerb.WITHDRAW, ProposalActor.PROPOSER): ProposalState.WITHDRAWN,
    (ProposalState.APPROVED, ProposalVerb.EXPIRE, ProposalActor.CLOCK): ProposalState.EXPIRED,
}
EVERYTHING = list(product(ProposalState, ProposalVerb, ProposalActor))


@pytest.mark.parametrize(("step", "target"), ALLOWED.items())
def test_what_the_policy_names_is_done(
    step: tuple[ProposalState, ProposalVerb, ProposalActor], target: ProposalState
) -> None:
    state, verb, by = step
    assert next_state(state, verb, by=by) is target


@pytest.mark.parametrize("step", [step for step in EVERYTHING if step not in ALLOWED])
def test_what_the_policy_does_not_name_is_refused(step: tuple[ProposalState, ProposalVerb, ProposalActor]) -> None:
    state, verb, by = step
    with pytest.raises((IllegalMove, NotAllowed)):
        next_state(state, verb, by=by)


def test_nobody_approves_their_own() -> None:
    with pytest.raises(NotAllowed):
        next_state(ProposalState.OPEN, ProposalVerb.APPROVE, by=ProposalActor.PROPOSER)
