"""The personal data that referrals hold of a case: export and erasure."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.partners.organisations import Organisation
from app.referrals.models import ContactAnswer, Referral
from app.referrals.quality import ReferralQuality, of_referrals


def forget(session: Session, case_id: UUID) -> None:
    """Erase cards, needs, and what the person and the organisations said; states, verbs and times, which identify nobody, stay."""
    session.execute(
        sa.update(Referral)
        .where(Referral.case_id == case_id)
        .values(card=None, deadline_on=None, needs=[], asks_document=False)
    )
    mine = sa.select(Referral.id).where(Referral.case_id == case_id).scalar_subquery()
    session.execute(sa.delete(ContactAnswer).where(ContactAnswer.referral_id.in_(mine)))
    session.execute(sa.delete(ReferralQuality).where(ReferralQuality.referral_id.in_(mine)))


def referral_ids(session: Session, case_id: UUID) -> list[UUID]:
    return list(session.scalars(sa.select(Referral.id).where(Referral.case_id == case_id)))


def export(session: Session, case_id: UUID, *, said_to_team: bool = False) -> list[dict[str, Any]]:
    """The referrals of the case for the person's export, with their own answers; without reasons of refusals.

    `said_to_team`: with the codes that the organisation answered the team about the quality of the referral.
    """
    rows = session.execute(
        sa.select(Referral.id, Organisation.name, Referral.state, Referral.offered_at, Referral.needs)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(Referral.case_id == case_id, Referral.offered_at.is_not(None))
        .order_by(Referral.offered_at)
    ).all()
    answers: dict[UUID, dict[str, bool]] = {row.id: {} for row in rows}
    for answer in session.scalars(sa.select(ContactAnswer).where(ContactAnswer.referral_id.in_(list(answers)))):
        answers[answer.referral_id][answer.about] = answer.yes
    quality = of_referrals(session, list(answers)) if said_to_team else {}
    return [
        {
            "organisation": row.name,
            "state": row.state,
            **({"needs": row.needs} if row.needs else {}),
            "asked_on": row.offered_at.date().isoformat(),
            **({"you_said": answers[row.id]} if answers[row.id] else {}),
            **({"quality": quality[row.id]} if row.id in quality else {}),
        }
        for row in rows
    ]
