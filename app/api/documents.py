"""What each route of the API answers, for its description: statuses, headers, bodies, examples.

Routes hand these to FastAPI as `responses` and `openapi_extra`; `openapi.py` makes the one document of them.
"""

from typing import Any, Final

from app.partners.service import SCOPES

Responses = dict[int | str, dict[str, Any]]
_NO_STORE: Final = {"Cache-Control": {"$ref": "#/components/headers/NoStore"}}

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


def _answer(
    description: str, model: str, example: Any = None, *, headers: dict[str, Any] | None = None
) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": ref("schemas", model)}
    if example is not None:
        media["example"] = example
    return {
        "description": description,
        "headers": {**_NO_STORE, **(headers or {})},
        "content": {"application/json": media},
    }


def _problem(
    description: str, status: int, slug: str, title: str, *, headers: dict[str, Any] | None = None, **extra: Any
) -> dict[str, Any]:
    example = {"type": f"urn:pristan:problem:{slug}", "title": title, "status": status, **extra}
    return {
        "description": description,
        "headers": {**_NO_STORE, **(headers or {})},
        "content": {"application/problem+json": {"schema": ref("schemas", "Problem"), "example": example}},
    }


_CHALLENGE: Final = {"WWW-Authenticate": ref("headers", "Challenge")}
_NOW: Final[dict[str, Any]] = {"state": "declined", "allowed_actions": []}

PROBLEMS: Final[dict[str, Any]] = {
    "BadRequest": _problem(
        "The request can not be read: broken JSON, a bad cursor, or no Idempotency-Key where one is needed.",
        400, "bad-request", "The request can not be read",
    ),
    "NotSignedIn": _problem(
        "No access token, or one that is unknown or has expired.",
        401, "invalid-token", "The access token is unknown or has expired", headers=_CHALLENGE,
    ),
    "NotAllowed": _problem(
        "The token lacks the scope (`insufficient-scope`), or its client has no organisation (`no-organisation`).",
        403, "insufficient-scope", "The access token does not cover this", headers=_CHALLENGE,
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


def _problems(*statuses: int) -> Responses:
    """These problems; and those that any route may answer."""
    return {status: ref("responses", _BY_STATUS[status]) for status in sorted({*statuses, 413, 422, 503})}


def _signed_in(*statuses: int) -> Responses:
    return _problems(401, 403, 429, *statuses)


# --- examples ------------------------------------------------------------------------------------------------------

_ID: Final = "3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10"
SUMMARY_EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "version": 2,
    "label": "R-7KX-29QM",
    "service": "pl-hfhr/legal-advice",
    "state": "offered",
    "allowed_actions": ["acknowledge", "ask_info", "waitlist", "accept", "decline"],
    "priority": "urgent",
    "needs": [{"code": "asylum", "label": "Asylum"}],
    "country": "PL",
    "languages": ["ru"],
    "deadline": {"last_safe_day": "2026-12-03", "certainty": "sourced-high"},
    "respond_by": "2026-11-25T15:00:00Z",
    "decide_by": "2026-11-27T10:05:12.250000Z",
    "sealed": False,
    "waiting_since": "2026-11-24T10:00:00Z",
    "offered_at": "2026-11-24T10:05:12.250000Z",
    "updated_at": "2026-11-24T10:05:12.250000Z",
}
DETAIL_EXAMPLE: Final[dict[str, Any]] = {
    **SUMMARY_EXAMPLE,
    "card": {"region": "PL-14", "speak": ["ru"], "for_whom": "self", "helps": ["interpreter"]},
}
_EVENT_EXAMPLE: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "8c0f5a1e-2b6d-4c58-a3cf-4f1a3c7d9e02",
    "source": "/v1/referrals",
    "type": "org.pristan.referral.offered",
    "subject": _ID,
    "time": "2026-11-24T10:05:12.250000Z",
    "datacontenttype": "application/json",
    "data": {"referral": _ID, "state": "offered", "version": 2},
}
INTAKE_EXAMPLE: Final[dict[str, Any]] = {
    "language": "ru",
    "for_whom": "self",
    "needs": ["asylum"],
    "how_soon": "week",
    "country": "PL",
    "speak": ["ru"],
    "story": "…",
    "answer_by": {"channel": "number"},
    "consent": {"mode": "named", "organisations": ["pl-hfhr"]},
}
REFERRED_EXAMPLE: Final[dict[str, Any]] = {"person_agreed": "spoken", "intake": INTAKE_EXAMPLE}
_FILED_EXAMPLE: Final[dict[str, Any]] = {
    "receipt": "1029 3847 5610 2938 4756 1029 3817",
    "case": "7KX-29QM",
    "urgency": "urgent",
    "candidates": [
        {
            "service": "pl-hfhr/legal-advice",
            "organisation": "pl-hfhr",
            "name": "Helsinki Foundation for Human Rights",
            "rank": 1,
            "reasons": [{"key": "language.yes", "text": "У вас есть общий язык: русский."}],
        }
    ],
    "nearest": [],
    "not_matched": [],
}

