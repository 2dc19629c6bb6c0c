"""Notices of which every attempt failed."""

from datetime import timedelta
from uuid import UUID, uuid4

from app.casework import undelivered_notices
from app.core.ids import named_id
from app.messaging.models import OutboxMessage
from tests.support.desk import ONE, StaffSite


def give_up(office: StaffSite, label: str, *, minutes: int = 0) -> UUID:
    """A notice about this case of which every attempt failed."""
    written = office.time.at - timedelta(hours=72) + timedelta(minutes=minutes)
    message = OutboxMessage(
        id=uuid4(),
        kind="referral_offered",
        about_id=office.case(label).id,
        organisation_id=named_id("organisation", ONE),
        state="dead",
        attempts=8,
        not_before=written,
        created_at=written,
        done_at=office.time.at,
        last_error="smtp_550",
    )
    with office.database.begin() as session:
        session.add(message)
        session.flush()
        undelivered_notices.record_undelivered(session, message, office.time.at)
        return message.id
