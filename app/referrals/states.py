"""The life of a referral as a table. Nothing else assigns a state."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.core.errors import IllegalMove, NotAllowed


class State(StrEnum):
    DRAFT = "draft"
    AWAITING_CONSENT = "awaiting_consent"
    OFFERED = "offered"
    ACKNOWLEDGED = "acknowledged"
    INFO_REQUESTED = "info_requested"
    WAITLISTED = "waitlisted"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    DECLINED = "declined"
    HANDED_BACK = "handed_back"
    WITHDRAWN = "withdrawn"
    CLIENT_DECLINED = "client_declined"
    EXPIRED = "expired"
    ENTERED_IN_ERROR = "entered_in_error"


class Verb(StrEnum):
    ASK_CONSENT = "ask_consent"
    CONSENT = "consent"
    REFUSE = "refuse"
    OFFER = "offer"
    ACKNOWLEDGE = "acknowledge"
    ASK_INFO = "ask_info"
    ANSWER = "answer"
    WAITLIST = "waitlist"
    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    COMPLETE = "complete"
    HAND_BACK = "hand_back"
    WITHDRAW = "withdraw"
    CLIENT_WITHDRAW = "client_withdraw"
    EXPIRE = "expire"
    REOPEN = "reopen"
    VOID = "void"


class Actor(StrEnum):
    """CLOCK is the service itself: expiry, an automatic offer, and withdrawing what another organisation's acceptance ended."""

    PERSON = "person"
    COORDINATOR = "coordinator"
    SENIOR = "senior"
    PARTNER = "partner"
    CLOCK = "clock"


class Clock(StrEnum):
    """What a move does to the time by which somebody owes something."""

    START_ANSWER = "start_answer"  # the partner has to acknowledge and to decide
    GO_ON = "go_on"  # the same times hold
    PAUSE = "pause"  # the partner waits for an answer; its time stands still
    UNPAUSE = "unpause"
    REVIEW = "review"  # to be looked at again on a given day
    FIRST_CONTACT = "first_contact"  # the partner has to reach the person
    STOP = "stop"


class Discloses(StrEnum):
    """What the organisation may see from this move on."""

    NOTHING = "nothing"
    CARD = "card"  # codes without a name
    SEALED_PARTS = "sealed_parts"


@dataclass(frozen=True, slots=True)
class Move:
    source: State
    verb: Verb
    target: State
    by: frozenset[Actor]
    clock: Clock


S, V, C = State, Verb, Clock
_DESK = (Actor.COORDINATOR, Actor.SENIOR)
_PARTNER = (Actor.PARTNER,)


def _moves(sources: Iterable[State], verb: Verb, target: State, by: Iterable[Actor], clock: Clock) -> Iterable[Move]:
    return [Move(source, verb, target, frozenset(by), clock) for source in sources]


LIVE: Final = frozenset(
    {S.DRAFT, S.AWAITING_CONSENT, S.OFFERED, S.ACKNOWLEDGED, S.INFO_REQUESTED, S.WAITLISTED, S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD}
)  # fmt: skip
ASKED: Final = frozenset({S.OFFERED, S.ACKNOWLEDGED, S.INFO_REQUESTED, S.WAITLISTED})
"""The organisation knows of it and has not decided."""
OPENED: Final = frozenset({S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD, S.COMPLETED})
"""The organisation may open the sealed parts."""
SEEN_BY_PARTNER: Final = frozenset(State) - {S.DRAFT, S.AWAITING_CONSENT}

