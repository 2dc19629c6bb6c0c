"""Contacts of coordinators with organisations without an account about single referrals."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.referrals.models import Referral
from app.referrals.ways import ASKED, ContactMeans


class CentreContact(Base):
    """One contact. `what`: `asked`, `quality` or the verb that was recorded; `how`: the means. Both are plain codes of staff alone.

    `whom`: the name or role of whoever spoke for the organisation, as the coordinator typed it, encrypted with the case's desk
    key. Deleted with the case.
    """

    __tablename__ = "centre_contacts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    referral_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"), index=True)
    what: Mapped[str] = mapped_column(sa.String(20))
    how: Mapped[str] = mapped_column(sa.String(12))
    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    whom: Mapped[bytes | None]
    at: Mapped[datetime]


def add(
    session: Session, contact_id: UUID, referral: Referral, what: str, how: ContactMeans, member_id: UUID,
    whom: bytes | None, now: datetime,
) -> None:  # fmt: skip
    """Record one contact; `whom` is encrypted already."""
    row = {
        "id": contact_id, "referral_id": referral.id, "what": what, "how": how.value, "member_id": member_id,
        "whom": whom, "at": now,
    }  # fmt: skip
    session.execute(sa.insert(CentreContact), [row])


_OF_CASE: Final = (
    sa.select(CentreContact)
    .join(Referral, Referral.id == CentreContact.referral_id)
    .where(Referral.case_id == sa.bindparam("case_id", type_=sa.Uuid()))
    .order_by(CentreContact.at, CentreContact.id)
)


def of_case(session: Session, case_id: UUID) -> Sequence[CentreContact]:
    """The contacts about all referrals of a case, oldest first. One statement."""
    return session.scalars(_OF_CASE, {"case_id": case_id}).all()


def first_asked(session: Session, referral_ids: Iterable[UUID]) -> dict[UUID, tuple[datetime, ContactMeans]]:
    """When each of these referrals was first put to its organisation by a coordinator, and how."""
    rows = session.execute(
        sa.select(CentreContact.referral_id, CentreContact.at, CentreContact.how)
        .where(CentreContact.referral_id.in_(list(referral_ids)), CentreContact.what == ASKED)
        .order_by(CentreContact.at.desc())
    )
    return {row.referral_id: (row.at, ContactMeans(row.how)) for row in rows}


def was_told(session: Session, referral_id: UUID) -> bool:
    """Whether a coordinator has spoken with the organisation about this referral."""
    return (
        session.scalar(sa.select(CentreContact.id).where(CentreContact.referral_id == referral_id).limit(1)) is not None
    )


def forget(session: Session, case_id: UUID) -> None:
    mine = sa.select(Referral.id).where(Referral.case_id == case_id).scalar_subquery()
    session.execute(sa.delete(CentreContact).where(CentreContact.referral_id.in_(mine)))
