"""Deliveries to a webhook endpoint: list them, send a test event, send events again."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field

from app.api import cursors, openapi_examples
from app.api.dependencies import Config, checked_instant, format_instant, next_page, parse_id, parse_instant
from app.api.openapi_components import LINK, Responses, json_body, signed_in, success
from app.api.schemas import DeliveryOut, DeliveryPage, Resent
from app.api.webhooks import (
    BASE,
    ENDPOINT,
    EndpointId,
    StrictBody,
    WebhookManager,
    WebhookReader,
    owner_of,
    parse_endpoint_id,
    read_body,
)
from app.core.dependencies import Body, Brake, Db, Keys, Now, ReadDb
from app.core.errors import NotFound
from app.webhooks import service
from app.webhooks.models import WebhookDelivery

router = APIRouter(tags=["Webhooks"])

_POSITION_BYTES: Final = 8 + 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ResendRequest(StrictBody):
    """The time from which events are sent again."""

    since: Annotated[str, AfterValidator(checked_instant)] = Field(
        description="RFC 3339.", json_schema_extra={"format": "date-time"}
    )


async def _since(request: Request, body: Body) -> datetime:
    return parse_instant(read_body(request, body, ResendRequest).since, "/since")


def _parse_delivery_id(text: str) -> UUID:
    try:
        return parse_id(text)
    except NotFound:
        raise NotFound("This endpoint has no delivery with this id.") from None


DeliveryId = Annotated[str, Path(description="The delivery's id.", json_schema_extra={"format": "uuid"})]
StateFilter = Annotated[
    Literal["waiting", "delivered", "dead"] | None, Query(alias="state", description="Only deliveries in this state.")
]
Cursor = Annotated[str | None, Query(max_length=200, description="The next_cursor of the last page.")]
Limit = Annotated[int, Query(ge=1, le=100)]
_QUEUED: Final[Responses] = {202: success({**openapi_examples.DELIVERY, "attempts": 0}), **signed_in(404, 409)}


@router.get(
    ENDPOINT + "/deliveries",
    operation_id="listDeliveries",
    response_model=DeliveryPage,
    response_description="A page, newest first.",
    responses={200: success({"deliveries": [openapi_examples.DELIVERY]}, headers=LINK), **signed_in(400, 404)},
)
def list_deliveries(
    *,
    caller: WebhookReader,
    session: ReadDb,
    keys: Keys,
    config: Config,
    endpoint_id: EndpointId,
    state: StateFilter = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> JSONResponse:
    """Sent and pending deliveries, newest first. They are stored for 90 days."""
    owner = owner_of(caller)
    endpoint = service.get(session, owner, parse_endpoint_id(endpoint_id))
    belongs_to = ("deliveries", owner.client_id, str(endpoint.id), f"state={state}")
    query = sa.select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id)
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    if cursor is not None:
        position = _parse_position(cursors.read(keys, cursor, _POSITION_BYTES, *belongs_to))
        query = query.where(
            sa.tuple_(WebhookDelivery.created_at, WebhookDelivery.id) < sa.tuple_(*map(sa.literal, position))
        )
    query = query.order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc()).limit(limit + 1)
    rows = session.scalars(query).all()
    answer: dict[str, Any] = {"deliveries": [_delivery_json(row) for row in rows[:limit]]}
    headers: dict[str, str] = {}
    if len(rows) > limit:
        answer["next_cursor"] = cursors.signed(keys, _position_bytes(rows[limit - 1]), *belongs_to)
        parameters = {"state": state, "limit": limit, "cursor": answer["next_cursor"]}
        query_string = urlencode({name: value for name, value in parameters.items() if value is not None})
        headers = next_page(config, f"{BASE}/{endpoint.id}/deliveries?{query_string}")
    return JSONResponse(answer, headers=headers)


@router.post(
    ENDPOINT + "/test",
    status_code=202,
    operation_id="testWebhook",
    response_model=DeliveryOut,
    response_description="The delivery is sent next.",
    responses=_QUEUED,
)
def send_test(caller: WebhookManager, session: Db, brake: Brake, now: Now, endpoint_id: EndpointId) -> JSONResponse:
    """Send a test event, of the type `org.pristan.test`."""
    brake.check(session)
    return JSONResponse(
        _delivery_json(service.send_test(session, owner_of(caller), parse_endpoint_id(endpoint_id), now)),
        status_code=202,
    )


@router.post(
    ENDPOINT + "/deliveries/{delivery_id}/retry",
    status_code=202,
    operation_id="retryDelivery",
    response_model=DeliveryOut,
    response_description="The delivery is sent next.",
    responses=_QUEUED,
)
def retry(
    caller: WebhookManager, session: Db, now: Now, endpoint_id: EndpointId, delivery_id: DeliveryId
) -> JSONResponse:
    """Send one delivery again, whatever its state."""
    delivery = service.retry(
        session, owner_of(caller), parse_endpoint_id(endpoint_id), _parse_delivery_id(delivery_id), now
    )
    return JSONResponse(_delivery_json(delivery), status_code=202)


@router.post(
    ENDPOINT + "/resend",
    status_code=202,
    operation_id="resendSince",
    response_model=Resent,
    response_description="The events are sent next.",
    responses={202: success({"events": 12}), **signed_in(400, 404, 409, 415)},
    openapi_extra=json_body(ResendRequest, example={"since": "2026-11-24T08:00:00Z"}),
)
def resend(
    caller: WebhookManager,
    since: Annotated[datetime, Depends(_since)],
    session: Db,
    now: Now,
    endpoint_id: EndpointId,
) -> JSONResponse:
    """Send all events since a given time again, for example after a long outage of your endpoint."""
    count = service.resend(session, owner_of(caller), parse_endpoint_id(endpoint_id), since, now)
    return JSONResponse({"events": count}, status_code=202)


def _delivery_json(delivery: WebhookDelivery) -> dict[str, Any]:
    optional = {
        "referral": str(delivery.referral_id) if delivery.referral_id else None,
        "next_attempt_at": format_instant(delivery.due_at),
        "attempted_at": format_instant(delivery.attempted_at),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
    }
    return {
        "id": str(delivery.id),
        "event": str(delivery.event_id),
        "type": delivery.type,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "happened_at": format_instant(delivery.happened_at),
        "created_at": format_instant(delivery.created_at),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _position_bytes(row: WebhookDelivery) -> bytes:
    micros = (row.created_at - _EPOCH) // timedelta(microseconds=1)
    return micros.to_bytes(8, "big") + row.id.bytes


def _parse_position(raw: bytes) -> tuple[datetime, UUID]:
    return _EPOCH + timedelta(microseconds=int.from_bytes(raw[:8], "big")), UUID(bytes=raw[8:])
