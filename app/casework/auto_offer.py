"""Offering cases without a coordinator: a new case to the best match, and the next-best after an end without help."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases import needs, sealed_parts, spam_screening, transitions
from app.cases.models import Case
from app.cases.need_states import WAITING, NeedState
from app.cases.states import CaseState, CaseVerb
from app.casework import referral_actions, rematching, sealed_access
from app.casework.eligibility import eligibility_of
from app.core.errors import Conflict
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.directory.catalogue import ACROSS
from app.directory.packs import Directory
from app.matching import service_history
from app.matching.engine import ServiceMatch
from app.matching.models import MatchRun
from app.messaging.kinds import NoticeKind
from app.partners import sandbox_identity
from app.referrals import deadline_storage, deadlines, queries
from app.referrals.actors import CLOCK
from app.referrals.models import Referral
from app.referrals.states import UNDECIDED, ReferralState, ReferralVerb
from app.tasks import service as tasks
from app.tasks.service import TaskKind

_ASKABLE: Final = frozenset({CaseState.SUBMITTED, CaseState.IN_REVIEW, CaseState.REFERRED})
PARALLEL_OFFERS: Final = {"emergency": 3, "urgent": 1, "normal": 1}
"""How many organisations are asked for a need at the same time, by urgency. The first that accepts ends it."""


@dataclass(frozen=True, slots=True)
class AutoOfferContext:
    """What an automatic offer needs in addition to the database: keys for the case's facts, and the directory.

    In `manual_countries` (ISO codes) nothing is offered automatically; the desk gets a task instead.
    """

    keys: KeyRing
    directory: Directory
    manual_countries: frozenset[str] = frozenset()
    manual: frozenset[tuple[str, str]] = frozenset()
    """The same for cases of a country and an urgency, as two people have set it at the desk."""
    notified: Callable[[Session, Collection[UUID], datetime], Collection[UUID]] | None = None
    """Which of these organisations somebody or something can notify. The others are never asked automatically."""


def untaken_cases(
    session: Session,
    now: datetime,
    limit: int,
    *,
    after: Mapping[str, timedelta],
    chosen: Mapping[tuple[str, str], timedelta | None] = MappingProxyType({}),
) -> Sequence[UUID]:
    """Up to `limit` new cases that no coordinator took within their country's `after`. Takes no lock.

    Cases marked `crowd` come last, and only while few of them are with organisations. Each case is tried once; its second match run
    shows that it was. After that it waits on the desk's list. `chosen`: by country and urgency, before `after`; None: such cases
    are offered by hand.
    """
    tried = sa.exists().where(MatchRun.case_id == Case.id, MatchRun.seq > 1)
    asked = sa.exists().where(Referral.case_id == Case.id)
    offered_last = spam_screening.is_offered_last_sql()
    asked_for_crowd = session.scalar(
        sa.select(sa.func.count()).where(Case.closed_at.is_(None), offered_last, Case.state == CaseState.REFERRED.value)
    )
    free_for_crowd = spam_screening.CROWD_OFFERED - (asked_for_crowd or 0)
    rows = session.execute(
        sa.select(Case.id, sa.case((offered_last, 1), else_=0))
        .where(
            Case.closed_at.is_(None),
            sa.not_(spam_screening.is_held_sql()),
            *([] if free_for_crowd > 0 else [sa.not_(offered_last)]),
            Case.state == CaseState.SUBMITTED.value,
            Case.owner_id.is_(None),
            Case.merged_into_id.is_(None),
            sa.or_(sa.false(), *_waited_long_enough(now, after, chosen)),
            ~tried,
            ~asked,
        )
        .order_by(sa.case((offered_last, 1), else_=0), Case.due_on, Case.urgency_rank, Case.waiting_since)
        .limit(limit)
    ).all()
    within = sum(1 for _case, offered_last in rows if not offered_last) + max(free_for_crowd, 0)
    return [case for case, _offered_last in rows[:within]]


def _waited_long_enough(
    now: datetime, after: Mapping[str, timedelta], chosen: Mapping[tuple[str, str], timedelta | None]
) -> Iterator[sa.ColumnElement[bool]]:
    for country, wait in after.items():
        others = [urgency for place, urgency in chosen if place == country]
        yield sa.and_(Case.country == country, Case.urgency.not_in(others), Case.waiting_since <= now - wait)
    for (country, urgency), own_wait in chosen.items():
        if own_wait is not None:
            yield sa.and_(Case.country == country, Case.urgency == urgency, Case.waiting_since <= now - own_wait)


def offer_new_case(session: Session, case_id: UUID, *, now: datetime, context: AutoOfferContext) -> list[Referral]:
    """Offer a new case to its best matches, unless a coordinator has taken it in the meantime, or another worker has tried.

    Takes the case's row lock.
    """
    case = transitions.locked(session, case_id)
    if CaseState(case.state) is not CaseState.SUBMITTED or case.owner_id is not None:
        return []
    if session.scalar(sa.select(sa.exists().where(MatchRun.case_id == case_id, MatchRun.seq > 1))):
        return []
    return offer_to_next(session, case, now=now, context=context)


def offer_to_next(
    session: Session, case: Case, *, now: datetime, context: AutoOfferContext, follows: UUID | None = None
) -> list[Referral]:
    """Offer the case to the next-best organisations that the person agreed to, as many at a time as its urgency allows.

    A case that waits for spam review is never offered. Only verified organisations are asked, and none that was asked
    before, is excluded, paused or full. Each need is offered to organisations that help with it. With nobody left to ask the
    case stays with the desk: *unmet* when the rules name nobody any more; else with the task to refer it, if the person agreed to
    an organisation that only a coordinator can ask, or to ask the person about others.
    The caller holds the case's row.
    """
    if (
        CaseState(case.state) not in _ASKABLE
        or case.facts is None
        or spam_screening.is_held(case.held_reason, case.urgency)
    ):
        return []
    by_hand = (case.country, deadline_storage.current_urgency(case, now)) in context.manual
    if by_hand or case.country in {*context.manual_countries, ACROSS} or case.team_id == sandbox_identity.TEAM_ID:
        return []
    rows = needs.of_case(session, case, now)
    earlier = queries.referrals_of_case(session, case.id)
    slots = _free_slots(case, needs.in_states(rows, WAITING | {NeedState.UNMET}), earlier, now)
    if not any(slots.values()):
        return []
    result = rematching.run_matching(session, context.keys, context.directory, case, now)
    if result is None:
        return []
    asked = {referral.organisation_id for referral in earlier}
    left = [
        candidate for candidate in result.candidates if named_id("organisation", candidate.organisation) not in asked
    ]
    offered = _offer(session, case, left, slots, now, context, follows)
    _nobody_left(session, case, left, earlier, now, context)
    return offered


def _free_slots(case: Case, waiting: Sequence[str], earlier: Sequence[Referral], now: datetime) -> dict[str, int]:
    """How many more organisations may be asked for each need that waits.

    An open offer whose organisation was closed for too long takes no place.
    """
    at_once = PARALLEL_OFFERS[deadline_storage.current_urgency(case, now)]
    asked = Counter(
        need
        for referral in earlier
        if ReferralState(referral.state) in UNDECIDED and not _others_are_asked(referral, case, now)
        for need in queries.needs_of(referral, case)
    )
    return {need: max(0, at_once - asked[need]) for need in waiting}


def _others_are_asked(referral: Referral, case: Case, now: datetime) -> bool:
    asked_at = deadlines.others_asked_at(
        deadline_storage.deadlines_of(referral), deadline_storage.terms_of(referral, case)
    )
    return asked_at is not None and asked_at <= now


def _needs_of(candidate: ServiceMatch, case: Case, among: Collection[str], context: AutoOfferContext) -> list[str]:
    """Which of these needs a candidate would be asked for: those that its service lists; all, if it lists none of the case's."""
    entry = context.directory.service(candidate.service)
    listed = entry.service.needs if entry is not None else ()
    return [need for need in among if need in listed or not set(listed) & set(case.needs)]


