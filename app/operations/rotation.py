"""Rotation of the epoch key, and of the root secret with it: re-encrypts all values and destroys the old key.

The new key is written to the key file first, and every process reads it before it encrypts anything else. Rows are then processed
in small transactions; a value is written back only if nobody changed it in between. If the process is killed at any point, both
keys are still in the file, every row can be decrypted, and the next run continues. The older keys are destroyed only when no value
is encrypted under them and no transaction can still be open that began before the new key existed.

A new root secret replaces the former one in the moment in which the rotation begins (`keyring.begin_root`): no value is encrypted
with the root itself, and each lasting key that was derived from it is a separate key from then on (`root_uses`).
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import audit
from app.conflicts import service as conflicts
from app.core import keyring
from app.core.db import Database
from app.core.keyring import EPOCH_ID_BYTES, KeyRing
from app.core.sealing import CannotOpen
from app.operations import heartbeats, root_uses
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS, EncryptedColumn

BATCH: Final = 200
PATIENCE: Final = timedelta(seconds=65)
"""Longer than any transaction lasts: the database ends an idle one after 60 s, a request gives up before that."""
_MAX_ROUNDS: Final = 200
_PAUSE: Final = 0.25  # seconds, so that a transaction that holds a row can end
_HEAD_START: Final = 3.0  # seconds, so that whoever computed what to look for with the old keys alone has found it
IN_FLIGHT: Final = timedelta(hours=48)
"""For how long after a new root what was made with the former one is accepted: forms, cookies, cursors, repeated requests."""


@dataclass(slots=True)
class RotationReport:
    """The result of a rotation.

    `unreadable`: values whose key had been destroyed earlier; they were lost before the rotation began.
    """

    epoch: int
    reencrypted: int = 0
    unreadable: int = 0
    rounds: int = 0
    destroyed: tuple[int, ...] = field(default=())
    new_root: bool = False


def remaining(session: Session, epoch: int) -> int:
    """How many values are encrypted under another key than that of `epoch`."""
    counts = (
        sa.select(sa.func.count()).select_from(column.model).where(_is_older(column, epoch))
        for column in ENCRYPTED_COLUMNS
    )
    return sum(session.scalar(count) or 0 for count in counts)


def rotate(
    database: Database,
    key_file: Path,
    now: Callable[[], datetime],
    *,
    progress: Callable[[int], None] = lambda _count: None,
    before_destroying: Callable[[KeyRing], None] = lambda _ring: None,
    patience: timedelta = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
    root: bool = False,
    in_flight: timedelta = IN_FLIGHT,
    publish: Callable[[Path], None] = lambda _key_file: None,
) -> RotationReport:
    """Begin a rotation, or continue an interrupted one, and run it to its end.

    `root`: replace the root secret too. If a rotation of the epoch key alone is in progress, it is ended first. What is
    `in_flight` under the former root is accepted for that long. `before_destroying` is called when everything is encrypted
    under the new key and the old one still exists: the moment for a backup. `patience` is how long to wait for transactions
    that may still use the old key. `publish` is called after each change of the key file and returns when every machine has it;
    if it raises, the rotation stops there and can be run again. Raises RuntimeError when rows under an old key keep appearing.
    """
    ring = _begin(key_file, now, root=root, in_flight=in_flight)
    report = RotationReport(ring.current, new_root=ring.root_is_new)
    if root and ring.root_is_new:  # at once: whoever continues it after a kill does not know who began
        with database.begin() as session:
            audit.record(
                session, actor_kind="console", actor_id="-", action="keys:root_replaced", subject_kind="epoch",
                subject_id=ring.current, now=now(),
            )  # fmt: skip
    publish(key_file)
    sleep(_HEAD_START)
    while True:
        moved = _round(database, ring, report, progress)
        report.rounds += 1
        if moved == 0 and _old_transactions_have_ended(key_file, patience, sleep):
            with database.begin(write=False) as session:
                left = remaining(session, ring.current) - report.unreadable
            if left <= 0:
                break
            sleep(_PAUSE)
        if report.rounds > _MAX_ROUNDS:
            raise RuntimeError(
                "New rows are still being encrypted under an old key. Is a process of an old version running?"
            )
    before_destroying(ring)
    old = tuple(number for number in ring.epochs if number != ring.current)
    keyring.end_epochs(key_file, ring.current)
    publish(key_file)
    report.destroyed = old
    with database.begin() as session:
        conflicts.note_hits(session)
        heartbeats.record(session, heartbeats.ROTATION, now(), epoch=ring.current)
        audit.record(
            session, actor_kind="console", actor_id="-", action="keys:epoch_rotated", subject_kind="epoch",
            subject_id=ring.current, codes={"rows": report.reencrypted, "destroyed": list(old)}, now=now(),
        )  # fmt: skip
    if root and not report.new_root:
        return rotate(
            database, key_file, now, progress=progress, before_destroying=before_destroying, patience=patience,
            sleep=sleep, root=True, in_flight=in_flight, publish=publish,
        )  # fmt: skip
    return report


def _begin(key_file: Path, now: Callable[[], datetime], *, root: bool, in_flight: timedelta) -> KeyRing:
    if not root:
        return keyring.begin_epoch(key_file, now().date())
    until = datetime.now(UTC) + in_flight if in_flight else None
    return keyring.begin_root(key_file, now().date(), kept=root_uses.KEPT, fading=root_uses.FADING, until=until)


def reencrypt_batch(
    database: Database, ring: KeyRing, target: EncryptedColumn, after: Any = None
) -> tuple[int, int, Any]:
    """Re-encrypt one batch of one column, in primary-key order.

    Returns how many values were re-encrypted, how many no key can decrypt, and the key to continue after (None: the end).
    """
    table = cast("sa.Table", target.model.__table__)
    primary, column = list(table.primary_key.columns), table.c[target.column]
    query = (
        sa.select(table)
        .where(_is_older(target, ring.current))
        .order_by(*primary)
        .limit(BATCH)
        .with_for_update(skip_locked=True)  # never wait while holding rows: a busy row comes in the next round
    )
    if target.merge is None:
        query = query.with_only_columns(*{*primary, column, *(table.c[name] for name in target.binding_columns)})
    if after is not None:
        query = query.where(
            sa.tuple_(*primary) > sa.tuple_(*(sa.literal(v, c.type) for v, c in zip(after, primary, strict=True)))
        )
    moved = unreadable = 0
    with database.begin() as session:
        rows = session.execute(query).mappings().all()
        for row in rows:
            value = bytes(row[target.column])
            try:
                fresh = target.reencrypt(ring, value, target.binding(dict(row)))
            except CannotOpen:
                unreadable += 1
                continue
            unchanged = *(key_column == row[key_column.name] for key_column in primary), column == value
            update = sa.update(target.model).where(*unchanged).values({target.column: fresh})
            try:
                with session.begin_nested() if target.merge else nullcontext():
                    moved += session.execute(update.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
            except IntegrityError:
                if target.merge is None:
                    raise
                target.merge(session, dict(row), fresh)
                moved += 1
    last = tuple(rows[-1][key_column.name] for key_column in primary) if len(rows) == BATCH else None
    return moved, unreadable, last


def _round(database: Database, ring: KeyRing, report: RotationReport, progress: Callable[[int], None]) -> int:
    """Go through all columns once. Rows that are written behind this pass are found by the next round."""
    total = 0
    report.unreadable = 0
    for column in ENCRYPTED_COLUMNS:
        after = None
        while True:
            moved, unreadable, after = reencrypt_batch(database, ring, column, after)
            total += moved
            report.unreadable += unreadable
            progress(moved)
            if after is None:
                break
    report.reencrypted += total
    return total


def _is_older(target: EncryptedColumn, epoch: int) -> sa.ColumnElement[bool]:
    column = target.model.__table__.c[target.column]
    head = epoch.to_bytes(EPOCH_ID_BYTES, "big")
    older = sa.func.substr(column, 1, EPOCH_ID_BYTES) != sa.literal(head, sa.LargeBinary())
    if target.bare_bytes:
        older = sa.or_(older, sa.func.length(column) == target.bare_bytes)
    return sa.and_(column.is_not(None), older)


def _old_transactions_have_ended(key_file: Path, patience: timedelta, sleep: Callable[[float], None]) -> bool:
    """Whether every transaction that may have begun with the old key had ended; if not, wait until it has.

    False means that the caller has to look again for values that they wrote.
    """
    age = time.time() - key_file.stat().st_mtime
    left = patience.total_seconds() - age
    if left <= 0:
        return True
    sleep(left)
    return False
