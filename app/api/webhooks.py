"""Webhook endpoints of an organisation: add, change, renew the secret, remove."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.orm import Session

from app.api import etags, idempotency, openapi_examples
from app.api.dependencies import (
    Acts,
    Config,
    ExpectedVersion,
    IdempotencyKey,
    Reads,
    for_organisation,
    format_instant,
    object_in,
    parse_id,
    require_content_type,
)
from app.api.openapi_components import ETAG, LOCATION, REPLAYED, json_body, signed_in, success
from app.api.schemas import WebhookList, WebhookOut
from app.client import sandbox
from app.core import outbound, strict_json
from app.core.dependencies import Body, Brake, Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid, NotFound
from app.core.keyring import KeyRing
from app.core.validation import field_error
from app.intake.idempotency import StoredResponse
from app.partners.oauth_clients import Caller
from app.webhooks import service, signing
from app.webhooks.models import WebhookEndpoint
from app.webhooks.service import TYPES, Owner

router = APIRouter(tags=["Webhooks"])

BASE: Final = "/v1/webhook-endpoints"
ENDPOINT: Final = BASE + "/{endpoint_id}"

EventType = Literal[TYPES]  # type: ignore[valid-type]
Url = Annotated[str, Field(max_length=500, json_schema_extra={"format": "uri", "pattern": "^https://"})]
Types = Annotated[list[EventType], Field(max_length=len(TYPES), description="Empty: every type.")]
EndpointId = Annotated[str, Path(description="The endpoint's id.", json_schema_extra={"format": "uuid"})]
WebhookReader = Annotated[Caller, Depends(Reads("webhooks:manage"))]
WebhookManager = Annotated[Caller, Depends(Acts("webhooks:manage"))]
_WITH_SECRET: Final = {**openapi_examples.WEBHOOK, "secret": "whsec_…"}

BodyModel = TypeVar("BodyModel", bound=BaseModel)


class StrictBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewWebhook(StrictBody):
    """A new endpoint: an https address with a public name."""

    url: Url
    types: Types = []
    signature: Literal["v1", "v1a"] = Field(default="v1", description="v1: HMAC-SHA256. v1a: Ed25519.")


class WebhookChange(StrictBody):
    """A change of an endpoint. Fields that are absent stay as they are."""

    url: Url | None = None
    types: Types | None = None
    active: bool | None = Field(default=None, description="false: nothing is sent. true: told from now on.")


def read_body(request: Request, body: bytes, model: type[BodyModel]) -> BodyModel:
    """Raises UnsupportedType, BadRequest, Invalid (with every fault); nothing of the input is repeated."""
    require_content_type("application/json", request)
    document = object_in(strict_json.loads(body))
    errors: list[FieldError] = []
    parsed = None
    try:
        parsed = model.model_validate(document)
    except ValidationError as error:
        errors += [field_error(entry) for entry in error.errors(include_input=False, include_url=False)]
    url = document.get("url")
    if isinstance(url, str) and all(error["pointer"] != "/url" for error in errors):
        try:
            outbound.check_url(url)
        except ValueError as error:
            errors.append(FieldError(pointer="/url", code="not_public_https", detail=str(error)))
    if errors or parsed is None:
        raise Invalid(errors)
    return parsed


async def _read_new(request: Request, body: Body) -> NewWebhook:
    return read_body(request, body, NewWebhook)


async def _read_change(request: Request, body: Body) -> WebhookChange:
    return read_body(request, body, WebhookChange)


def owner_of(caller: Caller) -> Owner:
    partner = for_organisation(caller)
    anonymous = caller.sandbox and caller.client_id == sandbox.CLIENT_ID
    return Owner(partner.organisation_id, partner.client_id, anonymous)


def parse_endpoint_id(text: str) -> UUID:
    try:
        return parse_id(text)
    except NotFound:
        raise NotFound("No endpoint of yours has this id.") from None


@router.get(
    BASE,
    operation_id="listWebhooks",
    response_model=WebhookList,
    response_description="Your endpoints, oldest first.",
    responses={200: success({"endpoints": [openapi_examples.WEBHOOK]}), **signed_in()},
)
def list_endpoints(caller: WebhookReader, session: ReadDb, keys: Keys) -> JSONResponse:
    """Your endpoints, oldest first, ten at most. The published client of the sandbox, which everybody shares, has no list."""
    endpoints = service.endpoints_of(session, owner_of(caller))
    return JSONResponse({"endpoints": [_endpoint_json(keys, endpoint) for endpoint in endpoints]})


@router.post(
    BASE,
    status_code=201,
    operation_id="addWebhook",
    response_model=WebhookOut,
    response_description="It is told what happens from now on.",
    responses={201: success(_WITH_SECRET, headers={**ETAG, **REPLAYED, **LOCATION}), **signed_in(400, 409, 415)},
    openapi_extra=json_body(NewWebhook, example={"url": "https://centre.example/pristan"}),
)
def add_endpoint(
    *,
    caller: WebhookManager,
    key: IdempotencyKey,
    new: Annotated[NewWebhook, Depends(_read_new)],
    body: Body,
    session: Db,
    keys: Keys,
    config: Config,
    brake: Brake,
    now: Now,
) -> JSONResponse:
    """Add an endpoint. The answer contains its secret, which is shown only once."""
    owner = owner_of(caller)

    def act() -> tuple[WebhookEndpoint, bytes]:
        brake.check(session)
        return service.add(session, keys, owner, new.url, list(new.types), new.signature, now)

    answer = _answer_with_secret(session, keys, f"hook:{owner.client_id}", key, body, act, 201, config, now)
    answer.headers["Location"] = f"{config.base_url.rstrip('/')}{BASE}/{json.loads(bytes(answer.body))['id']}"
    return answer


@router.get(
    ENDPOINT,
    operation_id="getWebhook",
    response_model=WebhookOut,
    response_description="The endpoint.",
    responses={200: success(openapi_examples.WEBHOOK, headers=ETAG), **signed_in(404)},
)
def read_endpoint(caller: WebhookReader, session: ReadDb, keys: Keys, endpoint_id: EndpointId) -> JSONResponse:
    """Read one of your endpoints."""
    endpoint = service.get(session, owner_of(caller), parse_endpoint_id(endpoint_id))
    return JSONResponse(_endpoint_json(keys, endpoint), headers={"ETag": etags.of_version(endpoint.version)})


@router.patch(
    ENDPOINT,
    operation_id="changeWebhook",
    response_model=WebhookOut,
    response_description="The endpoint as it is now.",
    responses={200: success(openapi_examples.WEBHOOK, headers=ETAG), **signed_in(400, 404, 412, 415, 428)},
    openapi_extra=json_body(WebhookChange, example={"active": False}),
)
def change_endpoint(
    *,
    caller: WebhookManager,
    version: ExpectedVersion,
    change: Annotated[WebhookChange, Depends(_read_change)],
    session: Db,
    keys: Keys,
    now: Now,
    endpoint_id: EndpointId,
) -> JSONResponse:
    """Change the address or the types, pause the endpoint or resume it. After resuming it receives new events only."""
    types = list(change.types) if change.types is not None else None
    endpoint = service.change(
        session,
        owner_of(caller),
        parse_endpoint_id(endpoint_id),
        version,
        now,
        url=change.url,
        types=types,
        active=change.active,
    )
    return JSONResponse(_endpoint_json(keys, endpoint), headers={"ETag": etags.of_version(endpoint.version)})


@router.delete(
    ENDPOINT,
    status_code=204,
    operation_id="removeWebhook",
    response_description="It is gone, and its deliveries with it.",
    responses={204: success(), **signed_in(404)},
)
def remove_endpoint(caller: WebhookManager, session: Db, now: Now, endpoint_id: EndpointId) -> Response:
    """Remove the endpoint and its pending deliveries. The event feed keeps everything."""
    service.remove(session, owner_of(caller), parse_endpoint_id(endpoint_id), now)
    return Response(status_code=204)


@router.post(
    ENDPOINT + "/secret",
    operation_id="renewWebhookSecret",
    response_model=WebhookOut,
    response_description="The endpoint with its new secret.",
    responses={200: success(_WITH_SECRET, headers={**ETAG, **REPLAYED}), **signed_in(400, 404, 409)},
)
def renew_secret(
    *,
    caller: WebhookManager,
    key: IdempotencyKey,
    session: Db,
    keys: Keys,
    config: Config,
    now: Now,
    endpoint_id: EndpointId,
) -> JSONResponse:
    """A new secret (or key pair). For a day every delivery carries both signatures, so that you can switch without a gap."""
    owner, parsed_id = owner_of(caller), parse_endpoint_id(endpoint_id)

    def act() -> tuple[WebhookEndpoint, bytes]:
        return service.renew_secret(session, keys, owner, parsed_id, now)

    return _answer_with_secret(
        session, keys, f"hook-secret:{owner.client_id}:{parsed_id}", key, b"", act, 200, config, now
    )


def _answer_with_secret(
    session: Session,
    keys: KeyRing,
    namespace: str,
    key: str,
    payload: bytes,
    act: Callable[[], tuple[WebhookEndpoint, bytes]],
    status: int,
    config: Config,
    now: datetime,
) -> JSONResponse:
    """The answer contains a secret. It is stored for a repeated request, encrypted with what only the sender has."""

    def reply() -> StoredResponse:
        endpoint, secret = act()
        shared = {"secret": signing.shown_secret(secret)} if endpoint.signature == signing.SHARED else {}
        return StoredResponse(status, {**_endpoint_json(keys, endpoint), **shared})

    return idempotency.answer(session, keys, config, now, namespace=namespace, key=key, payload=payload, act=reply)


def _endpoint_json(keys: KeyRing, endpoint: WebhookEndpoint) -> dict[str, Any]:
    optional = {
        "public_key": service.public_key(keys, endpoint),
        "old_secret_until": format_instant(endpoint.old_until),
        "ends_at": format_instant(endpoint.ends_at),
    }
    return {
        "id": str(endpoint.id),
        "version": endpoint.version,
        "url": endpoint.url,
        "types": endpoint.types,
        "signature": endpoint.signature,
        "state": endpoint.state,
        "created_at": format_instant(endpoint.created_at),
        "updated_at": format_instant(endpoint.updated_at),
        **{name: value for name, value in optional.items() if value is not None},
    }
