"""Answers of the HSDS routes: flat or nested records, as a page, as NDJSON or as CSV, with an ETag of the content."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import Request, Response

from app.api import etags
from app.api.dependencies import next_page
from app.api.hsds_parameters import OPEN, ListQuery, refuse_unknown
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
    contents = [shape(record) if shape else record for record in records[start : start + size]]
    links = {}
    if query.page < pages:
        following = request.url.include_query_params(page=query.page + 1)
        links = next_page(request.app.state.settings, f"{following.path}?{following.query}")
    if query.format != "json":
        text, media = _lines(contents) if query.format == "ndjson" else _csv(kind, contents)
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


def _csv(kind: str, contents: Sequence[Record]) -> tuple[str, str]:
    """The columns of HSDS's tabular form; nested objects have tables of their own in the data package."""
    names = [column.name for column in columns(kind)]
    rows = ([_cell(record.get(name)) for name in names] for record in contents)
    return spreadsheet.csv_text(names, rows), "text/csv; charset=utf-8"


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
    known = next((record for record in records if record["id"] == entry_id.lower()), None)
    if known is None:
        raise NotFound("There is no such entry in the directory.", headers=OPEN)
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