def _offer(
    session: Session,
    case: Case,
    left: Sequence[ServiceMatch],
    slots: dict[str, int],
    now: datetime,
    context: AutoOfferContext,
    follows: UUID | None,
) -> list[Referral]:
    """Offer each need that waits to the best organisations that help with it. `slots` is used up."""
    holders = sealed_parts.organisations_with_key(session, case.id)
    if context.notified is not None:
        holders = frozenset(context.notified(session, holders, now))
    offered: list[Referral] = []
    taken: set[str] = set()
    for candidate in left:
        wanted = _needs_of(candidate, case, [need for need, free in slots.items() if free], context)
        if not wanted:
            continue
        if candidate.organisation in taken or not candidate.offerable:
            continue
        if named_id("organisation", candidate.organisation) not in holders:
            continue
        try:
            draft = referral_actions.create(
                session, context.keys, case, candidate.service, by=CLOCK, now=now, follows=follows, wanted=wanted
            )
        except Conflict:
            continue
        offered.append(referral_actions.advance(session, draft.id, ReferralVerb.OFFER, by=CLOCK, now=now))
        service_history.record_turn(session, _equal_candidates(candidate, left, taken, holders), candidate.service)
        taken.add(candidate.organisation)
        for need in wanted:
            slots[need] -= 1
    return offered


