"""The life cycle of a case as a table of moves: source state, verb, target state, and who may make the move."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from app.core.errors import IllegalMove, NotAllowed
from app.core.i18n import Translatable


class CaseState(StrEnum):
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    REFERRED = "referred"
    HELPED = "helped"
    ADVISED = "advised"
    UNMET = "unmet"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


class CaseVerb(StrEnum):
    TAKE = "take"
    REFER = "refer"
    RETURN = "return"  # a referral ended without success and no other is live: back to review
    HELP = "help"  # a referral was completed
    ADVISE = "advise"  # by the desk, or a referral was completed with advice alone
    UNMET = "unmet"
    REOPEN = "reopen"
    PUT_BACK = "put_back"  # the desk undoes its own "take"
    RECALL = "recall"  # the desk undoes its own "withdraw"
    WITHDRAW = "withdraw"
    ERASE = "erase"


S, V = CaseState, CaseVerb
ENDED: Final = frozenset({S.HELPED, S.ADVISED, S.WITHDRAWN, S.ERASED})
DESK: Final = frozenset({"coordinator", "senior"})
_OPEN = (S.SUBMITTED, S.IN_REVIEW, S.REFERRED, S.UNMET)

# fmt: off
MOVES: Final = tuple(
    (source, verb, target, by)
    for sources, verb, target, by in (
        ((S.SUBMITTED,),                              V.TAKE,     S.IN_REVIEW, DESK),
        ((S.UNMET,),                                  V.TAKE,     S.IN_REVIEW, DESK | {"clock"}),
        ((S.SUBMITTED, S.IN_REVIEW, S.UNMET),         V.REFER,    S.REFERRED,  DESK | {"clock", "person"}),
        ((S.REFERRED,),                               V.RETURN,   S.IN_REVIEW, DESK | {"clock", "partner", "person"}),
        ((S.IN_REVIEW, S.REFERRED),                   V.HELP,     S.HELPED,    DESK | {"partner"}),
        ((S.SUBMITTED, S.UNMET),                      V.ADVISE,   S.ADVISED,   DESK),
        ((S.IN_REVIEW, S.REFERRED),                   V.ADVISE,   S.ADVISED,   DESK | {"partner"}),
        ((S.SUBMITTED, S.IN_REVIEW),                  V.UNMET,    S.UNMET,     DESK | {"clock"}),
        ((S.IN_REVIEW,),                              V.PUT_BACK, S.SUBMITTED, DESK),
        ((S.WITHDRAWN,),                              V.RECALL,   S.IN_REVIEW, DESK),
        ((S.HELPED, S.ADVISED),                       V.REOPEN,   S.IN_REVIEW, DESK | {"partner", "person"}),
        (_OPEN,                                       V.WITHDRAW, S.WITHDRAWN, frozenset({"person"}) | DESK),
        (tuple(s for s in S if s is not S.ERASED),    V.ERASE,    S.ERASED,    frozenset({"person", "clock"})),
    )
    for source in sources
)
# fmt: on
_TABLE: Final = {(source, verb): (target, by) for source, verb, target, by in MOVES}


def next_state(state: CaseState, verb: CaseVerb, *, by: str) -> CaseState:
    """Where `verb` leads. Raises IllegalMove (no such row) or NotAllowed (a row, but not for this actor)."""
    row = _TABLE.get((state, verb))
    if row is None:
        raise IllegalMove("case", state, verb, allowed(state, by=by))
    target, actors = row
    if by not in actors:
        raise NotAllowed(Translatable("The step {verb} of a case is not open to you.", verb=verb))
    return target


def allowed(state: CaseState, *, by: str) -> list[str]:
    """The verbs that this actor may use in this state, in the order of the table."""
    return [verb.value for source, verb, _target, actors in MOVES if source == state and by in actors]


def replay(verbs: Iterable[CaseVerb]) -> CaseState:
    """The state after these verbs, starting from a submitted case. Raises IllegalMove when the table does not allow them."""
    state = CaseState.SUBMITTED
    for verb in verbs:
        row = _TABLE.get((state, verb))
        if row is None:
            raise IllegalMove("case", state, verb)
        state = row[0]
    return state
