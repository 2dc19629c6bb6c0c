"""The life cycle of a referral as a table: which actor may move it by which verb from which state, and where that leads."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.core.errors import IllegalMove, NotAllowed
from app.core.i18n import Translatable
from app.core.vocabulary import complete


class ReferralState(StrEnum):
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


class ReferralVerb(StrEnum):
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
    UNDO_ACCEPT = "undo_accept"
    UNDO_WITHDRAW = "undo_withdraw"
    NARROW = "narrow"  # it goes on for fewer of the case's needs: the others have somebody, or an end
    VOID = "void"


class ReferralActor(StrEnum):
    """Who makes a move.

    CLOCK is the service itself: expiry, automatic offers, and withdrawing or narrowing offers after an acceptance elsewhere.
    ON_BEHALF is a coordinator who records what an organisation without an account said.
    """

    PERSON = "person"
    COORDINATOR = "coordinator"
    SENIOR = "senior"
    PARTNER = "partner"
    ON_BEHALF = "on_behalf"
    CLOCK = "clock"


class DeadlineChange(StrEnum):
    """The effect of a move on the referral's deadlines."""

    WAIT = "wait"  # nobody is asked yet: review it soon
    START_ANSWER = "start_answer"  # the partner has to acknowledge and to decide
    GO_ON = "go_on"  # the deadlines stay as they are
    PAUSE = "pause"  # the partner waits for an answer: its deadlines stand still
    UNPAUSE = "unpause"  # they go on, later by the length of the pause
    REVIEW = "review"  # review it on a given day
    FIRST_CONTACT = "first_contact"  # the partner has to reach the person
    PROGRESS = "progress"  # work is under way: review it at intervals
    ASK_NEXT = "ask_next"  # the next-best organisation is to be asked at once
    STOP = "stop"  # nothing is due any more


class MovePrecondition(StrEnum):
    """A condition of a move in addition to the table's row. The values are the texts of docs/life-cycles.md."""

    CASE_OPEN = "the case has not ended"
    MAY_BE_ASKED = "the organisation is not excluded, paused or retired"
    CONSENT = "the person agreed that this organisation reads the case"
    PAUSE_LEFT = "its deadlines were paused fewer than two times"
    COMPLETED_RECENTLY = "it was completed at most 90 days ago"
    NOT_ERASED = "the person has neither withdrawn nor erased the case"
    NO_OTHER_LIVE = "no other referral of the case to this organisation is live"
    JUST_NOW = "it was done at most 30 minutes ago"
    UNREAD = "the encrypted parts were not opened"
    NOT_UNDONE = "it was not undone before"
    NOT_TAKEN = "it had been offered, and no other organisation took the case"
    NEEDS_FREE = "no other organisation has a need that it names"


class Disclosure(StrEnum):
    """What the organisation may see from this move on."""

    NOTHING = "nothing"
    END = "end"  # that it ended, when and why; nothing of the case
    CARD = "card"  # codes without a name
    SEALED_PARTS = "sealed_parts"


class Party(StrEnum):
    """Who gets a notice of a move.

    A notice to the person says only "you have news" and goes only to a person who asked for notices; every move is on their page
    when they return with their number.
    """

    PARTNER = "partner"
    TEAM = "team"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class ReferralMove:
    """One row of the table. `discloses`: what the organisation may see from this move on; `notifies`: who gets a notice."""

    source: ReferralState
    verb: ReferralVerb
    target: ReferralState
    by: frozenset[ReferralActor]
    deadline_change: DeadlineChange
    discloses: Disclosure
    notifies: tuple[Party, ...] = ()
    preconditions: tuple[MovePrecondition, ...] = ()


