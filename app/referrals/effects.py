"""The effects of a move of a referral, as data. Pure: `effects_of` decides, `casework.effects` carries out.

A move acts on the needs that its referral is for, and on these alone. Every end without help, and every uncovered need, leaves
a task for the case's team; an acceptance ends the offers to other organisations for the same needs.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.cases import need_states
from app.cases.need_states import NeedState, NeedVerb
from app.cases.states import ENDED, CaseState, CaseVerb
from app.messaging.kinds import NoticeKind
from app.referrals.reasons import CONSEQUENCES, FOLLOWS, UNNAMED_QUESTION, AfterOutcome, Consequence
from app.referrals.states import (
    AT_WORK,
    FAILED,
    LIVE,
    MAY_OPEN,
    UNDECIDED,
    WITH_PARTNER,
    Party,
    ReferralMove,
    ReferralState,
    ReferralVerb,
)
from app.referrals.ways import BY_COORDINATOR, ReferralWay

SERVICE_FULL_FOR: Final = timedelta(days=14)
"""How long a service counts as full after its organisation declined for want of a free place."""


class FollowUp(StrEnum):
    """The tasks that a move opens. Each value is the code of a kind of task (`app.tasks.service.TaskKind`)."""

    FIND_NEXT = "find_next"
    HANDED_BACK = "handed_back"
    QUESTION = "question"
    REVIEW_RULE = "review_rule"
    CHECK_CHANNEL = "check_channel"
    MERGE = "merge"
    ASK_CENTRE = "ask_centre"
    TELL_CENTRE = "tell_centre"
    HAND_OVER = "hand_over"


@dataclass(frozen=True, slots=True)
class NotifyTeam:
    """Queue a notice to the case's team."""

    kind: NoticeKind


@dataclass(frozen=True, slots=True)
class NotifyPerson:
    """Queue "you have news" for the person, if they asked for such notices."""

    kind: NoticeKind


@dataclass(frozen=True, slots=True)
class NotifyOrganisation:
    """Queue a notice to the referral's organisation; an urgent one does not wait for its quiet hours."""

    kind: NoticeKind
    urgent: bool


@dataclass(frozen=True, slots=True)
class EndReferralTasks:
    """End the tasks that waited for the referral's next move."""


@dataclass(frozen=True, slots=True)
class EndSearchTasks:
    """End the case's tasks to find an organisation, because one was asked or is at work."""


@dataclass(frozen=True, slots=True)
class RecordAnswerTime:
    """Add to the service's history the time that the organisation took to decide, or that passed without a decision."""

    took: timedelta


@dataclass(frozen=True, slots=True)
class MoveCase:
    """Move the case by `verb`. The actor is the one who made the referral's move, or the service itself."""

    verb: CaseVerb
    by_clock: bool = False


@dataclass(frozen=True, slots=True)
class MoveNeeds:
    """Move these needs of the case by `verb`. `outcome`: the code with which the organisation completed them."""

    verb: NeedVerb
    needs: tuple[str, ...]
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class ReturnCaseToDesk:
    """Move the case back to the desk, which has the next step, and end its snooze."""


@dataclass(frozen=True, slots=True)
class WithdrawOffers:
    """Withdraw the case's other referrals that are in one of these states and ask only for these needs."""

    reason: str
    states: frozenset[ReferralState]
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class NarrowOffers:
    """Remove these needs from the case's other referrals in these states that also ask for others; they continue with the rest."""

    states: frozenset[ReferralState]
    needs: frozenset[str]


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
    """Record that the service is full, for this length of time from now on."""

    length: timedelta


@dataclass(frozen=True, slots=True)
class TakePlace:
    """Take one of the service's places, if the organisation has named a number of them."""


@dataclass(frozen=True, slots=True)
class GivePlaceBack:
    """Give the place back, because the acceptance was undone."""


@dataclass(frozen=True, slots=True)
class SetDeadline:
    """Record a legal deadline that the organisation reported, unless an earlier one is known."""

    day: date


@dataclass(frozen=True, slots=True)
class OpenTask:
    """Open a task of the case's team about this referral, or about the case as a whole."""

    task: FollowUp
    about_referral: bool


