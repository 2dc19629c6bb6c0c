"""Declarations of what the HSDS routes answer. The schemas come from the table that defines records and CSV files too."""

from typing import Any, Final

from app.api.openapi_components import PROBLEMS, Responses, ref
from app.directory.hsds.schemas import SHAPES, json_schema

REQUIRED: Final = "required"
OPTIONAL: Final = "optional"
_PAGE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        **{name: {"type": "integer", "minimum": 0} for name in ("total_items", "total_pages", "page_number", "size")},
        **{name: {"type": "boolean"} for name in ("first_page", "last_page", "empty")},
    },
    "required": ["empty"],
}
_PROBLEM: Final = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
                "required": ["pointer", "code", "detail"],
            },
        },
    },
    "required": ["type", "title", "status"],
}
_ABOUT: Final = {
    "type": "object",
    "properties": {
        "version": {"type": "string", "const": "3.1"},
        "profile": {"type": "string", "format": "uri"},
        "openapi_url": {"type": "string", "format": "uri"},
        "description": {"type": "string"},
        "publisher": {"type": "object", "properties": {"name": {"type": "string"}, "website": {"type": "string"}}},
        "license": {"type": "object", "properties": {"name": {"type": "string"}, "url": {"type": "string"}}},
    },
    "required": ["version", "profile", "openapi_url"],
}


def about() -> dict[str, Any]:
    """Arguments of the root route's decorator."""
    return _route_arguments("about", "What this API is.", REQUIRED, _answers({"application/json": {"schema": _ABOUT}}))


def page_of(name: str, shape: str, tag: str = OPTIONAL, *, minimal: bool = False) -> dict[str, Any]:
    """Arguments for the route decorator of a list. `minimal`: entries may lack the fields that are required otherwise.

    Each page is one flat object: generators drop what stands beside `allOf`.
    """
    entry = ref("schemas", f"{shape}_or_minimal" if minimal else shape)
    page = {
        **_PAGE,
        "properties": {**_PAGE["properties"], "contents": {"type": "array", "items": entry}},
        "required": ["empty", "contents"],
    }
    lines = {"schema": {"type": "string"}}
    media = {"application/json": {"schema": page}, "application/x-ndjson": lines, "text/csv": lines}
    return _route_arguments(f"list_{name}", f"A page of {name}.", tag, _answers(media))


def entry_of(shape: str, tag: str = OPTIONAL) -> dict[str, Any]:
    """Arguments of the decorator of one entry's route."""
    answers = _answers({"application/json": {"schema": ref("schemas", shape)}})
    answers[404] = ref("responses", "NotFound")
    return _route_arguments(f"get_{shape}", f"One {shape}, fully nested.", tag, answers)


def _route_arguments(operation_id: str, summary: str, tag: str, answers: Responses) -> dict[str, Any]:
    return {
        "operation_id": operation_id,
        "summary": summary,
        "tags": [tag],
        "response_description": summary,
        "responses": answers,
    }


def _answers(media: dict[str, Any]) -> Responses:
    return {
        200: {"content": media},
        304: {"description": "Not changed: If-None-Match contains the present ETag."},
        422: ref("responses", "Invalid"),
        503: ref("responses", "Busy"),
    }


def _problem(name: str) -> dict[str, Any]:
    """A problem as the partner API describes it, without the headers there: these answers may be cached."""
    return {
        "description": PROBLEMS[name]["description"],
        "content": {"application/problem+json": {"schema": ref("schemas", "Problem")}},
    }


COMPONENTS: Final = {
    "schemas": {
        "Problem": _PROBLEM,
        **{name: json_schema(name) for name in SHAPES},
        "service_or_minimal": {
            **json_schema("service"),
            "description": "A service; with `minimal` only `id` and `last_modified`.",
            "required": ["id"],
        },
    },
    "responses": {name: _problem(name) for name in ("NotFound", "Invalid", "Busy")},
}
