"""Cases that look like a machine's: nobody is refused, nothing is offered, and somebody of the desk looks at them.

Whoever moves such a case has looked at it, and it is held no longer (`life.move`); so is one that is released here. What is
spam after all is ended, and forgotten by the clock some days later: time enough to see a mistake.
"""

from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.cases import transitions
from app.cases.models import Case
from app.cases.states import CaseVerb
from app.core.errors import Conflict

HELD_REASONS: Final = MappingProxyType(
    {
        "trap": "It filled in a field that people do not see.",
        "haste": "It was sent faster than anybody can read the form.",
        "crowd": "Very many forms came at the same time.",
    }
)
HIDDEN: Final = ("trap", "crowd")
"""Held for these, a case stands in no other view. One that was only quick stands in its place too, with a mark."""


def release(session: Session, case: Case, *, actor_kind: str, actor_id: UUID, now: datetime) -> None:
    """A person wrote it. The caller holds the row's lock. Raises Conflict (it is not held)."""
    _check_held(case)
    case.held_reason = None
    case.version += 1
    case.updated_at = now
    session.flush()
    _note(session, case, "case:released", actor_kind, actor_id, now)


def discard(session: Session, case: Case, *, actor_kind: str, actor_id: UUID, now: datetime) -> None:
    """A machine wrote it: it ends, and is forgotten soon. It stays marked as held, which says why it ended. Raises Conflict."""
    _check_held(case)
    why = case.held_reason
    transitions.move(
        session, case, CaseVerb.WITHDRAW, actor_kind=actor_kind, actor_id=actor_id, now=now, codes={"spam": True}
    )
    case.held_reason, case.forget_at = why, now
    session.flush()
    _note(session, case, "case:discarded", actor_kind, actor_id, now)


def _check_held(case: Case) -> None:
    if case.held_reason is None or case.closed_at is not None:
        raise Conflict("This case is not held.", state=case.state)


def _note(session: Session, case: Case, action: str, actor_kind: str, actor_id: UUID, now: datetime) -> None:
    audit.record(
        session,
        actor_kind=actor_kind,
        actor_id=actor_id.hex,
        action=action,
        subject_kind="case",
        subject_id=case.id,
        now=now,
    )
