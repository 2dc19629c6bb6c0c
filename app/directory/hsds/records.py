"""Every object of the directory as nested HSDS records. Pure; the live state is passed in.

Ids are UUIDv5 of slugs, so they are the same in every installation and after every reload. Unknown values are absent, never
null.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from babel import Locale

from app.core.clock import instant
from app.core.ids import named_id
from app.directory import fields
from app.directory.catalogue import Directory, ServiceEntry
from app.directory.hsds.places import international, places_of
from app.directory.safety_notes import ORGANISATION_NOTES, notes_of
from app.directory.schemas import Organisation

Record = dict[str, Any]
_ENGLISH: Final = Locale.parse("en_GB")
_FEES: Final = {"free": "Free of charge.", "state_funded": "Paid by the state; they may ask about income."}
NEEDS: Final = "pristan-needs"
LIST: Final = "list"
CROSS_REFERENCES: Final = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "asylum", "appeals", "deportation", "residence_permit", "humanitarian_visa", "family_reunification",
                "temporary_protection", "citizenship",
            ),
            "IM-00-00-00-00",
        ),
        "housing": "HO-00-00-00-00",
    }
)  # fmt: skip
"""Needs that clearly belong to a category of LIST (taxonomy.legal). Its finer codes follow another country's law."""
_LIST_NAMES: Final = {"IM-00-00-00-00": "Immigration", "HO-00-00-00-00": "Housing"}


@dataclass(frozen=True, slots=True)
class LiveState:
    """The live state of a service. `changed`: when anything about it last changed."""

    changed: datetime | None = None
    capacity: str = "unknown"
    capacity_until: str | None = None
    paused: bool = False
    paused_needs: tuple[str, ...] = ()
    paused_languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Records:
    """All records, fully nested, each kind in a stable order."""

    organizations: tuple[Record, ...]
    services: tuple[Record, ...]
    service_at_locations: tuple[Record, ...]
    taxonomies: tuple[Record, ...]
    taxonomy_terms: tuple[Record, ...]
    changed: Mapping[str, datetime] = field(default_factory=dict)
    """By service id: `last_modified` as an instant."""


def records(directory: Directory, live: Mapping[str, LiveState], *, unverified: bool = False) -> Records:
    """The records of the directory's centres. `unverified`: include unverified centres (never for the public)."""
    taxonomies = {record["x_slug"]: record for record in _taxonomies()}
    terms = {term["code"]: term for term in _terms(directory, taxonomies)}
    shown = [
        organisation
        for organisation in directory.organisations
        if organisation.kind == "centre" and (unverified or organisation.source.confidence != "low")
    ]
    organizations = {organisation.id: _organization(directory, organisation) for organisation in shown}
    services = []
    for entry in directory.services:
        if entry.organisation.id in organizations:
            record = _service(directory, entry, live.get(entry.key, LiveState()), terms)
            services.append({**record, "organization": organizations[entry.organisation.id]})
    by_organisation: dict[str, list[Record]] = {}
    for service in services:
        by_organisation.setdefault(service["organization_id"], []).append(service)
    changed = {str(named_id("service", key)): state.changed for key, state in live.items() if state.changed is not None}
    return Records(
        tuple(
            {**organisation, "services": [_brief(s) for s in by_organisation.get(organisation["id"], ())]}
            for organisation in organizations.values()
        ),
        tuple(services),
        tuple(_at_locations(services)),
        tuple(taxonomies.values()),
        tuple(terms.values()),
        changed,
    )


