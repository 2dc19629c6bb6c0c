"""Which of a partner's referrals wait for an answer to the person: the last line of their conversation is the person's."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.cases.models import Part, SealedPart
from app.referrals.models import Referral
from app.referrals.states import AT_WORK


def for_an_answer(session: Session, organisation_id: UUID) -> frozenset[UUID]:
    """Ids of referrals at work. Only the plain codes of the lines are looked at: nothing is opened."""
    line, later = aliased(SealedPart), aliased(SealedPart)
    newer = sa.exists().where(later.case_id == line.case_id, later.part == line.part, later.seq > line.seq)
    query = (
        sa.select(Referral.id)
        .join(line, line.case_id == Referral.case_id)
        .where(
            Referral.organisation_id == organisation_id,
            Referral.state.in_([state.value for state in AT_WORK]),
            line.part == Part.THREAD.value,
            line.author == "person",
            ~newer,
        )
    )
    return frozenset(session.scalars(query))
