"""Queries of the audit log: filtered pages by sequence number, so that a page stays the same while new entries arrive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry

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
class Page:
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
) -> Page:
    """One page: the newest entries, those older than a sequence number, or those newer than one. One statement."""
    query = _query(wanted)
    if newer_than is not None:
        rows = session.scalars(query.where(AuditEntry.seq > newer_than).order_by(AuditEntry.seq).limit(limit + 1)).all()
        more_newer, more_older = len(rows) > limit, True
        rows = list(reversed(rows[:limit]))
    else:
        if older_than is not None:
            query = query.where(AuditEntry.seq < older_than)
        rows = session.scalars(query.order_by(AuditEntry.seq.desc()).limit(limit + 1)).all()
        more_newer, more_older = older_than is not None, len(rows) > limit
        rows = list(rows[:limit])
    return Page(
        rows,
        rows[0].seq if rows and more_newer else None,
        rows[-1].seq if rows and more_older else None,
    )


def all_entries(session: Session, wanted: EntryFilter) -> Iterator[AuditEntry]:
    """All matching entries, oldest first, read in batches."""
    after = 0
    while True:
        query = _query(wanted).where(AuditEntry.seq > after).order_by(AuditEntry.seq).limit(_EXPORT_BATCH)
        rows = session.scalars(query).all()
        yield from rows
        if len(rows) < _EXPORT_BATCH:
            return
        after = rows[-1].seq


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
