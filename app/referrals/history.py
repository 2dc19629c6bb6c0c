"""What has happened to a referral, as its organisation may know it: from the offer on, with the names of its own people only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.referrals import queries
from app.referrals.states import Actor, State
from app.staff.models import Member


@dataclass(frozen=True, slots=True)
class Step:
    """One verb. `name` is a colleague's, where one of the organisation's own people did it on the page."""

    at: datetime
    verb: str
    by: str
    name: str | None


def steps(session: Session, referral_id: UUID, organisation_id: UUID) -> list[Step]:
    """Oldest first. What was before the offer, and why others did what they did, is not told."""
    events = list(queries.events(session, referral_id))
    first = next((place for place, event in enumerate(events) if event.target == State.OFFERED.value), len(events))
    mine = session.execute(sa.select(Member.id, Member.name).where(Member.organisation_id == organisation_id))
    names: dict[UUID | None, str] = {row.id: row.name for row in mine}
    return [
        Step(
            event.at,
            event.verb,
            event.actor_kind,
            names.get(event.actor_id) if event.actor_kind == Actor.PARTNER else None,
        )
        for event in events[first:]
    ]
