"""How each member is told: address, hour of the digest, quiet hours. Staff contact data, encrypted under the epoch key."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.orm import Session

from app.core import sealing
from app.core.errors import FieldError, Invalid, PreconditionFailed
from app.core.i18n import LANGUAGES
from app.core.keyring import KeyRing
from app.messaging import broken_ways
from app.messaging.channels import NoticeWay
from app.messaging.models import MemberNotices
from app.messaging.rules import MemberHours

HAS_WAY: Final = sa.and_(MemberNotices.address.is_not(None), MemberNotices.failed_at.is_(None))
"""Whether a member can be told: there is an address, and it did not refuse the last notice."""


@dataclass(frozen=True, slots=True)
class MemberSettings:
    """How a member wants to be told. `address` "": not at all. The defaults are what the form shows to a new member."""

    address: str = ""
    way: NoticeWay = NoticeWay.EMAIL
    emergencies: bool = True
    hours: MemberHours = field(default_factory=MemberHours)
    language: str = "en"
    failed_at: datetime | None = None
    refusals: int = 0

    def __repr__(self) -> str:
        return f"MemberSettings(way={self.way})"


def _binding(member_id: UUID) -> tuple[str, ...]:
    return ("member_notices", str(member_id), "address", "1")


def of_row(keys: KeyRing, row: MemberNotices) -> MemberSettings:
    """The settings in this row. Raises CannotOpen."""
    address = sealing.unpad(keys.decrypt(row.address, *_binding(row.member_id))).decode() if row.address else ""
    return MemberSettings(
        address, NoticeWay(row.way), row.emergencies, hours_of(row), row.language, row.failed_at, row.refusals or 0
    )


def hours_of(row: MemberNotices) -> MemberHours:
    quiet = None if row.quiet_from is None or row.quiet_until is None else (row.quiet_from, row.quiet_until)
    return MemberHours(row.digest_hour, quiet, row.zone)


def read(
    session: Session, keys: KeyRing, member_id: UUID, *, zone: str = "UTC", language: str = "en"
) -> tuple[MemberSettings, int]:
    """The member's settings and their version; version 0: none stored, with this time zone and language. Raises CannotOpen."""
    row = session.get(MemberNotices, member_id)
    if row is None:
        return MemberSettings(hours=MemberHours(zone=zone), language=language), 0
    return of_row(keys, row), row.version


def save(session: Session, keys: KeyRing, member_id: UUID, new: MemberSettings, *, version: int, now: datetime) -> None:
    """Store a member's settings. Raises Invalid, PreconditionFailed (changed in the meantime)."""
    _check(new)
    row = session.get(MemberNotices, member_id, with_for_update=True)
    if (row.version if row is not None else 0) != version:
        raise PreconditionFailed("This has been changed since you opened it.")
    if row is None:
        row = MemberNotices(member_id=member_id, version=0)
        session.add(row)
    sealed = keys.encrypt(sealing.pad(new.address.encode()), *_binding(member_id)) if new.address else None
    row.way, row.address, row.emergencies, row.failed_at = new.way, sealed, new.emergencies, None
    row.refusals = row.bounced_at = None
    row.digest_hour, row.zone, row.language = new.hours.digest_hour, new.hours.zone, new.language
    row.quiet_from, row.quiet_until = new.hours.quiet or (None, None)
    row.version, row.updated_at = version + 1, now
    session.flush()


def _check(new: MemberSettings) -> None:
    errors = []
    if new.address and new.way is NoticeWay.EMAIL:
        try:
            validate_email(new.address, check_deliverability=False)
        except EmailNotValidError:
            detail = "This is not an e-mail address."
            errors.append(FieldError(pointer="/address", code="not_an_email", detail=detail))
    if new.language not in LANGUAGES:
        errors.append(FieldError(pointer="/language", code="unknown_code", detail="Choose a language of the list."))
    if errors:
        raise Invalid(errors)


def mark_reached(session: Session, member_id: UUID, now: datetime) -> None:
    """Record that a notice was taken."""
    broken_ways.reached(session.get(MemberNotices, member_id), now)


def rows(session: Session, member_ids: Collection[UUID]) -> dict[UUID, MemberNotices]:
    """The stored settings of these members. One statement."""
    stored = session.scalars(sa.select(MemberNotices).where(MemberNotices.member_id.in_(list(member_ids))))
    return {row.member_id: row for row in stored}


def forget(session: Session, member_id: UUID) -> None:
    """Delete the settings of somebody who has left."""
    session.execute(sa.delete(MemberNotices).where(MemberNotices.member_id == member_id))
