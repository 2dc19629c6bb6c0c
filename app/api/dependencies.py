"""Dependencies of the API's routes: who calls, what they may do, and which headers and parameters a request needs.

Each route names its policy as a dependency, `Reads("referrals:read")`, `Acts("referrals:write")` or `anyone`; a test
finds a route that has none. The token is looked up before the body is read and before a write transaction is opened, of
which an embedded database has only one: a caller without a token delays nobody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Depends, Header, Request
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.routing import APIRoute
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from app.api import etags, rate_limits
from app.api.faults import CodeOf
from app.core import clock
from app.core.dependencies import Now, ReadDb, current_directory
from app.core.errors import (
    AppError,
    BadRequest,
    FieldError,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    PreconditionRequired,
)
from app.core.kill_switch import Frozen
from app.core.request_plan import OnTheLoop
from app.core.validation import field_error
from app.directory.packs import Directory
from app.partners import oauth_clients as partners
from app.partners.oauth_clients import Caller
from app.settings import Settings

REALM: Final = "pristan"
_NEVER_FROZEN: Final = frozenset({"intakes:create"})  # intakes are always accepted
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{16,256}=*")
_KEY: Final = re.compile(r"[!-~]{8,255}")
_INSTANT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d{0,12}([Zz]|[ +-]\d\d:\d\d)", re.ASCII
)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


class NoToken(NotSignedIn):
    slug, title = "no-token", "An access token is needed"


class BadToken(NotSignedIn):
    slug, title = "invalid-token", "The access token is unknown or has expired"


class MissingScope(NotAllowed):
    slug, title = "insufficient-scope", "The access token does not cover this"


class NoOrganisation(NotAllowed):
    slug, title = "no-organisation", "This client speaks for no organisation"


class BadKey(BadRequest):
    slug, title = "idempotency-key-needed", "Send an Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Partner:
    """A caller that acts for an organisation."""

    client_id: str
    organisation_id: UUID


async def bearer(request: Request) -> str:
    """The token of the Authorization header. Raises NoToken, BadToken."""
    values = request.headers.getlist("authorization")
    if not values:
        raise NoToken(headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'})
    kind, _, token = values[0].partition(" ")
    token = token.strip()
    if len(values) > 1 or kind.lower() != "bearer" or not _TOKEN.fullmatch(token):
        raise _bad_token()
    return token


def _bad_token() -> BadToken:
    return BadToken(headers={"WWW-Authenticate": f'Bearer realm="{REALM}", error="invalid_token"'})


Token = Annotated[str, Depends(bearer)]


class Policy:
    """The requirements of a route: a token with `scope`, and no unknown query parameter."""

    def __init__(self, scope: str, *, quota: str = "") -> None:
        """`quota`: which of the client's quotas a call counts against, unless that of its scope."""
        if scope not in partners.SCOPES:
            raise ValueError(f"unknown scope: {scope}")
        self.scope = scope
        self.quota = quota or rate_limits.KIND_OF[scope]

    def check(self, request: Request, caller: Caller) -> Caller:
        if self.scope not in caller.scopes:
            challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{self.scope}"'
            raise MissingScope(f"This requires the scope {self.scope}.", headers={"WWW-Authenticate": challenge})
        if caller.frozen and self.scope not in _NEVER_FROZEN:
            raise Frozen
        refuse_query_faults(request)
        return caller


class Reads(Policy):
    """For a route that only reads: the caller is looked up in the route's own session, in the thread of the endpoint."""

    async def __call__(self, request: Request, token: Token, session: ReadDb, now: Now) -> Caller:
        """For an endpoint on the event loop."""
        caller = self.check(request, await run_sync(_caller_in_snapshot, session, token, now))
        await rate_limits.count(request, caller.client_id, self.quota, now)
        return caller

    def in_thread(self, request: Request, token: str, session: Session, now: datetime) -> Caller:
        """The same in one change of threads. Raises OnTheLoop when a share of the quota has to be taken first."""
        caller = self.check(request, _caller(session, token, now))
        try:
            rate_limits.count_in_thread(request, caller.client_id, self.quota, now)
        except OnTheLoop:
            session.rollback()  # no snapshot may be held while the share is written
            raise
        return caller


class Acts(Policy):
    """For a route that writes, or that waits for events: the caller is looked up in a short read transaction of its own."""

    async def __call__(self, request: Request, token: Token, now: Now) -> Caller:
        caller: Caller = await request.app.state.transactions.run(
            lambda session: _caller(session, token, now), write=False
        )
        self.check(request, caller)
        await rate_limits.count(request, caller.client_id, self.quota, now)
        return caller


