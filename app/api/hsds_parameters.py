"""The parameters of the HSDS routes. One that is unknown, given twice or out of range is refused, never ignored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from fastapi import Request

from app.api.faults import Faults
from app.core.errors import FieldError, Invalid

MAX_PER_PAGE: Final = 500
_PER_PAGE: Final = 50
_MAX_LENGTH: Final = 200
_MAX_POSTCODE_LENGTH: Final = 16
_LAST_PAGE: Final = 1_000_000
_PAGING: Final = ("search", "page", "per_page", "format")
_FORMATS: Final = ("json", "ndjson", "csv")
_METRES: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?", re.ASCII)
PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "search": {
        "schema": {"type": "string", "maxLength": _MAX_LENGTH},
        "description": "Only entries that contain every word.",
    },
    "page": {
        "schema": {"type": "integer", "minimum": 1, "maximum": _LAST_PAGE, "default": 1},
        "description": "Page number.",
    },
    "per_page": {
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE, "default": _PER_PAGE},
        "description": "Entries per page.",
    },
    "format": {
        "schema": {"type": "string", "enum": list(_FORMATS), "default": "json"},
        "description": "ndjson and csv return only the entries: all of them, or one page with `page` or `per_page`.",
    },
    "taxonomy_term_id": {"schema": {"type": "string", "format": "uuid"}, "description": "Only entries with this term."},
    "taxonomy_id": {
        "schema": {"type": "string", "format": "uuid"},
        "description": "Only entries with a term of this taxonomy.",
    },
    "organization_id": {
        "schema": {"type": "string", "format": "uuid"},
        "description": "Only entries of this organisation.",
    },
    "parent_id": {"schema": {"type": "string", "format": "uuid"}, "description": "Only terms below this one."},
    "modified_after": {
        "schema": {"type": "string"},
        "description": "Only entries changed after this time, changes of pauses and free places included. ISO 8601, compared to "
        "the millisecond, as `last_modified` is given.",
        "example": "2026-11-24T10:00:00Z",
    },
    "postcode": {
        "schema": {"type": "string", "maxLength": _MAX_POSTCODE_LENGTH},
        "description": "Only services that cover the country of this postcode; coverage is not known in more detail.",
        "example": "00-950",
    },
    "proximity": {
        "schema": {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,3})?$"},
        "description": "Within so many metres of the centre of the postcode. We hold no coordinates: the page is empty.",
        "example": "5000",
    },
    "minimal": {
        "schema": {"type": "boolean"},
        "description": "Only `id` and `last_modified`, of all entries in one page unless `page` or `per_page` is given.",
    },
    "full": {"schema": {"type": "boolean"}, "description": "Include all nested objects."},
    "full_service": {"schema": {"type": "boolean"}, "description": "Include the services with all nested objects."},
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
        """Whether the response has all entries: NDJSON, CSV or `minimal`, unless a page is requested."""
        return not self.per_page


class DeclaredParameters:
    """A dependency that declares which parameters its route takes; the OpenAPI document lists them."""

    def __init__(self, *names: str) -> None:
        self.names = names


class EntryParameters(DeclaredParameters):
    """The boolean parameters of an entry's route that are true. Raises Invalid."""

    async def __call__(self, request: Request) -> frozenset[str]:
        faults = Faults()
        faults.keep(lambda: refuse_unknown(request, frozenset(self.names)))
        flags = faults.keep(lambda: flags_of(request, set(self.names)))
        faults.refuse()
        return flags or frozenset()


class ListParameters(DeclaredParameters):
    """The filters of a list's route and the parameters of paging, read into a `ListQuery`. Raises Invalid."""

    def __init__(self, *filters: str) -> None:
        super().__init__(*_PAGING, *filters)
        self._ids = {name for name in filters if PARAMETERS[name]["schema"].get("format") == "uuid"}
        self._flags = {name for name in filters if PARAMETERS[name]["schema"]["type"] == "boolean"}

    async def __call__(self, request: Request) -> ListQuery:
        faults, parameters = Faults(), request.query_params
        faults.keep(lambda: refuse_unknown(request, frozenset(self.names)))
        format_ = parameters.get("format", "json").lower()
        if format_ not in _FORMATS:
            faults.add("/query/format", "unknown_code", "One of: json, ndjson, csv.")
        flags = faults.keep(lambda: flags_of(request, self._flags)) or frozenset()
        whole = (format_ != "json" or "minimal" in flags) and not {"page", "per_page"} & set(parameters)
        page = faults.keep(lambda: _number(request, "page", 1, _LAST_PAGE))
        per_page = faults.keep(lambda: 0 if whole else _number(request, "per_page", _PER_PAGE, MAX_PER_PAGE))
        search = faults.keep(lambda: _text(request, "search", _MAX_LENGTH))
        ids = {
            name: faults.keep(partial(_uuid, name, parameters[name])) for name in sorted(self._ids & set(parameters))
        }
        modified_after = faults.keep(lambda: _instant(parameters.get("modified_after")))
        postcode = faults.keep(lambda: _text(request, "postcode", _MAX_POSTCODE_LENGTH))
        within = faults.keep(lambda: _metres(parameters.get("proximity")))
        faults.refuse()
        return ListQuery(
            page=page or 1,
            per_page=per_page or 0,
            format=format_,
            search=search or "",
            flags=flags,
            ids={name: found for name, found in ids.items() if found},
            modified_after=modified_after,
            postcode=postcode,
            within=within,
        )


def _text(request: Request, name: str, max_length: int) -> str | None:
    text = request.query_params.get(name)
    if text is not None and len(text) > max_length:
        raise _invalid(name, "too_long", f"Use at most {max_length} characters.")
    return text


def _metres(text: str | None) -> float | None:
    if text is None:
        return None
    if not _METRES.fullmatch(text):
        raise _invalid("proximity", "not_a_distance", "Give the distance in metres, for example 5000.")
    return float(text)


def refuse_unknown(request: Request, known: frozenset[str]) -> None:
    """Raises Invalid for unknown parameters, and for each known one that is given twice."""
    names, faults = [name for name, _value in request.query_params.multi_items()], Faults()
    if not known.issuperset(names):
        faults.add("/query", "unknown_parameter", "The request has an unknown query parameter.")
    for name in sorted(known):
        if names.count(name) > 1:
            faults.add(f"/query/{name}", "repeated", "This query parameter may be given only once.")
    faults.refuse()


def _number(request: Request, name: str, default: int, maximum: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= maximum):
        raise _invalid(name, "out_of_range", f"Use a whole number from 1 to {maximum}.")
    return int(text)


def flags_of(request: Request, names: set[str]) -> frozenset[str]:
    """The names that are true. Raises Invalid, with each that is neither true nor false."""
    flags, faults = set(), Faults()
    for name in sorted(names & set(request.query_params)):
        value = request.query_params[name].lower()
        if value not in {"true", "false"}:
            faults.add(f"/query/{name}", "not_a_boolean", "Use true or false.")
        if value == "true":
            flags.add(name)
    faults.refuse()
    return frozenset(flags)


def _uuid(name: str, text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise _invalid(name, "not_an_id", "Use the UUID of an entry.") from None


def _instant(text: str | None) -> datetime | None:
    """A day or an instant, in UTC where no zone is given. A space in it is read as `+`, which URL decoding turns into a space."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _invalid("modified_after", "not_an_instant", "Use a date or a time like 2026-11-24T10:00:00Z.") from None


def _invalid(name: str, code: str, detail: str) -> Invalid:
    return Invalid([FieldError(pointer=f"/query/{name}", code=code, detail=detail)])