Notice = NotifyTeam | NotifyPerson | NotifyOrganisation
TaskEffect = EndReferralTasks | EndSearchTasks | OpenTask
CaseEffect = MoveCase | MoveNeeds | ReturnCaseToDesk | SetDeadline
AccessEffect = KeepOnlyReaders | DestroyWraps | ExcludeOrganisation
ServiceEffect = RecordAnswerTime | MarkServiceFull | TakePlace | GivePlaceBack
Effect = Notice | TaskEffect | CaseEffect | AccessEffect | ServiceEffect | WithdrawOffers | NarrowOffers


@dataclass(frozen=True, slots=True)
class ReferralFacts:
    """The attributes of the referral after the move that effects depend on. `deadline_on`: the deadline that came with the move.

    `carried`: the needs that it has or has ended. `outcomes`: of needs whose outcome differs from `outcome`. `way`: how the
    organisation is asked.
    """

    reason: str | None = None
    outcome: str | None = None
    question: str | None = None
    offered_at: datetime | None = None
    is_emergency: bool = False
    deadline_on: date | None = None
    needs: tuple[str, ...] = ()
    carried: frozenset[str] = frozenset()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    way: ReferralWay = ReferralWay.ACCOUNT


@dataclass(frozen=True, slots=True)
class OtherReferral:
    """Another referral of the case: its state, and the needs that it is for."""

    state: ReferralState
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """The case before the effects: its state, its other referrals, and the states of its needs."""

    state: CaseState
    other_referrals: tuple[OtherReferral, ...] = ()
    needs: Mapping[str, NeedState] = field(default_factory=dict)

    def has_other(self, states: Collection[ReferralState]) -> bool:
        """Whether another referral of the case is in one of these states."""
        return any(other.state in states for other in self.other_referrals)

    def is_asked_elsewhere(self, need: str) -> bool:
        """Whether another live referral that was offered names this need."""
        return any(other.state in _ASKS and need in other.needs for other in self.other_referrals)


_ASKS: Final = LIVE - AT_WORK - {ReferralState.DRAFT}
"""In these states an organisation is asked, or the person whether one may be."""
_DECIDING: Final = frozenset({ReferralVerb.ACCEPT, ReferralVerb.DECLINE, ReferralVerb.WAITLIST, ReferralVerb.EXPIRE})
"""These verbs end the time for which an answer was awaited."""
_ENDS_SEARCH: Final = frozenset(
    {ReferralState.AWAITING_CONSENT, ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.IN_PROGRESS}
)
"""In these states somebody was asked, or is at work: nobody has to look for them any more."""
_LEAVES_REST: Final = frozenset(
    {
        ReferralVerb.ASK_CONSENT,
        ReferralVerb.CONSENT,
        ReferralVerb.OFFER,
        ReferralVerb.ACCEPT,
        ReferralVerb.REOPEN,
        ReferralVerb.UNDO_WITHDRAW,
    }
)
"""These verbs cover needs; when one is left that nobody has, somebody has to look for it."""
_HELPED: Final = frozenset({CaseState.HELPED, CaseState.ADVISED})
_LOSES_ACCESS: Final = frozenset({ReferralState.CLIENT_DECLINED, ReferralState.HANDED_BACK})
_TASK_OF_REASON: Final = {
    Consequence.REVIEW_RULE: FollowUp.REVIEW_RULE,
    Consequence.CHECK_CHANNEL: FollowUp.CHECK_CHANNEL,
    Consequence.MERGE: FollowUp.MERGE,
}
_NEED_VERB_OF_OUTCOME: Final = {
    AfterOutcome.HELPED: NeedVerb.HELP,
    AfterOutcome.ADVISED: NeedVerb.ADVISE,
    AfterOutcome.DESK: NeedVerb.RETURN,
}


def effects_of(move: ReferralMove, referral: ReferralFacts, case: CaseFacts, at: datetime) -> list[Effect]:
    """The effects of `move`, made at `at`, in the order in which they are carried out."""
    if move.verb is ReferralVerb.NARROW:
        return []
    moved = list(_need_moves(move, referral, case))
    after = dict(case.needs)
    for step in moved:
        after = need_states.after(after, step.verb, step.needs)
    uncovered = need_states.is_uncovered(
        # "nobody was found" ends with the case's being taken up again
        NeedState.OPEN if case.state is CaseState.UNMET and state is NeedState.UNMET else state
        for state in after.values()
    )
    effects: list[Effect] = [*_notices(move, referral), EndReferralTasks()]
    if referral.offered_at is not None and move.verb in _DECIDING and move.source in UNDECIDED:
        effects.append(RecordAnswerTime(at - referral.offered_at))
    if move.target in _ENDS_SEARCH and not uncovered:
        effects.append(EndSearchTasks())
    effects += moved
    effects += _case_effects(move, referral, case, after)
    if uncovered and move.verb in _LEAVES_REST:
        effects.append(OpenTask(FollowUp.FIND_NEXT, about_referral=False))
    if referral.way in BY_COORDINATOR and referral.offered_at is not None:
        effects += _for_coordinator(move)
    return effects


