"""The directory for everybody: Open Referral HSDS 3.1, read only, without a sign-in, open to scripts of any site."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.api import hsds_document
from app.api.deps import Config, Packs
from app.core.edge import Now, ReadDb
from app.core.errors import FieldError, Invalid, NotFound
from app.core.tables import safe_cell
from app.directory.hsds.live import states
from app.directory.hsds.records import Record, Records, records
from app.directory.hsds.shapes import columns


async def everybody() -> None:
    """The policy of these routes. Parameters are read by `_asked`, whose problems any site's script may read."""


router = APIRouter(prefix="/hsds/3.1", dependencies=[Depends(everybody)], include_in_schema=False)

OPEN: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_KEPT: Final = {**OPEN, "Cache-Control": "public, max-age=60", "Vary": "Accept-Encoding"}
MOST_PER_PAGE: Final = 500
_PER_PAGE: Final = 50
_LONGEST: Final = 200
_PAGING: Final = frozenset({"page", "per_page", "format", "search"})
_FORMATS: Final = ("json", "ndjson", "csv")
_ONE_TO_ONE: Final = frozenset({"organization", "program", "location", "taxonomy_detail", "taxonomy_term"})


def _all(session: ReadDb, packs: Packs, now: Now) -> Records:
    return records(packs, states(session, now))


All = Annotated[Records, Depends(_all)]


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a list, read strictly: one that is unknown, said twice or out of range is refused."""

    page: int
    per_page: int
    format: str
    search: str
    flags: frozenset[str]
    ids: Mapping[str, str]
    modified_after: datetime | None


@router.get("")
@router.get("/")
def about(request: Request, config: Config) -> Response:
    """What this is, and where its description stands."""
    _refuse_unknown(request, frozenset())
    base = config.base_url.rstrip("/")
    return _answer(
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
    return _answer(request, hsds_document.document(config.base_url.rstrip("/")))


@router.get("/services")
def services(request: Request, every: All) -> Response:
    asked = _asked(request, {"taxonomy_term_id", "taxonomy_id", "organization_id"}, {"full", "minimal"}, modified=True)
    found = [one for one in every.services if _fits(one, one, asked, every)]
    if "minimal" in asked.flags:
        return _page(request, asked, "service", found, _minimal)
    return _page(request, asked, "service", found, None if "full" in asked.flags else _flat)


@router.get("/services/{service_id}")
def service(service_id: str, request: Request, every: All) -> Response:
    return _one(request, service_id, every.services)


@router.get("/organizations")
def organizations(request: Request, every: All) -> Response:
    asked = _asked(request, {"taxonomy_term_id", "taxonomy_id"}, {"full", "full_service"})
    offered = _by_organization(every)
    found = [
        one
        for one in every.organizations
        if _says(one, asked.search) and _has_term(offered.get(one["id"], ()), asked.ids)
    ]
    full = _with_services(every) if "full_service" in asked.flags else None
    return _page(request, asked, "organization", found, full or (None if "full" in asked.flags else _flat))


@router.get("/organizations/{organization_id}")
def organization(organization_id: str, request: Request, every: All) -> Response:
    full = _flags(request, {"full_service"})
    return _one(
        request, organization_id, every.organizations, _with_services(every) if full else None, {"full_service"}
    )


@router.get("/service_at_locations")
def service_at_locations(request: Request, every: All) -> Response:
    asked = _asked(request, {"taxonomy_term_id", "taxonomy_id", "organization_id"}, {"full"}, modified=True)
    found = [one for one in every.service_at_locations if _fits(one, one["service"], asked, every)]
    return _page(request, asked, "service_at_location", found, None if "full" in asked.flags else _flat)


@router.get("/service_at_locations/{entry_id}")
def service_at_location(entry_id: str, request: Request, every: All) -> Response:
    return _one(request, entry_id, every.service_at_locations)


@router.get("/taxonomies")
def taxonomies(request: Request, every: All) -> Response:
    asked = _asked(request, set(), set())
    return _page(request, asked, "taxonomy", [one for one in every.taxonomies if _says(one, asked.search)])


@router.get("/taxonomies/{taxonomy_id}")
def taxonomy(taxonomy_id: str, request: Request, every: All) -> Response:
    return _one(request, taxonomy_id, every.taxonomies)


@router.get("/taxonomy_terms")
def taxonomy_terms(request: Request, every: All) -> Response:
    asked = _asked(request, {"taxonomy_id", "parent_id"}, {"top_only"})
    found = [
        one
        for one in every.taxonomy_terms
        if _says(one, asked.search)
        and all(one.get(name) == value for name, value in asked.ids.items())
        and not ("top_only" in asked.flags and "parent_id" in one)
    ]
    return _page(request, asked, "taxonomy_term", found)


@router.get("/taxonomy_terms/{term_id}")
def taxonomy_term(term_id: str, request: Request, every: All) -> Response:
    return _one(request, term_id, every.taxonomy_terms)


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


def _by_organization(every: Records) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for one in every.services:
        found.setdefault(one["organization_id"], []).append(one)
    return found


# --- forms ---------------------------------------------------------------------------------------------------------


def _flat(record: Record) -> Record:
    """Only what there is one of: lists that are objects of their own are left out."""
    return {
        name: _flat(value) if isinstance(value, dict) else value
        for name, value in record.items()
        if not (isinstance(value, list) and value and isinstance(value[0], dict))
        and (not isinstance(value, dict) or name in {*_ONE_TO_ONE, "service"})
    }


def _minimal(record: Record) -> Record:
    return {name: record[name] for name in ("id", "last_modified") if name in record}


def _with_services(every: Records) -> Callable[[Record], Record]:
    offered = _by_organization(every)

    def whole(record: Record) -> Record:
        mine = [{k: v for k, v in one.items() if k != "organization"} for one in offered.get(record["id"], ())]
        return {**record, "services": mine}

    return whole


def _page(
    request: Request,
    asked: Asked,
    kind: str,
    found: Sequence[Record],
    shape: Callable[[Record], Record] | None = None,
) -> Response:
    pages = -(-len(found) // asked.per_page)
    start = (asked.page - 1) * asked.per_page
    contents = [shape(one) if shape else one for one in found[start : start + asked.per_page]]
    links = {}
    if asked.page < pages:
        links = {"Link": f'<{request.url.include_query_params(page=asked.page + 1)}>; rel="next"'}
    if asked.format != "json":
        text, media = _lines(contents) if asked.format == "ndjson" else _csv(kind, contents)
        return _kept(request, text.encode(), media, {**links, "X-Total-Items": str(len(found))})
    return _answer(
        request,
        {
            "total_items": len(found),
            "total_pages": pages,
            "page_number": asked.page,
            "size": len(contents),
            "first_page": asked.page == 1,
            "last_page": asked.page >= pages,
            "empty": not contents,
            "contents": contents,
        },
        links,
    )


def _lines(contents: Sequence[Record]) -> tuple[str, str]:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in contents), "application/x-ndjson"


def _csv(kind: str, contents: Sequence[Record]) -> tuple[str, str]:
    """The columns of the tabular form; what is nested has a table of its own in the package."""
    names = [one.name for one in columns(kind)]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(names)
    for one in contents:
        cells = (one.get(name, "") for name in names)
        writer.writerow([safe_cell(";".join(cell) if isinstance(cell, list) else str(cell)) for cell in cells])
    return file.getvalue(), "text/csv; charset=utf-8"


def _one(
    request: Request,
    wanted: str,
    every: Sequence[Record],
    shape: Callable[[Record], Record] | None = None,
    allowed: Iterable[str] = (),
) -> Response:
    _refuse_unknown(request, frozenset(allowed))
    found = next((one for one in every if one["id"] == wanted.lower()), None)
    if found is None:
        raise NotFound("There is no such entry in the directory.", headers=OPEN)
    return _answer(request, shape(found) if shape else found)


def _answer(request: Request, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return _kept(request, body, "application/json", headers or {})


def _kept(request: Request, body: bytes, media: str, headers: Mapping[str, str]) -> Response:
    """With a tag of its content, so that who has it already is told so in a few bytes."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    whole = {**_KEPT, "ETag": tag, **headers}
    given = request.headers.get("if-none-match", "")
    if given.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in given.split(",")}:
        return Response(status_code=304, headers=whole)
    return Response(body, media_type=media, headers=whole)