S, V, C, P, D = ReferralState, ReferralVerb, DeadlineChange, MovePrecondition, Disclosure
_DESK: Final = (ReferralActor.COORDINATOR, ReferralActor.SENIOR)
_PARTNER: Final = (ReferralActor.PARTNER, ReferralActor.ON_BEHALF)
_PERSON: Final = (ReferralActor.PERSON,)
_CLOCK: Final = (ReferralActor.CLOCK,)
_OFFER: Final = (P.CASE_OPEN, P.MAY_BE_ASKED, P.CONSENT)
_REOPEN: Final = (P.COMPLETED_RECENTLY, P.NOT_ERASED, P.CONSENT, P.NO_OTHER_LIVE, P.NEEDS_FREE)
_UNDO_ACCEPT: Final = (P.JUST_NOW, P.UNREAD, P.NOT_UNDONE)
_UNDO_WITHDRAW: Final = (P.JUST_NOW, P.UNREAD, P.NOT_UNDONE, P.NOT_TAKEN, *_OFFER, P.NO_OTHER_LIVE, P.NEEDS_FREE)
_PARTNER_TOLD: Final = (Party.PARTNER,)
_TEAM_TOLD: Final = (Party.TEAM,)
_PERSON_TOLD: Final = (Party.PERSON,)
_TEAM_AND_PERSON: Final = (Party.TEAM, Party.PERSON)


def _moves(
    sources: Iterable[ReferralState],
    verb: ReferralVerb,
    target: ReferralState,
    by: Iterable[ReferralActor],
    deadline_change: DeadlineChange,
    discloses: Disclosure,
    notifies: tuple[Party, ...] = (),
    preconditions: tuple[MovePrecondition, ...] = (),
) -> Iterable[ReferralMove]:
    given = set(sources)
    return [
        ReferralMove(source, verb, target, frozenset(by), deadline_change, discloses, notifies, preconditions)
        for source in ReferralState
        if source in given
    ]


class ReferralPhase(StrEnum):
    """The phase of a referral, which groups states. Every property of a state, except its moves, follows from its phase."""

    NOT_OFFERED = "not_offered"  # the organisation knows nothing of it
    ANSWER_DUE = "answer_due"  # the organisation's answer is owed by a given time
    WAITLISTED = "waitlisted"  # the organisation has not decided, and owes no answer
    AT_WORK = "at_work"
    COMPLETED = "completed"
    FAILED = "failed"  # ended without help: each of these leaves a next step that somebody owns


PHASES: Final = complete(
    ReferralState,
    {
        S.DRAFT: ReferralPhase.NOT_OFFERED,
        S.AWAITING_CONSENT: ReferralPhase.NOT_OFFERED,
        S.OFFERED: ReferralPhase.ANSWER_DUE,
        S.ACKNOWLEDGED: ReferralPhase.ANSWER_DUE,
        S.INFO_REQUESTED: ReferralPhase.ANSWER_DUE,
        S.WAITLISTED: ReferralPhase.WAITLISTED,
        S.ACCEPTED: ReferralPhase.AT_WORK,
        S.IN_PROGRESS: ReferralPhase.AT_WORK,
        S.ON_HOLD: ReferralPhase.AT_WORK,
        S.COMPLETED: ReferralPhase.COMPLETED,
        S.DECLINED: ReferralPhase.FAILED,
        S.HANDED_BACK: ReferralPhase.FAILED,
        S.WITHDRAWN: ReferralPhase.FAILED,
        S.CLIENT_DECLINED: ReferralPhase.FAILED,
        S.EXPIRED: ReferralPhase.FAILED,
        S.ENTERED_IN_ERROR: ReferralPhase.FAILED,
    },
)


def _in(*phases: ReferralPhase) -> frozenset[ReferralState]:
    return frozenset(state for state in ReferralState if PHASES[state] in phases)


