"""Key holders: their public keys, and grants, which are private keys sealed to another holder's public key.

The private seed of a team or an organisation is in the database only sealed to the public keys of its members (and of the offline
recovery key); a member's own seed is in the member's row, encrypted under a key derived from the passphrase.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core import sealing
from app.core.db import Base
from app.core.errors import NotFound
from app.core.sealing import KeyPair


class OwnerKind(StrEnum):
    TEAM = "team"
    ORGANISATION = "organisation"
    MEMBER = "member"
    RECOVERY = "recovery"


class SealingKey(Base):
    """A public key. `version` counts the keys of one owner; new data is sealed only to the active one, the newest.

    `case_id`: of a restricted case, whose named members hold this key of their team's; null for every other key.
    """

    __tablename__ = "sealing_keys"
    __table_args__ = (
        sa.UniqueConstraint("owner_id", "version"),
        sa.CheckConstraint("owner_kind IN ('team', 'organisation', 'member', 'recovery')", name="owner_kind_known"),
        sa.Index(
            "uq_sealing_keys_one_active",
            "owner_id",
            unique=True,
            sqlite_where=sa.text("active"),
            postgresql_where=sa.text("active"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    owner_kind: Mapped[str] = mapped_column(sa.String(16))
    owner_id: Mapped[UUID]
    version: Mapped[int]
    public_key: Mapped[bytes]
    active: Mapped[bool]
    created_at: Mapped[datetime]
    case_id: Mapped[UUID | None]


class KeyGrant(Base):
    """A private seed, sealed to one holder's public key."""

    __tablename__ = "key_grants"
    __table_args__ = (sa.UniqueConstraint("sealing_key_id", "holder_key_id"), sa.Index(None, "holder_key_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    sealing_key_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("sealing_keys.id"))
    holder_key_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("sealing_keys.id"))
    sealed_seed: Mapped[bytes]


def register(
    session: Session, kind: OwnerKind, owner_id: UUID, public_key: bytes, now: datetime, *, case_id: UUID | None = None
) -> SealingKey:
    """Make this the owner's active key. The previous one is kept inactive, to open what was sealed to it.

    Raises ValueError when the bytes are not a public key. Only an organisation may have a key of the older kind, X25519.
    """
    sealing.check_public_key(public_key)
    if kind is not OwnerKind.ORGANISATION and sealing.kem_of(public_key) != sealing.X_WING:
        raise ValueError("this owner needs an X-Wing key")
    before = active_key(session, owner_id)
    if before is not None:
        before.active = False
        session.flush()
    key = SealingKey(
        owner_kind=kind,
        owner_id=owner_id,
        version=(session.scalar(sa.select(sa.func.max(SealingKey.version)).where(SealingKey.owner_id == owner_id)) or 0)
        + 1,
        public_key=public_key,
        active=True,
        created_at=now,
        case_id=case_id,
    )
    session.add(key)
    session.flush()
    return key


def active_key(session: Session, owner_id: UUID) -> SealingKey | None:
    return session.scalars(
        sa.select(SealingKey).where(SealingKey.owner_id == owner_id, SealingKey.active)
    ).one_or_none()


def held_active_key(session: Session, owner_id: UUID) -> SealingKey | None:
    """The owner's active key, which no other transaction replaces until this one ends (`register` waits).

    A key that was replaced while this waited for its row is gone from the first reading, so there is a second one.
    """
    query = sa.select(SealingKey).where(SealingKey.owner_id == owner_id, SealingKey.active).with_for_update(read=True)
    for _reading in range(2):
        key = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
        if key is not None:
            return key
    return None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The part of an owner's active key that is needed to seal something to them."""

    id: UUID
    owner_id: UUID
    public_key: bytes


_ACTIVE: Final = sa.select(SealingKey.id, SealingKey.owner_id, SealingKey.public_key).where(
    SealingKey.owner_id.in_(sa.bindparam("owner_ids", type_=sa.Uuid(), expanding=True)), SealingKey.active
)


def active_keys(session: Session, owner_ids: list[UUID]) -> dict[UUID, SealingKey]:
    """Active keys by owner, in one statement; owners without a key are missing."""
    if not owner_ids:
        return {}
    keys = session.scalars(sa.select(SealingKey).where(SealingKey.owner_id.in_(owner_ids), SealingKey.active))
    return {key.owner_id: key for key in keys}


def public_keys(session: Session, owner_ids: Collection[UUID]) -> dict[UUID, PublicKey]:
    """The active public keys by owner, without ORM entities. Owners that are missing have no key: nothing can be sealed to them."""
    if not owner_ids:
        return {}
    rows = session.connection().execute(_ACTIVE, {"owner_ids": list(owner_ids)})
    return {row.owner_id: PublicKey(row.id, row.owner_id, row.public_key) for row in rows}


def _grant_info(sealing_key_id: UUID, holder_key_id: UUID) -> bytes:
    return sealing.context("key-grant", str(sealing_key_id), str(holder_key_id))


def grant(session: Session, key: SealingKey, seed: bytes, holder: SealingKey) -> None:
    """Seal the private seed of `key` to `holder` and store it."""
    sealed = sealing.seal_to(holder.public_key, seed, _grant_info(key.id, holder.id))
    session.add(KeyGrant(sealing_key_id=key.id, holder_key_id=holder.id, sealed_seed=sealed))
    session.flush()


def open_granted(session: Session, holder_key_id: UUID, holder: KeyPair, *, of_cases: bool = True) -> dict[UUID, bytes]:
    """All seeds granted to this holder: sealing key id to 32-byte seed; without `of_cases`, none of a restricted case's keys.

    Raises CannotOpen when a grant was tampered with.
    """
    query = sa.select(KeyGrant).where(KeyGrant.holder_key_id == holder_key_id)
    if not of_cases:
        keys = sa.select(SealingKey.id).where(SealingKey.case_id.is_not(None))
        query = query.where(KeyGrant.sealing_key_id.not_in(keys))
    grants = session.scalars(query)
    return {
        grant.sealing_key_id: holder.open(grant.sealed_seed, _grant_info(grant.sealing_key_id, holder_key_id))
        for grant in grants
    }


def open_one(session: Session, key_id: UUID, holder_key_id: UUID, holder: KeyPair) -> KeyPair | None:
    """The key pair with this id, if it was granted to this holder. Raises CannotOpen when the grant was tampered with."""
    sealed_seed = session.scalar(
        sa.select(KeyGrant.sealed_seed).where(
            KeyGrant.sealing_key_id == key_id, KeyGrant.holder_key_id == holder_key_id
        )
    )
    if sealed_seed is None:
        return None
    return KeyPair.from_seed(holder.open(sealed_seed, _grant_info(key_id, holder_key_id)))


def by_id(session: Session, key_id: UUID) -> SealingKey:
    """The key with this id. Raises NotFound."""
    key = session.get(SealingKey, key_id)
    if key is None:
        raise NotFound
    return key


def connected_organisations(session: Session) -> frozenset[UUID]:
    """The organisations that have a key, so that a case can be sealed to them. One statement."""
    keys = sa.select(SealingKey.owner_id).where(
        SealingKey.owner_kind == OwnerKind.ORGANISATION.value, SealingKey.active
    )
    return frozenset(session.scalars(keys))
