"""The directory for everybody: Open Referral HSDS 3.1, read only, without a sign-in, open to scripts of any site."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from app.api.dependencies import Config, Packs
from app.api.hsds_pages import answer, entry, flat, minimal, page
from app.api.hsds_parameters import EntryParameters, ListParameters, ListQuery, refuse_unknown
from app.api.hsds_responses import REQUIRED, entry_of, page_of
from app.api.hsds_responses import about as described_about
from app.api.open_addresses import everybody
from app.core.dependencies import Now, ReplicaDb
from app.directory.hsds.live_status import states
from app.directory.hsds.packages import LICENCE
from app.directory.hsds.records import Record, Records, records, shown
from app.directory.packs import Directory

PREFIX: Final = "/hsds/3.1"
router = APIRouter(prefix=PREFIX, dependencies=[Depends(everybody)])


def _all(session: ReplicaDb, packs: Packs, now: Now) -> Records:
    return records(packs, states(session, now))


AllRecords = Annotated[Records, Depends(_all)]
ServicesQuery = Annotated[
    ListQuery,
    Depends(ListParameters("taxonomy_term_id", "taxonomy_id", "organization_id", "modified_after", "minimal", "full")),
]
OrganizationsQuery = Annotated[
    ListQuery, Depends(ListParameters("taxonomy_term_id", "taxonomy_id", "full", "full_service"))
]
ServiceAtLocationsQuery = Annotated[
    ListQuery,
    Depends(
        ListParameters(
            "taxonomy_term_id", "taxonomy_id", "organization_id", "modified_after", "postcode", "proximity", "full"
        )
    ),
]
TaxonomiesQuery = Annotated[ListQuery, Depends(ListParameters())]
TaxonomyTermsQuery = Annotated[ListQuery, Depends(ListParameters("taxonomy_id", "parent_id", "top_only"))]
OrganizationFlags = Annotated[frozenset[str], Depends(EntryParameters("full_service"))]
EntryId = Annotated[str, Path(alias="id", json_schema_extra={"format": "uuid"})]


@router.get("", include_in_schema=False)
@router.get("/", **described_about())
def about(request: Request, config: Config) -> Response:
    """The version and profile of this API, and the address of its description."""
    refuse_unknown(request, frozenset())
    base = config.base_url.rstrip("/")
    return answer(
        request,
        {
            "version": "3.1",
            "profile": "https://docs.openreferral.org/en/3.1/",
            "openapi_url": f"{base}/hsds/3.1/openapi.json",
            "description": "Centres that give legal help to people who had to leave Russia or Belarus.",
            "publisher": {"name": "Pristan", "website": base + "/"},
            "license": {"name": LICENCE["title"], "url": LICENCE["path"]},
        },
    )


@router.get("/services", **page_of("services", "service", REQUIRED, minimal=True))
def services(
    request: Request,
    query: ServicesQuery,
    all_records: AllRecords,
) -> Response:
    matching = [record for record in all_records.services if _passes(record, record, query, all_records)]
    if "minimal" in query.flags:
        return page(request, query, "service", matching, minimal)
    return page(request, query, "service", matching, None if "full" in query.flags else flat)


@router.get("/services/{id}", **entry_of("service", REQUIRED))
def service(entry_id: EntryId, request: Request, all_records: AllRecords) -> Response:
    return entry(request, entry_id, all_records.services)


@router.get("/organizations", **page_of("organizations", "organization"))
def organizations(
    request: Request,
    query: OrganizationsQuery,
    all_records: AllRecords,
) -> Response:
    offered = _by_organization(all_records)
    matching = [
        record
        for record in all_records.organizations
        if _matches_search(record, query.search) and _has_term(offered.get(record["id"], ()), query.ids)
    ]
    full = with_services(all_records) if "full_service" in query.flags else None
    return page(request, query, "organization", matching, full or (None if "full" in query.flags else flat))


@router.get("/organizations/{id}", **entry_of("organization"))
def organization(entry_id: EntryId, request: Request, flags: OrganizationFlags, all_records: AllRecords) -> Response:
    full = with_services(all_records) if "full_service" in flags else None
    return entry(request, entry_id, all_records.organizations, full, {"full_service"})


@router.get("/service_at_locations", **page_of("service_at_locations", "service_at_location"))
def service_at_locations(
    request: Request,
    query: ServiceAtLocationsQuery,
    all_records: AllRecords,
    packs: Packs,
) -> Response:
    matching = [
        record
        for record in all_records.service_at_locations
        if _passes(record, record["service"], query, all_records) and _covers_place(record["service"], query, packs)
    ]
    return page(request, query, "service_at_location", matching, None if "full" in query.flags else flat)


@router.get("/service_at_locations/{id}", **entry_of("service_at_location"))
def service_at_location(entry_id: EntryId, request: Request, all_records: AllRecords) -> Response:
    return entry(request, entry_id, all_records.service_at_locations)


@router.get("/taxonomies", **page_of("taxonomies", "taxonomy"))
def taxonomies(request: Request, query: TaxonomiesQuery, all_records: AllRecords) -> Response:
    return page(
        request,
        query,
        "taxonomy",
        [record for record in all_records.taxonomies if _matches_search(record, query.search)],
    )


@router.get("/taxonomies/{id}", **entry_of("taxonomy"))
def taxonomy(entry_id: EntryId, request: Request, all_records: AllRecords) -> Response:
    return entry(request, entry_id, all_records.taxonomies)


@router.get("/taxonomy_terms", **page_of("taxonomy_terms", "taxonomy_term"))
def taxonomy_terms(
    request: Request,
    query: TaxonomyTermsQuery,
    all_records: AllRecords,
) -> Response:
    matching = [
        record
        for record in all_records.taxonomy_terms
        if _matches_search(record, query.search)
        and all(record.get(name) == value for name, value in query.ids.items())
        and not ("top_only" in query.flags and "parent_id" in record)
    ]
    return page(request, query, "taxonomy_term", matching)


@router.get("/taxonomy_terms/{id}", **entry_of("taxonomy_term"))
def taxonomy_term(entry_id: EntryId, request: Request, all_records: AllRecords) -> Response:
    return entry(request, entry_id, all_records.taxonomy_terms)


# --- filters -------------------------------------------------------------------------------------------------------


def _passes(record: Record, service: Record, query: ListQuery, all_records: Records) -> bool:
    """Whether the record passes every filter."""
    organization_id = query.ids.get("organization_id")
    changed = all_records.changed.get(service["id"])
    return (
        (organization_id is None or service["organization_id"] == organization_id)
        and _has_term([service], query.ids)
        and (query.modified_after is None or (changed is not None and shown(changed) > shown(query.modified_after)))
        and _matches_search(record, query.search)
    )


def _covers_place(service: Record, query: ListQuery, packs: Directory) -> bool:
    """Whether the service covers the postcode, whose form shows the country.

    We hold no coordinates, so that no distance is known: with `proximity` nothing matches.
    """
    if query.within is not None:
        return False
    if query.postcode is None:
        return True
    lies_in = {country.code for country in packs.countries if country.has_postcode(query.postcode)}
    return any(area["x_iso_3166"] in lies_in for area in service.get("service_areas", ()))


def _has_term(offered: Iterable[Record], ids: Mapping[str, str]) -> bool:
    """Whether one term of these services passes both filters; without them everything does."""
    term_id, taxonomy_id = ids.get("taxonomy_term_id"), ids.get("taxonomy_id")
    if term_id is None and taxonomy_id is None:
        return True
    return any(
        term_id in {None, attribute["taxonomy_term_id"]}
        and taxonomy_id in {None, attribute["taxonomy_term"]["taxonomy_id"]}
        for service in offered
        for attribute in service.get("attributes", ())
    )


def _matches_search(record: Record, search: str) -> bool:
    """Whether every word of the search occurs in the record's texts."""
    if not search:
        return True
    text = " ".join(_texts(record)).casefold()
    return all(word in text for word in search.casefold().split())


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name != "id" and not name.endswith("_id"):
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def with_services(all_records: Records) -> Callable[[Record], Record]:
    offered = _by_organization(all_records)

    def whole(record: Record) -> Record:
        mine = [{k: v for k, v in record.items() if k != "organization"} for record in offered.get(record["id"], ())]
        return {**record, "services": mine}

    return whole


def _by_organization(all_records: Records) -> dict[str, list[Record]]:
    matching: dict[str, list[Record]] = {}
    for record in all_records.services:
        matching.setdefault(record["organization_id"], []).append(record)
    return matching
