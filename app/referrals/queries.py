"""Reads of referrals."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import transitions
from app.cases.models import Case, ReferralStatus
from app.core.errors import NotFound
from app.directory.models import ServiceRow
from app.partners import sandbox_identity
from app.partners.organisations import Organisation
from app.referrals.effects import OtherReferral
from app.referrals.models import Referral, ReferralEvent
from app.referrals.reasons import CONSEQUENCES, Consequence
from app.referrals.states import AT_WORK, FAILED, LIVE, MAY_OPEN, UNDECIDED, ReferralState


def offered_to(organisation_id: UUID | sa.BindParameter[Any]) -> sa.ColumnElement[bool]:
    """The condition that a referral was offered to this organisation, which may not learn of it earlier."""
    return sa.and_(Referral.organisation_id == organisation_id, Referral.offered_at.is_not(None))


REFUSALS_FOR_REVIEW: Final = 3
QUARTER: Final = timedelta(days=92)
"""Refusals are counted for so long."""
_OF_RULE: Final = [code for code, what in CONSEQUENCES.items() if what is Consequence.REVIEW_RULE]


def repeated_refusals(session: Session, organisation_id: UUID, since: datetime) -> dict[str, list[tuple[str, int]]]:
    """By service key: the refusal reasons that suggest a wrong rule and were given at least three times, with the count."""
    number = sa.func.count()
    rows = session.execute(
        sa.select(ServiceRow.key, Referral.reason, number)
        .join(ServiceRow, ServiceRow.id == Referral.service_id)
        .where(
            Referral.organisation_id == organisation_id,
            Referral.state == ReferralState.DECLINED.value,
            Referral.updated_at >= since,
            Referral.reason.in_(_OF_RULE),
        )
        .group_by(ServiceRow.key, Referral.reason)
        .having(number >= REFUSALS_FOR_REVIEW)
        .order_by(number.desc(), Referral.reason)
    )
    refusals: dict[str, list[tuple[str, int]]] = {}
    for key, reason, times in rows:
        refusals.setdefault(key, []).append((str(reason), times))
    return refusals


@dataclass(frozen=True, slots=True)
class Refusals:
    """How often a service refused for one reason that suggests its rule is wrong.

    `by_need`: how often refused and asked, by need.
    """

    service: str
    reason: str
    times: int
    by_need: Mapping[str, tuple[int, int]]


def refused_services(session: Session, since: datetime, service_id: UUID | None = None) -> list[Refusals]:
    """The services that refused three times or more for one reason that suggests their rule is wrong, most often first.

    `service_id`: this service alone. Two statements. Without the sandbox.
    """
    number, is_real = sa.func.count(), Referral.organisation_id != sandbox_identity.ORGANISATION_ID
    if service_id is not None:
        is_real = sa.and_(is_real, Referral.service_id == service_id)
    often = session.execute(
        sa.select(Referral.service_id, Referral.reason, number)
        .where(is_real, *_refused(since))
        .group_by(Referral.service_id, Referral.reason)
        .having(number >= REFUSALS_FOR_REVIEW)
    ).all()
    if not often:
        return []
    asked = session.execute(
        sa.select(Referral.service_id, ServiceRow.key, Referral.state, Referral.reason, Referral.needs, Case.needs)
        .join(ServiceRow, ServiceRow.id == Referral.service_id)
        .join(Case, Case.id == Referral.case_id)
        .where(Referral.service_id.in_({row.service_id for row in often}), Referral.offered_at.is_not(None))
        .where(Referral.updated_at >= since)
    ).all()
    refusals = []
    for of_service, reason, times in often:
        by_need: dict[str, tuple[int, int]] = {}
        keys = [row.key for row in asked if row.service_id == of_service]
        for one, _key, state, why, named, all_needs in asked:
            for need in (all_needs if named is None else named) if one == of_service else ():
                refused, of = by_need.get(need, (0, 0))
                is_refused = state == ReferralState.DECLINED.value and why == reason
                by_need[need] = (refused + is_refused, of + 1)
        refusals.append(Refusals(keys[0], str(reason), times, dict(sorted(by_need.items()))))
    return sorted(refusals, key=lambda one: (-one.times, one.service, one.reason))


def times_refused(session: Session, service_id: UUID, reason: str, since: datetime) -> int:
    """How often a service refused for this reason; 0 for a reason that does not suggest that its rule is wrong."""
    same = sa.and_(Referral.service_id == service_id, Referral.reason == reason, *_refused(since))
    return session.scalar(sa.select(sa.func.count()).select_from(Referral).where(same)) or 0


def _refused(since: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (Referral.state == ReferralState.DECLINED.value, Referral.updated_at >= since, Referral.reason.in_(_OF_RULE))


def locked(session: Session, referral_id: UUID, organisation_id: UUID | None = None) -> tuple[Referral, Case]:
    """The referral and its case, both rows locked: always the case first, to avoid deadlocks.

    With an organisation, only referrals offered to it: any other raises NotFound like an unknown id.
    """
    query = sa.select(Referral.case_id).where(Referral.id == referral_id)
    if organisation_id is not None:
        query = query.where(offered_to(organisation_id))
    case_id = session.scalar(query)
    if case_id is None:
        raise NotFound("There is no such referral.")
    case = transitions.locked(session, case_id)
    referral = session.scalars(
        sa.select(Referral)
        .where(Referral.id == referral_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return referral, case


def referrals_of_case(session: Session, case_id: UUID) -> Sequence[Referral]:
    return session.scalars(
        sa.select(Referral).where(Referral.case_id == case_id).order_by(Referral.created_at, Referral.id)
    ).all()


def lock_live_referrals(
    session: Session, case_id: UUID, states: Collection[ReferralState] = LIVE
) -> Sequence[Referral]:
    """The case's referrals in these states, their rows locked. The caller holds the case's row."""
    return session.scalars(
        sa.select(Referral)
        .where(Referral.case_id == case_id, Referral.state.in_([state.value for state in states]))
        .order_by(Referral.id)
        .with_for_update()
    ).all()


_STATUSES: Final = (
    (ReferralStatus.WORK, AT_WORK),
    (ReferralStatus.ANSWER, UNDECIDED),
    (ReferralStatus.CONSENT, frozenset({ReferralState.AWAITING_CONSENT})),
    (ReferralStatus.DECLINED, FAILED - {ReferralState.WITHDRAWN, ReferralState.ENTERED_IN_ERROR}),
)


def referral_status(states: Collection[ReferralState]) -> ReferralStatus | None:
    """The status of a case's referrals taken together, from all their states. None: none is live."""
    return next((status for status, among in _STATUSES if not among.isdisjoint(states)), None)


