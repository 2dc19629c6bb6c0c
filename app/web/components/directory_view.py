"""View models of the directory pages: lists, one organisation with the origin of each value, and freshness."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import keyholders
from app.core.i18n import N_, Translator
from app.core.ids import named_id
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
REACHES: Final = {
    "connected": N_("Connected: has an account here"),
    "link": N_("By a link: has a confirmed e-mail address"),
    "hand": N_("By hand: phone, letter or a visit"),
}
CAPACITIES: Final = {"open": N_("Has places"), "full": N_("Full"), "unknown": N_("Not known")}
CONFIDENCES: Final = {"high": N_("high"), "medium": N_("medium"), "low": N_("low")}
"""How sure a source is: the words agree with "confidence"."""
_SEVERAL_COUNTRIES: Final = "XX"


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """One organisation in the list."""

    organisation: Organisation
    country: str
    confirmed: str
    remarks: frozenset[str]
    needs: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    capacity: frozenset[str] = frozenset()
    """Of its services: what they help with, the languages in which they do, and what is known of their places today."""
    reach: str = ""
    """How a case reaches it (`REACHES`); empty for an authority, which is never sent one."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One field of an entry with its origin. `pack`: the value in the country pack, where it differs."""

    field: Field
    text: str
    from_desk: bool
    pack: str | None
    has_proposal: bool


@dataclass(frozen=True, slots=True)
class ServiceListing:
    """One service with its values, availability and pauses of today."""

    key: str
    slug: str
    service: Service
    values: Sequence[FieldValue]
    row: ServiceRow | None
    pauses: Sequence[ServicePause]
    needs: Sequence[str]
    languages: Sequence[str]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the entries are, and where the desk's edits differ from the country packs."""

    unverified: Sequence[Organisation]
    undated: Sequence[Organisation]
    stale: Sequence[tuple[Organisation, int]]
    fresh: int
    expired: Sequence[str]
    overlaid: EditedDirectory


def text(field: Field, value: Any, words: Translator) -> str:
    """A value as text, the codes of a closed list in the reader's language; empty for no value."""
    if value is None or value == []:
        return ""
    if field.kind == "hours":
        return opening_hours.format_hours(value)
    if field.kind == "languages":
        return ", ".join(value)
    if field.kind == "source":
        confidence = words.text(N_("confidence: {level}"), level=words.text(CONFIDENCES[value["confidence"]]))
        parts = [value["title"], value.get("date"), value.get("url"), confidence]
        return " · ".join(part for part in (*parts, value.get("note")) if part)
    return words.text(field.choices[value]) if field.choices and value in field.choices else str(value)


def rows(session: Session, directory: Directory, today: date, paused: frozenset[str]) -> list[OrganisationRow]:
    """Every organisation, in the order of the packs. `paused`: slugs of organisations that are paused as a whole."""
    waiting = {edit.subject.split("/")[0] for edit in edits.pending(session)}
    connected = keyholders.connected_organisations(session)
    needs: dict[str, set[str]] = {}
    languages: dict[str, set[str]] = {}
    capacity: dict[str, set[str]] = {}
    states = availability.rows(session, [entry.key for entry in directory.services])
    for entry in directory.services:
        slug, state = entry.organisation.id, states.get(entry.key)
        known = state is not None and state.capacity_until is not None and state.capacity_until >= today
        needs.setdefault(slug, set()).update(entry.service.needs)
        languages.setdefault(slug, set()).update(fields.languages(entry.service.rule))
        capacity.setdefault(slug, set()).add(state.capacity if state is not None and known else "unknown")
    unavailable = paused | {key.split("/")[0] for key in _unavailable_services(session, directory, today)}
    return [
        OrganisationRow(
            organisation,
            country_of(directory, organisation.id),
            organisation.source.date or "",
            frozenset(
                remark
                for remark, applies in (
                    ("unverified", organisation.source.confidence == "low"),
                    ("stale", is_stale(organisation, today)),
                    ("paused", organisation.id in unavailable),
                    ("proposed", organisation.id in waiting),
                    ("authority", organisation.kind == "authority"),
                )
                if applies
            ),
            frozenset(needs.get(organisation.id, ())),
            frozenset(languages.get(organisation.id, ())),
            frozenset(capacity.get(organisation.id, ())),
            _reach(organisation, connected),
        )
        for organisation in directory.organisations
    ]


def _reach(organisation: Organisation, connected: frozenset[UUID]) -> str:
    if organisation.kind == "authority":
        return ""
    if named_id("organisation", organisation.id) in connected:
        return "connected"
    return "link" if organisation.email and organisation.source.confidence != "low" else "hand"


def country_of(directory: Directory, slug: str) -> str:
    """The country whose pack lists it; for an imported one, the only country that it serves; `XX` for several."""
    folder = directory.files.get(slug, "").split("/")[0].upper()
    if directory.is_host(folder):
        return folder
    served = {code for entry in directory.services if entry.organisation.id == slug for code in entry.countries}
    return next(iter(served)) if folder == overlay.DESK.upper() and len(served) == 1 else _SEVERAL_COUNTRIES


def is_stale(organisation: Organisation, today: date) -> bool:
    day = latest_day(organisation.source.date) if organisation.source.date else None
    return day is not None and today - day > STALE_AFTER


