"""Transitions of a case: the only module that assigns a case's state, by the table in `states`."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import needs
from app.cases.models import Case, CaseEvent, CaseMove
from app.cases.states import DESK, ENDED, CaseState, CaseVerb, allowed, next_state, replay
from app.core.clock import to_the_hour

UNATTENDED: Final = frozenset({CaseState.SUBMITTED, CaseState.UNMET})
"""States in which nobody works on the case: retention deletes it one day, unless somebody takes it."""
_PROPAGATED: Final = frozenset(
    {CaseVerb.HELP, CaseVerb.ADVISE, CaseVerb.WITHDRAW, CaseVerb.REOPEN, CaseVerb.RECALL, CaseVerb.ERASE}
)


def locked(session: Session, case_id: UUID) -> Case:
    """The case, its row locked until the transaction ends. Raises NoResultFound."""
    session.flush()  # the row is read again: what was changed in this transaction and not written yet would be lost
    return session.scalars(
        sa.select(Case).where(Case.id == case_id).with_for_update().execution_options(populate_existing=True)
    ).one()


def move(
    session: Session,
    case: Case,
    verb: CaseVerb,
    *,
    actor_kind: str,
    actor_id: UUID | None,
    now: datetime,
    codes: dict[str, Any] | None = None,
) -> None:
    """Apply a verb to a case and record it as an event. Its needs follow, and cases merged into this one where they can.

    The caller holds the row's lock. Raises IllegalMove, NotAllowed.
    """
    source = CaseState(case.state)
    target = next_state(source, verb, by=actor_kind)
    at = to_the_hour(now) if actor_kind == "person" else now
    record_event(
        session, case, verb.value, actor_kind=actor_kind, actor_id=actor_id, at=at, codes=codes, states=(source, target)
    )
    if actor_kind in DESK or target in ENDED:
        case.held_reason = None  # somebody has reviewed it, or it has ended and needs no review
    case.state = target.value
    case.version += 1
    case.updated_at = at
    if target in ENDED:
        case.closed_at = case.closed_at or at
        case.forget_at = at
        close_country_move(session, case, at)
    else:
        case.closed_at = None
        case.forget_at = at if target in UNATTENDED else None
    session.flush()
    needs.follow_case(session, case, verb, source, by=actor_kind, now=now)
    if verb in _PROPAGATED:
        _move_merged_cases(session, case, verb, actor_kind=actor_kind, actor_id=actor_id, now=now)


def _move_merged_cases(
    session: Session, case: Case, verb: CaseVerb, *, actor_kind: str, actor_id: UUID | None, now: datetime
) -> None:
    """Move the cases that were merged into this one along with it. When the person or the clock ends it, unlink them instead:
    that they belong to one person was only the desk's opinion.
    """
    linked = session.scalars(sa.select(Case).where(Case.merged_into_id == case.id).with_for_update()).all()
    for other in linked:
        if actor_kind in {"person", "clock"}:
            other.merged_into_id = None
            other.version += 1
        elif verb.value in allowed(CaseState(other.state), by=actor_kind):
            move(session, other, verb, actor_kind=actor_kind, actor_id=actor_id, now=now, codes={"with": case.label})
    session.flush()


def close_country_move(session: Session, case: Case, at: datetime) -> None:
    """Close an open question about a move to another country, and delete the key that was prepared for it."""
    is_open = sa.and_(CaseMove.case_id == case.id, CaseMove.answer.is_(None))
    closed = {"answer": "ended", "answered_at": to_the_hour(at), "desk_key": None}
    session.execute(sa.update(CaseMove).where(is_open).values(closed))


def record_event(
    session: Session,
    case: Case,
    verb: str,
    *,
    actor_kind: str,
    at: datetime,
    actor_id: UUID | None = None,
    codes: dict[str, Any] | None = None,
    states: tuple[CaseState, CaseState] | None = None,
) -> None:
    """Append an event to the case's history, in codes. Without `states` it is not a move, and `replayed_state` ignores it."""
    seq = session.scalar(sa.select(sa.func.coalesce(sa.func.max(CaseEvent.seq), 0)).where(CaseEvent.case_id == case.id))
    source, target = states or (None, CaseState(case.state))
    session.execute(
        sa.insert(CaseEvent),
        {
            "id": uuid4(),
            "case_id": case.id,
            "seq": (seq or 0) + 1,
            "verb": verb,
            "source": source.value if source else None,
            "target": target.value,
            "actor_kind": actor_kind,
            "actor_id": actor_id,
            "codes": codes or {},
            "at": at,
        },
    )


def replayed_state(session: Session, case: Case) -> CaseState:
    """The state computed from the events alone; it must equal the state of the row."""
    verbs = session.scalars(
        sa.select(CaseEvent.verb)
        .where(CaseEvent.case_id == case.id, CaseEvent.source.is_not(None))
        .order_by(CaseEvent.seq)
    )
    return replay(CaseVerb(verb) for verb in verbs)
