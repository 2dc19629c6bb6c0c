"""The OpenAPI 3.1 document of the partner API, generated from its routes and the models that they declare."""

from functools import lru_cache
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from app.api import (
    conflicts,
    deliveries,
    events,
    fhir,
    inbound_referrals,
    intakes,
    oauth,
    openapi_components,
    referral_actions,
    referral_appointments,
    referral_messages,
    referral_quality,
    referral_sealed,
    referrals,
    sent_documents,
    signatures,
    vocabularies,
    webhook_openapi,
    webhooks,
)
from app.api.dependencies import Config, anyone
from app.api.open_addresses import OPEN
from app.api.openapi_components import Responses, ref

router = APIRouter(dependencies=[Depends(anyone)], tags=["This description"])

VERSION: Final = "1.0.0"
_WORDS: Final = """\
For organisations that take referrals, and for trusted front ends that file intakes.

Sign in with client credentials, pull your referrals or follow the feed, answer each with an action, and after
acceptance open the sealed part with your own private key. Errors are problem documents (RFC 9457) with a stable
`type`; they never repeat what you sent. Where the sandbox is open, the client `sandbox` with the secret
`published-and-protects-nothing` finds made-up referrals, and errors on demand.
There is no `null` in any answer: a field that has nothing to say is absent.
"""
_TAGS: Final = [
    {"name": "Signing in", "description": "OAuth 2.0 client credentials."},
    {"name": "Referrals", "description": "Cases put to your organisation."},
    {"name": "Events", "description": "What happened since you last looked."},
    {"name": "Webhooks", "description": "Being told at once. What is sent: /v1/webhooks.openapi.json."},
    {"name": "Conflicts of interest", "description": "Whom you must not advise, as hashes only you can make."},
    {"name": "Intakes", "description": "Filing a request for a person."},
    {"name": "This description", "description": "The document you are reading."},
]


_HEADERS: Final = {**OPEN, "Cache-Control": "public, max-age=3600"}
"""Tools in a browser read the descriptions from any site."""
_DOCUMENT: Final[Responses] = {
    200: {"description": "This document.", "content": {"application/json": {"schema": {"type": "object"}}}},
    422: ref("responses", "Invalid"),
}


@router.get("/v1/openapi.json", operation_id="getDescription", responses=_DOCUMENT)
async def description(config: Config) -> JSONResponse:
    """The OpenAPI description of this API."""
    return JSONResponse(document(config.base_url.rstrip("/")), headers=_HEADERS)


@router.get("/v1/webhooks.openapi.json", operation_id="getWebhookDescription", responses=_DOCUMENT)
async def webhook_description() -> JSONResponse:
    """What we send to your webhook endpoints: a separate document, because few generators read paths and webhooks in one."""
    return JSONResponse(webhook_openapi.document(VERSION), headers=_HEADERS)


@lru_cache(maxsize=4)
def document(base_url: str) -> dict[str, Any]:
    """The document. It is shared: callers must not change it."""
    routes = [
        route
        for part in (
            oauth,
            referrals,
            referral_actions,
            referral_appointments,
            referral_messages,
            referral_quality,
            referral_sealed,
            sent_documents,
            inbound_referrals,
            signatures,
            fhir,
            events,
            webhooks,
            deliveries,
            intakes,
            conflicts,
            vocabularies,
        )
        for route in part.router.routes
        if isinstance(route, APIRoute)
    ]
    routes += [route for route in router.routes if isinstance(route, APIRoute)]
    result = get_openapi(
        title="Pristan partner API", version=VERSION, openapi_version="3.1.0", description=_WORDS, routes=routes,
        tags=_TAGS,
        servers=[{"url": base_url}], license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        summary="Pull referrals, answer them, open what is sealed.",
    )  # fmt: skip
    openapi_components.complete(result, routes, base_url)
    return result
