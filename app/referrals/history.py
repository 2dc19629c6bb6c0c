"""The history of a referral as its organisation may see it: from the offer on, with names of its own members only."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.referrals import queries
from app.referrals.states import ReferralActor, ReferralState
from app.staff.models import Member


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event. `name`: the organisation's own member who did it on the page; None for others."""

    at: datetime
    verb: str
    by: str
    name: str | None


def history_of(session: Session, referral_id: UUID, organisation_id: UUID) -> list[HistoryEntry]:
    """The events, oldest first, without those before the offer and without other people's reasons."""
    events = list(queries.events(session, referral_id))
    first = next(
        (position for position, event in enumerate(events) if event.target == ReferralState.OFFERED.value), len(events)
    )
    mine = session.execute(sa.select(Member.id, Member.name).where(Member.organisation_id == organisation_id))
    names: dict[UUID | None, str] = {row.id: row.name for row in mine}
    return [
        HistoryEntry(
            event.at,
            event.verb,
            event.actor_kind,
            names.get(event.actor_id) if event.actor_kind == ReferralActor.PARTNER else None,
        )
        for event in events[first:]
    ]
