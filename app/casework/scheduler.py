"""What the clock does to referrals: it reminds, escalates, ends what nobody answered, and asks the next-best.

`due` says which, and `tick` does one of them in a transaction of its own. Killed in between it has done nothing; done twice it does
nothing more, because the due time has moved on in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases import sealed_parts, transitions
from app.cases.models import Case
from app.cases.states import CaseState, CaseVerb
from app.casework import referral_actions, rematching
from app.core.errors import Conflict
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.matching import service_history
from app.matching.engine import Found
from app.matching.models import MatchRun
from app.partners import sandbox_identity
from app.referrals import deadline_storage, deadlines, queries
from app.referrals.commands import CLOCK
from app.referrals.deadlines import Step
from app.referrals.models import Referral
from app.referrals.states import ASKED, AT_WORK, FAILED, NOT_ASKED, State, Verb
from app.tasks import service as tasks
from app.tasks.service import TaskKind

_ASKABLE: Final = frozenset({CaseState.SUBMITTED, CaseState.IN_REVIEW, CaseState.REFERRED})
AT_ONCE: Final = {"emergency": 3, "urgent": 1, "normal": 1}
"""How many organisations are asked at the same time. The first that accepts ends what the others were asked."""


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What the clock needs besides a database: keys for the facts, the directory for the next-best.

    In the countries of `by_hand` it offers nothing: what comes next is a task of the desk.
    """

    keys: KeyRing
    directory: Directory
    by_hand: frozenset[str] = frozenset()


