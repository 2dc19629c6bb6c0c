"""The state of a case before the desk's last action on it, stored so that the action can be undone."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import spam_screening
from app.cases.models import Case, CaseUndo


def snapshot(case: Case) -> dict[str, Any]:
    """The codes of a case that an action of the desk may change."""
    return {
        "state": case.state,
        "owner": case.owner_id.hex if case.owner_id else None,
        "snoozed": case.snoozed_until.isoformat() if case.snoozed_until else None,
        "wrote": case.person_wrote,
        "held": case.held_reason,
        "due": case.due_on.isoformat(),
    }


def restore(case: Case, before: dict[str, Any]) -> None:
    """Set the case back to a snapshot, except its state, which changes only by the table of moves."""
    case.owner_id = UUID(before["owner"]) if before["owner"] else None
    case.snoozed_until = date.fromisoformat(before["snoozed"]) if before["snoozed"] else None
    case.person_wrote = case.person_wrote or before["wrote"]
    case.held_reason = before.get("held")
    if spam_screening.is_offered_last(case.held_reason, case.urgency) and "due" in before:
        case.due_on = date.fromisoformat(before["due"])  # releasing it had moved it up


def record(session: Session, case: Case, act: str, before: dict[str, Any], *, member_id: UUID, now: datetime) -> None:
    """Store the snapshot from before an action. Call it last, when the case has its new version. Only the latest is kept."""
    forget(session, case.id)
    row = {"case_id": case.id, "member_id": member_id, "act": act, "version": case.version, "before": before, "at": now}
    session.execute(sa.insert(CaseUndo), [row])


def latest(session: Session, case: Case, member_id: UUID) -> CaseUndo | None:
    """The latest action, if this member took it and nothing has happened to the case since; else None."""
    return session.scalars(
        sa.select(CaseUndo).where(
            CaseUndo.case_id == case.id, CaseUndo.member_id == member_id, CaseUndo.version == case.version
        )
    ).one_or_none()


def forget(session: Session, case_id: UUID) -> None:
    session.execute(sa.delete(CaseUndo).where(CaseUndo.case_id == case_id))
