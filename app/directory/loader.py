"""Loading packs into the tables: an upsert by slug. Entries that left the packs are retired, never deleted.

Published edits are applied to the packs first, so that a new pack does not undo them.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.ids import named_id
from app.directory import published, rule_sets
from app.directory.catalogue import ServiceEntry
from app.directory.models import ServiceRow
from app.directory.packs import Directory
from app.directory.schemas import Organisation as Entry
from app.partners.organisations import Organisation


def upsert(session: Session, directory: Directory, now: datetime) -> None:
    """Update organisations and services from the packs. Idempotent."""
    directory = published.with_edits(session, directory).directory
    known = {row.id: row for row in session.scalars(sa.select(Organisation))}
    seen = {_put_organisation(session, known, entry, now) for entry in directory.organisations}
    _retire([row for row in known.values() if row.id not in seen and row.kind != "sandbox"], now)
    session.flush()
    services = {row.id: row for row in session.scalars(sa.select(ServiceRow))}
    seen = {_put_service(session, services, entry, now) for entry in directory.services}
    _retire([row for row in services.values() if row.id not in seen and not row.key.startswith("sandbox/")], now)
    rule_sets.store_directory(session, directory, now)
    session.flush()


def update_organisation(session: Session, directory: Directory, slug: str, now: datetime) -> None:
    """Update the rows of one organisation and its services from a directory that includes the published edits."""
    entry = directory.organisation(slug)
    known = {row.id: row for row in session.scalars(sa.select(Organisation).where(Organisation.slug == slug))}
    if entry is None:
        _retire(list(known.values()), now)
    else:
        _put_organisation(session, known, entry, now)
        session.flush()
    rows = sa.select(ServiceRow).where(ServiceRow.organisation_id == named_id("organisation", slug))
    services = {row.id: row for row in session.scalars(rows)}
    mine = [entry for entry in directory.services if entry.organisation.id == slug]
    seen = {_put_service(session, services, entry, now) for entry in mine}
    _retire([row for row in services.values() if row.id not in seen], now)
    rule_sets.store_directory(session, directory, now)
    session.flush()


def _put_organisation(session: Session, known: dict[UUID, Organisation], entry: Entry, now: datetime) -> UUID:
    row_id = named_id("organisation", entry.id)
    _put(
        session,
        known.get(row_id),
        Organisation(id=row_id, slug=entry.id, name="", kind=entry.kind, verified=False, entry={}, updated_at=now),
        {
            "name": entry.name.en,
            "kind": entry.kind,
            "verified": entry.source.confidence != "low",
            "entry": entry.model_dump(mode="json", exclude={"services"}, exclude_none=True),
        },
        now,
    )
    return row_id


def _put_service(session: Session, known: dict[UUID, ServiceRow], entry: ServiceEntry, now: datetime) -> UUID:
    row_id = named_id("service", entry.key)
    organisation_id = named_id("organisation", entry.organisation.id)
    _put(
        session,
        known.get(row_id),
        ServiceRow(id=row_id, organisation_id=organisation_id, key=entry.key, name="", entry={}, updated_at=now),
        {
            "name": entry.service.name.en,
            "entry": entry.service.model_dump(mode="json", exclude_none=True, by_alias=True),
        },
        now,
    )
    return row_id


def _put(session: Session, row: Any, fresh: Any, values: dict[str, Any], now: datetime) -> None:
    if row is None:
        row = fresh
        session.add(row)
    for name, value in {**values, "retired_at": None}.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
            row.updated_at = now


def _retire(rows: list[Any], now: datetime) -> None:
    for row in rows:
        if row.retired_at is None:
            row.retired_at = row.updated_at = now
