"""The OpenAPI 3.1 document of what we send to webhook endpoints: webhooks and no paths."""

from functools import lru_cache
from typing import Any, Final

from app.webhooks.service import MESSAGE, PREFIX, TEST, TYPES

_WORDS: Final = """\
What arrives at your webhook endpoints, after the specification of Standard Webhooks. Ids and codes only: ask
`GET /v1/referrals/{id}` for more. Answer 2xx within ten seconds and do the work afterwards; answer 410 to be told nothing
more. What was not taken is sent again over four days, with the same `webhook-id`, and the feed has it for 90 days.
Verify the signature before you read the body.
"""
_HEADERS: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("webhook-id", "The event's id. The same when it comes again: keep it to tell a repetition.", {"format": "uuid"}),
    ("webhook-timestamp", "Seconds since 1970 at this attempt. Refuse what is older than five minutes.", {}),
    (
        "webhook-signature",
        "Signatures of `id.timestamp.body`, separated by spaces: `v1,` HMAC-SHA256 or `v1a,` Ed25519, in base64.",
        {},
    ),
)
_ID: Final = "3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10"
_EVENT: Final = "8c0f5a1e-2b6d-4c58-a3cf-4f1a3c7d9e02"


@lru_cache(maxsize=1)
def document(version: str) -> dict[str, Any]:
    """The document. It is shared: callers must not change it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pristan webhooks",
            "version": version,
            "summary": "What we send to your endpoints.",
            "description": _WORDS,
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": "https://centre.example", "description": "Your own endpoint, as you registered it."}],
        "webhooks": {**{kind.removeprefix(PREFIX): _sent(kind) for kind in TYPES}, "test": _sent(TEST)},
        "components": {"schemas": {"ReferralMoved": _moved(), "Test": _test()}},
    }


def _sent(kind: str) -> dict[str, Any]:
    schema, data = "ReferralMoved", {"event": _EVENT, "referral": _ID, "version": 2}
    words = f"A referral of yours came into the state {kind.rpartition('.')[2]}."
    if kind == MESSAGE:
        words = "The team wrote to you about a referral: read it with `GET /v1/referrals/{id}/messages`."
    if kind.startswith(f"{PREFIX}appointment."):
        words = f"Times that were offered for a referral of yours became {kind.rpartition('.')[2]}."
    if kind.startswith(f"{PREFIX}team_appointment."):
        words = f"Times that the team offered the person of a referral of yours became {kind.rpartition('.')[2]}."
    if kind == TEST:
        schema, data, words = "Test", {"event": _EVENT}, "You asked for a test. It means nothing."
    example = {"type": kind, "timestamp": "2026-11-24T10:05:12.250000Z", "data": data}
    name = kind.removeprefix(PREFIX).replace(".", "_")
    return {
        "post": {
            "operationId": f"told_{name}",
            "summary": words,
            "security": [],
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": True,
                    "description": said,
                    "schema": {"type": "string", **more},
                }
                for header, said, more in _HEADERS
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
                },
            },
            "responses": {
                "2XX": {"description": "Taken."},
                "410": {"description": "Tell us nothing more: the endpoint is closed."},
            },
        }
    }


def _moved() -> dict[str, Any]:
    data = {"referral": {"type": "string", "format": "uuid"}, "version": {"type": "integer", "minimum": 1}}
    return _message(
        "A referral of your organisation moved, the team wrote to you about one, or times were offered or answered.",
        list(TYPES),
        data,
    )


def _test() -> dict[str, Any]:
    return _message("A test that you asked for.", [TEST], {})


def _message(words: str, types: list[str], more: dict[str, Any]) -> dict[str, Any]:
    data = {"event": {"type": "string", "format": "uuid", "description": "Its id in the feed."}, **more}
    return {
        "type": "object",
        "description": words,
        "required": ["type", "timestamp", "data"],
        "additionalProperties": False,
        "properties": {
            "type": {"type": "string", "enum": types},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": {"type": "object", "required": list(data), "additionalProperties": False, "properties": data},
        },
    }
