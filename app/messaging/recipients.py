"""Notice settings: an organisation's address and hours, a person's address if they asked for notices. Both encrypted."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.orm import Session

from app.core import sealing
from app.core.errors import FieldError, Invalid, PreconditionFailed
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.messaging import broken_ways
from app.messaging.models import PartnerNotices, PersonNotices, TelegramLink
from app.messaging.rules import ContactRules, next_digest


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """Notice settings of an organisation. `address` "": no e-mail; `digest_hour` None: each notice immediately."""

    address: str = ""
    emergencies_at_once: bool = True
    digest_hour: int | None = None
    hours: Mapping[str, Any] | None = None
    failed_at: datetime | None = None
    refusals: int = 0

    def __repr__(self) -> str:
        return f"NoticeSettings(digest_hour={self.digest_hour})"


def _address_binding(organisation_id: UUID) -> tuple[str, ...]:
    return ("partner_notices", str(organisation_id), "address", "1")


def notice_settings(session: Session, keys: KeyRing, organisation_id: UUID) -> tuple[NoticeSettings, int]:
    """The organisation's settings and their version; version 0: none stored. Raises CannotOpen."""
    row = session.get(PartnerNotices, organisation_id)
    if row is None:
        return NoticeSettings(), 0
    return NoticeSettings(
        _address(keys, row), row.emergencies_at_once, row.digest_hour, row.hours, row.failed_at, row.refusals or 0
    ), row.version


def _address(keys: KeyRing, row: PartnerNotices) -> str:
    if row.address is None:
        return ""
    return sealing.unpad(keys.decrypt(row.address, *_address_binding(row.organisation_id))).decode()


def address_of(session: Session, keys: KeyRing, organisation_id: UUID) -> str:
    row = session.get(PartnerNotices, organisation_id)
    return _address(keys, row) if row is not None else ""


def save_notice_settings(
    session: Session,
    keys: KeyRing,
    organisation_id: UUID,
    new: NoticeSettings,
    *,
    zone: str,
    version: int,
    now: datetime,
) -> None:
    """Store an organisation's settings. Raises Invalid (no address), PreconditionFailed (changed by someone else)."""
    if new.address:
        _check(new.address)
    row = session.get(PartnerNotices, organisation_id, with_for_update=True)
    if (row.version if row is not None else 0) != version:
        raise PreconditionFailed("A colleague has changed this since you opened it.")
    if row is None:
        row = PartnerNotices(organisation_id=organisation_id, version=0)
        session.add(row)
    address = sealing.pad(new.address.encode())
    row.address = keys.encrypt(address, *_address_binding(organisation_id)) if new.address else None
    row.emergencies_at_once, row.digest_hour, row.zone = new.emergencies_at_once, new.digest_hour, zone
    row.hours = dict(new.hours) if new.hours else None
    row.version, row.updated_at, row.failed_at = version + 1, now, None
    row.refusals = row.bounced_at = None
    session.flush()


def _check(address: str) -> None:
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        raise Invalid(
            [FieldError(pointer="/address", code="not_an_email", detail="This is not an e-mail address.")]
        ) from None


def mark_reached(session: Session, organisation_id: UUID, now: datetime) -> None:
    """Record that a notice was taken."""
    broken_ways.reached(session.get(PartnerNotices, organisation_id), now)


def hours(session: Session, organisation_id: UUID) -> dict[str, Any] | None:
    """The organisation's working hours, if it has set them."""
    return session.scalar(sa.select(PartnerNotices.hours).where(PartnerNotices.organisation_id == organisation_id))


def not_before(session: Session, organisation_id: UUID, now: datetime, *, urgent: bool) -> datetime:
    """When a notice to the organisation may be sent: immediately, or with its next digest."""
    row = session.execute(
        sa.select(PartnerNotices.digest_hour, PartnerNotices.emergencies_at_once, PartnerNotices.zone).where(
            PartnerNotices.organisation_id == organisation_id
        )
    ).one_or_none()
    if row is None or row.digest_hour is None or (urgent and row.emergencies_at_once):
        return now
    return next_digest(now, row.digest_hour, ZoneInfo(row.zone))


