"""The life cycle of a proposal, as a table: one member proposes, another approves, the first carries it out. Pure."""

from enum import StrEnum
from typing import Final

from app.core.errors import IllegalMove, NotAllowed


class State(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    DONE = "done"


class Verb(StrEnum):
    APPROVE = "approve"
    CONFIRM = "confirm"
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    CARRY_OUT = "carry_out"


class Actor(StrEnum):
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
    (State.OPEN,     Verb.APPROVE,   Actor.OTHER):     State.APPROVED,
    (State.OPEN,     Verb.DECLINE,   Actor.OTHER):     State.DECLINED,
    (State.OPEN,     Verb.DECLINE,   Actor.CONCERNED): State.DECLINED,
    (State.OPEN,     Verb.WITHDRAW,  Actor.PROPOSER):  State.WITHDRAWN,
    (State.OPEN,     Verb.EXPIRE,    Actor.CLOCK):     State.EXPIRED,
    (State.APPROVED, Verb.CONFIRM,   Actor.HOLDER):    State.APPROVED,
    (State.APPROVED, Verb.DECLINE,   Actor.OTHER):     State.DECLINED,
    (State.APPROVED, Verb.DECLINE,   Actor.CONCERNED): State.DECLINED,
    (State.APPROVED, Verb.CARRY_OUT, Actor.PROPOSER):  State.DONE,
    (State.APPROVED, Verb.CARRY_OUT, Actor.HOLDER):    State.DONE,  # only a new key of an organisation
    (State.APPROVED, Verb.WITHDRAW,  Actor.PROPOSER):  State.WITHDRAWN,
    (State.APPROVED, Verb.EXPIRE,    Actor.CLOCK):     State.EXPIRED,
}
# fmt: on
LIVE: Final = frozenset({State.OPEN, State.APPROVED})


def next_state(state: State, verb: Verb, *, by: Actor) -> State:
    """Where `verb` leads. Raises IllegalMove (no such step from here) or NotAllowed (a step, but not this actor's)."""
    target = MOVES.get((state, verb, by))
    if target is not None:
        return target
    if not any((state, verb) == (source, step) for source, step, _actor in MOVES):
        raise IllegalMove("proposal", state, verb)
    if verb in {Verb.APPROVE, Verb.CONFIRM}:
        raise NotAllowed("Somebody else has to decide about what you proposed.")
    if verb is Verb.DECLINE and by is Actor.PROPOSER:
        raise NotAllowed("You proposed this yourself. Withdraw it instead.")
    raise NotAllowed("Only the person who proposed it can do this.")