NOT_OFFERED: Final = _in(ReferralPhase.NOT_OFFERED)
ANSWER_DUE: Final = _in(ReferralPhase.ANSWER_DUE)
UNDECIDED: Final = _in(ReferralPhase.ANSWER_DUE, ReferralPhase.WAITLISTED)
"""The organisation was asked and has not decided."""
AT_WORK: Final = _in(ReferralPhase.AT_WORK)
LIVE: Final = NOT_OFFERED | UNDECIDED | AT_WORK
WITH_PARTNER: Final = UNDECIDED | AT_WORK
MAY_OPEN: Final = AT_WORK | _in(ReferralPhase.COMPLETED)
"""The organisation may open the encrypted parts."""
FAILED: Final = _in(ReferralPhase.FAILED)
CARD_CLOSED: Final = _in(ReferralPhase.FAILED)
"""The organisation no longer sees what the referral was about."""
VISIBLE_TO_PARTNER: Final = frozenset(ReferralState) - NOT_OFFERED
INITIAL: Final = S.DRAFT
"""A referral is created in this state, by a coordinator or the clock, with `DeadlineChange.WAIT`."""

# fmt: off
MOVES: Final = tuple(
    move
    for moves in (
        _moves([S.DRAFT],                                  V.ASK_CONSENT,     S.AWAITING_CONSENT, _DESK,               C.WAIT,          D.NOTHING,      _PERSON_TOLD,     (P.CASE_OPEN, P.MAY_BE_ASKED)),
        _moves([S.AWAITING_CONSENT],                       V.CONSENT,         S.OFFERED,          _PERSON,             C.START_ANSWER,  D.CARD,         _PARTNER_TOLD,    _OFFER),
        _moves([S.AWAITING_CONSENT],                       V.REFUSE,          S.CLIENT_DECLINED,  _PERSON,             C.STOP,          D.END,          _TEAM_TOLD),
        _moves([S.DRAFT],                                  V.OFFER,           S.OFFERED,          (*_DESK, *_CLOCK),   C.START_ANSWER,  D.CARD,         _PARTNER_TOLD,    _OFFER),
        _moves([S.OFFERED],                                V.ACKNOWLEDGE,     S.ACKNOWLEDGED,     _PARTNER,            C.GO_ON,         D.CARD),
        _moves([S.OFFERED, S.ACKNOWLEDGED],                V.ASK_INFO,        S.INFO_REQUESTED,   _PARTNER,            C.PAUSE,         D.CARD,         _TEAM_AND_PERSON, (P.PAUSE_LEFT,)),
        _moves([S.INFO_REQUESTED],                         V.ANSWER,          S.ACKNOWLEDGED,     (*_PERSON, *_DESK),  C.UNPAUSE,       D.CARD,         _PARTNER_TOLD),
        _moves([S.OFFERED, S.ACKNOWLEDGED],                V.WAITLIST,        S.WAITLISTED,       _PARTNER,            C.REVIEW,        D.CARD,         _TEAM_AND_PERSON),
        _moves([S.OFFERED, S.ACKNOWLEDGED, S.WAITLISTED],  V.ACCEPT,          S.ACCEPTED,         _PARTNER,            C.FIRST_CONTACT, D.SEALED_PARTS, _TEAM_AND_PERSON, (P.CONSENT,)),
        _moves(UNDECIDED,                                      V.DECLINE,         S.DECLINED,         _PARTNER,            C.ASK_NEXT,      D.END,          _TEAM_TOLD),
        _moves([S.ACCEPTED],                               V.START,           S.IN_PROGRESS,      _PARTNER,            C.PROGRESS,      D.SEALED_PARTS),
        _moves([S.IN_PROGRESS],                            V.HOLD,            S.ON_HOLD,          _PARTNER,            C.REVIEW,        D.SEALED_PARTS),
        _moves([S.ON_HOLD],                                V.RESUME,          S.IN_PROGRESS,      _PARTNER,            C.PROGRESS,      D.SEALED_PARTS),
        _moves([S.ACCEPTED, S.IN_PROGRESS],                V.COMPLETE,        S.COMPLETED,        _PARTNER,            C.STOP,          D.SEALED_PARTS, _TEAM_AND_PERSON),
        _moves(AT_WORK,                                    V.HAND_BACK,       S.HANDED_BACK,      _PARTNER,            C.ASK_NEXT,      D.END,          _TEAM_TOLD),
        _moves(LIVE,                                       V.WITHDRAW,        S.WITHDRAWN,        (*_DESK, *_CLOCK),   C.STOP,          D.END,          _PARTNER_TOLD),
        _moves(LIVE,                                       V.CLIENT_WITHDRAW, S.CLIENT_DECLINED,  _PERSON,             C.STOP,          D.END,          _PARTNER_TOLD),
        _moves(ANSWER_DUE,                                V.EXPIRE,          S.EXPIRED,          _CLOCK,              C.ASK_NEXT,      D.END,          _TEAM_TOLD),
        _moves([S.COMPLETED],                              V.REOPEN,          S.IN_PROGRESS,      (*_PARTNER, *_DESK), C.PROGRESS,      D.SEALED_PARTS, _TEAM_TOLD,       _REOPEN),
        _moves([S.ACCEPTED],                               V.UNDO_ACCEPT,     S.ACKNOWLEDGED,     _PARTNER,            C.START_ANSWER,  D.CARD,         _TEAM_TOLD,       _UNDO_ACCEPT),
        _moves([S.WITHDRAWN],                              V.UNDO_WITHDRAW,   S.OFFERED,          _DESK,               C.START_ANSWER,  D.CARD,         _PARTNER_TOLD,    _UNDO_WITHDRAW),
        *(
            _moves([state],                                V.NARROW,          state,              _CLOCK,              C.GO_ON,         D.CARD if state in UNDECIDED else D.NOTHING)
            for state in ReferralState
            if state in LIVE - AT_WORK
        ),
        _moves(frozenset(ReferralState) - {S.ENTERED_IN_ERROR},    V.VOID,            S.ENTERED_IN_ERROR, (ReferralActor.SENIOR,),     C.STOP,          D.END,          _PARTNER_TOLD),
    )
    for move in moves
)
# fmt: on
_BY_SOURCE_AND_VERB: Final = {(move.source, move.verb): move for move in MOVES}
_SHOWS: Final = {INITIAL: Disclosure.NOTHING, **{move.target: move.discloses for move in MOVES}}


