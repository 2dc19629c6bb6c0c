"""Results of the rotation: places due and given to each service, choices by hand, and why first suggestions were passed over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.directory.models import ServiceRow
from app.matching.models import ServiceRecord
from app.matching.order import UNIT
from app.partners import sandbox_identity
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import ReferralActor

PERIOD: Final = timedelta(days=365)
LEAST: Final = 10
"""A number below this is shown as "fewer than 10"."""
_BY_HAND: Final = (ReferralActor.COORDINATOR.value, ReferralActor.SENIOR.value)


@dataclass(frozen=True, slots=True)
class ServiceShare:
    """One service: its weight, the places it was due and got among equals, and the referrals that a coordinator made to it."""

    service: str
    weight: int
    due: float
    got: int
    by_hand: int


def shares(session: Session, now: datetime) -> Sequence[ServiceShare]:
    """Every service with a place or a referral made by hand in the last year, most places first. Two statements."""
    chosen = (
        sa.select(Referral.service_id, sa.func.count())
        .join(ReferralEvent, ReferralEvent.referral_id == Referral.id)
        .where(*_made_by_hand(now))
        .group_by(Referral.service_id)
    )
    by_hand: dict[UUID, int] = {row[0]: row[1] for row in session.execute(chosen)}
    rows = session.execute(
        sa.select(ServiceRow.id, ServiceRow.key, ServiceRecord.weight, ServiceRecord.earned, ServiceRecord.got)
        .outerjoin(ServiceRecord, ServiceRecord.service_id == ServiceRow.id)
        .where(ServiceRow.organisation_id != sandbox_identity.ORGANISATION_ID)
    )
    shares = [
        ServiceShare(row.key, row.weight or 1, (row.earned or 0) / UNIT, row.got or 0, by_hand.get(row.id, 0))
        for row in rows
    ]
    shown = [share for share in shares if share.due or share.got or share.by_hand]
    return sorted(shown, key=lambda share: (-share.got, -share.by_hand, share.service))


def passed_over(session: Session, now: datetime) -> dict[str, int]:
    """How often each reason was given in the last year for passing over the first suggestion."""
    code = ReferralEvent.codes["passed_over"].as_string()
    query = (
        sa.select(code, sa.func.count())
        .join(Referral, Referral.id == ReferralEvent.referral_id)
        .where(*_made_by_hand(now), code.is_not(None))
        .group_by(code)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _made_by_hand(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Referrals that a coordinator created in the last year, without the sandbox's."""
    return (
        ReferralEvent.verb == "create",
        ReferralEvent.actor_kind.in_(_BY_HAND),
        ReferralEvent.at >= now - PERIOD,
        Referral.organisation_id != sandbox_identity.ORGANISATION_ID,
    )