def due(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    """Up to `limit` referrals on which there is something to do. Takes no lock."""
    return queries.due(session, now, limit)


def tick(session: Session, referral_id: UUID, *, now: datetime, by: Clockwork) -> bool:
    """Do what is due on this referral. False: nothing is due any more, or somebody else is at it."""
    claimed = queries.claimed(session, referral_id, now)
    if claimed is None:
        return False
    referral, case = claimed
    state = State(referral.state)
    if state in FAILED:
        referral.due_at = None
        session.flush()
        ask_next(session, case, now=now, by=by, follows=referral.id)
        return True
    steps, owed = deadlines.strike(deadline_storage.times_of(referral), now, deadline_storage.terms_of(referral, case))
    if Step.EXPIRE in steps:
        referral_actions.expire(session, referral, case, now=now)
        return True
    deadline_storage.set_times(referral, owed)
    session.flush()
    for step in steps:
        _tell(session, referral, case, step, now)
        _open_task(session, referral, case, step, now)
    return True


_TELLS_PARTNER: Final = {Step.REMIND: "offer_reminder", Step.REMIND_AGAIN: "offer_reminder", Step.LOOK: "look_at_{}"}
_TELLS_TEAM: Final = {
    Step.NOT_ACKNOWLEDGED: "offer_not_acknowledged",
    Step.ESCALATE: "offer_overdue",
    Step.NOT_ANSWERED: "question_not_answered",
    Step.LOOK: "look_at_{}",
}


def _tell(session: Session, referral: Referral, case: Case, step: Step, now: datetime) -> None:
    state = State(referral.state)
    if step is Step.NOT_ACKNOWLEDGED and state is not State.OFFERED:
        return
    if step in _TELLS_PARTNER and state not in NOT_ASKED:
        kind = _TELLS_PARTNER[step].format(state)
        messaging.queue(session, kind, about_id=referral.id, organisation_id=referral.organisation_id, now=now)
    if step in _TELLS_TEAM:
        kind = _TELLS_TEAM[step].format(state)
        messaging.queue(session, kind, about_id=referral.id, team_id=case.team_id, now=now)


_BY_STEP: Final = {
    Step.NOT_ACKNOWLEDGED: TaskKind.OVERDUE,
    Step.ESCALATE: TaskKind.OVERDUE,
    Step.NOT_ANSWERED: TaskKind.QUESTION,
}
_LOOKED_AT: Final = {
    State.DRAFT: TaskKind.CONSENT_WAITS,
    State.AWAITING_CONSENT: TaskKind.CONSENT_WAITS,
    State.ACCEPTED: TaskKind.FIRST_CONTACT,
}


def _open_task(session: Session, referral: Referral, case: Case, step: Step, now: datetime) -> None:
    """What the clock alone can not settle becomes somebody's next step."""
    state = State(referral.state)
    kind = _LOOKED_AT.get(state, TaskKind.PROGRESS) if step is Step.LOOK else _BY_STEP.get(step)
    if kind is None or (step is Step.NOT_ACKNOWLEDGED and state is not State.OFFERED):
        return
    tasks.open_task(session, kind, case, referral=referral, now=now)
    if kind is TaskKind.FIRST_CONTACT:
        messaging.news(session, "did_they_contact_you", about_id=referral.id, case_id=case.id, now=now)


# --- the best, and the next-best -----------------------------------------------------------------------------------


def untouched(session: Session, now: datetime, limit: int, *, after: Mapping[str, timedelta]) -> Sequence[UUID]:
    """New cases that no coordinator took within their country's `after`.

    Each is tried once: the run of the rules that this leaves behind shows it. Later the desk's list is what remains.
    """
    tried = sa.exists().where(MatchRun.case_id == Case.id, MatchRun.seq > 1)
    asked = sa.exists().where(Referral.case_id == Case.id)
    return session.scalars(
        sa.select(Case.id)
        .where(
            Case.closed_at.is_(None),
            Case.held_for.is_(None),
            Case.state == CaseState.SUBMITTED.value,
            Case.owner_id.is_(None),
            Case.merged_into_id.is_(None),
            sa.or_(*(sa.and_(Case.country == code, Case.waiting_since <= now - wait) for code, wait in after.items())),
            ~tried,
            ~asked,
        )
        .order_by(Case.due_on, Case.tier_rank, Case.waiting_since)
        .limit(limit)
    ).all()


def ask_first(session: Session, case_id: UUID, *, now: datetime, by: Clockwork) -> list[Referral]:
    """Offer a new case to the best. Somebody who took it meanwhile is not overtaken."""
    case = transitions.locked(session, case_id)
    if CaseState(case.state) is not CaseState.SUBMITTED or case.owner_id is not None:
        return []
    return ask_next(session, case, now=now, by=by)


def ask_next(
    session: Session, case: Case, *, now: datetime, by: Clockwork, follows: UUID | None = None
) -> list[Referral]:
    """Offer the case to the next-best organisations that the person agreed to, as many as its tier allows at once.

    Never for a case that is held because it looks like a machine's. Only verified centres, never one that was asked
    before, is excluded, paused or full. With nobody left to ask the case stays with the desk: *unmet* when the rules name
    nobody any more, else to ask the person about others. The caller holds the case's row.
    """
    if CaseState(case.state) not in _ASKABLE or case.facts is None or case.held_for is not None:
        return []
    if case.country in by.by_hand or case.team_id == sandbox_identity.TEAM_ID:
        return []
    before = queries.of_case(session, case.id)
    room = AT_ONCE[deadline_storage.tier_now(case, now)] - sum(State(referral.state) in ASKED for referral in before)
    if room <= 0 or any(State(referral.state) in AT_WORK for referral in before):
        return []
    result = rematching.matched(session, by.keys, by.directory, case, now)
    if result is None:
        return []
    asked = {referral.organisation_id for referral in before}
    left = [found for found in result.candidates if named_id("organisation", found.organisation) not in asked]
    offered = _offer(session, case, left, room, now, by, follows)
    if not offered and CaseState(case.state) is not CaseState.REFERRED:
        _nobody_left(session, case, left, now)
    return offered


def _offer(
    session: Session,
    case: Case,
    left: Sequence[Found],
    room: int,
    now: datetime,
    by: Clockwork,
    follows: UUID | None,
) -> list[Referral]:
    holders = sealed_parts.holders(session, case.id)
    offered: list[Referral] = []
    taken: set[str] = set()
    for found in left:
        if len(offered) == room:
            break
        if found.organisation in taken or not found.offerable:
            continue
        if named_id("organisation", found.organisation) not in holders:
            continue
        try:
            draft = referral_actions.create(session, by.keys, case, found.service, by=CLOCK, now=now, follows=follows)
        except Conflict:
            continue
        offered.append(referral_actions.advance(session, draft.id, Verb.OFFER, by=CLOCK, now=now))
        service_history.took_turn(session, _equals(found, left, taken, holders), found.service)
        taken.add(found.organisation)
    return offered


def _equals(chosen: Found, left: Sequence[Found], taken: set[str], holders: frozenset[UUID]) -> list[str]:
    """Those who had as good a claim to the place as the one that got it: all but its turn is the same."""
    return [
        found.service
        for found in left
        if found.offerable
        and found.terms[:-1] == chosen.terms[:-1]
        and found.organisation not in taken
        and named_id("organisation", found.organisation) in holders
    ]


def _nobody_left(session: Session, case: Case, left: Sequence[Found], now: datetime) -> None:
    """The list says what is to be done now, more exactly than that nobody is asked; and the person is told."""
    kind = "nobody_consented_left" if left else "nobody_left"
    if not left:
        transitions.move(session, case, CaseVerb.UNMET, actor_kind=CLOCK.kind.value, actor_id=None, now=now)
    messaging.queue(session, kind, about_id=case.id, team_id=case.team_id, now=now)
    messaging.news(session, kind, about_id=case.id, case_id=case.id, now=now)
    tasks.end_kind(session, TaskKind.FIND_NEXT, case.id, now)
    tasks.open_task(session, TaskKind.ASK_PERSON if left else TaskKind.UNMET, case, now=now)
