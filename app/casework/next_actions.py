"""The next action on a case, exactly one. Pure decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from app.casework.case_clocks import ListedReferral, clock_of_offer
from app.referrals.states import ReferralState


class ActionCode(StrEnum):
    """The next action of a coordinator on a case."""

    MERGED = "merged"
    CLOSED = "closed"
    READ = "read"
    ANSWER = "answer"
    ASK_CENTRE = "ask_centre"
    CALL = "call"
    HAND_OVER = "hand_over"
    TAKE = "take"
    REFER = "refer"
    ASK_PERSON = "ask_person"
    TASK = "task"
    CONSENT = "consent"
    WAIT = "wait"
    WORK = "work"
    END = "end"


@dataclass(frozen=True, slots=True)
class LiveReferral:
    """A live referral. `by_hand`: a coordinator speaks for the organisation; `to_ask`: nobody has put it to them yet."""

    offer: ListedReferral
    by_hand: bool = False
    to_ask: bool = False


@dataclass(frozen=True, slots=True)
class NextAction:
    """The next action. `name`: the organisation that it is about; `label`: its referral."""

    todo: ActionCode
    name: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts that the next action follows from.

    `best`: the key of the first service that can be asked now; `has_tasks`: open ones.
    """

    is_closed: bool
    is_merged: bool
    person_wrote: bool
    has_owner: bool
    uncovered: bool
    live: Sequence[LiveReferral]
    best: str
    has_tasks: bool
    now: datetime
    zone: ZoneInfo


_WAITING: Final = frozenset(
    {ReferralState.OFFERED, ReferralState.ACKNOWLEDGED, ReferralState.WAITLISTED, ReferralState.ACCEPTED}
)
_AT_WORK: Final = frozenset({ReferralState.IN_PROGRESS, ReferralState.ON_HOLD})


def next_of(situation: Situation) -> NextAction:
    """The next action: what somebody is waiting for comes before what the team could begin, and waiting comes last."""
    if situation.is_merged or situation.is_closed:
        return NextAction(ActionCode.MERGED if situation.is_merged else ActionCode.CLOSED)
    if situation.person_wrote:
        return NextAction(ActionCode.READ)
    return _owed(situation) or _begun(situation) or _waiting(situation) or NextAction(ActionCode.END)


def _owed(situation: Situation) -> NextAction | None:
    """The action that an organisation is waiting for, or that it did not take in time."""
    live = situation.live
    for todo, those in (
        (ActionCode.ANSWER, [one for one in live if one.offer.state is ReferralState.INFO_REQUESTED]),
        (ActionCode.ASK_CENTRE, [one for one in live if one.to_ask]),
        (ActionCode.CALL, [one for one in live if _is_late(one.offer, situation.now)]),
        (ActionCode.HAND_OVER, [one for one in live if one.by_hand and one.offer.state is ReferralState.ACCEPTED]),
    ):
        if those:
            return NextAction(todo, those[0].offer.organisation, those[0].offer.label)
    return None


def _begun(situation: Situation) -> NextAction | None:
    """The action that the team can take itself."""
    if not situation.has_owner:
        return NextAction(ActionCode.TAKE)
    if situation.uncovered:
        return NextAction(ActionCode.REFER, situation.best) if situation.best else NextAction(ActionCode.ASK_PERSON)
    return NextAction(ActionCode.TASK) if situation.has_tasks else None


def _waiting(situation: Situation) -> NextAction | None:
    """The party whose turn it is, when it is not the team's."""

    def ends(offer: ListedReferral) -> tuple[bool, float, str]:
        clock = clock_of_offer(offer, situation.now, situation.zone)
        return clock is None, clock.at.timestamp() if clock else 0.0, offer.label

    for todo, states in (
        (ActionCode.CONSENT, {ReferralState.AWAITING_CONSENT}),
        (ActionCode.WAIT, _WAITING),
        (ActionCode.WORK, _AT_WORK),
    ):
        waiting = [one.offer for one in situation.live if one.offer.state in states]
        if waiting:
            first = min(waiting, key=ends)
            return NextAction(todo, first.organisation, first.label)
    return None


def _is_late(offer: ListedReferral, now: datetime) -> bool:
    """Whether the organisation has missed a time by which it had to act."""
    if offer.paused_at is not None:
        return False
    owed = (
        offer.acknowledge_by if offer.state is ReferralState.OFFERED else None,
        offer.decide_by if offer.expires_at is not None else None,
        offer.contact_by if offer.state is ReferralState.ACCEPTED else None,
    )
    return any(at is not None and at < now for at in owed)