def values(
    overlaid: EditedDirectory,
    packs: Directory,
    subject: str,
    published: Iterable[Edit],
    waiting: frozenset[str],
    words: Translator,
) -> list[FieldValue]:
    """All fields of an entry, in the order of the form."""
    entity = overlay.entity(overlaid.directory, subject)
    pack_entity = overlay.entity(packs, subject)
    edited = {edit.field for edit in published if edit.subject == subject and "value" in edit.new}
    values = []
    for field in fields.fields_of(subject):
        shown = text(field, fields.read(entity, field.name), words) if entity else ""
        pack = text(field, fields.read(pack_entity, field.name), words) if pack_entity else None
        from_desk = field.name in edited or fields.WHOLE in edited
        values.append(FieldValue(field, shown, from_desk, pack if pack != shown else None, field.name in waiting))
    return values


def services(
    session: Session,
    overlaid: EditedDirectory,
    packs: Directory,
    slug: str,
    today: date,
    waiting: Iterable[DirectoryEdit],
    words: Translator,
) -> list[ServiceListing]:
    """The services of an organisation, with their availability and pauses."""
    entries = [entry for entry in overlaid.directory.services if entry.organisation.id == slug]
    keys = [entry.key for entry in entries]
    availability_rows, paused = availability.rows(session, keys), availability.pauses(session, keys, today)
    published = directory_published.published_edits(session)
    proposed = list(waiting)
    return [
        ServiceListing(
            entry.key,
            entry.service.id,
            entry.service,
            values(overlaid, packs, entry.key, published, fields_with_proposal(proposed, entry.key), words),
            availability_rows.get(entry.key),
            paused.get(entry.key, ()),
            entry.service.needs,
            fields.languages(entry.service.rule),
        )
        for entry in entries
    ]


def freshness(session: Session, packs: Directory, today: date) -> Freshness:
    overlaid = directory_published.with_edits(session, packs)
    centres = [organisation for organisation in overlaid.directory.organisations if organisation.kind == "centre"]
    verified = [organisation for organisation in centres if organisation.source.confidence != "low"]
    dated = [
        (organisation, latest_day(organisation.source.date)) for organisation in verified if organisation.source.date
    ]
    ages = sorted(
        ((organisation, (today - day).days) for organisation, day in dated if day),
        key=lambda pair: (-pair[1], pair[0].id),
    )
    keys = [entry.key for entry in overlaid.directory.services]
    availability_rows = availability.rows(session, keys)
    return Freshness(
        unverified=[organisation for organisation in centres if organisation.source.confidence == "low"],
        undated=[organisation for organisation in verified if not organisation.source.date],
        stale=[(organisation, days) for organisation, days in ages if days > STALE_AFTER.days],
        fresh=sum(days <= STALE_AFTER.days for _one, days in ages),
        expired=sorted(
            key for key, row in availability_rows.items() if row.capacity_until and row.capacity_until < today
        ),
        overlaid=overlaid,
    )


def proposal(edit: DirectoryEdit, words: Translator) -> Mapping[str, str]:
    """A proposal in words: the field, its present value and the proposed value."""
    say = words.text
    if edit.field == fields.WHOLE:
        value = edit.new.get("value")
        description = _summary(value, words) if value else say(N_("Remove the organisation from the directory."))
        return {"label": N_("New organisation"), "old": "", "new": description}
    field = fields.field_of(edit.subject, edit.field)
    assert field is not None
    new = (
        say(N_("The value in the country pack."))
        if "value" not in edit.new
        else text(field, edit.new["value"], words) or say(N_("Nothing."))
    )
    return {"label": field.label, "old": text(field, edit.old.get("value"), words) or say(N_("Nothing.")), "new": new}


def _summary(value: Mapping[str, Any], words: Translator) -> str:
    """All that is proposed for a new organisation, one line each, in the order of the form."""
    entry = Organisation.model_validate(value)
    say = words.text
    rows = [
        f"{say(field.label)}: {shown}"
        for field in fields.ORGANISATION
        if (shown := text(field, fields.read(entry, field.name), words))
    ]
    for service in entry.services:
        rows.append(f"{say(N_('Needs'))}: {', '.join(service.needs)}")
        countries = sorted(
            {code for leaf in service.rule.leaves() if leaf.kind == "country" for code in leaf.test.any_of}
        )
        rows.append(f"{say(N_('Countries'))}: {', '.join(countries)}")
        rows += [
            f"{say(field.label)}: {shown}"
            for field in fields.SERVICE
            if (shown := text(field, fields.read(service, field.name), words))
        ]
    return "\n".join(rows)


def fields_with_proposal(proposed: Iterable[DirectoryEdit], subject: str) -> frozenset[str]:
    """The fields of an entry that have a pending proposal."""
    return frozenset(edit.field for edit in proposed if edit.subject == subject)


def _unavailable_services(session: Session, directory: Directory, today: date) -> set[str]:
    keys = [entry.key for entry in directory.services]
    full = {
        key
        for key, row in availability.rows(session, keys).items()
        if row.capacity == "full" and row.capacity_until and row.capacity_until >= today
    }
    return full | set(availability.pauses(session, keys, today))
