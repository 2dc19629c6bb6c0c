"""Rotating the epoch key: everything that is locked is locked anew, and then the old key is destroyed.

The new key is written to the key file first, and every process takes it up before it locks anything more. Then rows are gone
through in small transactions, each value put back only if nobody changed it meanwhile. Killed at any point, both keys are still in
the file and every row opens; run again, it goes on. Only when nothing is locked under an older key any more, and no transaction can
still be open that began before the new key was there, the older keys are destroyed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
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
from app.operations.encrypted_columns import LOCKED, Locked

BATCH: Final = 200
PATIENCE: Final = timedelta(seconds=65)
"""Longer than any transaction lives: the database ends an idle one after 60 s, a request gives up before that."""
_ROUNDS: Final = 200
_PAUSE: Final = 0.25  # seconds, for whoever holds a row to let go of it


@dataclass(slots=True)
class Report:
    """What a rotation did. `closed`: values whose key had been destroyed before; they were lost before it began."""

    epoch: int
    locked_anew: int = 0
    closed: int = 0
    rounds: int = 0
    destroyed: tuple[int, ...] = field(default=())


def todo(session: Session, epoch: int) -> int:
    """How many values are locked under another key than this one."""
    counts = (sa.select(sa.func.count()).select_from(one.model).where(_older(one, epoch)) for one in LOCKED)
    return sum(session.scalar(count) or 0 for count in counts)


def rotate(
    database: Database,
    key_file: Path,
    now: Callable[[], datetime],
    *,
    progress: Callable[[int], None] = lambda _count: None,
    before_the_end: Callable[[KeyRing], None] = lambda _ring: None,
    patience: timedelta = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Begin a rotation, or go on with one that was cut short; run to its end.

    `before_the_end` is called when everything stands under the new key and the old one still exists: the moment for a backup.
    """
    ring = keyring.begin_epoch(key_file, now().date())
    report = Report(ring.current)
    while True:
        moved = _round(database, ring, report, progress)
        report.rounds += 1
        if moved == 0 and _nobody_is_behind(key_file, patience, sleep):
            with database.begin(write=False) as session:
                left = todo(session, ring.current) - report.closed
            if left <= 0:
                break
            sleep(_PAUSE)
        if report.rounds > _ROUNDS:
            raise RuntimeError(
                "rows keep coming that are locked under an old key: is a process of an old version running?"
            )
    before_the_end(ring)
    old = tuple(number for number in ring.epochs if number != ring.current)
    keyring.end_epochs(key_file, ring.current)
    report.destroyed = old
    with database.begin() as session:
        heartbeats.set_mark(session, heartbeats.ROTATION, now(), epoch=ring.current)
        audit.record(
            session, actor_kind="console", actor_id="-", action="keys:epoch_rotated", subject_kind="epoch",
            subject_id=ring.current, codes={"rows": report.locked_anew, "destroyed": list(old)}, now=now(),
        )  # fmt: skip
    return report


def lock_anew(database: Database, ring: KeyRing, one: Locked, after: Any = None) -> tuple[int, int, Any]:
    """One batch of one column: how many were moved, how many open with no key, and where to go on (None: the end)."""
    key = one.model.__table__.c[one.key]
    column = one.model.__table__.c[one.column]
    query = (
        sa.select(key, column, *(one.model.__table__.c[name] for name in one.reads))
        .where(_older(one, ring.current))
        .order_by(key)
        .limit(BATCH)
        .with_for_update(
            skip_locked=True
        )  # never wait while holding rows: what somebody works on comes in the next round
    )
    if after is not None:
        query = query.where(key > after)
    moved = closed = 0
    with database.begin() as session:
        rows = session.execute(query).mappings().all()
        for row in rows:
            value = bytes(row[one.column])
            try:
                place = one.place(dict(row))
                fresh = one.anew(ring, value, place)
            except CannotOpen:
                closed += 1
                continue
            same = sa.update(one.model).where(key == row[one.key], column == value).values({one.column: fresh})
            moved += session.execute(same.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
    return moved, closed, rows[-1][one.key] if len(rows) == BATCH else None


def _round(database: Database, ring: KeyRing, report: Report, progress: Callable[[int], None]) -> int:
    """Once through all columns. What comes up behind us is found by the next round."""
    moved_in_all = 0
    report.closed = 0
    for one in LOCKED:
        after = None
        while True:
            moved, closed, after = lock_anew(database, ring, one, after)
            moved_in_all += moved
            report.closed += closed
            progress(moved)
            if after is None:
                break
    report.locked_anew += moved_in_all
    return moved_in_all


def _older(one: Locked, epoch: int) -> sa.ColumnElement[bool]:
    column = one.model.__table__.c[one.column]
    head = epoch.to_bytes(EPOCH_ID_BYTES, "big")
    return sa.and_(column.is_not(None), sa.func.substr(column, 1, EPOCH_ID_BYTES) != sa.literal(head, sa.LargeBinary()))


def _nobody_is_behind(key_file: Path, patience: timedelta, sleep: Callable[[float], None]) -> bool:
    """Wait until every transaction that may have begun with the old key has ended. True: there was nothing to wait for.

    False: waited; what they wrote has to be looked for once more.
    """
    age = time.time() - key_file.stat().st_mtime
    left = patience.total_seconds() - age
    if left <= 0:
        return True
    sleep(left)
    return False


def key_age(ring: KeyRing, today: date) -> timedelta:
    """How old the oldest epoch key that still exists is."""
    return today - min(ring.since.values())
