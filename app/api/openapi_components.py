"""What FastAPI cannot generate for the partner API: headers, problem documents, security, and bodies that we parse ourselves.

Routes declare their answers with `response_model` and with `responses`, built from the parts of this module;
FastAPI generates the document from them, and `complete` adds the rest. Routes build their answers straight from rows and return
a `Response`, which FastAPI does not validate at run time: tests compare the answers with the models.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.api.dependencies import Policy
from app.api.schemas import Problem
from app.partners.oauth_clients import SCOPES

Responses = dict[int | str, dict[str, Any]]
_SCHEMA: Final = "#/components/schemas/{model}"
NO_STORE: Final = {"Cache-Control": {"$ref": "#/components/headers/NoStore"}}

HEADERS: Final[dict[str, Any]] = {
    "NoStore": {"description": "Always `no-store`.", "schema": {"type": "string", "const": "no-store"}},
    "ETag": {
        "description": "The referral's version in quotes. Send it back as If-Match.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Link": {
        "description": 'RFC 8288: `<…>; rel="next"`, an absolute address. Absent when there is no next page.',
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The address of what was made.",
        "schema": {"type": "string", "format": "uri"},
    },
    "Vary": {"description": "`Accept`: it chooses the form.", "schema": {"type": "string"}},
    "Replayed": {
        "description": "`true` when this answer was given before and nothing was done now.",
        "schema": {"type": "string", "const": "true"},
    },
    "RateLimitPolicy": {
        "description": "draft-ietf-httpapi-ratelimit-headers: `q` calls of this kind in `w` seconds.",
        "schema": {"type": "string", "pattern": '^"[a-z_]+";q=[0-9]+;w=[0-9]+$'},
    },
    "RateLimit": {
        "description": "`r` calls are left for the next `t` seconds.",
        "schema": {"type": "string", "pattern": '^"[a-z_]+";r=[0-9]+;t=[0-9]+$'},
    },
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "Challenge": {"description": "RFC 6750 or RFC 7617.", "schema": {"type": "string"}},
}


def ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


PUBLIC: Final = {"Cache-Control": {"schema": {"type": "string"}, "description": "May be kept for an hour."}}
ETAG: Final = {"ETag": ref("headers", "ETag")}
REPLAYED: Final = {"Idempotency-Replayed": ref("headers", "Replayed")}
LINK: Final = {"Link": ref("headers", "Link")}
LOCATION: Final = {"Location": ref("headers", "Location")}
VARY: Final = {"Vary": ref("headers", "Vary")}


def schema_of(*models: type[BaseModel], mode: JsonSchemaMode = "serialization") -> dict[str, Any]:
    """The schema of a body that is one of these models, with their definitions in `$defs`.

    For bodies unknown to FastAPI: requests that we parse ourselves, and media types other than the route's own.
    `complete` moves the definitions to the components.
    """
    refs, definitions = models_json_schema([(model, mode) for model in models], ref_template=_SCHEMA)
    choices = list(refs.values())
    return {**(choices[0] if len(choices) == 1 else {"anyOf": choices}), "$defs": definitions["$defs"]}


def success(
    example: Any = None, *, headers: Mapping[str, Any] | None = None, media: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What FastAPI cannot generate for a successful answer: headers, an example of the whole body, further media types."""
    content: dict[str, Any] = {} if example is None else {"application/json": {"example": example}}
    content |= {name: {"schema": schema} for name, schema in (media or {}).items()}
    return {"headers": {**NO_STORE, **(headers or {})}, **({"content": content} if content else {})}


def _problem(
    description: str, status: int, slug: str, title: str, *, headers: dict[str, Any] | None = None, **extra: Any
) -> dict[str, Any]:
    example = {"type": f"urn:pristan:problem:{slug}", "title": title, "status": status, **extra}
    return {
        "description": description,
        "headers": {**NO_STORE, **(headers or {})},
        "content": {"application/problem+json": {"schema": schema_of(Problem), "example": example}},
    }


_RATE_LIMITS: Final = {
    "RateLimit-Policy": ref("headers", "RateLimitPolicy"),
    "RateLimit": ref("headers", "RateLimit"),
}
CHALLENGE: Final = {"WWW-Authenticate": ref("headers", "Challenge")}
_NOW: Final[dict[str, Any]] = {"state": "declined", "allowed_actions": []}

