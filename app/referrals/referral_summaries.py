"""The referrals of a case as its page shows them."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.directory.models import ServiceRow
from app.partners.organisations import Organisation
from app.referrals.models import Referral, ReferralEvent


@dataclass(frozen=True, slots=True)
class ReferralSummary:
    """A referral with the names of its service and organisation, and its events, oldest first."""

    referral: Referral
    organisation: str
    service: str
    service_key: str
    events: tuple[ReferralEvent, ...]


_CASE: Final = sa.bindparam("case_id", type_=sa.Uuid())
_OF_CASE: Final = (
    sa.select(Referral, Organisation.name, ServiceRow.name.label("service"), ServiceRow.key)
    .join(Organisation, Organisation.id == Referral.organisation_id)
    .join(ServiceRow, ServiceRow.id == Referral.service_id)
    .where(Referral.case_id == _CASE)
    .order_by(Referral.created_at.desc(), Referral.id)
)
_STEPS: Final = (
    sa.select(ReferralEvent)
    .join(Referral, Referral.id == ReferralEvent.referral_id)
    .where(Referral.case_id == _CASE)
    .order_by(ReferralEvent.seq)
)


def summaries_of(session: Session, case_id: UUID) -> list[ReferralSummary]:
    """All referrals of a case with their events. Two statements."""
    rows = session.execute(_OF_CASE, {"case_id": case_id}).all()
    steps = session.scalars(_STEPS, {"case_id": case_id}).all() if rows else []
    return [
        ReferralSummary(
            row.Referral,
            row.name,
            row.service,
            row.key,
            tuple(event for event in steps if event.referral_id == row.Referral.id),
        )
        for row in rows
    ]
