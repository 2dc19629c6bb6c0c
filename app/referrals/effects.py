"""What follows from a move of a referral, as data. Pure: `effects_of` decides, `casework.effects` carries out.

Every end without help leaves a task that the case's team owns; a success ends what other organisations were asked.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.cases.states import ENDED, CaseState, CaseVerb
from app.referrals.reasons import CONSEQUENCES, FOLLOWS, UNNAMED_QUESTION, AfterOutcome, Consequence
from app.referrals.states import FAILED, LIVE, MAY_OPEN, UNDECIDED, WITH_PARTNER, Move, Party, State, Verb

SERVICE_FULL_FOR: Final = timedelta(days=14)
"""How long a service counts as full after its organisation declined for want of a free place."""


class FollowUp(StrEnum):
    """The tasks that a move leaves. Each value is the code of a kind of task (`app.tasks.service.TaskKind`)."""

    FIND_NEXT = "find_next"
    HANDED_BACK = "handed_back"
    QUESTION = "question"
    REVIEW_RULE = "review_rule"
    CHECK_CHANNEL = "check_channel"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class NotifyTeam:
    """Queue a notice to the case's team."""

    kind: str


@dataclass(frozen=True, slots=True)
class NotifyPerson:
    """Queue "you have news" for the person; only to a person who asked for such notices."""

    kind: str


@dataclass(frozen=True, slots=True)
class NotifyOrganisation:
    """Queue a notice to the referral's organisation; an urgent one does not wait for its quiet hours."""

    kind: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class EndReferralTasks:
    """End the tasks that waited for the referral's next move."""


@dataclass(frozen=True, slots=True)
class EndSearchTasks:
    """End the case's tasks to find somebody: somebody was asked, or is at work."""


@dataclass(frozen=True, slots=True)
class RecordAnswerTime:
    """Add the time that the organisation took to decide, or let pass, to its service's history."""

    took: timedelta


@dataclass(frozen=True, slots=True)
class MoveCase:
    """Move the case by `verb`: by who made the referral's move, or by the service itself."""

    verb: CaseVerb
    by_clock: bool = False


@dataclass(frozen=True, slots=True)
class ReturnCaseToDesk:
    """Move the case back to the desk and end its snooze: somebody there has the next step."""


@dataclass(frozen=True, slots=True)
class WithdrawOffers:
    """Withdraw the case's other referrals that are in one of these states."""

    reason: str
    states: frozenset[State]


@dataclass(frozen=True, slots=True)
class KeepOnlyReaders:
    """Destroy the wrapped keys of all organisations that have not accepted the case."""


@dataclass(frozen=True, slots=True)
class DestroyWraps:
    """Destroy the wrapped keys of the referral's organisation: it can no longer open the case."""


@dataclass(frozen=True, slots=True)
class ExcludeOrganisation:
    """Record the organisation's conflict of interest: it is never asked again for this case."""


@dataclass(frozen=True, slots=True)
class MarkServiceFull:
    """Count the service as full for this time."""

    length: timedelta


@dataclass(frozen=True, slots=True)
class SetDeadline:
    """Note a legal deadline that the organisation knows, unless an earlier one is known."""

    day: date


@dataclass(frozen=True, slots=True)
class OpenTask:
    """Open a task of the case's team about this referral, or about the case as a whole."""

    task: FollowUp
    about_referral: bool


Notice = NotifyTeam | NotifyPerson | NotifyOrganisation
TaskEffect = EndReferralTasks | EndSearchTasks | OpenTask
CaseEffect = MoveCase | ReturnCaseToDesk | SetDeadline
AccessEffect = KeepOnlyReaders | DestroyWraps | ExcludeOrganisation
ServiceEffect = RecordAnswerTime | MarkServiceFull
Effect = Notice | TaskEffect | CaseEffect | AccessEffect | ServiceEffect | WithdrawOffers


@dataclass(frozen=True, slots=True)
class ReferralFacts:
    """The referral after the move, as far as effects depend on it. `deadline_on`: what the move said of a deadline."""

    reason: str | None = None
    outcome: str | None = None
    question: str | None = None
    offered_at: datetime | None = None
    is_emergency: bool = False
    deadline_on: date | None = None


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """The case before the effects: its state, and the states of its other referrals."""

    state: CaseState
    other_referrals: tuple[State, ...] = ()

    def has_other(self, states: Collection[State]) -> bool:
        """Whether another referral of the case is in one of these states."""
        return any(state in states for state in self.other_referrals)


_DECIDING: Final = frozenset({Verb.ACCEPT, Verb.DECLINE, Verb.WAITLIST, Verb.EXPIRE})
"""These verbs end the time for which an answer was awaited."""
_ENDS_SEARCH: Final = frozenset({State.AWAITING_CONSENT, State.OFFERED, State.ACCEPTED, State.IN_PROGRESS})
"""In these states somebody was asked, or is at work: nobody has to look for them any more."""
_HELPED: Final = frozenset({CaseState.HELPED, CaseState.ADVISED})
_LOSES_ACCESS: Final = frozenset({State.CLIENT_DECLINED, State.HANDED_BACK})
_TASK_OF_REASON: Final = {
    Consequence.REVIEW_RULE: FollowUp.REVIEW_RULE,
    Consequence.CHECK_CHANNEL: FollowUp.CHECK_CHANNEL,
    Consequence.MERGE: FollowUp.MERGE,
}