PROBLEMS: Final[dict[str, Any]] = {
    "BadRequest": _problem(
        "The request cannot be read: broken JSON, a bad cursor, or no Idempotency-Key where one is needed.",
        400, "bad-request", "The request cannot be read",
    ),
    "NotSignedIn": _problem(
        "No access token, or one that is unknown or has expired.",
        401, "invalid-token", "The access token is unknown or has expired", headers=CHALLENGE,
    ),
    "NotAllowed": _problem(
        "The token lacks the scope (`insufficient-scope`), or its client has no organisation (`no-organisation`).",
        403, "insufficient-scope", "The access token does not cover this", headers=CHALLENGE,
    ),
    "NotFound": _problem(
        "Unknown, or another organisation's: these two are not told apart.", 404, "not-found", "There is nothing here"
    ),
    "NotAcceptable": _problem(
        "`Accept` names no media type in which this is available.",
        406, "not-acceptable", "Not available in the requested format", headers={"Vary": ref("headers", "Vary")},
    ),
    "Conflict": _problem(
        "The present state does not have this step (`illegal-move`), or the first request with this Idempotency-Key "
        "is still under way (`request-in-progress`), or a limit is reached: `detail` names it. Nothing was written.",
        409, "illegal-move", "This step is not possible in the present state", **_NOW,
    ),
    "NotOpenYet": _problem(
        "The sealed part opens with acceptance and closes again after the end.",
        409, "not-open-yet", "This opens after acceptance", state="offered",
        allowed_actions=["acknowledge", "ask_info", "waitlist", "accept", "decline"],
    ),
    "Gone": _problem(
        "The cursor is older than what is kept. Start again at `restart`, and pull the referrals once.",
        410, "cursor-gone", "This cursor is older than what is kept", restart="/v1/events",
    ),
    "Erased": _problem(
        "The person has had it erased, or it is no longer kept.", 410, "gone", "This is no longer kept"
    ),
    "Stale": _problem(
        "Somebody was faster: the version of If-Match is not the present one. Nothing was written.",
        412, "version-mismatch", "Somebody has changed this in the meantime", version=4, **_NOW,
    ),
    "TooLarge": _problem("The body is larger than 256 KB.", 413, "too-large", "The request is too large"),
    "UnsupportedType": _problem(
        "The body is to be application/json.",
        415, "unsupported-type", "The body has a type that this address does not take",
    ),
    "Invalid": _problem(
        "A field or parameter does not fit, or is not known; or this Idempotency-Key was used with another body "
        "(`idempotency-key-reused`).",
        422, "invalid-input", "Some of the input does not fit",
        errors=[{"pointer": "/reason", "code": "unknown_code", "detail": "This is not one of the reason codes."}],
    ),
    "VersionNeeded": _problem(
        "Send If-Match.", 428, "precondition-required", "Say which version you have seen"
    ),
    "TooMany": _problem(
        "This client has asked as much as it may in a minute, or the day's reads of sealed parts are used up "
        "(`daily-reads-used-up`: they start again at 0:00 UTC). Nothing was done.",
        429, "too-many-requests", "Too many requests; wait a little",
        headers={
            "Retry-After": ref("headers", "RetryAfter"), **_RATE_LIMITS,
        },
    ),
    "Busy": _problem(
        "The service cannot do this now (`unavailable`); nothing was saved, try again. Or the database was lost while it saved "
        "(`outcome-unknown`): repeat it with the same `Idempotency-Key`. Or there is no room for what is not urgent "
        "(`storage-full`): try again after `Retry-After`. Or the network has stopped all reading by "
        "partners (`partner-reads-frozen`): nothing is lost, ask your contact.",
        503, "unavailable", "The service cannot do this now; try again",
        headers={"Retry-After": ref("headers", "RetryAfter")},
    ),
}  # fmt: skip

_BY_STATUS: Final = {
    400: "BadRequest", 401: "NotSignedIn", 403: "NotAllowed", 404: "NotFound", 406: "NotAcceptable", 409: "Conflict", 410: "Gone",
    412: "Stale", 413: "TooLarge", 415: "UnsupportedType", 422: "Invalid", 428: "VersionNeeded", 429: "TooMany",
    503: "Busy",
}  # fmt: skip


def problems(*statuses: int) -> Responses:
    """The responses for these problems, and for those that any route may answer with."""
    return {status: ref("responses", _BY_STATUS[status]) for status in sorted({*statuses, 413, 422, 503})}


def signed_in(*statuses: int) -> Responses:
    return problems(401, 403, 429, *statuses)


