"""Escalation of an emergency that nobody of the team has opened: the next one on the rota is told, then all seniors.

`due` lists the alerts and `escalate` handles one of them in a transaction of its own. A second call does nothing more, because the
due time has moved on in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import messaging
from app.cases import emergency_alerts, restriction
from app.casework import team_notices
from app.casework.team_notices import Reachable
from app.messaging.kinds import NoticeKind
from app.staff import rota
from app.staff.models import Role
from app.staff.rota import Rota

_NEXT, _SENIORS = 1, 2
MOST_STEPS: Final = 24
"""How often it is escalated, the later times to all seniors; after that the emergency still stands in red at the desk."""


@dataclass(frozen=True, slots=True)
class EscalationWaits:
    """Durations from the first notice of an emergency: until the next member on the rota is told, and until all seniors are."""

    next_on_call: timedelta = timedelta(minutes=15)
    seniors: timedelta = timedelta(minutes=45)


def due(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    """Up to `limit` cases whose alert is to be escalated. Takes no lock."""
    return emergency_alerts.due(session, now, limit)


def escalate(session: Session, case_id: UUID, *, now: datetime, waits: EscalationWaits) -> bool:
    """Tell the next members on the rota, or all seniors; the operators, if nobody of the team can be told.

    False: it is not due any more, somebody has opened it, or another worker has it.
    """
    claimed = emergency_alerts.claim(session, case_id, now)
    if claimed is None:
        return False
    alert, case = claimed
    here = {
        member.id: member
        for member in team_notices.reachable(session, {case.team_id})
        if member.team_id == case.team_id
    }
    already_told = {UUID(member) for member in alert.told}
    named = restriction.named_of(session, [case.id]).get(case.id)
    step, to = _next_step(
        alert.step, here, rota.of_teams(session, {case.team_id})[case.team_id], already_told, now, named
    )
    for member_id in to:
        messaging.queue(session, NoticeKind.EMERGENCY_NOT_OPENED, about_id=case.id, member_id=member_id, now=now)
    if not to:  # nobody of the team can be told: the operators are, who can phone somebody
        messaging.queue(session, NoticeKind.PROBLEM_URGENT, about_id=case.id, now=now)
    alert.step, alert.told = step, sorted(str(member) for member in already_told | set(to))
    wait = waits.seniors - waits.next_on_call if step == _NEXT else waits.seniors
    alert.due_at = now + wait if step < MOST_STEPS else None
    session.flush()
    return True


def _next_step(
    step: int,
    here: Mapping[UUID, Reachable],
    team_rota: Rota,
    already_told: set[UUID],
    now: datetime,
    named: frozenset[UUID] | None,
) -> tuple[int, list[UUID]]:
    """The step that is taken now, and who is told in it. With no one else on the rota, the seniors are told already now.

    Of a restricted case its `named` members are told instead of those on the rota, then the seniors, who learn its label alone.
    """
    if step < _NEXT and named is not None:
        further = [member for member in here if member in named and member not in already_told]
        if further:
            return _NEXT, further
    elif step < _NEXT:
        further = [member for member in team_rota.on_call(now, here) if member not in already_told]
        if further:
            return _NEXT, further[:1]
    seniors = [member.id for member in here.values() if member.role is Role.SENIOR]
    return max(step + 1, _SENIORS), seniors or list(here)