def shown(moment: datetime) -> datetime:
    """A moment as precisely as an answer gives it: to the millisecond, cut off."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def known(record: Mapping[str, Any]) -> Record:
    """The record without empty values."""
    return {name: value for name, value in record.items() if value is not None and value not in ("", [])}


def _brief(service: Record) -> Record:
    return {name: service[name] for name in ("id", "name", "status")}


def _organization(directory: Directory, organisation: Organisation) -> Record:
    own_id = _id("organisation", organisation.id)
    needs = {need: None for service in organisation.services for need in service.needs}
    labels = "; ".join(_label(directory, need) for need in needs)
    return known(
        {
            "id": own_id,
            "name": organisation.name.en,
            "alternate_name": organisation.name.local,
            "description": f"Helps with: {labels}.",
            "email": organisation.email,
            "website": organisation.website,
            "phones": list(_phones(directory, organisation, own_id)),
            "locations": list(_locations(directory, organisation)),
            "organization_identifiers": [
                {
                    "id": _id("hsds-identifier", organisation.id),
                    "organization_id": own_id,
                    "identifier_type": "Pristan slug",
                    "identifier": organisation.id,
                }
            ],
            "x_slug": organisation.id,
            "x_country": _country(directory, organisation.id),
            "x_confirmed_on": organisation.source.date,
            "x_confidence": organisation.source.confidence,
            "x_verified": organisation.source.confidence != "low",
        }
    )


def _phones(directory: Directory, organisation: Organisation, own_id: str) -> Iterator[Record]:
    """The numbers as they are dialled from anywhere."""
    country = _country(directory, organisation.id)
    for index, written in enumerate((organisation.phone or "").split(";")):
        if written.strip():
            number, remark = international(written.strip(), country)
            yield known(
                {
                    "id": _id("hsds-phone", f"{organisation.id}:{index}"),
                    "organization_id": own_id,
                    "number": number,
                    "description": remark,
                }
            )


def _locations(directory: Directory, organisation: Organisation) -> Iterator[Record]:
    """Each town, the first with the address that people can go to. Without a town: online, if there is a site or it says so.

    "Nationwide" and "international" are no places: the service's areas say them.
    """
    own_id, places = _id("organisation", organisation.id), places_of(organisation.city or "", directory)
    for index, town in enumerate(places.towns):
        suffix = f":{town}" if index else ""
        yield known(
            {
                "id": _id("hsds-location", organisation.id + suffix),
                "organization_id": own_id,
                "location_type": "physical",
                "name": town,
                "description": "" if index else organisation.address,
            }
        )
    if not places.towns and (organisation.website or places.words):
        yield known(
            {
                "id": _id("hsds-location", organisation.id),
                "organization_id": own_id,
                "location_type": "virtual",
                "name": "Online" if organisation.website or "online" in places.words else "By phone or mail",
                "url": organisation.website,
            }
        )


def _service(directory: Directory, entry: ServiceEntry, live: LiveState, terms: Mapping[str, Record]) -> Record:
    organisation, service = entry.organisation, entry.service
    own_id = _id("service", entry.key)
    languages = fields.languages(service.rule)
    return known(
        {
            "id": own_id,
            "organization_id": _id("organisation", organisation.id),
            "name": service.name.en,
            "alternate_name": service.name.local,
            "description": f"Helps with: {'; '.join(_label(directory, need) for need in service.needs)}.",
            "url": organisation.website,
            "email": organisation.email,
            "status": "temporarily closed" if live.paused else "active",
            "fees_description": _FEES.get(service.cost),
            "eligibility_description": organisation.eligibility,
            "assured_date": organisation.source.date
            if organisation.source.date and len(organisation.source.date) == 10
            else None,
            "alert": " ".join((*(ORGANISATION_NOTES[note] for note in notes_of(organisation)), *_state(organisation))),
            "last_modified": instant(live.changed) if live.changed else None,
            "phones": [
                {
                    **_without(phone, "organization_id"),
                    "id": _id("hsds-phone", f"{entry.key}:{phone['id']}"),
                    "service_id": own_id,
                }
                for phone in _organization(directory, organisation).get("phones", ())
            ],
            "schedules": list(_schedules(directory, entry)),
            "service_areas": list(_areas(directory, entry)),
            "languages": [
                {
                    "id": _id("hsds-language", f"{entry.key}:{code}"),
                    "service_id": own_id,
                    "name": _ENGLISH.languages.get(code, code),
                    "code": code,
                }
                for code in languages
            ],
            "service_at_locations": [
                {
                    "id": _id("hsds-service-at-location", entry.key + (f":{location['name']}" if index else "")),
                    "service_id": own_id,
                    "location_id": location["id"],
                    "location": location,
                }
                for index, location in enumerate(_locations(directory, organisation))
            ],
            "attributes": [
                {
                    "id": _id("hsds-attribute", f"{entry.key}:{need}"),
                    "link_id": own_id,
                    "link_type": "need",
                    "link_entity": "service",
                    "taxonomy_term_id": terms[need]["id"],
                    "taxonomy_term": terms[need],
                }
                for need in service.needs
            ],
            "x_slug": entry.key,
            "x_representation": service.representation,
            "x_remote": service.remote,
            "x_takes_referrals": service.takes_referrals,
            "x_capacity": live.capacity,
            "x_capacity_until": live.capacity_until,
            "x_paused_needs": list(live.paused_needs),
            "x_paused_languages": list(live.paused_languages),
        }
    )


def _state(organisation: Organisation) -> Iterator[str]:
    if organisation.state_run:
        yield "This is a state body."


def _schedules(directory: Directory, entry: ServiceEntry) -> Iterator[Record]:
    country = _country(directory, entry.organisation.id)
    zone = directory.country(country).time_zone if directory.is_host(country) else None
    opening = [(hours, "Local time.") for hours in entry.organisation.hours]
    by_phone = [(hours, "By phone; local time.") for hours in entry.organisation.phone_hours]
    for index, (hours, description) in enumerate((*opening, *by_phone)):
        yield known(
            {
                "id": _id("hsds-schedule", f"{entry.key}:{index}"),
                "service_id": _id("service", entry.key),
                "freq": "WEEKLY",
                "byday": ",".join(hours.days),
                "opens_at": hours.opens,
                "closes_at": hours.closes,
                "description": description,
                "x_time_zone": zone,
            }
        )


def _areas(directory: Directory, entry: ServiceEntry) -> Iterator[Record]:
    """The countries, the regions that the rule requires, and "International" for a service without a particular country."""
    regions = [code for leaf in entry.service.rule.leaves() if leaf.kind == "region" for code in leaf.test.any_of]
    for code in dict.fromkeys((*sorted(entry.countries), *regions)):
        country = directory.country(code[:2])
        region = country.regions.get(code)
        whole = "" if region or any(one.startswith(code) for one in regions) else "The whole country."
        yield known(
            {
                "id": _id("hsds-area", f"{entry.key}:{code}"),
                "service_id": _id("service", entry.key),
                "name": (region.en or region.local) if region else country.name,
                "description": whole,
                "x_iso_3166": code,
            }
        )
    if "international" in places_of(entry.organisation.city or "", directory).words:
        yield {
            "id": _id("hsds-area", f"{entry.key}:international"),
            "service_id": _id("service", entry.key),
            "name": "International",
            "description": "Other countries too.",
            "x_iso_3166": "XX",
        }


def _at_locations(services: Iterable[Record]) -> Iterator[Record]:
    for service in services:
        for place in service.get("service_at_locations", ()):
            yield {**place, "service": _without(service, "service_at_locations")}


def _taxonomies() -> Iterator[Record]:
    yield {
        "id": _id("hsds-taxonomy", NEEDS),
        "name": "Needs of political exiles",
        "description": "What people who had to leave Russia or Belarus need legal help with.",
        "version": "1",
        "x_slug": NEEDS,
    }
    yield {
        "id": _id("hsds-taxonomy", LIST),
        "name": "LIST: Legal Issues Taxonomy",
        "description": "Only the categories that needs of ours lie in beyond doubt, as a cross-reference.",
        "uri": "https://taxonomy.legal/",
        "x_slug": LIST,
    }


def _terms(directory: Directory, taxonomies: Mapping[str, Record]) -> Iterator[Record]:
    ours = taxonomies[NEEDS]
    for need in directory.needs:
        broader = next(iter(need.broader), None)
        reference = CROSS_REFERENCES.get(need.id)
        yield known(
            {
                "id": _id("hsds-term", need.id),
                "code": need.id,
                "name": need.label,
                "description": need.label,
                "parent_id": _id("hsds-term", broader) if broader else None,
                "taxonomy": ours["name"],
                "taxonomy_id": ours["id"],
                "taxonomy_detail": ours,
                "language": "en",
                "x_cross_references": [f"LIST:{reference}"] if reference else None,
            }
        )
    for code, name in _LIST_NAMES.items():
        yield {
            "id": _id("hsds-list-term", code),
            "code": code,
            "name": name,
            "description": name,
            "taxonomy": taxonomies[LIST]["name"],
            "taxonomy_id": taxonomies[LIST]["id"],
            "taxonomy_detail": taxonomies[LIST],
            "language": "en",
        }


def _country(directory: Directory, slug: str) -> str:
    folder = directory.files.get(slug, "").split("/", maxsplit=1)[0].upper()
    served = {code for entry in directory.services if entry.organisation.id == slug for code in entry.countries}
    if directory.is_host(folder):
        return folder
    return next(iter(served)) if len(served) == 1 else "XX"


def _label(directory: Directory, need: str) -> str:
    entry = directory.need(need)
    return entry.label if entry else need


def _without(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}


def _id(kind: str, slug: str) -> str:
    return str(named_id(kind, slug))
