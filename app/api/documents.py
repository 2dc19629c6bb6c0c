"""What each route of the API answers, for its description.

Routes hand these to FastAPI as `responses` and `openapi_extra`; `openapi.py` makes the one document of them.
"""

from typing import Any, Final

from app.api import examples
from app.api.described import (
    CHALLENGE,
    ETAG,
    LINK,
    NO_STORE,
    REPLAYED,
    VARY,
    Responses,
    answer,
    problems,
    ref,
    signed_in,
)
from app.partners.service import SCOPES

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
    400: answer(
        "The request does not fit.", "OAuthProblem",
        {"error": "unsupported_grant_type", "error_description": "The only grant here is client_credentials."},
    ),
    401: answer(
        "The client is unknown, or its proof does not hold.", "OAuthProblem",
        {"error": "invalid_client", "error_description": "The client is unknown, or its proof does not hold."},
        headers=CHALLENGE,
    ),
    **problems(),
}  # fmt: skip
TOKEN: Final[Responses] = {
    200: answer(
        "A token.",
        "AccessTokenAnswer",
        {"access_token": "…", "token_type": "Bearer", "expires_in": 900, "scope": "events:read referrals:read"},
    ),
    **_OAUTH_PROBLEMS,
}
REVOKE: Final[Responses] = {
    200: {
        "description": "The token is no longer valid, or never was.",
        "headers": NO_STORE,
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
    200: answer("A page, oldest change first.", "ReferralPage", {"referrals": [examples.SUMMARY]}, headers=LINK),
    **signed_in(400),
}
REFERRALS_TABLE: Final[Responses] = {
    200: {
        "description": "A page with a head line, oldest change first. Codes and days, no names.",
        "headers": {**NO_STORE, **LINK},
        "content": {"text/csv": {"schema": {"type": "string"}}},
    },
    **signed_in(400),
}
REFERRAL: Final[Responses] = {
    200: answer("The referral.", "ReferralDetail", examples.DETAIL, headers=ETAG),
    304: {"description": "You have seen this version.", "headers": {**NO_STORE, **ETAG}},
    **signed_in(404),
}
ACTION: Final[Responses] = {
    200: answer(
        "The referral after the step.",
        "ReferralDetail",
        {**examples.DETAIL, "state": "accepted", "version": 3, "sealed": True},
        headers={**ETAG, **REPLAYED},
    ),
    **signed_in(400, 404, 409, 412, 415, 428, 429),
}
FHIR: Final[Responses] = {
    200: {
        "description": "The referral as a Bundle, without names.",
        "headers": {**NO_STORE, **ETAG, **VARY},
        "content": {
            media: {"schema": ref("schemas", "FhirBundle")} for media in ("application/fhir+json", "application/json")
        },
    },
    **signed_in(404, 406),
}
SEALED: Final[Responses] = {
    200: answer("The sealed parts.", "Sealed"),
    **signed_in(404, 429),
    409: ref("responses", "NotOpenYet"),
    410: ref("responses", "Erased"),
}
EVENTS: Final[Responses] = {
    200: {
        **answer(
            "A page of events, oldest first. With `Accept: application/cloudevents-batch+json` the bare array; "
            "the cursor then stands in Link.",
            "EventPage",
            {"events": [examples.EVENT], "cursor": "…", "more": False},
            headers={**LINK, **VARY},
        ),
    },
    **signed_in(400, 406, 410),
}
EVENTS[200]["content"]["application/cloudevents-batch+json"] = {
    "schema": {"type": "array", "items": ref("schemas", "CloudEvent")}
}
_SHOWN: Final = {**examples.WEBHOOK, "secret": "whsec_…"}
WEBHOOKS: Final[Responses] = {
    200: answer("Your endpoints, oldest first.", "WebhookList", {"endpoints": [examples.WEBHOOK]}),
    **signed_in(),
}
WEBHOOK: Final[Responses] = {
    200: answer("The endpoint.", "WebhookOut", examples.WEBHOOK, headers=ETAG),
    **signed_in(404),
}
WEBHOOK_ADDED: Final[Responses] = {
    201: answer("It is told what happens from now on.", "WebhookOut", _SHOWN, headers={**ETAG, **REPLAYED}),
    **signed_in(400, 409, 415),
}
WEBHOOK_CHANGED: Final[Responses] = {
    200: answer("The endpoint as it is now.", "WebhookOut", examples.WEBHOOK, headers=ETAG),
    **signed_in(400, 404, 412, 415, 428),
}
WEBHOOK_REMOVED: Final[Responses] = {
    204: {"description": "It is gone, and its deliveries with it.", "headers": NO_STORE},
    **signed_in(404),
}
WEBHOOK_SECRET: Final[Responses] = {
    200: answer("The endpoint with its new secret.", "WebhookOut", _SHOWN, headers={**ETAG, **REPLAYED}),
    **signed_in(400, 404, 409),
}
DELIVERIES: Final[Responses] = {
    200: answer("A page, newest first.", "DeliveryPage", {"deliveries": [examples.DELIVERY]}, headers=LINK),
    **signed_in(400, 404),
}
DELIVERY: Final[Responses] = {
    202: answer("It goes out next.", "DeliveryOut", {**examples.DELIVERY, "attempts": 0}),
    **signed_in(404, 409),
}
RESENT: Final[Responses] = {
    202: answer("They go out next.", "Resent", {"events": 12}),
    **signed_in(400, 404, 409, 415),
}
INTAKE: Final[Responses] = {
    201: answer("The intake is filed.", "FiledIntake", examples.FILED, headers=REPLAYED),
    **signed_in(400, 409, 415),
}
CONFLICTS: Final[Responses] = {
    200: answer("Your list, told by its size.", "ConflictList", examples.CONFLICT_LIST),
    **signed_in(),
}
CONFLICTS_ADDED: Final[Responses] = {**CONFLICTS, **signed_in(400, 415)}
DESCRIPTION: Final[Responses] = {
    200: {
        "description": "This document.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    422: ref("responses", "Invalid"),
}


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
