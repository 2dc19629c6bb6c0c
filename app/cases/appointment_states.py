"""The life cycle of offered times, as a table. Pure."""

from enum import StrEnum
from typing import Final

from app.core.errors import IllegalMove, NotAllowed
from app.core.i18n import Translatable


class AppointmentState(StrEnum):
    OPEN = "open"
    AGREED = "agreed"
    DECLINED = "declined"
    OTHERS_WANTED = "others_wanted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class AppointmentVerb(StrEnum):
    PICK = "pick"
    DECLINE = "decline"
    ASK_OTHERS = "ask_others"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


S, V = AppointmentState, AppointmentVerb
_PERSON: Final = frozenset({"person"})
_OFFERER: Final = frozenset({"desk", "partner", "clock"})
_CLOCK: Final = frozenset({"clock"})
MOVES: Final = {
    (S.OPEN, V.PICK): (S.AGREED, _PERSON),
    (S.OPEN, V.DECLINE): (S.DECLINED, _PERSON),
    (S.OPEN, V.ASK_OTHERS): (S.OTHERS_WANTED, _PERSON),
    (S.OPEN, V.WITHDRAW): (S.WITHDRAWN, _OFFERER),
    (S.OPEN, V.EXPIRE): (S.EXPIRED, _CLOCK),
    (S.AGREED, V.DECLINE): (S.DECLINED, _PERSON),
    (S.AGREED, V.ASK_OTHERS): (S.OTHERS_WANTED, _PERSON),
    (S.AGREED, V.WITHDRAW): (S.WITHDRAWN, _OFFERER),
    (S.OTHERS_WANTED, V.WITHDRAW): (S.WITHDRAWN, _CLOCK),
}
"""State and verb: the next state, and who may. The clock withdraws when the referral or the case ends."""
LIVE: Final = frozenset({S.OPEN, S.AGREED})
UNDER_WAY: Final = LIVE | {S.OTHERS_WANTED}
"""These end with a new offer, with the referral and with the case."""


def next_state(state: AppointmentState, verb: AppointmentVerb, *, by: str) -> AppointmentState:
    """Where `verb` leads. Raises IllegalMove (no such row), NotAllowed (a row, but not for this actor)."""
    row = MOVES.get((state, verb))
    if row is None:
        raise IllegalMove("appointment", state, verb)
    if by not in row[1]:
        raise NotAllowed(Translatable("The step {verb} of offered times is not open to you.", verb=verb))
    return row[0]
