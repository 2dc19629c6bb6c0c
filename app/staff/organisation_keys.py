"""New keys of a partner organisation: generated here, or the public key of a partner who keeps the private one.

Called only for an approved proposal (`app/staff/access_changes.py`). What was sealed to the previous key stays readable for those
who hold that key.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core import keyholders, sealing
from app.core.errors import Conflict, FieldError, Invalid
from app.core.i18n import N_
from app.core.keyholders import KeyGrant, OwnerKind, SealingKey
from app.core.sealing import KeyPair
from app.staff import seats
from app.staff.models import Member

NOBODY_TO_HOLD: Final = N_(
    "Nobody can hold this key: its first holder has to be an active member of the organisation whose seat two people wanted, with "
    "the fingerprint that was shown. Propose a member, or a reset for one who is there, and then the key."
)
NOBODY_HOLDS: Final = N_(
    "No member of the organisation holds its present key, so nobody could read with a new one. The operators of the server can "
    "help, with the recovery key."
)


def possible_first_holders(session: Session, organisation_id: UUID) -> Sequence[Member]:
    """The members who may get the first key of an organisation: active, and with a seat that two people approved."""
    return [
        member for member in _active_members(session, organisation_id) if seats.is_seated_by_two(session, member.id)
    ]


def _active_members(session: Session, organisation_id: UUID) -> Sequence[Member]:
    mine = sa.select(Member).where(Member.organisation_id == organisation_id, Member.active).order_by(Member.name)
    return session.scalars(mine).all()


def make(session: Session, organisation_id: UUID, *, by: UUID, now: datetime, first_holder: UUID | None = None) -> int:
    """Generate a key pair; its private seed is stored only sealed to those who may hold it, and to the recovery key.

    These are the members who hold the present key. If there is none: the one member whose own key is `first_holder`, as it was
    shown and approved; that member grants it to colleagues. Returns how many members got it. Raises Conflict if nobody may hold it.
    """
    present = keyholders.active_key(session, organisation_id)
    if present is None:
        entitled = {member.key_id for member in possible_first_holders(session, organisation_id)} & {first_holder}
    else:
        held = sa.select(KeyGrant.holder_key_id).where(KeyGrant.sealing_key_id == present.id)
        entitled = {member.key_id for member in _active_members(session, organisation_id)} & set(session.scalars(held))
    if not entitled:
        raise Conflict(NOBODY_TO_HOLD if present is None else NOBODY_HOLDS)
    pair = KeyPair.generate()
    key = keyholders.register(session, OwnerKind.ORGANISATION, organisation_id, pair.public, now)
    holders = session.scalars(
        sa.select(SealingKey).where(
            sa.or_(
                SealingKey.id.in_(entitled),
                sa.and_(SealingKey.owner_kind == OwnerKind.RECOVERY.value, SealingKey.active),
            )
        )
    ).all()
    for holder in holders:
        keyholders.grant(session, key, pair.seed, holder)
    _note(session, key, by, now, "made")
    return sum(holder.owner_kind == OwnerKind.MEMBER for holder in holders)


def check(public_key: bytes) -> None:
    """Raises ValueError when these bytes are not a public key that can be sealed to."""
    sealing.check_public_key(public_key)


def register(session: Session, organisation_id: UUID, public_key: bytes, *, by: UUID, now: datetime) -> SealingKey:
    """Register a partner's own public key. Raises Invalid when the bytes are not a public key."""
    try:
        key = keyholders.register(session, OwnerKind.ORGANISATION, organisation_id, public_key, now)
    except ValueError:
        detail = N_("This is not an X-Wing public key (1,216 bytes in base64).")
        raise Invalid([FieldError(pointer="/public_key", code="not_a_key", detail=detail)]) from None
    _note(session, key, by, now, "registered")
    return key


def _note(session: Session, key: SealingKey, by: UUID, now: datetime, how: str) -> None:
    audit.record(
        session,
        actor_kind="member",
        actor_id=by.hex,
        action=f"organisation:key_{how}",
        subject_kind="organisation",
        subject_id=key.owner_id,
        codes={"key": key.id.hex, "version": key.version},
        now=now,
    )