def json_body(*models: type[BaseModel], example: Any) -> dict[str, Any]:
    """The `openapi_extra` of a route that parses its JSON itself (`strict_json`), so that FastAPI knows no body."""
    media = {"schema": schema_of(*models, mode="validation"), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": media}}}


# --- the finished document -------------------------------------------------------------------------------------------

SCOPE_DESCRIPTIONS: Final = {
    "referrals:read": "List your organisation's referrals and read one.",
    "referrals:contact": "Read the sealed part of a referral that your organisation accepted.",
    "referrals:write": "Take steps: accept, decline, start, complete …; keep your conflict list.",
    "referrals:create": "Refer somebody in.",
    "events:read": "Read the feed.",
    "webhooks:manage": "Manage webhook endpoints.",
    "intakes:create": "File intakes for people, from a trusted front end.",
}
assert set(SCOPE_DESCRIPTIONS) == set(SCOPES)
_REQUIRED_HEADERS: Final = frozenset({"Idempotency-Key", "If-Match"})
"""Their absence is answered by our own problems (400, 428), not by FastAPI's 422, so that the routes take `None`."""
TOKEN_SCHEME: Final = "token"  # noqa: S105  a name
"""Comes after `oauth2` in the alphabet: typescript-fetch applies both in that order, and only this one writes `Bearer`."""
_BOUNDS: Final = frozenset({"minimum", "maximum"})
_VERBATIM: Final = frozenset({"example", "examples", "const", "enum"})


def complete(document: dict[str, Any], routes: list[APIRoute], base_url: str) -> None:
    """Finish, in place, the document that FastAPI generated from these routes. Raises ValueError when two schemas share a name."""
    for route in routes:
        for method in route.methods or ():
            _complete_operation(document["paths"][route.path_format][method.lower()], route)
    document["components"] |= {
        "responses": PROBLEMS,
        "headers": HEADERS,
        "securitySchemes": _security_schemes(base_url),
    }
    document["security"] = []
    definitions: dict[str, Any] = {}
    for part in ("paths", "components"):
        document[part] = _hoisted(document[part], definitions)
    schemas, definitions = normalise_schema(document["components"]["schemas"]), normalise_schema(definitions)
    for name in schemas.keys() & definitions.keys():
        if schemas[name] != definitions[name]:
            raise ValueError(f"two schemas are called {name}")
    document["components"]["schemas"] = {
        name: _without_defaults(schema) for name, schema in sorted({**schemas, **definitions}.items())
    }


def _without_defaults(schema: Any) -> Any:
    """The schema without `default`: generators make such a field required, or send the default where nothing was said.

    What an absent field means is in its description.
    """
    if isinstance(schema, list):
        return [_without_defaults(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: inner
        if name in _VERBATIM
        else {field: _without_defaults(one) for field, one in inner.items()}
        if name == "properties"
        else _without_defaults(inner)
        for name, inner in schema.items()
        if name != "default"
    }


def policies(dependant: Dependant) -> Iterator[Policy]:
    """The policies among a route's dependencies, at any depth."""
    if isinstance(dependant.call, Policy):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from policies(inner)


def _complete_operation(operation: dict[str, Any], route: APIRoute) -> None:
    """Add security and rate limits, which follow from the route's policy, and tidy answers and parameters."""
    operation["responses"] = without_siblings(operation["responses"])
    scopes = sorted({policy.scope for policy in policies(route.dependant)})
    if scopes:
        operation["security"] = [{"oauth2": scopes}, {TOKEN_SCHEME: []}]
        for status, answer in operation["responses"].items():
            if status < "400":
                answer["headers"] = {**answer.get("headers", {}), **_RATE_LIMITS}
    for parameter in operation.get("parameters", ()):
        normalise_schema(parameter)
        parameter["required"] = parameter["in"] == "path" or parameter["name"] in _REQUIRED_HEADERS
        parameter["schema"].pop("title", None)


def without_siblings(responses: dict[str, Any]) -> dict[str, Any]:
    """The responses with each `$ref` alone: FastAPI would write a description next to it."""
    return {
        status: ({"$ref": answer["$ref"]} if "$ref" in answer else answer)
        for status, answer in sorted(responses.items())
    }


def _hoisted(value: Any, definitions: dict[str, Any]) -> Any:
    """The value without the `$defs` in it, which are gathered in `definitions`."""
    if isinstance(value, list):
        return [_hoisted(entry, definitions) for entry in value]
    if not isinstance(value, dict):
        return value
    definitions.update({name: _hoisted(schema, definitions) for name, schema in value.get("$defs", {}).items()})
    return {name: _hoisted(inner, definitions) for name, inner in value.items() if name != "$defs"}


def normalise_schema(schema: Any) -> Any:
    """Take the null out of it, and write whole bounds as integers again. Changes the schema in place and returns it.

    `X | None` in our models means that the field may be absent; null itself is never sent and never taken.
    """
    if isinstance(schema, list):
        return [normalise_schema(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    choices = schema.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        schema.pop("anyOf")
        schema.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    if schema.get("default", 0) in (None, "", []):  # generators would send an empty value
        schema.pop("default")
    for name in _BOUNDS & schema.keys():
        if isinstance(schema[name], float) and schema[name].is_integer():
            schema[name] = int(schema[name])
    for name, inner in schema.items():
        schema[name] = inner if name in _VERBATIM else normalise_schema(inner)
    return schema


def _security_schemes(base_url: str) -> dict[str, Any]:
    flow = {"tokenUrl": f"{base_url}/oauth/token", "scopes": SCOPE_DESCRIPTIONS}
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "RFC 6749 §4.4; metadata at /.well-known/oauth-authorization-server.",
            "flows": {"clientCredentials": flow},
        },
        TOKEN_SCHEME: {"type": "http", "scheme": "bearer", "description": "The token that /oauth/token gave."},
        "clientSecretBasic": {"type": "http", "scheme": "basic", "description": "Client id and secret."},
    }
