"""The offline recovery key: printed once and kept on paper away from the server, for the day when nobody else holds a key."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core import keyholders
from app.core.errors import NotFound
from app.core.ids import named_id
from app.core.keyholders import KeyGrant, OwnerKind, SealingKey
from app.core.sealing import KeyPair
from app.staff.models import Member, Team

_SANDBOX: Final = named_id("team", "sandbox")


class WrongKey(Exception):
    """The input is not a recovery key of this network."""


def format_key(seed: bytes) -> str:
    """A key as text for paper: base32 in groups of four."""
    text = base64.b32encode(seed).decode().rstrip("=")
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def parse_key(text: str) -> bytes:
    """Undo `format_key`, tolerating common typing mistakes. Raises WrongKey."""
    letters = "".join(text.split()).replace("-", "").upper().replace("0", "O").replace("1", "I").replace("8", "B")
    try:
        seed = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError):
        raise WrongKey("This is no recovery key: 52 letters and digits.") from None
    if len(seed) != 32:
        raise WrongKey("This is no recovery key: 52 letters and digits.")
    return seed


def key_of(session: Session, seed: bytes) -> SealingKey:
    """The row of a recovery key. Raises WrongKey when this network does not know it, or it was replaced."""
    key = session.scalars(
        sa.select(SealingKey).where(
            SealingKey.owner_kind == OwnerKind.RECOVERY.value,
            SealingKey.public_key == KeyPair.from_seed(seed).public,
            SealingKey.active,
        )
    ).one_or_none()
    if key is None:
        raise WrongKey("This network does not know this recovery key, or it was replaced by a newer one.")
    return key


def granted_seeds(session: Session, seed: bytes) -> dict[UUID, bytes]:
    """All private seeds granted to the recovery key, by the id of their public key. Raises WrongKey, CannotOpen."""
    return keyholders.open_granted(session, key_of(session, seed).id, KeyPair.from_seed(seed))


def has_team(session: Session) -> bool:
    """Whether the network has a team; the sandbox's team does not count."""
    return session.scalar(sa.select(Team.id).where(Team.id != _SANDBOX).limit(1)) is not None


def check_holds_key_of(session: Session, seed: bytes, owner_id: UUID | None) -> None:
    """Raises WrongKey unless this recovery key holds the present key of a team or organisation; None: of the first team.

    A recovery key is made for each team that is set up at the command line; the key of another team proves nothing about this one.
    """
    if owner_id is None:
        owner_id = _first_team(session)
    key = keyholders.active_key(session, owner_id) if owner_id is not None else None
    if key is None or key.id not in granted_seeds(session, seed):
        raise WrongKey("This recovery key does not hold the key of this team or organisation.")


def _first_team(session: Session) -> UUID | None:
    return session.scalar(sa.select(Team.id).where(Team.id != _SANDBOX).order_by(Team.created_at, Team.id).limit(1))


def keys_of_first_team(session: Session) -> Sequence[SealingKey]:
    """The recovery keys that hold the present key of the first team: one, unless a later one was made for it."""
    team_id = _first_team(session)
    key = keyholders.active_key(session, team_id) if team_id is not None else None
    if key is None:
        return []
    holders = sa.select(KeyGrant.holder_key_id).where(KeyGrant.sealing_key_id == key.id)
    return session.scalars(
        sa.select(SealingKey).where(
            SealingKey.id.in_(holders), SealingKey.owner_kind == OwnerKind.RECOVERY.value, SealingKey.active
        )
    ).all()


def grant_to(session: Session, seed: bytes, name: str, now: datetime) -> int:
    """Grant a member every key of their team or organisation that they lack; returns how many. Raises WrongKey, NotFound."""
    member = session.scalars(
        sa.select(Member).where(Member.name == name.strip().casefold(), Member.active)
    ).one_or_none()
    if member is None:
        raise NotFound("There is no active member of this name.")
    held = granted_seeds(session, seed)
    owner_id = member.team_id or member.organisation_id
    has = set(session.scalars(sa.select(KeyGrant.sealing_key_id).where(KeyGrant.holder_key_id == member.key_id)))
    keys = session.scalars(
        sa.select(SealingKey).where(SealingKey.id.in_(set(held) - has), SealingKey.owner_id == owner_id)
    ).all()
    for key in keys:
        keyholders.grant(session, key, held[key.id], keyholders.by_id(session, member.key_id))
    _note(session, "recovery:granted", "member", member.id, now)
    return len(keys)


def renew(session: Session, seed: bytes, now: datetime) -> bytes:
    """Replace the recovery key by a new one that takes over its grants; the old one stops working. Returns the new seed."""
    old = key_of(session, seed)
    held = keyholders.open_granted(session, old.id, KeyPair.from_seed(seed))
    pair = KeyPair.generate()
    new = keyholders.register(session, OwnerKind.RECOVERY, old.owner_id, pair.public, now)
    for key_id, inner in held.items():
        keyholders.grant(session, keyholders.by_id(session, key_id), inner, new)
    session.execute(sa.delete(KeyGrant).where(KeyGrant.holder_key_id == old.id))
    _note(session, "recovery:renewed", "key", new.id, now)
    return pair.seed


def create_key(session: Session, now: datetime) -> tuple[SealingKey, bytes]:
    """Create the recovery key of a new network; returns its row and its private seed."""
    pair = KeyPair.generate()
    return keyholders.register(session, OwnerKind.RECOVERY, uuid4(), pair.public, now), pair.seed


def _note(session: Session, action: str, kind: str, subject: UUID, now: datetime) -> None:
    audit.record(
        session, actor_kind="console", actor_id="-", action=action, subject_kind=kind, subject_id=subject, now=now
    )