# --- the person ------------------------------------------------------------------------------------------------------

CHAT_MARK: Final = ("person_notices", "chat_mark")
"""The binding of the marks by which the row of a Telegram chat is found."""
_MARK_BYTES: Final = 32


def _mac_of_chat(keys: KeyRing, chat: str) -> bytes:
    return keys.mac("telegram-chat", chat.encode())


def _mark(keys: KeyRing, how: Mapping[str, Any]) -> bytes:
    """The mark of a row with these rules. Without a chat it is random, so that marks do not say who has one."""
    chat = how.get("chat")
    return keys.hide(_mac_of_chat(keys, str(chat)) if chat else secrets.token_bytes(_MARK_BYTES), *CHAT_MARK)


def of_chat(session: Session, keys: KeyRing, chat: str) -> list[PersonNotices]:
    """The rows whose address is this Telegram chat. Only rows of a former version, which have no mark, are decrypted, once."""
    for row in session.scalars(sa.select(PersonNotices).where(PersonNotices.chat_mark.is_(None))).all():
        try:
            row.chat_mark = _mark(keys, rules_in(keys, row))
        except CannotOpen:
            row.chat_mark = _mark(keys, {})
    session.flush()
    marks = keys.hidden_forms(_mac_of_chat(keys, chat), *CHAT_MARK)
    return list(session.scalars(sa.select(PersonNotices).where(PersonNotices.chat_mark.in_(marks))))


def _person_binding(case_id: UUID) -> tuple[str, ...]:
    return ("person_notices", str(case_id), "how", "1")


def set_person_notices(
    session: Session, keys: KeyRing, case_id: UUID, how: Mapping[str, Any] | None, *, zone: str, language: str
) -> None:
    """Replace the contact rules for notices to the person. None: they do not want any notices.

    A Telegram chat that they have connected stays, whatever the form says: it is ended where it was begun, or by /stop.
    """
    row = session.get(PersonNotices, case_id)
    if row is not None and "chat" not in (how or {}) and _has_chat(keys, row):
        row.zone, row.language = zone, language
        session.flush()
        return
    forget(session, case_id)
    if how is None:
        return
    plain = sealing.pad(json.dumps(how, ensure_ascii=False).encode())
    encrypted = keys.encrypt(plain, *_person_binding(case_id))
    session.execute(
        sa.insert(PersonNotices),
        {"case_id": case_id, "zone": zone, "language": language, "how": encrypted, "chat_mark": _mark(keys, how)},
    )


def person_contact(session: Session, keys: KeyRing, case_id: UUID) -> tuple[ContactRules, PersonNotices] | None:
    """How the person may be notified; None when they did not ask, or it has been deleted. Raises CannotOpen."""
    row = session.get(PersonNotices, case_id)
    if row is None:
        return None
    return ContactRules.of(rules_in(keys, row)), row


def rules_in(keys: KeyRing, row: PersonNotices) -> dict[str, Any]:
    """The person's rules, with the address, as they were stored. Raises CannotOpen."""
    rules: dict[str, Any] = json.loads(sealing.unpad(keys.decrypt(row.how, *_person_binding(row.case_id))))
    return rules


def _has_chat(keys: KeyRing, row: PersonNotices) -> bool:
    try:
        return bool(rules_in(keys, row).get("chat"))
    except CannotOpen:
        return False


def set_time_zone(session: Session, case_id: UUID, zone: str) -> None:
    """Update the time zone of a person who has moved."""
    session.execute(sa.update(PersonNotices).where(PersonNotices.case_id == case_id).values(zone=zone))


def forget_address(session: Session, case_id: UUID) -> None:
    """Forget the address alone."""
    session.execute(sa.delete(PersonNotices).where(PersonNotices.case_id == case_id))


def forget(session: Session, case_id: UUID) -> None:
    """Forget the address, and a link that would make one."""
    forget_address(session, case_id)
    session.execute(sa.delete(TelegramLink).where(TelegramLink.case_id == case_id))
