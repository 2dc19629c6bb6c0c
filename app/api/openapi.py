"""The description of the partner surface, OpenAPI 3.1: made of its routes and of what `documents` and `schemas` say."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api import (
    conflicts,
    deliveries,
    described,
    documents,
    events,
    fhir,
    intakes,
    oauth,
    referral_actions,
    referral_sealed,
    referrals,
    referring,
    schemas,
    signatures,
    told_by_us,
    webhooks,
)
from app.api.deps import Config, Policy, anyone
from app.intake.schemas import Intake

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


@router.get("/v1/openapi.json", operation_id="getDescription", responses=documents.DESCRIPTION)
async def description(config: Config) -> JSONResponse:
    """This document."""
    return JSONResponse(document(config.base_url.rstrip("/")), headers={"Cache-Control": "public, max-age=3600"})


@router.get("/v1/webhooks.openapi.json", operation_id="getWebhookDescription", responses=documents.DESCRIPTION)
async def webhook_description() -> JSONResponse:
    """What we send to your webhook endpoints: a document of its own, for few generators read both kinds in one."""
    return JSONResponse(told_by_us.document(VERSION), headers={"Cache-Control": "public, max-age=3600"})


@lru_cache(maxsize=4)
def document(base_url: str) -> dict[str, Any]:
    """The whole description. Callers must not change it."""
    routes = [
        route
        for part in (
            oauth,
            referrals,
            referral_actions,
            referral_sealed,
            referring,
            signatures,
            fhir,
            events,
            webhooks,
            deliveries,
            intakes,
            conflicts,
        )
        for route in part.router.routes
        if isinstance(route, APIRoute)
    ]
    routes += [route for route in router.routes if isinstance(route, APIRoute)]
    whole = get_openapi(
        title="Pristan partner API", version=VERSION, openapi_version="3.1.0", description=_WORDS, routes=routes,
        tags=_TAGS,
        servers=[{"url": base_url}], license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        summary="Pull referrals, answer them, open what is sealed.",
    )  # fmt: skip
    for route in routes:
        for method in route.methods or ():
            _complete(whole["paths"][route.path_format][method.lower()], route)
    whole["components"] = {
        "schemas": _schemas(),
        "responses": described.PROBLEMS,
        "headers": described.HEADERS,
        "securitySchemes": _schemes(base_url),
    }
    whole["security"] = []
    return whole


def policies(dependant: Dependant) -> Iterator[Policy]:
    """The policies among a route's dependencies, however deep."""
    if isinstance(dependant.call, Policy):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from policies(inner)


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    """What the routes can not say: security from the policy, the answers as `documents` has them, strict parameters."""
    operation["responses"] = {str(status): answer for status, answer in sorted(route.responses.items(), key=str)}
    scopes = sorted({policy.scope for policy in policies(route.dependant)})
    if scopes:
        _limited(operation)
        operation["security"] = [{"oauth2": scopes}, {"bearer": []}]
    for parameter in operation.get("parameters", ()):
        _without_null(parameter)
        parameter["required"] = parameter["in"] == "path" or parameter["name"] in {"Idempotency-Key", "If-Match"}
        parameter["schema"].pop("title", None)


def _limited(operation: dict[str, Any]) -> None:
    """A good answer says what is left of the quota. The answers of `documents` are shared, so they are copied."""
    told = {
        "RateLimit-Policy": described.ref("headers", "RateLimitPolicy"),
        "RateLimit": described.ref("headers", "RateLimit"),
    }
    for status, answer in operation["responses"].items():
        if status < "400":
            operation["responses"][status] = {**answer, "headers": {**answer.get("headers", {}), **told}}


def _schemas() -> dict[str, Any]:
    models: list[type[BaseModel]] = [
        model
        for model in vars(schemas).values()
        if isinstance(model, type)
        and issubclass(model, BaseModel)
        and model is not BaseModel
        and model.__name__[0] != "_"
    ]
    made = models_json_schema(
        [(model, "serialization") for model in models], ref_template="#/components/schemas/{model}"
    )
    taken = models_json_schema(
        [
            (Intake, "validation"),
            (schemas.ConflictHashes, "validation"),
            *referral_actions.BODIES,
            *referring.BODIES,
            *webhooks.BODIES,
            *deliveries.BODIES,
        ],
        ref_template="#/components/schemas/{model}",
    )
    return {
        name: _without_null(schema)
        for part in (made, taken)
        for name, schema in sorted(part[1].get("$defs", {}).items())
    }


def _without_null(schema: Any) -> Any:
    """`X | None` in our models means that the field may be absent; null itself is never sent and never taken."""
    if isinstance(schema, list):
        return [_without_null(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    choices = schema.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        schema.pop("anyOf")
        if schema.get("default", 0) is None:
            schema.pop("default")
        schema.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    if schema.get("default", 0) is None:
        schema.pop("default")
    for name, inner in schema.items():
        schema[name] = _without_null(inner) if name not in {"example", "examples", "const", "enum"} else inner
    return schema


def _schemes(base_url: str) -> dict[str, Any]:
    flow = {"tokenUrl": f"{base_url}/oauth/token", "scopes": documents.SCOPE_WORDS}
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "RFC 6749 §4.4; metadata at /.well-known/oauth-authorization-server.",
            "flows": {"clientCredentials": flow},
        },
        "bearer": {"type": "http", "scheme": "bearer", "description": "The token that /oauth/token gave."},
        "clientSecretBasic": {"type": "http", "scheme": "basic", "description": "Client id and secret."},
    }