# --- parameters ----------------------------------------------------------------------------------------------------


def _asked(request: Request, ids: set[str], flags: set[str], *, modified: bool = False) -> Asked:
    """Raises Invalid."""
    names = _PAGING | ids | flags | ({"modified_after"} if modified else set())
    _refuse_unknown(request, frozenset(names))
    given = request.query_params
    form = given.get("format", "json")
    if form not in _FORMATS:
        raise _wrong("format", "unknown_code", "One of json, ndjson, csv.")
    search = given.get("search", "")
    if len(search) > _LONGEST:
        raise _wrong("search", "too_long", f"At most {_LONGEST} characters.")
    return Asked(
        page=_number(request, "page", 1, 1_000_000),
        per_page=_number(request, "per_page", _PER_PAGE, MOST_PER_PAGE),
        format=form,
        search=search,
        flags=_flags(request, flags),
        ids={name: _uuid(name, given[name]) for name in ids if name in given},
        modified_after=_instant(given["modified_after"]) if "modified_after" in given and modified else None,
    )


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    names = [name for name, _value in request.query_params.multi_items()]
    if not known.issuperset(names):
        raise _wrong("", "unknown_parameter", "There is a parameter that this address does not know.")
    if len(names) != len(set(names)):
        raise _wrong("", "said_twice", "A parameter stands there twice.")


def _number(request: Request, name: str, usual: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= most):
        raise _wrong(name, "out_of_range", f"A whole number from 1 to {most}.")
    return int(text)


def _flags(request: Request, names: set[str]) -> frozenset[str]:
    found = set()
    for name in names & set(request.query_params):
        value = request.query_params[name].lower()
        if value not in {"true", "false"}:
            raise _wrong(name, "not_a_boolean", "true or false.")
        if value == "true":
            found.add(name)
    return frozenset(found)


def _uuid(name: str, text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise _wrong(name, "not_a_uuid", "The id of an entry, a UUID.") from None


def _instant(text: str) -> datetime:
    """A day, or a moment; without a zone it is UTC. A plus that came as a space is a plus."""
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong("modified_after", "not_a_moment", "A day or a moment like 2026-11-24T10:00:00Z.") from None


def _wrong(name: str, code: str, detail: str) -> Invalid:
    error = Invalid([FieldError(pointer=f"/query/{name}".rstrip("/"), code=code, detail=detail)])
    error.headers = dict(OPEN)
    return error