def others_of(session: Session, referral: Referral, case: Case) -> tuple[OtherReferral, ...]:
    """The case's other referrals, as far as effects depend on them. Stable while the caller holds the case's row."""
    others = sa.select(Referral.state, Referral.needs).where(
        Referral.case_id == referral.case_id, Referral.id != referral.id
    )
    return tuple(
        OtherReferral(ReferralState(row.state), frozenset(case.needs if row.needs is None else row.needs))
        for row in session.execute(others)
    )


def needs_of(referral: Referral, case: Case) -> tuple[str, ...]:
    """The needs that the referral is for."""
    return tuple(case.needs if referral.needs is None else referral.needs)


def is_asked(session: Session, case_id: UUID, organisation_id: UUID) -> bool:
    """Whether a referral of this case to this organisation is live."""
    live = [state.value for state in LIVE]
    live_referral = sa.select(Referral.id).where(
        Referral.case_id == case_id, Referral.organisation_id == organisation_id, Referral.state.in_(live)
    )
    return session.scalar(live_referral) is not None


def organisations_in(session: Session, case_id: UUID, states: Collection[ReferralState]) -> frozenset[UUID]:
    """The organisations whose referral of this case is in one of these states."""
    return frozenset(
        session.scalars(
            sa.select(Referral.organisation_id).where(
                Referral.case_id == case_id, Referral.state.in_([state.value for state in states])
            )
        )
    )


def has_accepted(session: Session, case_id: UUID, organisation_id: UUID) -> bool:
    """Whether the organisation has accepted this case and may open it."""
    return organisation_id in organisations_in(session, case_id, MAY_OPEN)


def events(session: Session, referral_id: UUID) -> Sequence[ReferralEvent]:
    return session.scalars(
        sa.select(ReferralEvent).where(ReferralEvent.referral_id == referral_id).order_by(ReferralEvent.seq)
    ).all()


def excluded_organisations(session: Session, case_id: UUID) -> frozenset[str]:
    """Slugs of organisations that reported a conflict of interest with this person: never asked again."""
    slugs = session.scalars(
        sa.select(Organisation.slug)
        .join(Referral, Referral.organisation_id == Organisation.id)
        .where(Referral.case_id == case_id, Referral.reason == "conflict")
    )
    return frozenset(slugs)


def due(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    """Ids of referrals whose due time has come, the longest due first. Takes no lock: see `claim_due`."""
    return session.scalars(
        sa.select(Referral.id).where(Referral.due_at <= now).order_by(Referral.due_at).limit(limit)
    ).all()


def claim_due(session: Session, referral_id: UUID, now: datetime) -> tuple[Referral, Case] | None:
    """A due referral and its case, both rows locked. None: no longer due, or another transaction holds it."""
    case_id = session.scalar(sa.select(Referral.case_id).where(Referral.id == referral_id, Referral.due_at <= now))
    free = sa.select(Case.id).where(Case.id == case_id).with_for_update(skip_locked=True)
    if case_id is None or session.scalar(free) is None:
        return None
    referral, case = locked(session, referral_id)
    return (referral, case) if referral.due_at is not None and referral.due_at <= now else None
