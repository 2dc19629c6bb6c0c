"""Connects a person's Telegram: a link with a one-time token, made on their page, that opens a chat with our bot.

The number of that chat becomes their one address for notices. It is kept like every other, encrypted under the epoch key, and
deleted with the contact, by /stop, or on their page. Their account, name and phone number are never stored.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core import bulk
from app.core.clock import to_the_hour
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.messaging import recipients
from app.messaging.channels import NoticeWay
from app.messaging.models import PersonNotices, TelegramLink

LASTS: Final = timedelta(hours=2)
"""From the full hour on, so that nothing says when in it the person made the link."""
_TOKEN_BYTES: Final = 24


def make(
    session: Session,
    keys: KeyRing,
    case_id: UUID,
    *,
    may_say_who: bool,
    good_hours: tuple[str, ...],
    zone: str,
    language: str,
    now: datetime,
) -> str:
    """Make the token of a link and return it; a former one of this case no longer works. Only its MAC is stored."""
    forget(session, case_id)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = {
        "case_id": case_id,
        "token_mac": keys.mac("telegram-link", token.encode()),
        "may_say_who": may_say_who,
        "good_hours": list(good_hours),
        "zone": zone,
        "language": language,
        "expires_at": to_the_hour(now) + LASTS,
    }
    session.execute(sa.insert(TelegramLink), [row])
    return token


def waits_until(session: Session, case_id: UUID, now: datetime) -> datetime | None:
    """Until when the case's link works; None when there is none, or it has been used."""
    return session.scalar(
        sa.select(TelegramLink.expires_at).where(TelegramLink.case_id == case_id, TelegramLink.expires_at > now)
    )


def connect(session: Session, keys: KeyRing, token: str, chat: str, now: datetime) -> PersonNotices | None:
    """Make this chat the address for notices of the case whose token it is; the token is used up. None: there is no such token."""
    macs = keys.macs("telegram-link", token.encode())
    wanted = sa.select(TelegramLink).where(TelegramLink.token_mac.in_(macs), TelegramLink.expires_at > now)
    link = session.scalars(wanted.with_for_update()).one_or_none()
    if link is None:
        return None
    how = {
        "channel": NoticeWay.TELEGRAM.value,
        "address": "",
        "chat": chat,
        "may_say_who": link.may_say_who,
        "may_leave_message": True,
        "good_hours": list(link.good_hours),
        "good_times": "",
    }
    case_id, zone, language = link.case_id, link.zone, link.language
    recipients.set_person_notices(session, keys, case_id, how, zone=zone, language=language)
    forget(session, case_id)
    audit.record_by_person(session, case_id, "case:telegram_connected", now)
    return session.get_one(PersonNotices, case_id)


def stop(session: Session, keys: KeyRing, chat: str, now: datetime) -> list[str]:
    """Forget this chat wherever it is an address; returns the languages of those cases."""
    connected = recipients.of_chat(session, keys, chat)
    languages = [row.language for row in connected]
    for row in connected:
        recipients.forget(session, row.case_id)
        audit.record_by_person(session, row.case_id, "case:telegram_stopped", now)
    return languages


def chat_of(session: Session, keys: KeyRing, case_id: UUID) -> str:
    """The chat to which notices of this case go; "" when none is connected."""
    row = session.get(PersonNotices, case_id)
    return _chat_of(keys, row) if row is not None else ""


def disconnect(session: Session, keys: KeyRing, case_id: UUID, now: datetime) -> None:
    """Forget the chat, and a link that was not used yet. Another address stays."""
    forget(session, case_id)
    if chat_of(session, keys, case_id):
        recipients.forget(session, case_id)
        audit.record_by_person(session, case_id, "case:telegram_stopped", now)


def forget(session: Session, case_id: UUID) -> None:
    session.execute(sa.delete(TelegramLink).where(TelegramLink.case_id == case_id))


def delete_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    return bulk.delete_some(session, TelegramLink, TelegramLink.expires_at <= now, limit)


def _chat_of(keys: KeyRing, row: PersonNotices) -> str:
    try:
        how: Mapping[str, Any] = recipients.rules_in(keys, row)
    except CannotOpen:
        return ""
    return str(how.get("chat", ""))
