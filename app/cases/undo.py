"""How a case was before the desk's last act on it, kept so that the act can be taken back."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case, CaseUndo


def snapshot(case: Case) -> dict[str, Any]:
    """The codes that an act of the desk may change."""
    return {
        "state": case.state,
        "owner": case.owner_id.hex if case.owner_id else None,
        "snoozed": case.snoozed_until.isoformat() if case.snoozed_until else None,
        "wrote": case.person_wrote,
        "held": case.held_reason,
    }


def restore(case: Case, was: dict[str, Any]) -> None:
    """All but the state, which only moves by its table."""
    case.owner_id = UUID(was["owner"]) if was["owner"] else None
    case.snoozed_until = date.fromisoformat(was["snoozed"]) if was["snoozed"] else None
    case.person_wrote = case.person_wrote or was["wrote"]
    case.held_reason = was.get("held")


def record(session: Session, case: Case, act: str, was: dict[str, Any], *, member_id: UUID, now: datetime) -> None:
    """Called last, when the case has its new version. Only one act is remembered: the latest."""
    forget(session, case.id)
    row = {"case_id": case.id, "member_id": member_id, "act": act, "version": case.version, "before": was, "at": now}
    session.execute(sa.insert(CaseUndo), [row])


def latest(session: Session, case: Case, member_id: UUID) -> CaseUndo | None:
    """The latest act, when it was this member's and nothing has happened to the case since."""
    return session.scalars(
        sa.select(CaseUndo).where(
            CaseUndo.case_id == case.id, CaseUndo.member_id == member_id, CaseUndo.version == case.version
        )
    ).one_or_none()


def forget(session: Session, case_id: UUID) -> None:
    session.execute(sa.delete(CaseUndo).where(CaseUndo.case_id == case_id))
