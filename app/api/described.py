"""The words that a description of the API is written in: headers, problems, bodies, and how a route names them."""

from typing import Any, Final

Responses = dict[int | str, dict[str, Any]]
NO_STORE: Final = {"Cache-Control": {"$ref": "#/components/headers/NoStore"}}

HEADERS: Final[dict[str, Any]] = {
    "NoStore": {"description": "Always `no-store`.", "schema": {"type": "string", "const": "no-store"}},
    "ETag": {
        "description": "The referral's version in quotes. Send it back as If-Match.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Link": {
        "description": 'RFC 8288: `<…>; rel="next"`. Absent when there is no next page.',
        "schema": {"type": "string"},
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


ETAG: Final = {"ETag": ref("headers", "ETag")}
REPLAYED: Final = {"Idempotency-Replayed": ref("headers", "Replayed")}
LINK: Final = {"Link": ref("headers", "Link")}
VARY: Final = {"Vary": ref("headers", "Vary")}


def answer(
    description: str, model: str, example: Any = None, *, headers: dict[str, Any] | None = None
) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": ref("schemas", model)}
    if example is not None:
        media["example"] = example
    return {
        "description": description,
        "headers": {**NO_STORE, **(headers or {})},
        "content": {"application/json": media},
    }


def _problem(
    description: str, status: int, slug: str, title: str, *, headers: dict[str, Any] | None = None, **extra: Any
) -> dict[str, Any]:
    example = {"type": f"urn:pristan:problem:{slug}", "title": title, "status": status, **extra}
    return {
        "description": description,
        "headers": {**NO_STORE, **(headers or {})},
        "content": {"application/problem+json": {"schema": ref("schemas", "Problem"), "example": example}},
    }


CHALLENGE: Final = {"WWW-Authenticate": ref("headers", "Challenge")}
_NOW: Final[dict[str, Any]] = {"state": "declined", "allowed_actions": []}

PROBLEMS: Final[dict[str, Any]] = {
    "BadRequest": _problem(
        "The request can not be read: broken JSON, a bad cursor, or no Idempotency-Key where one is needed.",
        400, "bad-request", "The request can not be read",
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
        "`Accept` names no form in which this is to be had.",
        406, "not-acceptable", "This is not to be had in that form", headers={"Vary": ref("headers", "Vary")},
    ),
    "Conflict": _problem(
        "The present state does not have this step (`illegal-move`), or the first request with this Idempotency-Key "
        "is still under way (`request-in-progress`). Nothing was written.",
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
        "(`daily-reads-used-up`: they begin anew at 0:00 UTC). Nothing was done.",
        429, "too-many-requests", "Too many requests; wait a little",
        headers={
            "Retry-After": {"$ref": "#/components/headers/RetryAfter"},
            "RateLimit-Policy": {"$ref": "#/components/headers/RateLimitPolicy"},
            "RateLimit": {"$ref": "#/components/headers/RateLimit"},
        },
    ),
    "Busy": _problem(
        "The service can not do this now (`unavailable`); nothing was saved, try again. Or the network has stopped all reading by "
        "partners (`partner-reads-frozen`): nothing is lost, ask your contact.",
        503, "unavailable", "The service can not do this now; try again",
        headers={"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
    ),
}  # fmt: skip

_BY_STATUS: Final = {
    400: "BadRequest", 401: "NotSignedIn", 403: "NotAllowed", 404: "NotFound", 406: "NotAcceptable", 409: "Conflict", 410: "Gone",
    412: "Stale", 413: "TooLarge", 415: "UnsupportedType", 422: "Invalid", 428: "VersionNeeded", 429: "TooMany",
    503: "Busy",
}  # fmt: skip


def problems(*statuses: int) -> Responses:
    """These problems; and those that any route may answer."""
    return {status: ref("responses", _BY_STATUS[status]) for status in sorted({*statuses, 413, 422, 503})}


def signed_in(*statuses: int) -> Responses:
    return problems(401, 403, 429, *statuses)


def json_body(model: str, example: Any = None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": ref("schemas", model)}
    if example is not None:
        media["example"] = example
    return {"requestBody": {"required": True, "content": {"application/json": media}}}
