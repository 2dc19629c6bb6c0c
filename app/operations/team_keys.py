"""Rotation of a team's key, after somebody has left or a device was lost: every case of the team is sealed to the new key.

It needs the old private key, which only a member's passphrase or the offline recovery key opens. The new key is granted to all
holders of the old one in the transaction that creates it, so nobody loses access. The fingerprints that were made with the old key
are deleted, so that whoever has it can try nothing on a newer copy of the database. The grants of the old key are deleted when no
case is sealed to it any more and no transaction can still be open that read it before the new one existed: what that seals would
open for nobody. If the process is killed at any point, every case opens with the old or the new key, and the holders have both.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases import duplicate_detection, sealed_parts
from app.cases.models import CaseWrap
from app.core import keyholders
from app.core.db import Database
from app.core.errors import NotAllowed, NotFound
from app.core.keyholders import KeyGrant, OwnerKind, SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.operations import rotation
from app.referrals import threads
from app.referrals.thread_models import ReferralMessageWrap
from app.staff.models import Team

BATCH: Final = 100
FINGERPRINTS: Final = 500
_ROUNDS: Final = 30
_REST_SECONDS: Final = 1.0
_WRAPS: Final = (CaseWrap, ReferralMessageWrap)
PATIENCE: Final = rotation.PATIENCE + timedelta(seconds=10)
"""Longer than any transaction lasts that read the former key; the ten seconds are the longest wait for its row (`begin`)."""


def team_by_slug(session: Session, slug: str) -> UUID:
    """The id of a team. Raises NotFound."""
    team_id = session.scalar(sa.select(Team.id).where(Team.slug == slug))
    if team_id is None:
        raise NotFound("There is no team with this name.")
    return team_id


def wraps(session: Session, team_id: UUID) -> int:
    """How many wraps are sealed to a key of the team."""
    counts = (sa.select(sa.func.count()).select_from(table).where(table.owner_id == team_id) for table in _WRAPS)
    return sum(session.scalar(count) or 0 for count in counts)


def remaining(session: Session, team_id: UUID) -> int:
    """How many wraps are sealed to an older key of the team, and fingerprints are made with one."""
    active = keyholders.active_key(session, team_id)
    if active is None:
        return 0
    counts = (
        sa.select(sa.func.count()).select_from(table).where(table.owner_id == team_id, table.key_id != active.id)
        for table in _WRAPS
    )
    sealed = sum(session.scalar(count) or 0 for count in counts)
    return sealed + duplicate_detection.count_of_keys(session, _older_keys(session, team_id, active.id))


def rotate(
    database: Database,
    keys: KeyRing,
    team_id: UUID,
    held: Mapping[UUID, bytes],
    now: Callable[[], datetime],
    *,
    progress: Callable[[int], None] = lambda _count: None,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[int, int]:
    """Begin a rotation, or continue an interrupted one, and run it to its end.

    Returns how many keys were sealed to the new key and how many grants of the older ones were deleted. Waits, if the new key is
    younger than `PATIENCE`, for requests that may still seal a case to the older one. Raises NotAllowed, as `begin` does.
    """
    with database.begin() as session:
        begin(session, team_id, held, now())
    drop_fingerprints(database, team_id, sleep)
    moved = rewrap_cases(database, keys, team_id, held, progress)
    with database.begin(write=False) as session:
        active = keyholders.active_key(session, team_id)
        age = now() - active.created_at if active is not None else PATIENCE
    if age < PATIENCE:
        sleep((PATIENCE - age).total_seconds())
        moved += rewrap_cases(database, keys, team_id, held, progress)
    drop_fingerprints(database, team_id, sleep)
    with database.begin() as session:
        return moved, end(session, team_id, now())


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
    for table in _WRAPS:
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


def drop_fingerprints(database: Database, team_id: UUID, sleep: Callable[[float], None] = time.sleep) -> int:
    """Delete the fingerprints that were made with older keys of the team, in small transactions; returns of how many cases.

    The cases are compared again with the present key when members of the team work. Cases that somebody else has locked come in a
    later round; `end` ends nothing while there are any.
    """
    dropped = 0
    for attempt in range(_ROUNDS):
        if attempt:
            sleep(_REST_SECONDS)
        after = None
        while True:
            with database.begin() as session:
                active = keyholders.active_key(session, team_id)
                older = _older_keys(session, team_id, active.id) if active is not None else []
                done, after = duplicate_detection.drop_of_keys(session, older, FINGERPRINTS, after)
            dropped += done
            if after is None:
                break
        with database.begin(write=False) as session:
            if not duplicate_detection.count_of_keys(session, older):
                break
    return dropped


def end(session: Session, team_id: UUID, now: datetime) -> int:
    """Delete every grant of the older keys if no case is sealed to one of them; returns how many.

    The caller knows that no transaction is open that read an older key while it was the active one: `rotate` waits for them.
    """
    present = keyholders.active_key(session, team_id)
    if present is None or remaining(session, team_id):
        return 0
    gone = session.execute(sa.delete(KeyGrant).where(KeyGrant.id.in_(_older_grants(session, team_id, present.id))))
    _note(session, "keys:team_rotated", team_id, present.id, now)
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _older_keys(session: Session, team_id: UUID, present: UUID) -> list[UUID]:
    return list(
        session.scalars(sa.select(SealingKey.id).where(SealingKey.owner_id == team_id, SealingKey.id != present))
    )


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
