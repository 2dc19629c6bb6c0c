"""Queries of the audit log: filtered pages by sequence number, so that a page stays the same while new entries arrive.

Entries that wait for their place have negative numbers, and are newer than all that have one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.models import WAITING, AuditEntry

KINDS: Final = (
    "alarm", "case", "referral", "staff", "member", "proposal", "organisation", "keys", "recovery", "freeze", "honeytoken",
    "export", "quota",
)  # fmt: skip
_EXPORT_BATCH: Final = 2000


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries to read; empty means all. `kind` is the part of an action before the colon."""

    kind: str = ""
    actor_id: str = ""
    subject_id: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first, and the sequence numbers from which the neighbouring pages start (None: there is none)."""

    entries: Sequence[AuditEntry]
    newer_than: int | None
    older_than: int | None


def page(
    session: Session,
    wanted: EntryFilter,
    *,
    older_than: int | None = None,
    newer_than: int | None = None,
    limit: int = 50,
) -> AuditPage:
    """One page: the newest entries, those older than a sequence number, or those newer than one. One statement."""
    if newer_than is not None:
        rows = sorted(_of(session, _next(wanted, newer_than, limit + 1)), key=_age)
        more_newer, more_older = len(rows) > limit, True
        rows = list(reversed(rows[:limit]))
    else:
        rows = sorted(_of(session, _newest(wanted, older_than, limit + 1)), key=_age, reverse=True)
        more_newer, more_older = older_than is not None, len(rows) > limit
        rows = rows[:limit]
    return AuditPage(
        rows,
        rows[0].seq if rows and more_newer else None,
        rows[-1].seq if rows and more_older else None,
    )


def all_entries(session: Session, wanted: EntryFilter) -> Iterator[AuditEntry]:
    """All matching entries, oldest first, read in batches."""
    for after, below in ((0, WAITING), (-WAITING, 0)):  # those that wait for their place are the newest
        last = after
        while True:
            query = _query(wanted).where(AuditEntry.seq > last, AuditEntry.seq < below)
            rows = session.scalars(query.order_by(AuditEntry.seq).limit(_EXPORT_BATCH)).all()
            yield from rows
            if len(rows) < _EXPORT_BATCH:
                break
            last = rows[-1].seq


def _age(entry: AuditEntry) -> tuple[bool, int]:
    return not entry.is_placed, entry.seq


def _of(session: Session, numbers: sa.CompoundSelect[int]) -> Sequence[AuditEntry]:
    return session.scalars(sa.select(AuditEntry).where(AuditEntry.seq.in_(numbers))).all()


def _newest(wanted: EntryFilter, older_than: int | None, limit: int) -> sa.CompoundSelect[int]:
    """The numbers of the newest entries, up to `limit` with a place and as many without; each part is read along the key."""
    seq = AuditEntry.seq
    parts: list[tuple[sa.ColumnElement[bool], ...]]
    if older_than is None:
        parts = [(seq > 0,), (seq < 0,)]
    else:
        parts = [(seq > 0, seq < older_than)] if older_than >= 0 else [(seq > 0,), (seq < older_than,)]
    return _numbers(wanted, parts, seq.desc(), limit)


def _next(wanted: EntryFilter, newer_than: int, limit: int) -> sa.CompoundSelect[int]:
    """The numbers of the entries that came after one, in the same way."""
    seq = AuditEntry.seq
    parts: list[tuple[sa.ColumnElement[bool], ...]]
    parts = [(seq > newer_than, seq > 0), (seq < 0,)] if newer_than >= 0 else [(seq > newer_than, seq < 0)]
    return _numbers(wanted, parts, seq, limit)


def _numbers(
    wanted: EntryFilter, parts: Sequence[tuple[sa.ColumnElement[bool], ...]], order: Any, limit: int
) -> sa.CompoundSelect[int]:
    found = (
        _query(wanted).where(*part).with_only_columns(AuditEntry.seq).order_by(order).limit(limit) for part in parts
    )
    return sa.union_all(*(sa.select(part.subquery().c.seq) for part in found))


def _query(wanted: EntryFilter) -> sa.Select[AuditEntry]:
    query = sa.select(AuditEntry)
    if wanted.kind:
        query = query.where(AuditEntry.action.startswith(f"{wanted.kind}:", autoescape=True))
    if wanted.actor_id:
        query = query.where(AuditEntry.actor_id == wanted.actor_id)
    if wanted.subject_id:
        query = query.where(AuditEntry.subject_id == wanted.subject_id)
    if wanted.since:
        query = query.where(AuditEntry.at >= _start_of(wanted.since))
    if wanted.until:
        query = query.where(AuditEntry.at < _start_of(wanted.until + timedelta(days=1)))
    return query


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