def next_move(state: ReferralState, verb: ReferralVerb, *, by: ReferralActor) -> ReferralMove:
    """The row for this move. Raises IllegalMove (no such row) or NotAllowed (a row, but not for this actor)."""
    move = _BY_SOURCE_AND_VERB.get((state, verb))
    if move is None:
        raise IllegalMove("referral", state, verb, allowed_actions(state, by=by))
    if by not in move.by:
        raise NotAllowed(Translatable("The step {verb} of a referral is not open to you.", verb=verb))
    return move


def next_state(state: ReferralState, verb: ReferralVerb, *, by: ReferralActor) -> ReferralState:
    """Where `verb` leads. Raises IllegalMove, NotAllowed."""
    return next_move(state, verb, by=by).target


def allowed_actions(state: ReferralState, *, by: ReferralActor) -> list[str]:
    """The verbs this actor has in this state, in the table's order."""
    return [move.verb.value for move in MOVES if move.source == state and by in move.by]


def disclosure_in(state: ReferralState) -> Disclosure:
    """What the organisation may see of a referral in this state, once it was offered."""
    return _SHOWS[state]


def state_after(verbs: Iterable[ReferralVerb]) -> ReferralState:
    """The state after these verbs, from creation on. Raises IllegalMove when the table does not allow them in this order."""
    state = INITIAL
    for verb in verbs:
        move = _BY_SOURCE_AND_VERB.get((state, verb))
        if move is None:
            raise IllegalMove("referral", state, verb)
        state = move.target
    return state
