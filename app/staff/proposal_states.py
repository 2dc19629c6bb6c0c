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
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    CARRY_OUT = "carry_out"


class Actor(StrEnum):
    """PROPOSER is the member who proposed it, OTHER any other member whose role may decide."""

    PROPOSER = "proposer"
    OTHER = "other"
    CLOCK = "clock"


# fmt: off
MOVES: Final = {
    (State.OPEN,     Verb.APPROVE,   Actor.OTHER):    State.APPROVED,
    (State.OPEN,     Verb.DECLINE,   Actor.OTHER):    State.DECLINED,
    (State.OPEN,     Verb.WITHDRAW,  Actor.PROPOSER): State.WITHDRAWN,
    (State.OPEN,     Verb.EXPIRE,    Actor.CLOCK):    State.EXPIRED,
    (State.APPROVED, Verb.CARRY_OUT, Actor.PROPOSER): State.DONE,
    (State.APPROVED, Verb.WITHDRAW,  Actor.PROPOSER): State.WITHDRAWN,
    (State.APPROVED, Verb.EXPIRE,    Actor.CLOCK):    State.EXPIRED,
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
    if verb in {Verb.APPROVE, Verb.DECLINE}:
        raise NotAllowed("Somebody else has to decide about what you proposed.")
    raise NotAllowed("Only the person who proposed it can do this.")
