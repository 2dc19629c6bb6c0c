"""Loading packs into the tables: an upsert by slug. What a pack no longer names is retired; nothing is deleted."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.ids import named_id
from app.directory import rulesets
from app.directory.models import ServiceRow
from app.directory.packs import Directory
from app.partners.organisations import Organisation


def upsert(session: Session, directory: Directory, now: datetime) -> None:
    """Bring organisations and services up to the packs. Doing it again changes nothing."""
    known = {row.id: row for row in session.scalars(sa.select(Organisation))}
    seen = set()
    for entry in directory.organisations:
        row_id = named_id("organisation", entry.id)
        seen.add(row_id)
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
    _retire([row for row in known.values() if row.id not in seen and row.kind != "sandbox"], now)
    session.flush()
    _upsert_services(session, directory, now)
    rulesets.keep_directory(session, directory, now)
    session.flush()


def _upsert_services(session: Session, directory: Directory, now: datetime) -> None:
    known = {row.id: row for row in session.scalars(sa.select(ServiceRow))}
    seen = set()
    for entry in directory.services:
        row_id = named_id("service", entry.key)
        seen.add(row_id)
        organisation_id = named_id("organisation", entry.organisation.id)
        _put(
            session,
            known.get(row_id),
            ServiceRow(
                id=row_id,
                organisation_id=organisation_id,
                key=entry.key,
                name="",
                entry={},
                updated_at=now,
            ),
            {
                "name": entry.service.name.en,
                "entry": entry.service.model_dump(mode="json", exclude_none=True, by_alias=True),
            },
            now,
        )
    _retire([row for row in known.values() if row.id not in seen and not row.key.startswith("sandbox/")], now)


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
