"""What the worker does with the outbox: claim, send outside of any transaction, note how it went."""

from datetime import datetime
from typing import Final

from app.core import log
from app.core.db import Database
from app.messaging import service
from app.messaging.channels import Channel, ChannelDown, Notice
from app.messaging.models import OutboxMessage

_SUBJECT: Final = "There is something new for you"
_TEXT: Final = "Something is waiting for you. Sign in to read it: {link}"


def send_due(database: Database, channel: Channel, base_url: str, now: datetime, limit: int) -> int:
    """Send up to `limit` due messages; gives how many went out. At least once: a crash after sending sends again."""
    with database.begin() as session:
        notices = [_notice(message, base_url) for message in service.claim(session, now, limit)]
    went = 0
    for notice in notices:
        try:
            channel.send(notice)
        except ChannelDown as error:
            log.get().warning("notice_failed", outbox_id=notice.id.hex, error=type(error.__cause__ or error).__name__)
            with database.begin() as session:
                service.failed(session, notice.id, type(error.__cause__ or error).__name__, now)
            continue
        with database.begin() as session:
            service.sent(session, notice.id, now)
        went += 1
    return went


def _notice(message: OutboxMessage, base_url: str) -> Notice:
    """Counts and a link only: which case or referral it is about stays inside."""
    if message.organisation_id is not None:
        return Notice(
            message.id, f"organisation:{message.organisation_id}", _SUBJECT, _TEXT.format(link=f"{base_url}/partner/")
        )
    if message.team_id is None:
        return Notice(message.id, "operations", _SUBJECT, _TEXT.format(link=f"{base_url}/desk/operations"))
    return Notice(message.id, f"team:{message.team_id}", _SUBJECT, _TEXT.format(link=f"{base_url}/desk/"))
