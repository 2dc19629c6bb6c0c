"""Rotation of the epoch key: every encrypted value is re-encrypted under a new key, then the old key is destroyed.

The new key is written to the key file first, and every process reads it before it encrypts anything else. Rows are then processed
in small transactions; a value is written back only if nobody changed it in between. If the process is killed at any point, both
keys are still in the file, every row can be decrypted, and the next run continues. The older keys are destroyed only when no value
is encrypted under them and no transaction can still be open that began before the new key existed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core import keyring
from app.core.db import Database
from app.core.keyring import EPOCH_ID_BYTES, KeyRing
from app.core.sealing import CannotOpen
from app.operations import heartbeats
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS, EncryptedColumn

BATCH: Final = 200
PATIENCE: Final = timedelta(seconds=65)
"""Longer than any transaction lasts: the database ends an idle one after 60 s, a request gives up before that."""
_MAX_ROUNDS: Final = 200
_PAUSE: Final = 0.25  # seconds, so that a transaction that holds a row can end


@dataclass(slots=True)
class Report:
    """What a rotation did. `unreadable`: values whose key had been destroyed earlier; they were lost before the rotation began."""

    epoch: int
    reencrypted: int = 0
    unreadable: int = 0
    rounds: int = 0
    destroyed: tuple[int, ...] = field(default=())


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
) -> Report:
    """Begin a rotation, or continue an interrupted one, and run it to its end.

    `before_destroying` is called when everything is encrypted under the new key and the old one still exists: the moment for a
    backup. `patience` is how long to wait for transactions that may still use the old key. Raises RuntimeError when rows under
    an old key keep appearing.
    """
    ring = keyring.begin_epoch(key_file, now().date())
    report = Report(ring.current)
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
    report.destroyed = old
    with database.begin() as session:
        heartbeats.record(session, heartbeats.ROTATION, now(), epoch=ring.current)
        audit.record(
            session, actor_kind="console", actor_id="-", action="keys:epoch_rotated", subject_kind="epoch",
            subject_id=ring.current, codes={"rows": report.reencrypted, "destroyed": list(old)}, now=now(),
        )  # fmt: skip
    return report


def reencrypt_batch(
    database: Database, ring: KeyRing, target: EncryptedColumn, after: Any = None
) -> tuple[int, int, Any]:
    """Re-encrypt one batch of one column, in primary-key order.

    Returns how many values were re-encrypted, how many no key can decrypt, and the key to continue after (None: the end).
    """
    table = target.model.__table__
    key, column = table.c[target.key], table.c[target.column]
    query = (
        sa.select(key, column, *(table.c[name] for name in target.binding_columns))
        .where(_is_older(target, ring.current))
        .order_by(key)
        .limit(BATCH)
        .with_for_update(skip_locked=True)  # never wait while holding rows: a busy row comes in the next round
    )
    if after is not None:
        query = query.where(key > after)
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
            unchanged = key == row[target.key], column == value
            update = sa.update(target.model).where(*unchanged).values({target.column: fresh})
            moved += session.execute(update.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
    return moved, unreadable, rows[-1][target.key] if len(rows) == BATCH else None


def _round(database: Database, ring: KeyRing, report: Report, progress: Callable[[int], None]) -> int:
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
    return sa.and_(column.is_not(None), sa.func.substr(column, 1, EPOCH_ID_BYTES) != sa.literal(head, sa.LargeBinary()))


def _old_transactions_have_ended(key_file: Path, patience: timedelta, sleep: Callable[[float], None]) -> bool:
    """Whether every transaction that may have begun with the old key had ended; if not, wait until it has.

    False means that the caller has to look once more for what they wrote.
    """
    age = time.time() - key_file.stat().st_mtime
    left = patience.total_seconds() - age
    if left <= 0:
        return True
    sleep(left)
    return False
