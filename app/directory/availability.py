"""Day-to-day availability: free places until a day, and pauses. A change takes effect immediately and needs no second person.

Each change has an audit entry. A pause covers the whole service, or one need, or one language; `Organisation.paused_until`
pauses the whole organisation.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core.errors import FieldError, Invalid, NotFound
from app.core.i18n import Translatable
from app.core.ids import named_id
from app.directory.edits import Editor
from app.directory.models import ServicePause, ServiceRow
from app.partners.organisations import Organisation

LONGEST: Final = timedelta(days=366)
CAPACITIES: Final = ("open", "full", "unknown")
MOST_PLACES: Final = 999


def set_capacity(
    session: Session,
    key: str,
    capacity: str,
    until: date | None,
    *,
    by: Editor,
    now: datetime,
    places: str = "",
) -> None:
    """Set the capacity up to and including `until`: free places (open) or none (full). Afterwards it is unknown.

    `places`: how many, as it was typed; each acceptance takes one, and with the last one the service is full. Empty: not counted.

    Raises NotFound, Invalid.
    """
    row = _service(session, key)
    if capacity not in CAPACITIES:
        raise Invalid(
            [
                FieldError(
                    pointer="/capacity", code="unknown_code", detail="Choose an availability: open, full or unknown."
                )
            ]
        )
    row.places = _places(places) if capacity == "open" else None
    row.capacity = capacity
    row.capacity_until = None if capacity == "unknown" else _day(until, now)
    row.updated_at = now
    _note(session, "capacity_set", "service", row.id, by, now, {"capacity": capacity, "places": row.places})


def pause_service(
    session: Session,
    key: str,
    until: date | None,
    *,
    by: Editor,
    now: datetime,
    need: str | None = None,
    language: str | None = None,
) -> None:
    """Take no new requests up to and including `until`: none at all, none for this need, or none in this language.

    Raises NotFound, Invalid. An existing pause of the same kind gets the new end.
    """
    row = _service(session, key)
    last = _day(until, now)
    if need is not None and need not in row.entry["needs"]:
        raise Invalid([FieldError(pointer="/need", code="unknown_code", detail="This service does not offer that.")])
    if need is not None and language is not None:
        raise Invalid([FieldError(pointer="/language", code="one_kind", detail="Choose a need or a language.")])
    same = sa.select(ServicePause).where(
        ServicePause.service_id == row.id,
        ServicePause.need.is_not_distinct_from(need),
        ServicePause.language.is_not_distinct_from(language),
    )
    pause = session.scalars(same.with_for_update()).first()
    if pause is None:
        session.add(ServicePause(service_id=row.id, need=need, language=language, until=last, set_at=now))
    else:
        pause.until, pause.set_at = last, now
    row.updated_at = now
    _note(session, "paused", "service", row.id, by, now, {"need": need, "language": language})


def no_free_place(session: Session, service_id: UUID, needs: Iterable[str], until: date, now: datetime) -> None:
    """Record that the organisation has no free place for these needs; the service stays open for its others.

    A service that lists nothing else is full. A later day that is known already stays.
    """
    row = session.get_one(ServiceRow, service_id, with_for_update=True)
    listed = row.entry.get("needs", ())
    named = [need for need in listed if need in set(needs)]
    row.updated_at = now
    if not named or len(named) == len(listed):
        later = row.capacity == "full" and row.capacity_until is not None and row.capacity_until > until
        row.capacity, row.capacity_until = "full", row.capacity_until if later else until
        row.places = None
        return
    known = {
        pause.need: pause
        for pause in session.scalars(
            sa.select(ServicePause).where(
                ServicePause.service_id == service_id, ServicePause.need.in_(named), ServicePause.language.is_(None)
            )
        )
    }
    for need in named:
        if need not in known:
            session.add(ServicePause(service_id=service_id, need=need, language=None, until=until, set_at=now))
        elif known[need].until < until:
            known[need].until, known[need].set_at = until, now


def use_place(session: Session, service_id: UUID, now: datetime) -> None:
    """Take one of the free places that the organisation has named; with the last one the service is full. One statement."""
    _change_places(session, service_id, now, -1, sa.and_(ServiceRow.capacity == "open", ServiceRow.places > 0))


def free_place(session: Session, service_id: UUID, now: datetime) -> None:
    """Give a place back, because an acceptance was undone. One statement."""
    _change_places(session, service_id, now, 1, ServiceRow.places >= 0)


def _change_places(session: Session, service_id: UUID, now: datetime, by: int, which: sa.ColumnElement[bool]) -> None:
    counted = sa.and_(ServiceRow.id == service_id, which, ServiceRow.capacity_until >= now.date())
    session.execute(
        sa.update(ServiceRow)
        .where(counted)
        .values(
            places=ServiceRow.places + by,
            capacity=sa.case((ServiceRow.places + by <= 0, "full"), else_="open"),
            updated_at=now,
        )
        .execution_options(synchronize_session="fetch")
    )


def end_pause(
    session: Session, pause_id: UUID, *, by: Editor, now: datetime, organisation_id: UUID | None = None
) -> str:
    """End a pause; return the service's key. Raises NotFound, also for another organisation's pause."""
    query = sa.select(ServicePause, ServiceRow).join(ServiceRow, ServiceRow.id == ServicePause.service_id)
    row = session.execute(query.where(ServicePause.id == pause_id)).one_or_none()
    if row is None or organisation_id not in {None, row.ServiceRow.organisation_id}:
        raise NotFound("There is no such pause.")
    session.delete(row.ServicePause)
    row.ServiceRow.updated_at = now
    _note(session, "resumed", "service", row.ServiceRow.id, by, now, {})
    return str(row.ServiceRow.key)


def pause_organisation(session: Session, slug: str, until: date | None, *, by: Editor, now: datetime) -> None:
    """Pause all services of the organisation up to and including `until`; None ends the pause. Raises NotFound, Invalid."""
    row = session.scalars(
        sa.select(Organisation).where(Organisation.slug == slug, Organisation.retired_at.is_(None)).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such organisation.")
    row.paused_until = None
    if until is not None:
        row.paused_until = datetime.combine(_day(until, now) + timedelta(days=1), time(), UTC)
    row.updated_at = now
    _note(session, "paused" if until else "resumed", "organisation", row.id, by, now, {})


def rows(session: Session, keys: Iterable[str]) -> Mapping[str, ServiceRow]:
    """Service rows by key."""
    return {row.key: row for row in session.scalars(sa.select(ServiceRow).where(ServiceRow.key.in_(list(keys))))}


def pauses(session: Session, keys: Iterable[str], today: date) -> Mapping[str, Sequence[ServicePause]]:
    """The pauses of these services that are in force today, by key."""
    pauses_by_key: dict[str, list[ServicePause]] = {}
    wanted = (
        sa.select(ServiceRow.key, ServicePause)
        .join(ServicePause, ServicePause.service_id == ServiceRow.id)
        .where(ServiceRow.key.in_(list(keys)), ServicePause.until >= today)
        .order_by(ServicePause.until, ServicePause.id)
    )
    for key, pause in session.execute(wanted):
        pauses_by_key.setdefault(key, []).append(pause)
    return pauses_by_key


def _service(session: Session, key: str) -> ServiceRow:
    row = session.get(ServiceRow, named_id("service", key), with_for_update=True)
    if row is None or row.key != key or row.retired_at is not None:
        raise NotFound("There is no such service.")
    return row


def _places(typed: str) -> int | None:
    """The number of places that was typed. Raises Invalid."""
    typed = typed.strip()
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 3 and 1 <= int(typed) <= MOST_PLACES):
        detail = Translatable("Write a whole number from 1 to {most}, or leave the field empty.", most=MOST_PLACES)
        raise Invalid([FieldError(pointer="/places", code="out_of_range", detail=detail)])
    return int(typed)


def _day(until: date | None, now: datetime) -> date:
    today = now.date()
    if until is None or not today <= until <= today + LONGEST:
        raise Invalid(
            [
                FieldError(
                    pointer="/until", code="out_of_range", detail="Choose a day from today on, at most one year ahead."
                )
            ]
        )
    return until


def _note(
    session: Session, what: str, kind: str, subject_id: UUID, by: Editor, now: datetime, codes: dict[str, Any]
) -> None:
    audit.record(
        session,
        actor_kind=by.kind,
        actor_id=by.member_id,
        action=f"directory:{what}",
        subject_kind=kind,
        subject_id=subject_id,
        now=now,
        codes={name: code for name, code in codes.items() if code is not None},
    )
