"""The quality of accepted referrals, as the organisations rate it: a few codes. Free text goes into the conversation.

Class of data: routing codes. They are about the referral, and nothing in them names the person.
"""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base, Json
from app.core.errors import FieldError, Invalid
from app.core.i18n import N_
from app.core.upsert import insert_or_update
from app.partners import sandbox_identity
from app.referrals.models import Referral

QUALITY: Final = MappingProxyType(
    {
        "complete": "Everything that we needed was there",
        "facts_missing": "Important facts were missing",
        "facts_wrong": "Something was not as it was written",
        "other_need": "The person needed something else",
        "not_for_us": "It was not a case for us",
        "too_late": "It came too late",
        "contact_failed": "The contact details did not work",
        "not_prepared": "The person did not expect us",
    }
)
"""What can be said, with its label for staff."""
MOST: Final = 4


class ReferralQuality(Base):
    """What an organisation last said about the quality of one referral: codes of `QUALITY`, in the order of that table."""

    __tablename__ = "referral_quality"

    referral_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"), primary_key=True)
    codes: Mapped[list[str]] = mapped_column(Json)
    said_at: Mapped[datetime]


def checked(codes: Sequence[str]) -> list[str]:
    """The codes in the order of the table, each once. Raises Invalid: none, too many, or an unknown one."""
    known = [code for code in QUALITY if code in codes]
    if not 1 <= len(known) <= MOST or not set(codes) <= set(QUALITY):
        raise Invalid([FieldError(pointer="/quality", code="unknown_code", detail=N_("Choose one to four answers."))])
    return known


def put(session: Session, referral_id: UUID, codes: Sequence[str], now: datetime) -> None:
    """Store the answer; it replaces the former one. The caller holds the referral's row."""
    row = {"referral_id": referral_id, "codes": list(codes), "said_at": now}
    change = {"codes": list(codes), "said_at": now}
    session.execute(insert_or_update(session, ReferralQuality, key=("referral_id",), change=lambda _new: change), row)


def of_referrals(session: Session, referral_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """The answers by referral. One statement."""
    if not referral_ids:
        return {}
    rows = session.scalars(sa.select(ReferralQuality).where(ReferralQuality.referral_id.in_(list(referral_ids))))
    return {row.referral_id: row.codes for row in rows}


def counts(session: Session, since: datetime) -> dict[str, int]:
    """How often each code was given since `since`, without the sandbox."""
    rows = session.scalars(
        sa.select(ReferralQuality.codes)
        .join(Referral, Referral.id == ReferralQuality.referral_id)
        .where(ReferralQuality.said_at >= since, Referral.organisation_id != sandbox_identity.ORGANISATION_ID)
    )
    counted = dict.fromkeys(QUALITY, 0)
    for codes in rows:
        for code in codes:
            counted[code] = counted.get(code, 0) + 1
    return {code: count for code, count in counted.items() if count}
