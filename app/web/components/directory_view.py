"""The directory as the desk looks at it: lists, one organisation with where each value is from, and how fresh it all is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy.orm import Session

from app.core.i18n import N_
from app.directory import availability, edits, fields, opening_hours, overlay
from app.directory import published as directory_published
from app.directory.catalogue import Directory
from app.directory.fields import Field
from app.directory.models import DirectoryEdit, ServicePause, ServiceRow
from app.directory.overlay import Edit, EditedDirectory
from app.directory.schemas import Organisation, Service
from app.matching.lint import STALE_AFTER, latest_day

SHELVES: Final = {
    "all": N_("All"),
    "unverified": N_("Not verified"),
    "stale": N_("Confirmed long ago"),
    "paused": N_("Paused or full"),
    "proposed": N_("Change waiting"),
}
_ACROSS: Final = "XX"


@dataclass(frozen=True, slots=True)
class Row:
    """One organisation in the list."""

    organisation: Organisation
    country: str
    confirmed: str
    marks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Value:
    """One field of an entry: what it says, and who says so. `pack`: what the pack says, where that is something else."""

    field: Field
    text: str
    from_desk: bool
    pack: str | None
    waits: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One service with all that is known of it today."""

    key: str
    slug: str
    service: Service
    values: Sequence[Value]
    row: ServiceRow | None
    pauses: Sequence[ServicePause]
    needs: Sequence[str]
    languages: Sequence[str]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old what we know is, with the departures from the packs."""

    unverified: Sequence[Organisation]
    undated: Sequence[Organisation]
    stale: Sequence[tuple[Organisation, int]]
    fresh: int
    run_out: Sequence[str]
    laid: EditedDirectory


def text(field: Field, value: Any) -> str:
    """A value in words; empty for nothing."""
    if value is None or value == []:
        return ""
    if field.kind == "hours":
        return opening_hours.format_hours(value)
    if field.kind == "languages":
        return ", ".join(value)
    if field.kind == "source":
        said = [value["title"], value.get("date"), value.get("url"), f"confidence: {value['confidence']}"]
        return " · ".join(part for part in (*said, value.get("note")) if part)
    return str((field.choices or {}).get(value, value))


def rows(session: Session, directory: Directory, today: date, paused: frozenset[str]) -> list[Row]:
    """Every organisation, in the order of the packs. `paused`: slugs of those that pause as a whole."""
    waiting = {edit.subject.split("/")[0] for edit in edits.pending(session)}
    away = paused | {key.split("/")[0] for key in _away(session, directory, today)}
    return [
        Row(
            organisation,
            country_of(directory, organisation.id),
            organisation.source.date or "",
            frozenset(
                mark
                for mark, holds in (
                    ("unverified", organisation.source.confidence == "low"),
                    ("stale", is_stale(organisation, today)),
                    ("paused", organisation.id in away),
                    ("proposed", organisation.id in waiting),
                    ("authority", organisation.kind == "authority"),
                )
                if holds
            ),
        )
        for organisation in directory.organisations
    ]


def country_of(directory: Directory, slug: str) -> str:
    """The country whose pack it stands in; for one without a pack, the only one it serves; XX: several."""
    folder = directory.files.get(slug, "").split("/")[0].upper()
    if directory.has_country(folder):
        return folder
    served = {code for entry in directory.services if entry.organisation.id == slug for code in entry.countries}
    return next(iter(served)) if folder == overlay.DESK.upper() and len(served) == 1 else _ACROSS


def is_stale(organisation: Organisation, today: date) -> bool:
    day = latest_day(organisation.source.date) if organisation.source.date else None
    return day is not None and today - day > STALE_AFTER


def values(
    laid: EditedDirectory, packs: Directory, subject: str, published: Iterable[Edit], waiting: frozenset[str]
) -> list[Value]:
    """All fields of an entry, in the order of the form."""
    entity = overlay.entity(laid.directory, subject)
    beneath = overlay.entity(packs, subject)
    edited = {edit.field for edit in published if edit.subject == subject and "value" in edit.new}
    found = []
    for field in fields.fields_of(subject):
        said = text(field, fields.read(entity, field.name)) if entity else ""
        pack = text(field, fields.read(beneath, field.name)) if beneath else None
        from_desk = field.name in edited or fields.WHOLE in edited
        found.append(Value(field, said, from_desk, pack if pack != said else None, field.name in waiting))
    return found


def services(
    session: Session, laid: EditedDirectory, packs: Directory, slug: str, today: date, waiting: Iterable[DirectoryEdit]
) -> list[Shown]:
    """The services of an organisation, with their free places and pauses."""
    entries = [entry for entry in laid.directory.services if entry.organisation.id == slug]
    keys = [entry.key for entry in entries]
    known, paused = availability.rows(session, keys), availability.pauses(session, keys, today)
    published = directory_published.published_edits(session)
    proposed = list(waiting)
    return [
        Shown(
            entry.key,
            entry.service.id,
            entry.service,
            values(laid, packs, entry.key, published, waits_for(proposed, entry.key)),
            known.get(entry.key),
            paused.get(entry.key, ()),
            entry.service.needs,
            fields.languages(entry.service.rule),
        )
        for entry in entries
    ]


def freshness(session: Session, packs: Directory, today: date) -> Freshness:
    laid = directory_published.with_edits(session, packs)
    centres = [one for one in laid.directory.organisations if one.kind == "centre"]
    verified = [one for one in centres if one.source.confidence != "low"]
    dated = [(one, latest_day(one.source.date)) for one in verified if one.source.date]
    ages = sorted(((one, (today - day).days) for one, day in dated if day), key=lambda pair: (-pair[1], pair[0].id))
    keys = [entry.key for entry in laid.directory.services]
    known = availability.rows(session, keys)
    return Freshness(
        unverified=[one for one in centres if one.source.confidence == "low"],
        undated=[one for one in verified if not one.source.date],
        stale=[(one, days) for one, days in ages if days > STALE_AFTER.days],
        fresh=sum(days <= STALE_AFTER.days for _one, days in ages),
        run_out=sorted(key for key, row in known.items() if row.capacity_until and row.capacity_until < today),
        laid=laid,
    )


def proposal(edit: DirectoryEdit) -> Mapping[str, str]:
    """A proposal in words: the field, what the directory says, what it shall say."""
    if edit.field == fields.WHOLE:
        value = edit.new.get("value")
        asked = f"{value['name']['en']}: {_summary(value)}" if value else "Remove the organisation from the directory."
        return {"label": "New organisation", "old": "", "new": asked}
    field = fields.field_of(edit.subject, edit.field)
    assert field is not None
    new = "The value in the country pack." if "value" not in edit.new else text(field, edit.new["value"]) or "Nothing."
    return {"label": field.label, "old": text(field, edit.old.get("value")) or "Nothing.", "new": new}


def _summary(value: Mapping[str, Any]) -> str:
    needs = sorted({need for service in value.get("services", ()) for need in service["needs"]})
    return f"{len(value.get('services', ()))} services for {', '.join(needs)}; source: {value['source']['title']}"


def waits_for(proposed: Iterable[DirectoryEdit], subject: str) -> frozenset[str]:
    """The fields of an entry for which a proposal waits."""
    return frozenset(edit.field for edit in proposed if edit.subject == subject)


def _away(session: Session, directory: Directory, today: date) -> set[str]:
    keys = [entry.key for entry in directory.services]
    full = {
        key
        for key, row in availability.rows(session, keys).items()
        if row.capacity == "full" and row.capacity_until and row.capacity_until >= today
    }
    return full | set(availability.pauses(session, keys, today))
