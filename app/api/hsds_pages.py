"""Answers of the HSDS routes: flat or nested records, as a page, as NDJSON or as CSV, with an ETag of the content."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import Request, Response

from app.api import etags
from app.api.dependencies import next_page
from app.api.hsds_parameters import ListQuery, refuse_unknown
from app.api.open_addresses import OPEN
from app.core import spreadsheet
from app.core.errors import NotFound
from app.directory.hsds.records import Record
from app.directory.hsds.schemas import columns

_CACHEABLE: Final = {**OPEN, "Cache-Control": "public, max-age=60", "Vary": "Accept-Encoding"}
_ONE_TO_ONE: Final = frozenset({"organization", "program", "location", "taxonomy_detail", "taxonomy_term"})


def flat(record: Record) -> Record:
    """The record without its lists of objects."""
    return {
        name: flat(value) if isinstance(value, dict) else value
        for name, value in record.items()
        if not (isinstance(value, list) and value and isinstance(value[0], dict))
        and (not isinstance(value, dict) or name in {*_ONE_TO_ONE, "service"})
    }


def minimal(record: Record) -> Record:
    return {name: record[name] for name in ("id", "last_modified") if name in record}


def page(
    request: Request,
    query: ListQuery,
    kind: str,
    records: Sequence[Record],
    shape: Callable[[Record], Record] | None = None,
) -> Response:
    size = len(records) or 1 if query.whole else query.per_page
    pages = -(-len(records) // size)
    start = (query.page - 1) * size
    shown = records[start : start + size]
    contents = [shape(record) if shape else record for record in shown]
    links = {}
    if query.page < pages:
        following = request.url.include_query_params(page=query.page + 1)
        links = next_page(request.app.state.settings, f"{following.path}?{following.query}")
    if query.format != "json":
        text, media = _lines(contents) if query.format == "ndjson" else _csv(kind, contents, shown)
        return _cacheable(request, text.encode(), media, {**links, "X-Total-Items": str(len(records))})
    return answer(
        request,
        {
            "total_items": len(records),
            "total_pages": pages,
            "page_number": query.page,
            "size": len(contents),
            "first_page": query.page == 1,
            "last_page": query.page >= pages,
            "empty": not contents,
            "contents": contents,
        },
        links,
    )


def _lines(contents: Sequence[Record]) -> tuple[str, str]:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in contents), "application/x-ndjson"


def _csv(kind: str, contents: Sequence[Record], whole: Sequence[Record]) -> tuple[str, str]:
    """The columns of HSDS's tabular form, and after them what a person looks for; nested objects have tables of their own in the
    data package. With a byte order mark, for spreadsheets. `whole`: the same records with all nested objects."""
    names = [column.name for column in columns(kind)]
    for_people = _FOR_PEOPLE.get(kind, {})
    rows = (
        [*(_cell(record.get(name)) for name in names), *(read(full) for read in for_people.values())]
        for record, full in zip(contents, whole, strict=True)
    )
    return spreadsheet.csv_text([*names, *for_people], rows, for_people=True), "text/csv; charset=utf-8"


def _numbers(record: Record) -> str:
    return "; ".join(phone["number"] for phone in record.get("phones", ()))


def _spoken(record: Record) -> str:
    return "; ".join(language["name"] for language in record.get("languages", ()))


def _areas(record: Record) -> str:
    return "; ".join(area["name"] for area in record.get("service_areas", ()))


def _towns(record: Record) -> str:
    places = (one["location"] for one in record.get("service_at_locations", ()))
    return "; ".join(place["name"] for place in places if place["location_type"] == "physical")


_FOR_PEOPLE: Final[Mapping[str, Mapping[str, Callable[[Record], str]]]] = {
    "service": {
        "organisation": lambda record: record["organization"]["name"],
        "country": _areas,
        "town": _towns,
        "phone": _numbers,
        "languages": _spoken,
    },
    "organization": {
        "phone": _numbers,
        "town": lambda record: "; ".join(
            place["name"] for place in record.get("locations", ()) if place["location_type"] == "physical"
        ),
    },
    "service_at_location": {
        "organisation": lambda record: record["service"]["organization"]["name"],
        "service": lambda record: record["service"]["name"],
        "country": lambda record: _areas(record["service"]),
        "town": lambda record: record["location"]["name"],
        "phone": lambda record: _numbers(record["service"]),
        "languages": lambda record: _spoken(record["service"]),
    },
}
"""Columns that stand after those of HSDS, by kind."""


def _cell(value: Any) -> Any:
    return ";".join(value) if isinstance(value, list) else value


def entry(
    request: Request,
    entry_id: str,
    records: Sequence[Record],
    shape: Callable[[Record], Record] | None = None,
    allowed: Iterable[str] = (),
) -> Response:
    refuse_unknown(request, frozenset(allowed))
    wanted = entry_id.lower().replace("-", "")  # as a program writes a UUID: in capitals, without hyphens
    known = next((record for record in records if record["id"].replace("-", "") == wanted), None)
    if known is None:
        raise NotFound("There is no such entry in the directory.")
    return answer(request, shape(known) if shape else known)


def answer(request: Request, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return _cacheable(request, body, "application/json", headers or {})


def _cacheable(request: Request, body: bytes, media: str, headers: Mapping[str, str]) -> Response:
    """The answer with an ETag of its content; 304 for a caller that already has it."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    all_headers = {**_CACHEABLE, "ETag": tag, **headers}
    if_none_match = request.headers.get("if-none-match", "")
    if etags.is_in(if_none_match, tag):
        return Response(status_code=304, headers=all_headers)
    return Response(body, media_type=media, headers=all_headers)