# fmt: off
MOVES: Final = tuple(
    move
    for moves in (
        _moves([S.DRAFT],                                    V.ASK_CONSENT,     S.AWAITING_CONSENT, _DESK,                         C.STOP),
        _moves([S.AWAITING_CONSENT],                         V.CONSENT,         S.OFFERED,          [Actor.PERSON],                C.START_ANSWER),
        _moves([S.AWAITING_CONSENT],                         V.REFUSE,          S.CLIENT_DECLINED,  [Actor.PERSON],                C.STOP),
        _moves([S.DRAFT],                                    V.OFFER,           S.OFFERED,          [*_DESK, Actor.CLOCK],         C.START_ANSWER),
        _moves([S.OFFERED],                                  V.ACKNOWLEDGE,     S.ACKNOWLEDGED,     _PARTNER,                      C.GO_ON),
        _moves([S.OFFERED, S.ACKNOWLEDGED],                  V.ASK_INFO,        S.INFO_REQUESTED,   _PARTNER,                      C.PAUSE),
        _moves([S.INFO_REQUESTED],                           V.ANSWER,          S.ACKNOWLEDGED,     [Actor.PERSON, *_DESK],        C.UNPAUSE),
        _moves([S.OFFERED, S.ACKNOWLEDGED],                  V.WAITLIST,        S.WAITLISTED,       _PARTNER,                      C.REVIEW),
        _moves([S.OFFERED, S.ACKNOWLEDGED, S.WAITLISTED],    V.ACCEPT,          S.ACCEPTED,         _PARTNER,                      C.FIRST_CONTACT),
        _moves([S.OFFERED, S.ACKNOWLEDGED, S.INFO_REQUESTED, S.WAITLISTED], V.DECLINE, S.DECLINED,  _PARTNER,                      C.STOP),
        _moves([S.ACCEPTED],                                 V.START,           S.IN_PROGRESS,      _PARTNER,                      C.STOP),
        _moves([S.IN_PROGRESS],                              V.HOLD,            S.ON_HOLD,          _PARTNER,                      C.REVIEW),
        _moves([S.ON_HOLD],                                  V.RESUME,          S.IN_PROGRESS,      _PARTNER,                      C.STOP),
        _moves([S.ACCEPTED, S.IN_PROGRESS],                  V.COMPLETE,        S.COMPLETED,        _PARTNER,                      C.STOP),
        _moves([S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD],       V.HAND_BACK,       S.HANDED_BACK,      _PARTNER,                      C.STOP),
        _moves(sorted(LIVE),                                 V.WITHDRAW,        S.WITHDRAWN,        [*_DESK, Actor.CLOCK],         C.STOP),
        _moves(sorted(LIVE),                                 V.CLIENT_WITHDRAW, S.CLIENT_DECLINED,  [Actor.PERSON],                C.STOP),
        _moves([S.OFFERED, S.ACKNOWLEDGED, S.INFO_REQUESTED], V.EXPIRE,         S.EXPIRED,          [Actor.CLOCK],                 C.STOP),
        _moves([S.COMPLETED],                                V.REOPEN,          S.IN_PROGRESS,      [*_PARTNER, *_DESK],           C.STOP),
        _moves([s for s in State if s != S.ENTERED_IN_ERROR], V.VOID,           S.ENTERED_IN_ERROR, [Actor.SENIOR],                C.STOP),
    )
    for move in moves
)
# fmt: on
_BY_SOURCE_AND_VERB: Final = {(move.source, move.verb): move for move in MOVES}


def next_move(state: State, verb: Verb, *, by: Actor) -> Move:
    """The row for this step. Raises IllegalMove (no such row) or NotAllowed (a row, but not for this actor)."""
    move = _BY_SOURCE_AND_VERB.get((state, verb))
    if move is None:
        raise IllegalMove("referral", state, verb, allowed_actions(state, by=by))
    if by not in move.by:
        raise NotAllowed(f"A referral is not moved by {verb} from this side.")
    return move


def next_state(state: State, verb: Verb, *, by: Actor) -> State:
    """Where `verb` leads. Raises IllegalMove, NotAllowed."""
    return next_move(state, verb, by=by).target


def allowed_actions(state: State, *, by: Actor) -> list[str]:
    """The verbs this actor has in this state, in the table's order."""
    return [move.verb.value for move in MOVES if move.source == state and by in move.by]


def discloses(state: State) -> Discloses:
    if state in OPENED:
        return Discloses.SEALED_PARTS
    return Discloses.CARD if state in SEEN_BY_PARTNER else Discloses.NOTHING