def effects_of(move: Move, referral: ReferralFacts, case: CaseFacts, at: datetime) -> list[Effect]:
    """What follows from `move`, made at `at`, in the order in which it is carried out."""
    effects: list[Effect] = [*_notices(move, referral), EndReferralTasks()]
    if referral.offered_at is not None and move.verb in _DECIDING and move.source in UNDECIDED:
        effects.append(RecordAnswerTime(at - referral.offered_at))
    if move.target in _ENDS_SEARCH:
        effects.append(EndSearchTasks())
    effects += _case_effects(move, referral, case)
    return effects


def _notices(move: Move, referral: ReferralFacts) -> Iterator[Effect]:
    kind = f"referral_{move.target}"
    for party in move.notifies:
        if party is Party.TEAM:
            yield NotifyTeam(kind)
        elif party is Party.PERSON:
            yield NotifyPerson(kind)
        elif referral.offered_at is not None:  # an organisation that was never asked hears nothing
            yield NotifyOrganisation(kind, urgent=referral.is_emergency)


def _case_effects(move: Move, referral: ReferralFacts, case: CaseFacts) -> Iterator[Effect]:
    """What the move does to the case, its tasks, its keys and its other referrals."""
    if move.target is State.OFFERED:
        if case.state is not CaseState.REFERRED:
            yield MoveCase(CaseVerb.REFER)
    elif move.target is State.ACCEPTED:
        if case.has_other(LIVE - MAY_OPEN):  # who is at work on the case already stays at work
            yield WithdrawOffers("taken_elsewhere", LIVE - MAY_OPEN)
        yield KeepOnlyReaders()
    elif move.target is State.INFO_REQUESTED:
        if referral.question == UNNAMED_QUESTION:
            yield OpenTask(FollowUp.QUESTION, about_referral=True)
    elif move.target is State.COMPLETED:
        yield from _completed(referral, case)
    elif move.verb is Verb.REOPEN:
        if case.state in _HELPED:
            yield MoveCase(CaseVerb.REOPEN)
        if case.state is not CaseState.REFERRED:
            yield MoveCase(CaseVerb.REFER, by_clock=True)
    elif move.target in FAILED:
        yield from _failed(move, referral, case)


def _completed(referral: ReferralFacts, case: CaseFacts) -> Iterator[Effect]:
    """The last organisation at work closes the case, unless its outcome is no help: then the desk goes on."""
    if case.state is not CaseState.REFERRED or case.has_other(WITH_PARTNER):
        return
    follows = FOLLOWS.get(referral.outcome or "", AfterOutcome.DESK)
    if follows is AfterOutcome.DESK:
        yield ReturnCaseToDesk()
        yield OpenTask(FollowUp.FIND_NEXT, about_referral=False)
        return
    if case.has_other(LIVE):
        yield WithdrawOffers("no_longer_needed", LIVE)
    yield MoveCase(CaseVerb.ADVISE if follows is AfterOutcome.ADVISED else CaseVerb.HELP)


def _failed(move: Move, referral: ReferralFacts, case: CaseFacts) -> Iterator[Effect]:
    """An end without help: the keys go, the case returns to the desk, and somebody has the next step."""
    if referral.deadline_on is not None:
        yield SetDeadline(referral.deadline_on)
    consequence = CONSEQUENCES.get(referral.reason or "", Consequence.NEXT)
    conflict = consequence is Consequence.EXCLUDE
    if conflict:
        yield ExcludeOrganisation()
    if conflict or move.target in _LOSES_ACCESS or (move.verb is Verb.VOID and move.source in MAY_OPEN):
        yield DestroyWraps()
    if consequence is Consequence.FULL:
        yield MarkServiceFull(SERVICE_FULL_FOR)
    reopened = move.source is State.COMPLETED and case.state in _HELPED
    if case.state is CaseState.REFERRED and not case.has_other(WITH_PARTNER):
        yield ReturnCaseToDesk()
    elif reopened:
        yield MoveCase(CaseVerb.REOPEN)
    if case.state not in ENDED or reopened:
        yield from _next_steps(move, consequence, case)


def _next_steps(move: Move, consequence: Consequence, case: CaseFacts) -> Iterator[Effect]:
    """What the reason asks for, and who is asked when nobody is any more."""
    task = _TASK_OF_REASON.get(consequence)
    if task is not None:
        yield OpenTask(task, about_referral=True)
    if move.verb is Verb.HAND_BACK:
        yield OpenTask(FollowUp.HANDED_BACK, about_referral=True)
    elif not case.has_other(LIVE):
        yield OpenTask(FollowUp.FIND_NEXT, about_referral=False)
