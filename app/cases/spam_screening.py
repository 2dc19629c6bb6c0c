"""Cases that look like spam: all are accepted and marked (`held_reason`), and a coordinator reviews them.

What a mark does. An emergency or urgent case is only marked, whatever the reason: it stays in its place, and the clock offers it
like any other. A case without urgency is held, that is offered to nobody, if it was `trap` or `haste`; `trap` also stands in the
view of marked cases alone. One of a `crowd` is neither hidden nor held, because a crowd may be a spam run or five hundred
people on one day: it stands `CROWD_YIELDS` further down in the queue, and the clock offers it after all others and never more than
`CROWD_OFFERED` of them at a time, so that a spam run takes no centre's attention from anybody else.

A case is held no longer when somebody of the desk moves it (`transitions.move`) or releases it here. A discarded case ends and is
deleted by the retention rules some days later, which leaves time to notice a mistake.
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
"""Reasons for which a case without urgency appears only in the view of marked cases. Every other one stays in its views."""
HOLDING: Final = ("trap", "haste")
"""Reasons for which a case without urgency is offered to nobody."""
CROWD: Final = "crowd"
CROWD_YIELDS: Final = timedelta(days=2)
CROWD_OFFERED: Final = 25
_ORDINARY: Final = "normal"


def is_held(held_reason: str | None, urgency: str) -> bool:
    """Whether such a case is kept from the clock until somebody has looked at it."""
    return held_reason in HOLDING and urgency == _ORDINARY


def yields(held_reason: str | None, urgency: str) -> bool:
    """Whether such a case lets all others go first."""
    return held_reason == CROWD and urgency == _ORDINARY


def hidden(rows: Any) -> sa.ColumnElement[bool]:
    """The same as SQL, over `Case` or `CaseCounter`: whether a case stands only in the view of marked cases."""
    return sa.and_(rows.held_reason.is_not(None), rows.held_reason.in_(HIDDEN), rows.urgency == _ORDINARY)


def held() -> sa.ColumnElement[bool]:
    """`is_held` as SQL."""
    return sa.and_(Case.held_reason.is_not(None), Case.held_reason.in_(HOLDING), Case.urgency == _ORDINARY)


def of_crowd() -> sa.ColumnElement[bool]:
    """`yields` as SQL."""
    return sa.and_(Case.held_reason.is_not(None), Case.held_reason == CROWD, Case.urgency == _ORDINARY)


def release(session: Session, case: Case, *, actor_kind: str, actor_id: UUID, now: datetime) -> None:
    """Release a held case: a person wrote it. The caller holds the row's lock. Raises Conflict when it is not held."""
    _check_held(case)
    if yields(case.held_reason, case.urgency) and case.last_safe_day is None:
        case.due_on -= CROWD_YIELDS
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
