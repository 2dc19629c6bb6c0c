"""A partner's people open the sealed parts on the page: only from acceptance on, with their organisation's key, and noted."""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core.errors import Conflict, NotAllowed, NotFound
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.intake import vault
from app.intake.models import Part
from app.intake.vault import Opened
from app.referrals import guard
from app.referrals.guard import READS_A_DAY, Reader
from app.referrals.models import Referral
from app.referrals.service import may_open
from app.staff.sessions import SignedIn

PARTS: Final = (Part.CONTACT, Part.STORY, Part.HAPPENED, Part.THREAD)


def by_label(session: Session, organisation_id: UUID, label: str) -> UUID:
    """The id of what this organisation was asked. Raises NotFound: another's, and not offered yet, are like unknown."""
    found = session.scalar(
        sa.select(Referral.id).where(
            Referral.label == label, Referral.organisation_id == organisation_id, Referral.offered_at.is_not(None)
        )
    )
    if found is None:
        raise NotFound("There is no such referral.")
    return found


def open_parts(
    session: Session, keys: KeyRing, who: SignedIn, label: str, now: datetime, reads_a_day: int = READS_A_DAY
) -> list[Opened]:
    """Everything the organisation may read.

    Raises NotFound, Conflict (not accepted, or taken back), NotAllowed (no key), QuotaReached.
    """
    if who.organisation_id is None:
        raise NotAllowed("This is for members of an organisation.")
    referral_id = by_label(session, who.organisation_id, label)
    referral = session.get_one(Referral, referral_id)
    if not may_open(referral):
        raise Conflict("The sealed parts open once you have accepted.", state=referral.state)
    try:
        wrap, sealed = vault.unlocked_wrap(session, keys, referral.case_id, vault.PERSON, who.organisation_id)
    except (NotFound, CannotOpen):
        raise Conflict("There is nothing left to open: the person had it erased.", state=referral.state) from None
    holder = who.keys_of(session).get(wrap.key_id) if wrap.key_id else None
    if holder is None:
        raise NotAllowed("Your organisation's key was not given to you. If your program keeps the key, open it there.")
    guard.before_opening(session, keys, Reader.member("partner", who.member_id, reads_a_day), referral.case_id, now)
    audit.record(
        session,
        actor_kind="partner",
        actor_id=who.member_id.hex,
        action="referral:sealed_opened",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"parts": [part.value for part in PARTS]},
        now=now,
    )
    info = vault.wrap_info(referral.case_id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version)
    try:
        data_key = holder.open(sealed, info)
        return [vault.open_part(data_key, row) for row in vault.parts(session, referral.case_id, PARTS)]
    except CannotOpen:
        raise Conflict("The sealed parts can not be opened with this key.", state=referral.state) from None
