"""Referrals of a partner whose last message is the person's and waits for a reply."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.cases.models import PartKind, SealedPart
from app.referrals.models import Referral
from app.referrals.states import AT_WORK


def awaiting_reply(session: Session, organisation_id: UUID) -> frozenset[UUID]:
    """The ids of the organisation's referrals at work in which the person's message waits for a reply.

    Reads only the unencrypted codes of messages; nothing is decrypted.
    """
    line, later = aliased(SealedPart), aliased(SealedPart)
    newer = sa.exists().where(later.case_id == line.case_id, later.part == line.part, later.seq > line.seq)
    query = (
        sa.select(Referral.id)
        .join(line, line.case_id == Referral.case_id)
        .where(
            Referral.organisation_id == organisation_id,
            Referral.state.in_([state.value for state in AT_WORK]),
            line.part == PartKind.THREAD.value,
            line.author == "person",
            ~newer,
        )
    )
    return frozenset(session.scalars(query))
