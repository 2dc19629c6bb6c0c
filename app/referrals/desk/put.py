"""What was put to whom: the referrals of a case as its page tells of them."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.directory.models import ServiceRow
from app.partners.organisations import Organisation
from app.referrals.models import Referral, ReferralEvent


@dataclass(frozen=True, slots=True)
class Put:
    """A referral of a case with the names it is spoken of by, and what happened to it, oldest first."""

    referral: Referral
    organisation: str
    service: str
    service_key: str
    events: tuple[ReferralEvent, ...]


def referrals(session: Session, case_id: UUID) -> list[Put]:
    """All referrals of a case with their steps. Two statements."""
    rows = session.execute(
        sa.select(Referral, Organisation.name, ServiceRow.name.label("service"), ServiceRow.key)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .join(ServiceRow, ServiceRow.id == Referral.service_id)
        .where(Referral.case_id == case_id)
        .order_by(Referral.created_at.desc(), Referral.id)
    ).all()
    ids = [row.Referral.id for row in rows]
    query = sa.select(ReferralEvent).where(ReferralEvent.referral_id.in_(ids)).order_by(ReferralEvent.seq)
    steps = session.scalars(query).all() if ids else []
    return [
        Put(
            row.Referral,
            row.name,
            row.service,
            row.key,
            tuple(event for event in steps if event.referral_id == row.Referral.id),
        )
        for row in rows
    ]