# --- routes --------------------------------------------------------------------------------------------------------

_ETAG: Final = {"ETag": ref("headers", "ETag")}
_REPLAYED: Final = {"Idempotency-Replayed": ref("headers", "Replayed")}
_LINK: Final = {"Link": ref("headers", "Link")}
_VARY: Final = {"Vary": ref("headers", "Vary")}

METADATA: Final[Responses] = {
    200: {
        "description": "The metadata.",
        "headers": {"Cache-Control": {"schema": {"type": "string"}, "description": "May be kept for an hour."}},
        "content": {"application/json": {"schema": ref("schemas", "ServerMetadata")}},
    },
    422: ref("responses", "Invalid"),
}
SIGNERS: Final[Responses] = {
    200: {
        "description": "The keys, the newest first.",
        "headers": {"Cache-Control": {"schema": {"type": "string"}, "description": "May be kept for an hour."}},
        "content": {"application/json": {"schema": ref("schemas", "PublicKeys")}},
    },
    422: ref("responses", "Invalid"),
}
_OAUTH_PROBLEMS: Final[Responses] = {
    400: _answer(
        "The request does not fit.", "OAuthProblem",
        {"error": "unsupported_grant_type", "error_description": "The only grant here is client_credentials."},
    ),
    401: _answer(
        "The client is unknown, or its proof does not hold.", "OAuthProblem",
        {"error": "invalid_client", "error_description": "The client is unknown, or its proof does not hold."},
        headers=_CHALLENGE,
    ),
    **_problems(),
}  # fmt: skip
TOKEN: Final[Responses] = {
    200: _answer(
        "A token.",
        "AccessTokenAnswer",
        {"access_token": "…", "token_type": "Bearer", "expires_in": 900, "scope": "events:read referrals:read"},
    ),
    **_OAUTH_PROBLEMS,
}
REVOKE: Final[Responses] = {
    200: {
        "description": "The token is no longer valid, or never was.",
        "headers": _NO_STORE,
        "content": {"application/json": {"schema": {"type": "object", "maxProperties": 0}}},
    },
    **_OAUTH_PROBLEMS,
}


def _form(required: list[str], **fields: Any) -> dict[str, Any]:
    properties = {
        **fields,
        "client_id": {"type": "string", "maxLength": 64, "description": "Only without Basic authentication."},
        "client_secret": {"type": "string", "maxLength": 256, "description": "Only without Basic authentication."},
        "client_assertion_type": {
            "type": "string",
            "const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "description": "With client_assertion.",
        },
        "client_assertion": {
            "type": "string",
            "maxLength": 4096,
            "description": "RFC 7523: a JWT signed with your registered key (EdDSA or ES256); `iss` and `sub` are your "
            "client id, `aud` our issuer, `exp` at most 5 minutes ahead, `jti` used once.",
        },
    }
    schema = {"type": "object", "required": required, "properties": properties}
    content = {"application/x-www-form-urlencoded": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}, "security": [{"clientSecretBasic": []}, {}]}


