"""The context of the two pages that show a conversation between the team and an organisation."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.referrals import threads
from app.referrals.threads import OpenedMessage
from app.web.components.time_format import TimeFormat


def context(
    session: Session,
    referral_id: UUID,
    opened: Sequence[OpenedMessage] | None,
    times: TimeFormat,
    *,
    may_write: bool,
) -> dict[str, Any]:
    """The context of a page with a conversation. `messages`: the opened ones with their times in words, or None.

    `once`: a token that makes the form count once.
    """
    return {
        "count": threads.last_seq(session, referral_id),
        "messages": None if opened is None else [_in_words(message, times) for message in opened],
        "may_write": may_write,
        "once": secrets.token_urlsafe(16),
        "longest": threads.MAX_TEXT,
    }


def _in_words(message: OpenedMessage, times: TimeFormat) -> OpenedMessage:
    if message.content is None:
        return message
    at = times.moment(datetime.fromisoformat(message.content["at"]))
    return replace(message, content={**message.content, "at": at})
