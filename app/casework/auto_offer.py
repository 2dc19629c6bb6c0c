"""Offering cases without a coordinator: a new case to the best match, and the next-best after an end without help."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases import sealed_parts, spam_screening, transitions
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
from app.referrals import deadline_storage, queries
from app.referrals.actors import CLOCK
from app.referrals.models import Referral
from app.referrals.states import AT_WORK, UNDECIDED, State, Verb
from app.tasks import service as tasks
from app.tasks.service import TaskKind

_ASKABLE: Final = frozenset({CaseState.SUBMITTED, CaseState.IN_REVIEW, CaseState.REFERRED})
PARALLEL_OFFERS: Final = {"emergency": 3, "urgent": 1, "normal": 1}
"""How many organisations are asked at the same time, by urgency. The first that accepts ends what the others were asked."""


@dataclass(frozen=True, slots=True)
class AutoOfferContext:
    """What an automatic offer needs besides a database: keys for the case's facts, and the directory.

    In `manual_countries` (ISO codes) nothing is offered automatically: what comes next is a task of the desk.
    """

    keys: KeyRing
    directory: Directory
    manual_countries: frozenset[str] = frozenset()


def untaken_cases(session: Session, now: datetime, limit: int, *, after: Mapping[str, timedelta]) -> Sequence[UUID]:
    """Up to `limit` new cases that no coordinator took within their country's `after`. Takes no lock.

    Cases of a crowd come last, and only as long as few of them are with organisations.
    Each is tried once: the match run that the attempt leaves behind shows it. After that the case waits on the desk's list.
    """
    tried = sa.exists().where(MatchRun.case_id == Case.id, MatchRun.seq > 1)
    asked = sa.exists().where(Referral.case_id == Case.id)
    of_crowd = spam_screening.of_crowd()
    asked_for_crowd = session.scalar(
        sa.select(sa.func.count()).where(Case.closed_at.is_(None), of_crowd, Case.state == CaseState.REFERRED.value)
    )
    free_for_crowd = spam_screening.CROWD_OFFERED - (asked_for_crowd or 0)
    found = session.execute(
        sa.select(Case.id, sa.case((of_crowd, 1), else_=0))
        .where(
            Case.closed_at.is_(None),
            sa.not_(spam_screening.held()),
            *([] if free_for_crowd > 0 else [sa.not_(of_crowd)]),
            Case.state == CaseState.SUBMITTED.value,
            Case.owner_id.is_(None),
            Case.merged_into_id.is_(None),
            sa.or_(*(sa.and_(Case.country == code, Case.waiting_since <= now - wait) for code, wait in after.items())),
            ~tried,
            ~asked,
        )
        .order_by(sa.case((of_crowd, 1), else_=0), Case.due_on, Case.urgency_rank, Case.waiting_since)
        .limit(limit)
    ).all()
    within = sum(1 for _case, yields in found if not yields) + max(free_for_crowd, 0)
    return [case for case, _yields in found[:within]]


def offer_new_case(session: Session, case_id: UUID, *, now: datetime, context: AutoOfferContext) -> list[Referral]:
    """Offer a new case to its best matches, unless a coordinator has taken it meanwhile. Takes the case's row lock."""
    case = transitions.locked(session, case_id)
    if CaseState(case.state) is not CaseState.SUBMITTED or case.owner_id is not None:
        return []
    return offer_to_next(session, case, now=now, context=context)


def offer_to_next(
    session: Session, case: Case, *, now: datetime, context: AutoOfferContext, follows: UUID | None = None
) -> list[Referral]:
    """Offer the case to the next-best organisations that the person agreed to, as many as its urgency allows at once.

    A case that waits for spam review is never offered. Only verified organisations are asked, and none that was asked
    before, is excluded, paused or full. With nobody left to ask the case stays with the desk: *unmet* when the rules name
    nobody any more, else with the task to ask the person about others. The caller holds the case's row.
    """
    if (
        CaseState(case.state) not in _ASKABLE
        or case.facts is None
        or spam_screening.is_held(case.held_reason, case.urgency)
    ):
        return []
    if case.country in context.manual_countries or case.team_id == sandbox_identity.TEAM_ID:
        return []
    earlier = queries.referrals_of_case(session, case.id)
    free_slots = PARALLEL_OFFERS[deadline_storage.urgency_now(case, now)] - sum(
        State(referral.state) in UNDECIDED for referral in earlier
    )
    if free_slots <= 0 or any(State(referral.state) in AT_WORK for referral in earlier):
        return []
    result = rematching.run_matching(session, context.keys, context.directory, case, now)
    if result is None:
        return []
    asked = {referral.organisation_id for referral in earlier}
    left = [
        candidate for candidate in result.candidates if named_id("organisation", candidate.organisation) not in asked
    ]
    offered = _offer(session, case, left, free_slots, now, context, follows)
    if not offered and CaseState(case.state) is not CaseState.REFERRED:
        _nobody_left(session, case, left, now)
    return offered


def _offer(
    session: Session,
    case: Case,
    left: Sequence[Found],
    free_slots: int,
    now: datetime,
    context: AutoOfferContext,
    follows: UUID | None,
) -> list[Referral]:
    holders = sealed_parts.organisations_with_key(session, case.id)
    offered: list[Referral] = []
    taken: set[str] = set()
    for candidate in left:
        if len(offered) == free_slots:
            break
        if candidate.organisation in taken or not candidate.offerable:
            continue
        if named_id("organisation", candidate.organisation) not in holders:
            continue
        try:
            draft = referral_actions.create(
                session, context.keys, case, candidate.service, by=CLOCK, now=now, follows=follows
            )
        except Conflict:
            continue
        offered.append(referral_actions.advance(session, draft.id, Verb.OFFER, by=CLOCK, now=now))
        service_history.record_turn(session, _equal_candidates(candidate, left, taken, holders), candidate.service)
        taken.add(candidate.organisation)
    return offered


def _equal_candidates(chosen: Found, left: Sequence[Found], taken: set[str], holders: frozenset[UUID]) -> list[str]:
    """The services that ranked equal to the chosen one in everything but whose turn it was."""
    return [
        candidate.service
        for candidate in left
        if candidate.offerable
        and candidate.terms[:-1] == chosen.terms[:-1]
        and candidate.organisation not in taken
        and named_id("organisation", candidate.organisation) in holders
    ]


def _nobody_left(session: Session, case: Case, left: Sequence[Found], now: datetime) -> None:
    """Replace "find the next step" by the exact task, and notify the team and the person."""
    kind = "nobody_consented_left" if left else "nobody_left"
    if not left:
        transitions.move(session, case, CaseVerb.UNMET, actor_kind=CLOCK.kind.value, actor_id=None, now=now)
    messaging.queue(session, kind, about_id=case.id, team_id=case.team_id, now=now)
    messaging.notify_person(session, kind, about_id=case.id, case_id=case.id, now=now)
    tasks.end_tasks_of_kind(session, TaskKind.FIND_NEXT, case.id, now)
    tasks.open_task(session, TaskKind.ASK_PERSON if left else TaskKind.UNMET, case, now=now)