TOKEN_REQUEST: Final = _form(
    ["grant_type"],
    grant_type={"type": "string", "const": "client_credentials"},
    scope={"type": "string", "description": "Scopes separated by spaces; without it, all that the client was given."},
)
REVOKE_REQUEST: Final = _form(["token"], token={"type": "string"}, token_type_hint={"type": "string"})

REFERRALS: Final[Responses] = {
    200: _answer("A page, oldest change first.", "ReferralPage", {"referrals": [SUMMARY_EXAMPLE]}, headers=_LINK),
    **_signed_in(400),
}
REFERRALS_TABLE: Final[Responses] = {
    200: {
        "description": "A page with a head line, oldest change first. Codes and days, no names.",
        "headers": {**_NO_STORE, **_LINK},
        "content": {"text/csv": {"schema": {"type": "string"}}},
    },
    **_signed_in(400),
}
REFERRAL: Final[Responses] = {
    200: _answer("The referral.", "ReferralDetail", DETAIL_EXAMPLE, headers=_ETAG),
    304: {"description": "You have seen this version.", "headers": {**_NO_STORE, **_ETAG}},
    **_signed_in(404),
}
ACTION: Final[Responses] = {
    200: _answer(
        "The referral after the step.",
        "ReferralDetail",
        {**DETAIL_EXAMPLE, "state": "accepted", "version": 3, "sealed": True},
        headers={**_ETAG, **_REPLAYED},
    ),
    **_signed_in(400, 404, 409, 412, 415, 428, 429),
}
FHIR: Final[Responses] = {
    200: {
        "description": "The referral as a Bundle, without names.",
        "headers": {**_NO_STORE, **_ETAG, **_VARY},
        "content": {
            media: {"schema": ref("schemas", "FhirBundle")} for media in ("application/fhir+json", "application/json")
        },
    },
    **_signed_in(404, 406),
}
SEALED: Final[Responses] = {
    200: _answer("The sealed parts.", "Sealed"),
    **_signed_in(404, 429),
    409: ref("responses", "NotOpenYet"),
    410: ref("responses", "Erased"),
}
EVENTS: Final[Responses] = {
    200: {
        **_answer(
            "A page of events, oldest first. With `Accept: application/cloudevents-batch+json` the bare array; "
            "the cursor then stands in Link.",
            "EventPage",
            {"events": [_EVENT_EXAMPLE], "cursor": "…", "more": False},
            headers={**_LINK, **_VARY},
        ),
    },
    **_signed_in(400, 406, 410),
}
EVENTS[200]["content"]["application/cloudevents-batch+json"] = {
    "schema": {"type": "array", "items": ref("schemas", "CloudEvent")}
}
_WEBHOOK_EXAMPLE: Final[dict[str, Any]] = {
    "id": "7d3e0a44-5f0c-4a57-8a53-0f3f9a5d6c21",
    "version": 1,
    "url": "https://centre.example/pristan",
    "types": [],
    "signature": "v1",
    "state": "active",
    "created_at": "2026-11-24T10:05:12.250000Z",
    "updated_at": "2026-11-24T10:05:12.250000Z",
}
_DELIVERY_EXAMPLE: Final[dict[str, Any]] = {
    "id": "b1f7a9c0-3c1d-4b0e-9f5b-8f6c2d1e0a77",
    "event": "8c0f5a1e-2b6d-4c58-a3cf-4f1a3c7d9e02",
    "type": "org.pristan.referral.offered",
    "referral": _ID,
    "state": "waiting",
    "attempts": 2,
    "next_attempt_at": "2026-11-24T10:10:21.000000Z",
    "attempted_at": "2026-11-24T10:05:18.000000Z",
    "last_status": 503,
    "happened_at": "2026-11-24T10:05:12.250000Z",
    "created_at": "2026-11-24T10:05:13.000000Z",
}
_SHOWN: Final = {**_WEBHOOK_EXAMPLE, "secret": "whsec_…"}
WEBHOOKS: Final[Responses] = {
    200: _answer("Your endpoints, oldest first.", "WebhookList", {"endpoints": [_WEBHOOK_EXAMPLE]}),
    **_signed_in(),
}
WEBHOOK: Final[Responses] = {
    200: _answer("The endpoint.", "WebhookOut", _WEBHOOK_EXAMPLE, headers=_ETAG),
    **_signed_in(404),
}
WEBHOOK_ADDED: Final[Responses] = {
    201: _answer("It is told what happens from now on.", "WebhookOut", _SHOWN, headers={**_ETAG, **_REPLAYED}),
    **_signed_in(400, 409, 415),
}
WEBHOOK_CHANGED: Final[Responses] = {
    200: _answer("The endpoint as it is now.", "WebhookOut", _WEBHOOK_EXAMPLE, headers=_ETAG),
    **_signed_in(400, 404, 412, 415, 428),
}
WEBHOOK_REMOVED: Final[Responses] = {
    204: {"description": "It is gone, and its deliveries with it.", "headers": _NO_STORE},
    **_signed_in(404),
}
WEBHOOK_SECRET: Final[Responses] = {
    200: _answer("The endpoint with its new secret.", "WebhookOut", _SHOWN, headers={**_ETAG, **_REPLAYED}),
    **_signed_in(400, 404, 409),
}
DELIVERIES: Final[Responses] = {
    200: _answer("A page, newest first.", "DeliveryPage", {"deliveries": [_DELIVERY_EXAMPLE]}, headers=_LINK),
    **_signed_in(400, 404),
}
DELIVERY: Final[Responses] = {
    202: _answer("It goes out next.", "DeliveryOut", {**_DELIVERY_EXAMPLE, "attempts": 0}),
    **_signed_in(404, 409),
}
RESENT: Final[Responses] = {
    202: _answer("They go out next.", "Resent", {"events": 12}),
    **_signed_in(400, 404, 409, 415),
}
INTAKE: Final[Responses] = {
    201: _answer("The intake is filed.", "FiledIntake", _FILED_EXAMPLE, headers=_REPLAYED),
    **_signed_in(400, 409, 415),
}
CONFLICT_LIST_EXAMPLE: Final[dict[str, Any]] = {"form": "1", "salt": "q" * 42 + "o", "entries": 120}
CONFLICT_HASHES_EXAMPLE: Final[dict[str, Any]] = {"form": "1", "hashes": ["h" * 42 + "o"]}
CONFLICTS: Final[Responses] = {
    200: _answer("Your list, told by its size.", "ConflictList", CONFLICT_LIST_EXAMPLE),
    **_signed_in(),
}
CONFLICTS_ADDED: Final[Responses] = {**CONFLICTS, **_signed_in(400, 415)}
DESCRIPTION: Final[Responses] = {
    200: {
        "description": "This document.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    422: ref("responses", "Invalid"),
}


def json_body(model: str, example: Any = None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": ref("schemas", model)}
    if example is not None:
        media["example"] = example
    return {"requestBody": {"required": True, "content": {"application/json": media}}}


SCOPE_WORDS: Final = {
    "referrals:read": "List your organisation's referrals and read one.",
    "referrals:contact": "Read the sealed part of a referral that your organisation accepted.",
    "referrals:write": "Take steps: accept, decline, start, complete …; keep your conflict list.",
    "referrals:create": "Refer somebody in.",
    "events:read": "Read the feed.",
    "webhooks:manage": "Manage webhook endpoints.",
    "intakes:create": "File intakes for people, from a trusted front end.",
}
assert set(SCOPE_WORDS) == set(SCOPES)
