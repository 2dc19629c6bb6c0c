"""The live state of each service, for HSDS."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.directory import availability
from app.directory.hsds.records import LiveState
from app.directory.models import ServiceRow
from app.partners.organisations import Organisation


def states(session: Session, now: datetime) -> Mapping[str, LiveState]:
    """Live states by service key. Two statements. Expired capacity and ended pauses are left out."""
    rows = session.execute(
        sa.select(
            ServiceRow.key, ServiceRow.capacity, ServiceRow.capacity_until, ServiceRow.updated_at,
            Organisation.paused_until, Organisation.updated_at.label("organisation_updated_at"),
        )
        .join(Organisation, Organisation.id == ServiceRow.organisation_id)
        .where(ServiceRow.retired_at.is_(None))
    ).all()  # fmt: skip
    today = now.date()
    pauses = availability.pauses(session, [row.key for row in rows], today)
    states_by_key = {}
    for row in rows:
        mine = pauses.get(row.key, ())
        holds = row.capacity_until is not None and row.capacity_until >= today
        states_by_key[row.key] = LiveState(
            changed=max(row.updated_at, row.organisation_updated_at),
            capacity=row.capacity if holds else "unknown",
            capacity_until=row.capacity_until.isoformat() if holds else None,
            paused=(row.paused_until is not None and row.paused_until > now)
            or any(pause.need is None and pause.language is None for pause in mine),
            paused_needs=tuple(pause.need for pause in mine if pause.need),
            paused_languages=tuple(pause.language for pause in mine if pause.language),
        )
    return states_by_key
