"""Which members have a case open on their screen: a short lease, shown to colleagues. It does not lock the case."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import restriction
from app.cases.models import Case, CasePresence
from app.core import bulk
from app.core.upsert import insert_or_update

LEASE: Final = timedelta(minutes=10)


def record(session: Session, team_id: UUID, label: str, member_id: UUID, now: datetime) -> None:
    """Record that this member has opened the case. Does nothing if the team has no such case, or they are not named for it."""
    moment = sa.literal(now, type_=CasePresence.at.type)
    case = sa.select(Case.id, sa.literal(member_id, type_=sa.Uuid()), moment).where(
        Case.label == label,
        Case.team_id == team_id,
        Case.state != "erased",
        sa.not_(restriction.hidden_from(member_id)),
    )
    statement = insert_or_update(
        session, CasePresence, key=("case_id", "member_id"), change=lambda new: {"at": new["at"]}
    )
    session.execute(statement.from_select(["case_id", "member_id", "at"], case))


def forget(session: Session, case_id: UUID, *, but: Collection[UUID] = ()) -> None:
    """Delete the case's leases, except those of the members `but`."""
    session.execute(
        sa.delete(CasePresence).where(CasePresence.case_id == case_id, CasePresence.member_id.not_in(list(but)))
    )


def delete_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete leases that have run out; returns how many."""
    return bulk.delete_some(session, CasePresence, CasePresence.at <= now - LEASE, limit)
