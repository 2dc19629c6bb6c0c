"""Writing and verifying the hash chain of the audit log.

Entries are collected in the session and written just before it commits: an action and its entry are committed together or not at
all. On PostgreSQL they are written without a place in the chain, so that no process waits for another; `place` gives committed
entries their places and hashes afterwards, in short transactions of the worker and of the commands that read the chain. On
SQLite, where there is one writer at a time anyway, an entry is placed as it is written. See decision 171.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.audit.models import ARRIVALS, WAITING, AuditEntry
from app.core import bulk
from app.core.clock import to_the_hour
from app.core.db import Database, try_advisory_lock

GENESIS: Final = "0" * 64
_LOCK: Final = 0x50525F4155  # an arbitrary number; each advisory lock of the service has its own
_TO_WRITE: Final = "audit_to_write"
_PAGE: Final = 1000
_TABLE: Final = cast("sa.Table", AuditEntry.__table__)
_seq = _TABLE.c.seq
_HEAD: Final = sa.select(_seq, _TABLE.c.hash).where(_seq > 0).order_by(_seq.desc()).limit(1)
_HAS_WAITING: Final = sa.select(sa.exists().where(_seq < 0))
_NO_HASH: Final = sa.literal(GENESIS, sa.String(64))
_INSERT_WAITING: Final = (
    sa.insert(_TABLE)
    .values(
        seq=sa.literal_column(f"nextval('{ARRIVALS}') - {WAITING}", sa.BigInteger()),
        prev_hash=_NO_HASH,
        hash=_NO_HASH,
    )
    .inline()  # no RETURNING: who writes an entry need not be able to read it
)
_PLACE: Final = (
    sa.update(_TABLE)
    .where(_seq == sa.bindparam("waited_as", type_=sa.BigInteger()))
    .values(
        {
            name: sa.bindparam(f"new_{name}", type_=_TABLE.c[name].type)
            for name in ("seq", "arrival", "prev_hash", "hash")
        }
    )
)
_MOST_GAPS: Final = 10_000
SHORTENED: Final = "audit:shortened"


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first entry at which the chain is broken."""

    seq: int
    problem: str


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of a verification. `broken`: the first entry that does not fit; None: all placed entries fit each other.

    `waiting`: committed entries without a place yet, of which the oldest is from `waiting_since`. `unused`: how many numbers of
    arrival belong to no entry: transactions that failed while they committed, up to 32 after each crash of the database, or
    entries that somebody removed before they were placed.
    """

    broken: ChainBreak | None
    placed: int
    waiting: int
    waiting_since: datetime | None
    unused: int


def record(
    session: Session,
    *,
    actor_kind: str,
    actor_id: object,
    action: str,
    subject_kind: str,
    subject_id: object,
    now: datetime,
    codes: dict[str, Any] | None = None,
) -> None:
    """Record an action of this transaction, such as "referral:accepted". Codes and ids only.

    What the person does themselves is recorded to the full hour: the exact minute could be matched with records of a phone network.
    """
    at = to_the_hour(now) if actor_kind == "person" else now
    session.info.setdefault(_TO_WRITE, []).append(
        {
            "at": at,
            "actor_kind": actor_kind,
            "actor_id": str(actor_id),
            "action": action,
            "subject_kind": subject_kind,
            "subject_id": subject_id.hex if isinstance(subject_id, UUID) else str(subject_id),
            "codes": codes or {},
        }
    )


def record_by_person(
    session: Session, case_id: UUID, action: str, now: datetime, codes: dict[str, Any] | None = None
) -> None:
    """Record what the person did to their own case, to the full hour. Its id stands for the person, who has no other."""
    record(
        session,
        actor_kind="person",
        actor_id=case_id.hex,
        action=action,
        subject_kind="case",
        subject_id=case_id,
        now=now,
        codes=codes,
    )


def record_once_an_hour(
    session: Session,
    *,
    actor_kind: str,
    actor_id: object,
    action: str,
    subject_kind: str,
    subject_id: UUID,
    now: datetime,
) -> None:
    """Record an action unless the same action of this actor on this subject was already recorded in this hour.

    For actions that somebody can repeat at will without changing anything: each look would otherwise add a row to a log that is
    kept for years.
    """
    known = sa.exists(AuditEntry.seq).where(  # not "*": the role of the person's pages may not read every column
        AuditEntry.subject_id == subject_id.hex,
        AuditEntry.action == action,
        AuditEntry.actor_kind == actor_kind,
        AuditEntry.actor_id == str(actor_id),
        AuditEntry.at >= to_the_hour(now),
    )
    if not session.scalar(sa.select(known)):
        record(
            session,
            actor_kind=actor_kind,
            actor_id=actor_id,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            now=now,
        )


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    entries = session.info.pop(_TO_WRITE, None)
    if not entries:
        return
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(_INSERT_WAITING, entries)
        return
    seq, last = _head(session)
    bulk.insert(session, AuditEntry, _chained([{**entry, "arrival": None} for entry in entries], seq, last))


def _head(session: Session) -> tuple[int, str]:
    """The last place that is taken, and the hash of its entry."""
    head = session.connection().execute(_HEAD).first()
    return (head.seq, head.hash) if head else (0, GENESIS)


def _chained(entries: Sequence[Mapping[str, Any]], seq: int, last: str) -> list[dict[str, Any]]:
    """These entries with the places after `seq`."""
    rows = []
    for place, entry in enumerate(entries, seq + 1):
        row = {**entry, "seq": place, "prev_hash": last}
        row["hash"] = last = _digest(row)
        rows.append(row)
    return rows


def place(session: Session, limit: int = _PAGE) -> int:
    """Give up to `limit` committed entries their places and hashes, in the order of their arrival; returns how many.

    In a short transaction of its own. 0 when another process is already doing it: entries that it does not see are placed next
    time.
    """
    if not has_waiting(session) or not try_advisory_lock(session, _LOCK):
        return 0
    seq, last = _head(session)
    found = sa.select(*_TABLE.c).where(_seq < 0).order_by(_seq).limit(limit)
    entries = [
        {**row, "waited_as": row["seq"], "arrival": row["seq"] + WAITING}
        for row in session.execute(found).mappings().all()
    ]
    if entries:
        placed = _chained(entries, seq, last)
        names = ("seq", "arrival", "prev_hash", "hash")
        changes = [{"waited_as": row["waited_as"], **{f"new_{name}": row[name] for name in names}} for row in placed]
        session.connection().execute(_PLACE, changes)
    return len(entries)


def place_all(database: Database, stop: Callable[[], bool] = lambda: False) -> int:
    """Place all committed entries, in as many transactions as it takes; returns how many were placed."""
    with database.begin(write=False) as session:
        if not has_waiting(session):
            return 0
    placed = 0
    while not stop():
        with database.begin() as session:
            now = place(session)
        placed += now
        if now < _PAGE:
            break
    return placed


def has_waiting(session: Session) -> bool:
    """Whether a committed entry has no place yet."""
    return bool(session.scalar(_HAS_WAITING))


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_TO_WRITE, None)


def length(session: Session) -> int:
    """The number of entries."""
    return session.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) or 0


def shorten(session: Session, *, before: datetime, now: datetime, limit: int = 1000) -> int:
    """Delete up to `limit` of the oldest entries that are from before `before`; returns how many.

    The deletion is itself an entry, with the last deleted number and hash, so that the rest of the chain can still be verified.
    """
    seq, at = AuditEntry.seq, AuditEntry.at
    oldest = sa.select(seq, at).where(seq > 0).order_by(seq).limit(limit).subquery()
    young = session.scalar(sa.select(sa.func.min(oldest.c.seq)).where(oldest.c.at >= before))
    newest = session.scalar(sa.select(sa.func.max(seq)).where(seq > 0))
    ends = (young, newest)  # the newest always stays, because the numbers continue from it
    below = min(end for end in ends if end is not None) if newest is not None else 0
    last = sa.select(sa.func.max(oldest.c.seq)).where(oldest.c.seq < below).scalar_subquery()
    entry = session.execute(sa.select(seq, AuditEntry.hash).where(seq == last)).one_or_none()
    if entry is None:
        return 0
    deleted = int(session.execute(sa.delete(AuditEntry).where(seq > 0, seq <= entry.seq)).rowcount)  # type: ignore[attr-defined]
    if not deleted:  # another worker was faster
        return 0
    record(
        session,
        actor_kind="clock",
        actor_id="-",
        action=SHORTENED,
        subject_kind="audit",
        subject_id=entry.seq,
        codes={"seq": entry.seq, "hash": entry.hash},
        now=now,
    )
    return deleted


def chain_start(session: Session) -> tuple[str, int]:
    """The hash before the first entry that must exist, and the number of that entry."""
    shortened = (
        sa.select(AuditEntry.codes).where(AuditEntry.action == SHORTENED).order_by(AuditEntry.seq.desc()).limit(1)
    )
    for newest in (shortened.where(AuditEntry.seq < 0), shortened.where(AuditEntry.seq > 0)):  # one that waits is newer
        if codes := session.scalars(newest).first():
            return str(codes["hash"]), int(codes["seq"]) + 1
    return GENESIS, 1


def verify(session: Session, progress: Callable[[int], None] = lambda _count: None) -> ChainBreak | None:
    """Verify the whole chain. None: it is intact; else the first placed entry that was changed, removed or inserted."""
    return examine(session, progress).broken


def examine(session: Session, progress: Callable[[int], None] = lambda _count: None) -> Examination:
    """Verify the chain, and count the entries and numbers that are not in it.

    In one snapshot if the caller wants the figures to fit each other.
    """
    arrivals = _Arrivals()
    last, first = chain_start(session)
    expected = first
    broken = None
    while broken is None:
        page = sa.select(*_TABLE.c).where(_seq >= expected).order_by(_seq).limit(_PAGE)
        rows = session.execute(page).mappings().all()
        for row in rows:
            if row["seq"] != expected:
                broken = ChainBreak(expected, "missing")
            elif row["prev_hash"] != last or row["hash"] != _digest(row):
                broken = ChainBreak(expected, "changed")
            if broken is not None:
                break
            arrivals.note(row["arrival"])
            last, expected = row["hash"], expected + 1
            progress(1)
        if len(rows) < _PAGE:
            break
    waiting = session.execute(sa.select(_seq, _TABLE.c.at).where(_seq < 0).order_by(_seq)).all()
    for seq, _at in waiting:
        arrivals.note(seq + WAITING)
        progress(1)
    arrivals.end(_last_arrival(session))
    since = min((at for _seq, at in waiting), default=None)
    return Examination(broken, expected - first, len(waiting), since, arrivals.unused)


def _last_arrival(session: Session) -> int | None:
    """The last number of arrival that was given; None on SQLite, or when there was none."""
    if session.get_bind().dialect.name != "postgresql":
        return None
    last = sa.text("SELECT last_value FROM pg_sequences WHERE sequencename = :name AND schemaname = current_schema()")
    found: int | None = session.scalar(last, {"name": ARRIVALS})
    return found


class _Arrivals:
    """Counts the numbers of arrival that belong to no entry. They come nearly, but not quite, in order."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._open: set[int] = set()
        self._beyond = 0

    @property
    def unused(self) -> int:
        return len(self._open) + self._beyond

    def note(self, arrival: int | None) -> None:
        if arrival is None:
            return
        if self._next is not None and arrival < self._next:
            self._open.discard(arrival)
            return
        self.end(arrival - 1)
        self._next = arrival + 1

    def end(self, last: int | None) -> None:
        """All numbers up to `last` were given."""
        if last is None or self._next is None or last < self._next:
            return
        if last - self._next < _MOST_GAPS:
            self._open.update(range(self._next, last + 1))
        else:  # far too many to have come late
            self._beyond += last + 1 - self._next


def _digest(row: Any) -> str:
    at: datetime = row["at"]
    fields = [
        row["prev_hash"],
        row["seq"],
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        *(row[name] for name in ("actor_kind", "actor_id", "action", "subject_kind", "subject_id")),
        row["codes"],
        *([] if row["arrival"] is None else [row["arrival"]]),  # entries of before have none
    ]
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