async def anyone(request: Request) -> None:
    """The policy of routes that need no token."""
    refuse_query_faults(request)


def _caller(session: Session, token: str, now: datetime) -> Caller:
    try:
        return partners.caller(session, token, now)
    except NotSignedIn:
        raise _bad_token() from None


def _caller_in_snapshot(session: Session, token: str, now: datetime) -> Caller:
    """The caller, read in a snapshot that ends here; the route's first statement begins another."""
    try:
        return _caller(session, token, now)
    finally:
        session.rollback()


def for_organisation(caller: Caller) -> Partner:
    """The organisation that the caller acts for. Raises NoOrganisation for a client that only submits intakes."""
    if caller.organisation_id is None:
        raise NoOrganisation
    return Partner(caller.client_id, caller.organisation_id)


def refuse_query_faults(request: Request) -> None:
    """Raises Invalid (422) with every fault of the query: an unknown parameter, a single value given twice, values that do not fit.

    FastAPI would find the last ones itself, but only in a request that has none of the others.
    """
    route = request.scope.get("route")
    if isinstance(route, APIRoute) and route.path in _ANSWER_AS_OAUTH:
        return
    given = [name for name, _value in request.query_params.multi_items()]
    if not given:
        return
    known, repeatable = _parameters(route).names, _parameters(route).repeatable
    errors: list[FieldError] = []
    if not known.issuperset(given):
        detail = "The request has an unknown query parameter."
        errors.append(FieldError(pointer="/query", code="unknown_parameter", detail=detail))
    for name in sorted(known - repeatable):
        if given.count(name) > 1:
            detail = "This query parameter may be given only once."
            errors.append(FieldError(pointer=f"/query/{name}", code="repeated", detail=detail))
    if isinstance(route, APIRoute):
        errors += _value_faults(request, route, {error["pointer"] for error in errors})
    if errors:
        raise Invalid(errors)


def _value_faults(request: Request, route: APIRoute, named: set[str]) -> list[FieldError]:
    """The faults that FastAPI finds in the query, and codes that the directory does not know. `named`: pointers to leave out."""
    errors: list[FieldError] = []
    parameters = _parameters(route)
    fields = [
        field for field in parameters.fields if field.alias in request.query_params or field.field_info.is_required()
    ]
    for error in map(field_error, request_params_to_args(fields, request.query_params)[1]):
        pointer = "/".join(error["pointer"].split("/")[:3])  # the parameter, also of one of its values
        if all(known["pointer"] != pointer for known in errors):
            errors.append({**error, "pointer": pointer})
    for alias, mark in parameters.marks:
        pointer, value = f"/query/{alias}", request.query_params.get(alias)
        if value is None:
            continue
        codes = tuple(mark.codes(request.app.state.directory))
        if value not in codes and all(error["pointer"] != pointer for error in errors):
            errors.append(FieldError(pointer=pointer, code="unknown_code", detail=f"One of: {', '.join(codes)}."))
    return [error for error in errors if error["pointer"] not in named]


def _marks(info: FieldInfo) -> list[CodeOf]:
    return [mark for mark in info.metadata if isinstance(mark, CodeOf)]


_ANSWER_AS_OAUTH: Final = frozenset({"/oauth/token", "/oauth/revoke"})
"""They refuse a query themselves, with an error of RFC 6749."""


@dataclass(frozen=True, slots=True)
class _Parameters:
    """The query parameters of a route: their names, those that may be repeated, and those that are codes of the directory."""

    fields: tuple[ModelField, ...]
    names: frozenset[str]
    repeatable: frozenset[str]
    marks: tuple[tuple[str, CodeOf], ...]


_NO_PARAMETERS: Final = _Parameters((), frozenset(), frozenset(), ())
_parameters_by_route: Final[dict[str, _Parameters]] = {}


def _parameters(route: object) -> _Parameters:
    if not isinstance(route, APIRoute):
        return _NO_PARAMETERS
    found = _parameters_by_route.get(route.unique_id)
    if found is None:
        fields = tuple(field for dependant in _all_dependants(route.dependant) for field in dependant.query_params)
        found = _parameters_by_route[route.unique_id] = _Parameters(
            fields,
            frozenset(field.alias for field in fields),
            frozenset(field.alias for field in fields if "list" in str(field.field_info.annotation)),
            tuple((field.alias, mark) for field in fields for mark in _marks(field.field_info)),
        )
    return found


def _all_dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all_dependants(inner)


