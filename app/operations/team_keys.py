"""Rotation of a team's key, after somebody has left or a device was lost: every case of the team is sealed to the new key.

It needs the old private key, which only a member's passphrase or the offline recovery key opens. The new key is granted to all
holders of the old one in the transaction that creates it, so nobody loses access. The grants of the old key are deleted when no
case is sealed to it any more. If the process is killed at any point, every case opens with the old or the new key, and the
holders have both.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases import sealed_parts
from app.cases.models import CaseWrap
from app.core import keyholders
from app.core.db import Database
from app.core.errors import NotAllowed, NotFound
from app.core.keyholders import KeyGrant, OwnerKind, SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.referrals import threads
from app.referrals.thread_models import ReferralMessageWrap
from app.staff.models import Team

BATCH: Final = 100


def team_by_slug(session: Session, slug: str) -> UUID:
    """The id of a team. Raises NotFound."""
    team_id = session.scalar(sa.select(Team.id).where(Team.slug == slug))
    if team_id is None:
        raise NotFound("There is no team with this name.")
    return team_id


def remaining(session: Session, team_id: UUID) -> int:
    """How many wraps are sealed to an older key of the team."""
    active = keyholders.active_key(session, team_id)
    if active is None:
        return 0
    counts = (
        sa.select(sa.func.count()).select_from(table).where(table.owner_id == team_id, table.key_id != active.id)
        for table in (CaseWrap, ReferralMessageWrap)
    )
    return sum(session.scalar(count) or 0 for count in counts)


def begin(session: Session, team_id: UUID, held: Mapping[UUID, bytes], now: datetime) -> UUID:
    """Create the new key and grant it to all holders of the current one; returns its id. Continues an unfinished rotation.

    Raises NotAllowed when `held` does not contain the current key.
    """
    present = keyholders.active_key(session, team_id)
    if present is None or present.id not in held:
        raise NotAllowed("This does not open the team's current key.")
    if remaining(session, team_id) or _older_grants(session, team_id, present.id):
        return present.id
    pair = KeyPair.generate()
    holders = session.scalars(
        sa.select(SealingKey)
        .join(KeyGrant, KeyGrant.holder_key_id == SealingKey.id)
        .where(KeyGrant.sealing_key_id == present.id)
    ).all()
    key = keyholders.register(session, OwnerKind.TEAM, team_id, pair.public, now)
    for holder in holders:
        keyholders.grant(session, key, pair.seed, holder)
    _note(session, "keys:team_rotation_begun", team_id, key.id, now)
    return key.id


def rewrap_cases(
    database: Database,
    keys: KeyRing,
    team_id: UUID,
    held: Mapping[UUID, bytes],
    progress: Callable[[int], None] = lambda _count: None,
) -> int:
    """Seal every case of the team, and its conversations, to its current key, in small transactions; returns how many keys."""
    moved = 0
    for table in (CaseWrap, ReferralMessageWrap):
        after = None
        while True:
            done, after = _batch(database, keys, table, team_id, held, after)
            moved += done
            progress(done)
            if after is None:
                break
    return moved


def _batch(
    database: Database,
    keys: KeyRing,
    table: type[CaseWrap | ReferralMessageWrap],
    team_id: UUID,
    held: Mapping[UUID, bytes],
    after: UUID | None,
) -> tuple[int, UUID | None]:
    with database.begin() as session:
        active = keyholders.active_key(session, team_id)
        if active is None:
            return 0, None
        query = (
            sa.select(table)
            .where(table.owner_id == team_id, table.key_id != active.id)
            .order_by(table.id)
            .limit(BATCH)
            .with_for_update()
        )
        outdated = session.scalars(query.where(table.id > after) if after else query).all()
        wraps = cast("Sequence[CaseWrap | ReferralMessageWrap]", outdated)
        done = 0
        for wrap in wraps:
            seed = held.get(wrap.key_id) if wrap.key_id else None
            if seed is None:
                continue
            if isinstance(wrap, CaseWrap):
                sealed_parts.rewrap(keys, wrap, KeyPair.from_seed(seed), active.public_key, active.id)
            else:
                threads.rewrap(keys, wrap, KeyPair.from_seed(seed), active)
            done += 1
        session.flush()
        return done, wraps[-1].id if len(wraps) == BATCH else None


def end(session: Session, team_id: UUID, now: datetime) -> int:
    """Delete every grant of the older keys if no case is sealed to one of them; returns how many.

    A case that came in during the rotation was sealed to the current key, the only active one.
    """
    present = keyholders.active_key(session, team_id)
    if present is None or remaining(session, team_id):
        return 0
    gone = session.execute(sa.delete(KeyGrant).where(KeyGrant.id.in_(_older_grants(session, team_id, present.id))))
    _note(session, "keys:team_rotated", team_id, present.id, now)
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _older_grants(session: Session, team_id: UUID, present: UUID) -> list[UUID]:
    """The grants of the team's older keys."""
    query = (
        sa.select(KeyGrant.id)
        .join(SealingKey, SealingKey.id == KeyGrant.sealing_key_id)
        .where(SealingKey.owner_id == team_id, SealingKey.id != present)
    )
    return list(session.scalars(query))


def held_by(session: Session, key_id: UUID, seed: bytes) -> dict[UUID, bytes]:
    """The seeds that were granted to a member, opened with the member's own seed. Raises CannotOpen."""
    return keyholders.open_granted(session, key_id, KeyPair.from_seed(seed))


def _note(session: Session, action: str, team_id: UUID, key_id: UUID, now: datetime) -> None:
    audit.record(
        session, actor_kind="console", actor_id="-", action=action, subject_kind="team", subject_id=team_id,
        codes={"key": key_id.hex}, now=now,
    )  # fmt: skip