def _notices(move: ReferralMove, referral: ReferralFacts) -> Iterator[Effect]:
    for party in move.notifies:
        kind = NoticeKind(f"referral_{move.target}")
        if party is Party.TEAM:
            yield NotifyTeam(kind)
        elif party is Party.PERSON:
            yield NotifyPerson(kind)
        elif (
            referral.offered_at is not None and referral.way not in BY_COORDINATOR
        ):  # who was never asked hears nothing
            yield NotifyOrganisation(kind, urgent=referral.is_emergency)


def _for_coordinator(move: ReferralMove) -> Iterator[OpenTask]:
    """The tasks to tell an organisation that the service cannot notify, and to ask it."""
    if move.target in {ReferralState.OFFERED, ReferralState.ACKNOWLEDGED} and move.verb is not ReferralVerb.ANSWER:
        yield OpenTask(FollowUp.ASK_CENTRE, about_referral=True)
    elif move.target is ReferralState.ACCEPTED:
        yield OpenTask(FollowUp.HAND_OVER, about_referral=True)
    elif Party.PARTNER in move.notifies:
        yield OpenTask(FollowUp.TELL_CENTRE, about_referral=True)


def _need_moves(move: ReferralMove, referral: ReferralFacts, case: CaseFacts) -> Iterator[MoveNeeds]:
    """The moves of the needs that the referral is for."""
    if move.target is ReferralState.COMPLETED:
        yield from _completed_needs(referral, case)
        return
    if move.target in FAILED:
        yield from _failed_needs(move, referral, case)
        return
    verb = NeedVerb.OFFER
    if move.target is ReferralState.ACCEPTED:
        verb = NeedVerb.ACCEPT
    elif move.verb is ReferralVerb.UNDO_ACCEPT:
        verb = NeedVerb.UNDO_ACCEPT
    elif move.verb is ReferralVerb.REOPEN:
        verb = NeedVerb.RESUME
    elif move.target not in _ASKS:
        return
    needs = tuple(need for need in referral.needs if _may(case, need, verb))
    if needs:
        yield MoveNeeds(verb, needs)


def _may(case: CaseFacts, need: str, verb: NeedVerb) -> bool:
    return need in case.needs and need_states.may(case.needs[need], verb)


def _completed_needs(referral: ReferralFacts, case: CaseFacts) -> Iterator[MoveNeeds]:
    """The moves after a completion: each need ends as its outcome says; one that got no help is open again."""
    by_outcome: dict[str, list[str]] = {}
    for need in referral.needs:
        by_outcome.setdefault(referral.outcomes.get(need) or referral.outcome or "", []).append(need)
    for outcome, needs in by_outcome.items():
        follows = FOLLOWS.get(outcome, AfterOutcome.DESK)
        verb = _NEED_VERB_OF_OUTCOME[follows]
        ended = tuple(need for need in needs if need in referral.carried and _may(case, need, verb))
        if ended:
            yield MoveNeeds(verb, ended, None if follows is AfterOutcome.DESK else outcome)


def _failed_needs(move: ReferralMove, referral: ReferralFacts, case: CaseFacts) -> Iterator[MoveNeeds]:
    """The moves after an end without help: the organisation's needs are open again, and so are those asked of nobody else."""
    had = [need for need in referral.needs if need in referral.carried]
    if move.source is ReferralState.COMPLETED:
        again = tuple(need for need in had if case.needs[need] in need_states.ENDED)
        if again:
            yield MoveNeeds(NeedVerb.REOPEN, again)
        return
    given_up = [need for need in had if case.needs[need] is NeedState.WITH_CENTRE]
    if move.source in _ASKS:
        asked = [need for need in referral.needs if case.needs.get(need) is NeedState.OFFERED]
        given_up += [need for need in asked if not case.is_asked_elsewhere(need)]
    left = tuple(given_up)
    if left:
        yield MoveNeeds(NeedVerb.RETURN, left)


