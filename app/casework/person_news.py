"""The team hears that the person of a case has answered or written."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases.models import Case
from app.core.clock import to_the_hour
from app.messaging.kinds import NoticeKind
from app.messaging.models import OutboxMessage


def tell_team(session: Session, case: Case, now: datetime) -> None:
    """Queue one notice to the case's team, unless one still waits: ten messages in a row are one notice.

    It holds the full hour only. Nobody is told about a case that is held as possible spam.
    """
    if case.held_reason is not None:
        return
    waits = sa.select(OutboxMessage.id).where(
        OutboxMessage.about_id == case.id,
        OutboxMessage.kind == NoticeKind.PERSON_ANSWERED.value,
        OutboxMessage.state == "queued",
    )
    if session.scalar(waits.limit(1)) is None:
        messaging.queue(
            session, NoticeKind.PERSON_ANSWERED, about_id=case.id, team_id=case.team_id, now=to_the_hour(now)
        )
