"""The life cycle of a proposal, as a table: one member proposes, another approves, the first carries it out. Pure."""

from enum import StrEnum
from typing import Final

from app.core.errors import IllegalMove, NotAllowed


class ProposalState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    DONE = "done"


class ProposalVerb(StrEnum):
    APPROVE = "approve"
    CONFIRM = "confirm"
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    CARRY_OUT = "carry_out"


class ProposalActor(StrEnum):
    """PROPOSER is the member who proposed it, OTHER another one whose role may decide, CONCERNED one that the change concerns.

    HOLDER is another member who holds the key of the team or organisation that the change is about.
    """

    PROPOSER = "proposer"
    OTHER = "other"
    CONCERNED = "concerned"
    HOLDER = "holder"
    CLOCK = "clock"


# fmt: off
MOVES: Final = {
    (ProposalState.OPEN,     ProposalVerb.APPROVE,   ProposalActor.OTHER):     ProposalState.APPROVED,
    (ProposalState.OPEN,     ProposalVerb.DECLINE,   ProposalActor.OTHER):     ProposalState.DECLINED,
    (ProposalState.OPEN,     ProposalVerb.DECLINE,   ProposalActor.CONCERNED): ProposalState.DECLINED,
    (ProposalState.OPEN,     ProposalVerb.WITHDRAW,  ProposalActor.PROPOSER):  ProposalState.WITHDRAWN,
    (ProposalState.OPEN,     ProposalVerb.EXPIRE,    ProposalActor.CLOCK):     ProposalState.EXPIRED,
    (ProposalState.APPROVED, ProposalVerb.CONFIRM,   ProposalActor.HOLDER):    ProposalState.APPROVED,
    (ProposalState.APPROVED, ProposalVerb.DECLINE,   ProposalActor.OTHER):     ProposalState.DECLINED,
    (ProposalState.APPROVED, ProposalVerb.DECLINE,   ProposalActor.CONCERNED): ProposalState.DECLINED,
    (ProposalState.APPROVED, ProposalVerb.CARRY_OUT, ProposalActor.PROPOSER):  ProposalState.DONE,
    (ProposalState.APPROVED, ProposalVerb.CARRY_OUT, ProposalActor.HOLDER):    ProposalState.DONE,  # only of a new organisation key
    (ProposalState.APPROVED, ProposalVerb.WITHDRAW,  ProposalActor.PROPOSER):  ProposalState.WITHDRAWN,
    (ProposalState.APPROVED, ProposalVerb.EXPIRE,    ProposalActor.CLOCK):     ProposalState.EXPIRED,
}
# fmt: on
LIVE: Final = frozenset({ProposalState.OPEN, ProposalState.APPROVED})


def next_state(state: ProposalState, verb: ProposalVerb, *, by: ProposalActor) -> ProposalState:
    """Where `verb` leads. Raises IllegalMove (no such step from here) or NotAllowed (a step, but not this actor's)."""
    target = MOVES.get((state, verb, by))
    if target is not None:
        return target
    if not any((state, verb) == (source, step) for source, step, _actor in MOVES):
        raise IllegalMove("proposal", state, verb)
    if verb in {ProposalVerb.APPROVE, ProposalVerb.CONFIRM}:
        raise NotAllowed("Somebody else has to decide about what you proposed.")
    if verb is ProposalVerb.DECLINE and by is ProposalActor.PROPOSER:
        raise NotAllowed("You proposed this yourself. Withdraw it instead.")
    raise NotAllowed("Only the person who proposed it can do this.")
