"""The life cycle of one need of a case as a table of moves: source state, verb, target state, and who may make the move."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from app.cases.states import DESK, CaseVerb
from app.core.errors import IllegalMove, NotAllowed
from app.core.i18n import Translatable


class NeedState(StrEnum):
    OPEN = "open"  # nobody is asked for it
    OFFERED = "offered"  # a live referral names it, and no organisation has accepted it
    WITH_CENTRE = "with_centre"  # one organisation has accepted it
    HELPED = "helped"
    ADVISED = "advised"
    UNMET = "unmet"  # nobody was found for it
    NOT_WANTED = "not_wanted"  # the person no longer wants help with it


class NeedVerb(StrEnum):
    OFFER = "offer"  # an organisation is asked for it, or the person whether one may be
    ACCEPT = "accept"
    UNDO_ACCEPT = "undo_accept"
    RETURN = "return"  # the last referral that named it ended without help
    HELP = "help"
    ADVISE = "advise"
    UNMET = "unmet"
    DROP = "drop"
    REOPEN = "reopen"
    RESUME = "resume"  # the organisation that ended it works on it again


S, V = NeedState, NeedVerb
ENDED: Final = frozenset({S.HELPED, S.ADVISED, S.UNMET, S.NOT_WANTED})
UNCOVERED: Final = S.OPEN
_ASKABLE: Final = (S.OPEN, S.OFFERED, S.UNMET)
ASKABLE: Final = frozenset(_ASKABLE)
"""Organisations may be asked for a need in one of these states."""
WAITING: Final = frozenset({S.OPEN, S.OFFERED})
"""It has neither an organisation nor an end."""
_UNENDED: Final = (S.OPEN, S.OFFERED, S.WITH_CENTRE)
_ANYBODY: Final = DESK | {"clock", "partner", "person"}

# fmt: off
MOVES: Final = tuple(
    (source, verb, target, by)
    for sources, verb, target, by in (
        ((S.OPEN, S.UNMET),                        V.OFFER,       S.OFFERED,     DESK | {"clock", "person"}),
        (_ASKABLE,                                 V.ACCEPT,      S.WITH_CENTRE, frozenset({"partner"})),
        ((S.WITH_CENTRE,),                         V.UNDO_ACCEPT, S.OFFERED,     frozenset({"partner"})),
        ((S.OFFERED, S.WITH_CENTRE),               V.RETURN,      S.OPEN,        _ANYBODY),
        (_UNENDED,                                 V.HELP,        S.HELPED,      DESK | {"partner"}),
        ((S.UNMET,),                               V.HELP,        S.HELPED,      DESK),
        (_UNENDED,                                 V.ADVISE,      S.ADVISED,     DESK | {"partner"}),
        ((S.UNMET,),                               V.ADVISE,      S.ADVISED,     DESK),
        (_UNENDED,                                 V.UNMET,       S.UNMET,       DESK | {"clock"}),
        ((*_UNENDED, S.UNMET),                     V.DROP,        S.NOT_WANTED,  DESK | {"person", "clock"}),
        ((S.HELPED, S.ADVISED, S.UNMET, S.NOT_WANTED), V.REOPEN,  S.OPEN,        _ANYBODY),
        ((*_ASKABLE, S.HELPED, S.ADVISED),         V.RESUME,      S.WITH_CENTRE, DESK | {"partner"}),
    )
    for source in sources
)
# fmt: on
_TABLE: Final = {(source, verb): (target, by) for source, verb, target, by in MOVES}

END_VERBS: Final = {"helped": V.HELP, "advised": V.ADVISE, "unmet": V.UNMET, "not_wanted": V.DROP}
"""The verb that leads to each end."""
OF_CASE_VERB: Final = {
    CaseVerb.HELP: V.HELP,
    CaseVerb.ADVISE: V.ADVISE,
    CaseVerb.UNMET: V.UNMET,
    CaseVerb.WITHDRAW: V.DROP,
}
"""What becomes of the needs that have no end when the case is moved by this verb."""


def next_state(state: NeedState, verb: NeedVerb, *, by: str) -> NeedState:
    """Where `verb` leads. Raises IllegalMove (no such row) or NotAllowed (a row, but not for this actor)."""
    row = _TABLE.get((state, verb))
    if row is None:
        raise IllegalMove("need", state, verb)
    target, actors = row
    if by not in actors:
        raise NotAllowed(Translatable("The step {verb} of a need is not open to you.", verb=verb))
    return target


def may(state: NeedState, verb: NeedVerb) -> bool:
    """Whether the table has this move for any actor."""
    return (state, verb) in _TABLE


def after(states: Mapping[str, NeedState], verb: NeedVerb, needs: Iterable[str]) -> dict[str, NeedState]:
    """The states that the needs will have after this move. Pure; actors are not checked."""
    return {**states, **{need: _TABLE[states[need], verb][0] for need in needs}}


def is_uncovered(states: Iterable[NeedState]) -> bool:
    """Whether one of the needs is uncovered: no organisation has it or is asked for it."""
    return UNCOVERED in states


def case_end(states: Iterable[NeedState]) -> CaseVerb | None:
    """The verb that ends a case when its needs are in these states; None while one of them has not ended.

    The best end counts: a case with one need helped and another unmet was helped.
    """
    distinct = set(states)
    if distinct - ENDED:
        return None
    if S.HELPED in distinct:
        return CaseVerb.HELP
    if S.ADVISED in distinct:
        return CaseVerb.ADVISE
    return CaseVerb.UNMET if S.UNMET in distinct else CaseVerb.WITHDRAW
