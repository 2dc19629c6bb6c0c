"""Cases that look like spam: all are accepted and marked (`held_reason`), and a coordinator reviews them.

Effects of a mark:

* An emergency or urgent case is only marked, whatever the reason. It keeps its place in the queue and is offered like any other.
* A case without urgency is held, that is offered to nobody, if its reason is `trap` or `haste`. With `trap` it also appears in no
  view but that of marked cases.
* A case with the reason `crowd` is neither hidden nor held, because many forms at once may be a spam run or five hundred people on
  one day. It is due `CROWD_DELAY` later in the queue. The scheduler offers such cases after all others and at most `CROWD_OFFERED`
  of them at a time, so that a spam run takes up no centre's attention.

A case stops being held when a coordinator moves it (`transitions.move`) or releases it here. A discarded case ends; the retention
rules delete it some days later, which leaves time to notice a mistake.
"""

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
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
HIDDEN: Final = ("trap",)
"""Reasons for which a case without urgency appears only in the view of marked cases."""
HOLDING: Final = ("trap", "haste")
"""Reasons for which a case without urgency is offered to nobody."""
CROWD: Final = "crowd"
CROWD_DELAY: Final = timedelta(days=2)
CROWD_OFFERED: Final = 25
_ORDINARY: Final = "normal"


def is_held(held_reason: str | None, urgency: str) -> bool:
    """Whether a case with this mark and urgency is offered to nobody by the scheduler until a coordinator has reviewed it."""
    return held_reason in HOLDING and urgency == _ORDINARY


def is_offered_last(held_reason: str | None, urgency: str) -> bool:
    """Whether a case with this mark and urgency is offered only after all others."""
    return held_reason == CROWD and urgency == _ORDINARY


def is_hidden_sql(rows: Any) -> sa.ColumnElement[bool]:
    """SQL condition over `Case` or `CaseCounter`: the case appears only in the view of marked cases."""
    return sa.and_(rows.held_reason.is_not(None), rows.held_reason.in_(HIDDEN), rows.urgency == _ORDINARY)


def is_held_sql() -> sa.ColumnElement[bool]:
    """`is_held` as an SQL condition."""
    return sa.and_(Case.held_reason.is_not(None), Case.held_reason.in_(HOLDING), Case.urgency == _ORDINARY)


def is_offered_last_sql() -> sa.ColumnElement[bool]:
    """`is_offered_last` as an SQL condition."""
    return sa.and_(Case.held_reason.is_not(None), Case.held_reason == CROWD, Case.urgency == _ORDINARY)


def release(session: Session, case: Case, *, actor_kind: str, actor_id: UUID, now: datetime) -> None:
    """Release a held case, because a person wrote it. The caller holds the row's lock. Raises Conflict when it is not held."""
    _check_held(case)
    if is_offered_last(case.held_reason, case.urgency) and case.last_safe_day is None:
        case.due_on -= CROWD_DELAY
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
        raise Conflict("This case is not held as possible spam.", state=case.state)


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