def _invalid(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid([FieldError(pointer=pointer, code=code, detail=detail)])


def invalid(pointer: str, code: str, detail: str) -> Invalid:
    """An Invalid (422) about one field of the input. The pointer holds our field names only, never the caller's."""
    return _invalid(pointer, code, detail)


def parse_id(text: str) -> UUID:
    """An id as our answers write it, or in capitals or without hyphens. Raises NotFound for anything else, as for an unknown id."""
    if not _UUID.fullmatch(text):
        raise no_such_referral()
    return UUID(text)


def parse_instant(text: str, pointer: str) -> datetime:
    """An instant of RFC 3339, in UTC to the microsecond. Raises Invalid (422), pointing to `pointer`.

    A space before the offset is read as `+`, which URL decoding turns into a space.
    """
    try:
        instant = _INSTANT.fullmatch(text)
        if instant is None:
            raise ValueError
        return datetime.fromisoformat(f"{instant[1]}{instant[2]}".upper().replace(" ", "+")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(pointer, "not_an_instant", "Write the time like 2026-11-24T08:00:00Z.") from None


def checked_instant(text: str) -> str:
    """The text, for a validator. Raises PydanticCustomError with our code unless `parse_instant` reads it."""
    try:
        parse_instant(text, "")
    except Invalid as error:
        raise PydanticCustomError("not_an_instant", "{why}", {"why": error.errors[0]["detail"]}) from None
    return text


def format_instant(moment: datetime | None) -> str | None:
    """An instant in the one form in which answers write it: RFC 3339, UTC as `Z`, always milliseconds, cut off."""
    return clock.instant(moment) if moment is not None else None


def next_page(config: Settings, path: str) -> dict[str, str]:
    """The Link header to the next page (RFC 8288), absolute: `path` has the query. From the settings, never from a Host header."""
    return {"Link": f'<{config.base_url.rstrip("/")}{path}>; rel="next"'}


def no_such_referral() -> NotFound:
    """The same error for an unknown id, another organisation's id and a malformed one."""
    return NotFound("You have no referral with this id.")


_KEY_HEADER: Final = Header(
    alias="Idempotency-Key",
    description="8 to 255 visible ASCII characters, a new value for each action. "
    "The same key and body give the same response for 48 hours.",
    json_schema_extra={"pattern": "^[!-~]{8,255}$"},
)
_MATCH_HEADER: Final = Header(
    alias="If-Match",
    description="The ETag that you received.",
    json_schema_extra={"pattern": '^(W/)?"[0-9]{1,9}(-[a-z]+)?"$'},
)


async def idempotency_key(value: Annotated[str | None, _KEY_HEADER] = None) -> str:
    """Raises BadKey (400) when it is missing or not 8 to 255 visible ASCII characters."""
    if value is None or not _KEY.fullmatch(value):
        raise BadKey("Send an Idempotency-Key header of 8 to 255 visible ASCII characters, a new one for each action.")
    return value


async def expected_version(value: Annotated[str | None, _MATCH_HEADER] = None) -> int:
    """The version in If-Match, as `etags.version_in` reads it. Raises PreconditionRequired (428), BadRequest (400)."""
    if value is None or value.strip() in {"", "*"}:
        raise PreconditionRequired("Send If-Match with the ETag that you received.")
    version = etags.version_in(value)
    if version is None:
        raise BadRequest('If-Match is the one ETag that you received, in its quotes: If-Match: "2".')
    return version


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _directory(request: Request) -> Directory:
    directory: Directory = await current_directory(request)
    return directory


IdempotencyKey = Annotated[str, Depends(idempotency_key)]
ExpectedVersion = Annotated[int, Depends(expected_version)]
Config = Annotated[Settings, Depends(_settings)]
Packs = Annotated[Directory, Depends(_directory)]


def require_content_type(content_type: str, request: Request) -> None:
    """Raises UnsupportedType (415) unless the request declares this Content-Type and no Content-Encoding."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnsupportedType("Send the body without a Content-Encoding.", headers={"Accept-Encoding": "identity"})
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != content_type:
        raise UnsupportedType(f"Send the body as {content_type}.", headers={"Accept": content_type})


class UnsupportedType(AppError):
    status, slug, title = 415, "unsupported-type", "The body has a type that this address does not take"


def object_in(body: Any) -> dict[str, Any]:
    """The body, if it is a JSON object; the caller looks at the names in it. Raises Invalid."""
    if not isinstance(body, dict):
        raise invalid("", "not_an_object", "The body must be one JSON object.")
    return body
