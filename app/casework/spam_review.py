"""What a machine seems to have sent: it is a person's after all, or it is thrown away. Either can be taken back."""

from sqlalchemy.orm import Session

from app.cases import spam_screening, undo
from app.cases.models import Case
from app.casework.coordinator import Desk, can_be_undone, locked


def release(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Into the queue with it, at the place it would have had. Raises NotFound, Clash, Conflict (it is not held)."""
    case = locked(session, desk, label, version)
    was = undo.snapshot(case)
    spam_screening.release(session, case, actor_kind=desk.actor.kind.value, actor_id=desk.who.member_id, now=desk.now)
    can_be_undone(session, desk, case, "release", was)
    return case


def discard(session: Session, desk: Desk, label: str, version: int) -> Case:
    """It ends now, and is forgotten some days later. Raises as `release` does."""
    case = locked(session, desk, label, version)
    was = undo.snapshot(case)
    spam_screening.discard(session, case, actor_kind=desk.actor.kind.value, actor_id=desk.who.member_id, now=desk.now)
    can_be_undone(session, desk, case, "discard", was)
    return case
