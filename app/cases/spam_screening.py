"""Cases that look like spam: they are accepted but held, are not offered to anybody, and a coordinator reviews them.

A case is held no longer when somebody of the desk moves it (`transitions.move`) or releases it here. A discarded case ends and is
deleted by the retention rules some days later, which leaves time to notice a mistake.
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
"""Reasons for which a held case appears only in the spam view. A case held for another reason stays in its views, with a mark."""


def release(session: Session, case: Case, *, actor_kind: str, actor_id: UUID, now: datetime) -> None:
    """Release a held case: a person wrote it. The caller holds the row's lock. Raises Conflict when it is not held."""
    _check_held(case)
    case.held_reason = None
    case.version += 1
    case.updated_at = now
    session.flush()
    _note(session, case, "case:released", actor_kind, actor_id, now)


def discard(session: Session, case: Case, *, actor_kind: str, actor_id: UUID, now: datetime) -> None:
    """End a held case as spam. It keeps its `held_reason`, which says why it ended. Raises Conflict when it is not held."""
    _check_held(case)
    reason = case.held_reason
    transitions.move(
        session, case, CaseVerb.WITHDRAW, actor_kind=actor_kind, actor_id=actor_id, now=now, codes={"spam": True}
    )
    case.held_reason, case.forget_at = reason, now
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
