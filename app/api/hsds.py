"""The directory for everybody: Open Referral HSDS 3.1, read only, without a sign-in, open to scripts of any site."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from app.api import hsds_document
from app.api.dependencies import Config, Packs
from app.api.hsds_asked import OPEN, Asked, flags_of, read, refuse_unknown
from app.api.hsds_pages import answer, flat, minimal, one_of, page
from app.core.dependencies import Now, ReadDb
from app.directory.hsds.live_status import states
from app.directory.hsds.records import Record, Records, records
from app.directory.packs import Directory


async def everybody() -> None:
    """The policy of these routes. Parameters are read by `hsds_asked`, whose problems any site's script may read."""


router = APIRouter(prefix="/hsds/3.1", dependencies=[Depends(everybody)], include_in_schema=False)


def _all(session: ReadDb, packs: Packs, now: Now) -> Records:
    return records(packs, states(session, now))


All = Annotated[Records, Depends(_all)]


@router.get("")
@router.get("/")
def about(request: Request, config: Config) -> Response:
    """What this is, and where its description stands."""
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
        },
    )


@router.get("/openapi.json")
def description(request: Request, config: Config) -> Response:
    return answer(request, hsds_document.document(config.base_url.rstrip("/")))


@router.get("/services")
def services(request: Request, every: All) -> Response:
    asked = read(request, {"taxonomy_term_id", "taxonomy_id", "organization_id"}, {"full", "minimal"}, modified=True)
    found = [one for one in every.services if _fits(one, one, asked, every)]
    if "minimal" in asked.flags:
        return page(request, asked, "service", found, minimal)
    return page(request, asked, "service", found, None if "full" in asked.flags else flat)


@router.get("/services/{service_id}")
def service(service_id: str, request: Request, every: All) -> Response:
    return one_of(request, service_id, every.services)


@router.get("/organizations")
def organizations(request: Request, every: All) -> Response:
    asked = read(request, {"taxonomy_term_id", "taxonomy_id"}, {"full", "full_service"})
    offered = _by_organization(every)
    found = [
        one
        for one in every.organizations
        if _says(one, asked.search) and _has_term(offered.get(one["id"], ()), asked.ids)
    ]
    full = with_services(every) if "full_service" in asked.flags else None
    return page(request, asked, "organization", found, full or (None if "full" in asked.flags else flat))


@router.get("/organizations/{organization_id}")
def organization(organization_id: str, request: Request, every: All) -> Response:
    full = flags_of(request, {"full_service"})
    return one_of(
        request, organization_id, every.organizations, with_services(every) if full else None, {"full_service"}
    )


@router.get("/service_at_locations")
def service_at_locations(request: Request, every: All, packs: Packs) -> Response:
    asked = read(request, {"taxonomy_term_id", "taxonomy_id", "organization_id"}, {"full"}, modified=True, placed=True)
    found = [
        one
        for one in every.service_at_locations
        if _fits(one, one["service"], asked, every) and _reaches(one["service"], asked, packs)
    ]
    return page(request, asked, "service_at_location", found, None if "full" in asked.flags else flat)


@router.get("/service_at_locations/{entry_id}")
def service_at_location(entry_id: str, request: Request, every: All) -> Response:
    return one_of(request, entry_id, every.service_at_locations)


@router.get("/taxonomies")
def taxonomies(request: Request, every: All) -> Response:
    asked = read(request, set(), set())
    return page(request, asked, "taxonomy", [one for one in every.taxonomies if _says(one, asked.search)])


@router.get("/taxonomies/{taxonomy_id}")
def taxonomy(taxonomy_id: str, request: Request, every: All) -> Response:
    return one_of(request, taxonomy_id, every.taxonomies)


@router.get("/taxonomy_terms")
def taxonomy_terms(request: Request, every: All) -> Response:
    asked = read(request, {"taxonomy_id", "parent_id"}, {"top_only"})
    found = [
        one
        for one in every.taxonomy_terms
        if _says(one, asked.search)
        and all(one.get(name) == value for name, value in asked.ids.items())
        and not ("top_only" in asked.flags and "parent_id" in one)
    ]
    return page(request, asked, "taxonomy_term", found)


@router.get("/taxonomy_terms/{term_id}")
def taxonomy_term(term_id: str, request: Request, every: All) -> Response:
    return one_of(request, term_id, every.taxonomy_terms)


@router.options("/{rest:path}")
async def preflight(rest: str) -> Response:  # noqa: ARG001
    """Any site's script may ask."""
    allowed = {"Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "If-None-Match, Accept"}
    return Response(status_code=204, headers={**OPEN, **allowed, "Access-Control-Max-Age": "86400"})


# --- filters -------------------------------------------------------------------------------------------------------


def _fits(record: Record, service: Record, asked: Asked, every: Records) -> bool:
    """All filters at once."""
    organization_id = asked.ids.get("organization_id")
    changed = every.changed.get(service["id"])
    return (
        (organization_id is None or service["organization_id"] == organization_id)
        and _has_term([service], asked.ids)
        and (asked.modified_after is None or (changed is not None and changed >= asked.modified_after))
        and _says(record, asked.search)
    )


def _reaches(service: Record, asked: Asked, packs: Directory) -> bool:
    """Whether the service covers the postcode, as far as its form tells the country.

    How far a place is from a postcode nobody can say here, for we hold no coordinates: nothing is known to be near.
    """
    if asked.within is not None:
        return False
    if asked.postcode is None:
        return True
    lies_in = {country.code for country in packs.countries if country.has_postcode(asked.postcode)}
    return any(area["x_iso_3166"] in lies_in for area in service.get("service_areas", ()))


def _has_term(offered: Iterable[Record], ids: Mapping[str, str]) -> bool:
    """Whether one term of these services answers both filters; without them everything does."""
    term_id, taxonomy_id = ids.get("taxonomy_term_id"), ids.get("taxonomy_id")
    if term_id is None and taxonomy_id is None:
        return True
    return any(
        term_id in {None, attribute["taxonomy_term_id"]}
        and taxonomy_id in {None, attribute["taxonomy_term"]["taxonomy_id"]}
        for service in offered
        for attribute in service.get("attributes", ())
    )


def _says(record: Record, search: str) -> bool:
    """Every word typed stands somewhere in the record's words."""
    if not search:
        return True
    text = " ".join(_words(record)).casefold()
    return all(word in text for word in search.casefold().split())


def _words(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name != "id" and not name.endswith("_id"):
                yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


def with_services(every: Records) -> Callable[[Record], Record]:
    offered = _by_organization(every)

    def whole(record: Record) -> Record:
        mine = [{k: v for k, v in one.items() if k != "organization"} for one in offered.get(record["id"], ())]
        return {**record, "services": mine}

    return whole


def _by_organization(every: Records) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for one in every.services:
        found.setdefault(one["organization_id"], []).append(one)
    return found
