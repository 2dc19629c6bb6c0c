"""The parameters of the HSDS routes. One that is unknown, given twice or out of range is refused, never ignored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request

from app.core.errors import FieldError, Invalid

OPEN: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Sent with problems too, so that a script of any site can read what was wrong with its request."""
MOST_PER_PAGE: Final = 500
_PER_PAGE: Final = 50
_LONGEST: Final = 200
_LONGEST_POSTCODE: Final = 16
_LAST_PAGE: Final = 1_000_000
_PAGING: Final = ("search", "page", "per_page", "format")
_FORMATS: Final = ("json", "ndjson", "csv")
_METRES: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?", re.ASCII)
PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "search": {
        "schema": {"type": "string", "maxLength": _LONGEST},
        "description": "Every word must stand somewhere in it.",
    },
    "page": {
        "schema": {"type": "integer", "minimum": 1, "maximum": _LAST_PAGE, "default": 1},
        "description": "Which page.",
    },
    "per_page": {
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": _PER_PAGE},
        "description": "How many.",
    },
    "format": {
        "schema": {"type": "string", "enum": list(_FORMATS), "default": "json"},
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
        "schema": {"type": "string", "maxLength": _LONGEST_POSTCODE},
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
"""All parameters as the document describes them. `ListParameters` reads each according to its schema."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of a list."""

    page: int
    per_page: int
    format: str
    search: str
    flags: frozenset[str]
    ids: Mapping[str, str]
    modified_after: datetime | None
    postcode: str | None = None
    within: float | None = None
    """Metres from the middle of the postcode."""

    @property
    def whole(self) -> bool:
        """Whether all entries go into one answer: NDJSON, CSV or `minimal`, unless a page is asked for."""
        return not self.per_page


class DeclaredParameters:
    """A dependency that declares which parameters its route takes; the OpenAPI document lists them."""

    def __init__(self, *names: str) -> None:
        self.names = names


class EntryParameters(DeclaredParameters):
    """The boolean parameters of an entry's route that are true. Raises Invalid."""

    async def __call__(self, request: Request) -> frozenset[str]:
        refuse_unknown(request, frozenset(self.names))
        return flags_of(request, set(self.names))


class ListParameters(DeclaredParameters):
    """The filters of a list's route and the parameters of paging, read into a `ListQuery`. Raises Invalid."""

    def __init__(self, *filters: str) -> None:
        super().__init__(*_PAGING, *filters)
        self._ids = {name for name in filters if PARAMETERS[name]["schema"].get("format") == "uuid"}
        self._flags = {name for name in filters if PARAMETERS[name]["schema"]["type"] == "boolean"}

    async def __call__(self, request: Request) -> ListQuery:
        refuse_unknown(request, frozenset(self.names))
        given = request.query_params
        form = given.get("format", "json")
        if form not in _FORMATS:
            raise _wrong("format", "unknown_code", "One of json, ndjson, csv.")
        raised = flags_of(request, self._flags)
        whole = (form != "json" or "minimal" in raised) and not {"page", "per_page"} & set(given)
        return ListQuery(
            page=_number(request, "page", 1, _LAST_PAGE),
            per_page=0 if whole else _number(request, "per_page", _PER_PAGE, MOST_PER_PAGE),
            format=form,
            search=_short(request, "search", _LONGEST) or "",
            flags=raised,
            ids={name: _uuid(name, given[name]) for name in self._ids if name in given},
            modified_after=_instant(given["modified_after"]) if "modified_after" in given else None,
            postcode=_short(request, "postcode", _LONGEST_POSTCODE),
            within=_metres(given["proximity"]) if "proximity" in given else None,
        )


def _short(request: Request, name: str, longest: int) -> str | None:
    text = request.query_params.get(name)
    if text is not None and len(text) > longest:
        raise _wrong(name, "too_long", f"At most {longest} characters.")
    return text


def _metres(text: str) -> float:
    if not _METRES.fullmatch(text):
        raise _wrong("proximity", "not_a_distance", "Metres, like 5000.")
    return float(text)


def refuse_unknown(request: Request, known: frozenset[str]) -> None:
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


def flags_of(request: Request, names: set[str]) -> frozenset[str]:
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
    """A day or an instant, in UTC where no zone is given. A space in it is read as `+`, which URL decoding turns into a space."""
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong("modified_after", "not_a_moment", "A day or a moment like 2026-11-24T10:00:00Z.") from None


def _wrong(name: str, code: str, detail: str) -> Invalid:
    error = Invalid([FieldError(pointer=f"/query/{name}".rstrip("/"), code=code, detail=detail)])
    error.headers = dict(OPEN)
    return error
