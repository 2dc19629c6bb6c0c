"""The description of the HSDS routes, OpenAPI 3.1: made of the shapes that the records and the CSV files are made of too."""

from functools import lru_cache
from typing import Any, Final

from app.api.described import PROBLEMS
from app.directory.hsds.schemas import SHAPES, json_schema

_WORDS: Final = """\
The directory of centres that give legal help to people who had to leave Russia or Belarus, as Open Referral HSDS 3.1.

Public, without a sign-in. Filters are combined with AND. No value is ever null: what is not known is absent. Ids are UUIDv5
of our own short names, which stand in `x_slug` and among the organisation's identifiers. Fields that begin with `x_` are ours.
Only centres that somebody has confirmed are here, and of places only the town. Authorities are not: they decide on people.
"""
_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "search": {"schema": {"type": "string", "maxLength": 200}, "description": "Every word must stand somewhere in it."},
    "page": {
        "schema": {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1},
        "description": "Which page.",
    },
    "per_page": {
        "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
        "description": "How many.",
    },
    "format": {
        "schema": {"type": "string", "enum": ["json", "ndjson", "csv"], "default": "json"},
        "description": "ndjson and csv give the entries alone: all of them, or with `page` or `per_page` that page.",
    },
    "taxonomy_term_id": {"schema": {"type": "string", "format": "uuid"}, "description": "With this term."},
    "taxonomy_id": {"schema": {"type": "string", "format": "uuid"}, "description": "With a term of this taxonomy."},
    "organization_id": {"schema": {"type": "string", "format": "uuid"}, "description": "Of this organisation."},
    "parent_id": {"schema": {"type": "string", "format": "uuid"}, "description": "Below this term."},
    "modified_after": {
        "schema": {"type": "string"},
        "description": "Changed at or after this day or moment (ISO 8601), pauses and free places included.",
        "example": "2026-11-24T10:00:00Z",
    },
    "postcode": {
        "schema": {"type": "string", "maxLength": 16},
        "description": "Covering this postcode: its form tells the country, and finer we do not know.",
        "example": "00-950",
    },
    "proximity": {
        "schema": {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,3})?$"},
        "description": "Within so many metres of the middle of the postcode. We hold no coordinates: the page is empty.",
        "example": "5000",
    },
    "minimal": {
        "schema": {"type": "boolean"},
        "description": "Only `id` and `last_modified`; all of them in one page, unless `page` or `per_page` is given.",
    },
    "full": {"schema": {"type": "boolean"}, "description": "Everything nested."},
    "full_service": {"schema": {"type": "boolean"}, "description": "The services with everything nested."},
    "top_only": {"schema": {"type": "boolean"}, "description": "Only terms without a parent."},
}
_PAGED: Final = ("search", "page", "per_page", "format")
LISTS: Final = {
    "services": ("service", ("taxonomy_term_id", "taxonomy_id", "organization_id", "modified_after", "minimal", "full"), True),
    "organizations": ("organization", ("taxonomy_term_id", "taxonomy_id", "full", "full_service"), False),
    "taxonomies": ("taxonomy", (), False),
    "taxonomy_terms": ("taxonomy_term", ("taxonomy_id", "parent_id", "top_only"), False),
    "service_at_locations": (
        "service_at_location",
        ("taxonomy_term_id", "taxonomy_id", "organization_id", "modified_after", "postcode", "proximity", "full"),
        False,
    ),
}  # fmt: skip
_PAGE: Final = {
    "type": "object",
    "properties": {
        **{name: {"type": "integer", "minimum": 0} for name in ("total_items", "total_pages", "page_number", "size")},
        **{name: {"type": "boolean"} for name in ("first_page", "last_page", "empty")},
    },
    "required": ["empty"],
}
_ABOUT: Final = {
    "type": "object",
    "properties": {
        "version": {"type": "string", "const": "3.1"},
        "profile": {"type": "string", "format": "uri"},
        "openapi_url": {"type": "string", "format": "uri"},
        "description": {"type": "string"},
        "publisher": {"type": "object", "properties": {"name": {"type": "string"}, "website": {"type": "string"}}},
    },
    "required": ["version", "profile", "openapi_url"],
}


@lru_cache(maxsize=4)
def document(base_url: str) -> dict[str, Any]:
    """The whole description. Callers must not change it."""
    paths: dict[str, Any] = {"/": _get("about", "What this is.", _ABOUT, required=True)}
    for name, (shape, filters, required) in LISTS.items():
        whole = {
            "allOf": [{"$ref": "#/components/schemas/Page"}],
            "properties": {"contents": {"type": "array", "items": _listed(shape, filters)}},
            "required": ["contents"],
        }
        paths[f"/{name}"] = _get(f"list_{name}", f"A page of {name}.", whole, (*_PAGED, *filters), required=required)
        paths[f"/{name}"]["get"]["responses"]["200"]["content"].update(
            {"application/x-ndjson": {"schema": {"type": "string"}}, "text/csv": {"schema": {"type": "string"}}}
        )
        one = _get(
            f"get_{shape}",
            f"One {shape}, fully nested.",
            {"$ref": f"#/components/schemas/{shape}"},
            ("full_service",) if shape == "organization" else (),
            required=required,
            missing=True,
        )
        one["parameters"] = [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        ]
        paths[f"/{name}/{{id}}"] = one
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pristan directory (HSDS 3.1)",
            "version": "3.1.0",
            "summary": "Who gives legal help, and where.",
            "description": _WORDS,
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": f"{base_url}/hsds/3.1"}],
        "tags": [
            {"name": "required", "description": "Asked for by the HSDS API reference."},
            {"name": "optional", "description": "Optional there."},
        ],
        "paths": paths,
        "security": [],
        "components": {
            "schemas": {"Page": _PAGE, "Problem": _PROBLEM, **{name: json_schema(name) for name in SHAPES}},
            "responses": {name: _problem_answer(name) for name in ("NotFound", "Invalid", "Busy")},
        },
    }


_PROBLEM: Final = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status"],
}


def _listed(shape: str, filters: tuple[str, ...]) -> dict[str, Any]:
    """`minimal` leaves out what is required otherwise."""
    whole = {"$ref": f"#/components/schemas/{shape}"}
    if "minimal" not in filters:
        return whole
    return {"anyOf": [whole, {"type": "object", "required": ["id"], "maxProperties": 2}]}


def _problem_answer(name: str) -> dict[str, Any]:
    """The same words as in the partner API, without its headers: these answers may be kept."""
    return {
        "description": PROBLEMS[name]["description"],
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _get(
    name: str,
    summary: str,
    schema: dict[str, Any],
    parameters: tuple[str, ...] = (),
    *,
    required: bool = False,
    missing: bool = False,
) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "200": {"description": summary, "content": {"application/json": {"schema": schema}}},
        "304": {"description": "It has not changed: If-None-Match named its ETag."},
    }
    if missing:
        answers["404"] = {"$ref": "#/components/responses/NotFound"}
    answers["422"] = {"$ref": "#/components/responses/Invalid"}
    answers["503"] = {"$ref": "#/components/responses/Busy"}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "tags": ["required" if required else "optional"],
            "parameters": [{"name": one, "in": "query", "required": False, **_PARAMETERS[one]} for one in parameters],
            "responses": answers,
        }
    }