def _case_effects(
    move: ReferralMove, referral: ReferralFacts, case: CaseFacts, after: Mapping[str, NeedState]
) -> Iterator[Effect]:
    """The effects on the case, its tasks, its keys and its other referrals. `after`: the needs after the move."""
    if move.target is ReferralState.OFFERED:
        if case.state is not CaseState.REFERRED:
            yield MoveCase(CaseVerb.REFER)
    elif move.target is ReferralState.ACCEPTED:
        yield TakePlace()
        yield from _accepted(referral, case)
        if need_states.WAITING.isdisjoint(after.values()):  # else others who may read it are still needed
            yield KeepOnlyReaders()
    elif move.verb is ReferralVerb.UNDO_ACCEPT:
        yield GivePlaceBack()
    elif move.target is ReferralState.INFO_REQUESTED:
        if referral.question == UNNAMED_QUESTION:
            yield OpenTask(FollowUp.QUESTION, about_referral=True)
    elif move.target is ReferralState.COMPLETED:
        yield from _completed(case, after)
    elif move.verb is ReferralVerb.REOPEN:
        yield from _accepted(referral, case)
        if case.state in _HELPED:
            yield MoveCase(CaseVerb.REOPEN)
        if case.state is not CaseState.REFERRED:
            yield MoveCase(CaseVerb.REFER, by_clock=True)
    elif move.target in FAILED:
        yield from _failed(move, referral, case, after)


def _accepted(referral: ReferralFacts, case: CaseFacts) -> Iterator[Effect]:
    """The effects of an acceptance: others are no longer asked for these needs; those already at work on the case continue."""
    mine = frozenset(referral.needs)
    asked = [other.needs for other in case.other_referrals if other.state in LIVE - MAY_OPEN]
    if any(needs <= mine for needs in asked):
        yield WithdrawOffers("taken_elsewhere", LIVE - MAY_OPEN, mine)
    if any(needs & mine and not needs <= mine for needs in asked):
        yield NarrowOffers(LIVE - MAY_OPEN, mine)


def _completed(case: CaseFacts, after: Mapping[str, NeedState]) -> Iterator[Effect]:
    """The effects of a completion: the case ends when all its needs have; else the desk continues with the uncovered ones."""
    if case.state is not CaseState.REFERRED:
        return
    end = need_states.case_end(after.values())
    if end is not None:
        if case.has_other(LIVE):
            yield WithdrawOffers("no_longer_needed", LIVE, frozenset(after))
        yield MoveCase(end)
        return
    if not case.has_other(WITH_PARTNER):
        yield ReturnCaseToDesk()
    if need_states.is_uncovered(after.values()):
        yield OpenTask(FollowUp.FIND_NEXT, about_referral=False)


def _failed(
    move: ReferralMove, referral: ReferralFacts, case: CaseFacts, after: Mapping[str, NeedState]
) -> Iterator[Effect]:
    """The effects of an end without help: the organisation's keys are destroyed, the case returns to the desk with a next step."""
    if referral.deadline_on is not None:
        yield SetDeadline(referral.deadline_on)
    consequence = CONSEQUENCES.get(referral.reason or "", Consequence.NEXT)
    conflict = consequence is Consequence.EXCLUDE
    if conflict:
        yield ExcludeOrganisation()
    if conflict or move.target in _LOSES_ACCESS or (move.verb is ReferralVerb.VOID and move.source in MAY_OPEN):
        yield DestroyWraps()
    if consequence is Consequence.FULL:
        yield MarkServiceFull(SERVICE_FULL_FOR)
    reopened = move.source is ReferralState.COMPLETED and case.state in _HELPED
    if case.state is CaseState.REFERRED and not case.has_other(WITH_PARTNER):
        yield ReturnCaseToDesk()
    elif reopened:
        yield MoveCase(CaseVerb.REOPEN)
    if case.state not in ENDED or reopened:
        yield from _next_steps(move, consequence, need_states.is_uncovered(after.values()))


def _next_steps(move: ReferralMove, consequence: Consequence, uncovered: bool) -> Iterator[Effect]:
    """The tasks that the reason calls for, and the next organisations to ask for needs that became uncovered."""
    task = _TASK_OF_REASON.get(consequence)
    if task is not None:
        yield OpenTask(task, about_referral=True)
    if move.verb is ReferralVerb.HAND_BACK:
        yield OpenTask(FollowUp.HANDED_BACK, about_referral=True)
    elif uncovered:
        yield OpenTask(FollowUp.FIND_NEXT, about_referral=False)