def _equal_candidates(
    chosen: ServiceMatch, left: Sequence[ServiceMatch], taken: set[str], holders: frozenset[UUID]
) -> list[str]:
    """The services that ranked equal to the chosen one in everything but their turn."""
    return [
        candidate.service
        for candidate in left
        if candidate.offerable
        and candidate.terms[:-1] == chosen.terms[:-1]
        and candidate.organisation not in taken
        and named_id("organisation", candidate.organisation) in holders
    ]


def _nobody_left(
    session: Session,
    case: Case,
    left: Sequence[ServiceMatch],
    earlier: Sequence[Referral],
    now: datetime,
    context: AutoOfferContext,
) -> None:
    """For the needs that are uncovered now: the exact task instead of "find the next step", and a notice to team and person.

    The case is *unmet* when no need of it is with anybody and the rules name nobody any more. The person is not told while an
    organisation that they agreed to has not been asked: then it is a coordinator's turn.
    """
    rows = needs.of_case(session, case)
    uncovered = needs.in_states(rows, {NeedState.OPEN, NeedState.UNMET})
    if not uncovered:
        return
    helping = [candidate for candidate in left if _needs_of(candidate, case, uncovered, context)]
    if _is_agreed(session, case, helping, earlier, context):
        tasks.end_tasks_of_kind(session, TaskKind.ASK_PERSON, case.id, now)
        if not tasks.is_open(session, TaskKind.FIND_NEXT, case.id):
            messaging.queue(session, NoticeKind.NOBODY_CONSENTED_LEFT, about_id=case.id, team_id=case.team_id, now=now)
            tasks.open_task(session, TaskKind.FIND_NEXT, case, now=now)
        return
    others = bool(helping)
    kind = NoticeKind.NOBODY_CONSENTED_LEFT if others else NoticeKind.NOBODY_LEFT
    task = TaskKind.ASK_PERSON if others else TaskKind.UNMET
    if not others and CaseState(case.state) is not CaseState.REFERRED:
        transitions.move(session, case, CaseVerb.UNMET, actor_kind=CLOCK.kind.value, actor_id=None, now=now)
    elif tasks.is_open(session, task, case.id):
        return  # somebody has it already
    messaging.queue(session, kind, about_id=case.id, team_id=case.team_id, now=now)
    messaging.notify_person(session, kind, about_id=case.id, case_id=case.id, now=now)
    tasks.end_tasks_of_kind(session, TaskKind.FIND_NEXT, case.id, now)
    tasks.open_task(session, task, case, now=now)


def _is_agreed(
    session: Session,
    case: Case,
    candidates: Sequence[ServiceMatch],
    earlier: Sequence[Referral],
    context: AutoOfferContext,
) -> bool:
    """Whether the person agreed to one of these that a coordinator can ask: without an account, not verified, or not notified."""
    askable = [candidate.organisation for candidate in candidates if candidate.can_be_referred]
    if not askable:
        return False
    facts = sealed_access.facts_of(context.keys, case)
    standing = eligibility_of(session, case, facts, askable, earlier)
    return any(standing.of(slug).reaches == "offer" for slug in askable)
