"""Writing and verifying the hash chain of the audit log.

Entries are collected in the session and written just before it commits, so that the lock on the chain is held only during the
commit. An action and its entry are committed together or not at all.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.core import bulk
from app.core.clock import to_the_hour
from app.core.db import acquire_advisory_lock

GENESIS: Final = "0" * 64
_LOCK: Final = 0x50525F4155  # an arbitrary number; each advisory lock of the service has its own
_WAITING: Final = "audit_waiting"
_PAGE: Final = 1000
_HEAD: Final = sa.select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
SHORTENED: Final = "audit:shortened"


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first entry at which the chain is broken."""

    seq: int
    problem: str


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
    session.info.setdefault(_WAITING, []).append(
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
    """Record an action unless the same actor's same action on the same subject is recorded in this hour already.

    For what somebody can repeat at will without changing anything: each look would else add a row to a log that is kept for years.
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
def _append(session: Session) -> None:
    waiting = session.info.pop(_WAITING, None)
    if not waiting:
        return
    session.flush()
    acquire_advisory_lock(session, _LOCK)
    head = session.connection().execute(_HEAD).first()
    seq, last = (head.seq, head.hash) if head else (0, GENESIS)
    entries = []
    for entry in waiting:
        seq += 1
        row = {**entry, "seq": seq, "prev_hash": last}
        row["hash"] = last = _digest(row)
        entries.append(row)
    bulk.insert(session, AuditEntry, entries)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_WAITING, None)


def length(session: Session) -> int:
    """The number of entries."""
    return session.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) or 0


def shorten(session: Session, *, before: datetime, now: datetime, limit: int = 1000) -> int:
    """Delete up to `limit` of the oldest entries that are from before `before`; returns how many.

    The deletion is itself an entry, with the last deleted number and hash, so that the rest of the chain can still be verified.
    """
    seq, at = AuditEntry.seq, AuditEntry.at
    oldest = sa.select(seq, at).order_by(seq).limit(limit).subquery()
    young = session.scalar(sa.select(sa.func.min(oldest.c.seq)).where(oldest.c.at >= before))
    newest = session.scalar(sa.select(sa.func.max(seq)))
    ends = (young, newest)  # the newest always stays, because the numbers continue from it
    below = min(end for end in ends if end is not None) if newest is not None else 0
    last = sa.select(sa.func.max(oldest.c.seq)).where(oldest.c.seq < below).scalar_subquery()
    entry = session.execute(sa.select(seq, AuditEntry.hash).where(seq == last)).one_or_none()
    if entry is None:
        return 0
    deleted = int(session.execute(sa.delete(AuditEntry).where(seq <= entry.seq)).rowcount)  # type: ignore[attr-defined]
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
    shortened = sa.select(AuditEntry.codes).where(AuditEntry.action == SHORTENED).order_by(AuditEntry.seq.desc())
    codes = session.scalars(shortened.limit(1)).first()
    return (str(codes["hash"]), int(codes["seq"]) + 1) if codes else (GENESIS, 1)


def verify(session: Session, progress: Callable[[int], None] = lambda _count: None) -> ChainBreak | None:
    """Verify the whole chain. None: it is intact; else the first entry that was changed, removed or inserted."""
    last, expected = chain_start(session)
    columns = AuditEntry.__table__.c
    while True:
        page = sa.select(*columns).where(columns.seq >= expected).order_by(columns.seq).limit(_PAGE)
        rows = session.execute(page).mappings().all()
        for row in rows:
            if row["seq"] != expected:
                return ChainBreak(expected, "missing")
            if row["prev_hash"] != last or row["hash"] != _digest(row):
                return ChainBreak(expected, "changed")
            last, expected = row["hash"], expected + 1
            progress(1)
        if len(rows) < _PAGE:
            return None


def _digest(row: Any) -> str:
    at: datetime = row["at"]
    fields = [
        row["prev_hash"],
        row["seq"],
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        *(row[name] for name in ("actor_kind", "actor_id", "action", "subject_kind", "subject_id")),
        row["codes"],
    ]
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
