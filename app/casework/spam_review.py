"""Reviewing a case held as possible spam: release it into the queue, or discard it. Both can be undone."""

from sqlalchemy.orm import Session

from app.cases import spam_screening, undo
from app.cases.models import Case
from app.casework.coordinator import Desk, locked_case, remember_undo


def release(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Release the case into the queue, at the position it would have had. Raises NotFound, StaleCase, Conflict (it is not held)."""
    case = locked_case(session, desk, label, version)
    was = undo.snapshot(case)
    spam_screening.release(
        session, case, actor_kind=desk.actor.kind.value, actor_id=desk.member.member_id, now=desk.now
    )
    remember_undo(session, desk, case, "release", was)
    return case


def discard(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Close the case now; it is deleted some days later. Raises what `release` raises."""
    case = locked_case(session, desk, label, version)
    was = undo.snapshot(case)
    spam_screening.discard(
        session, case, actor_kind=desk.actor.kind.value, actor_id=desk.member.member_id, now=desk.now
    )
    remember_undo(session, desk, case, "discard", was)
    return case
