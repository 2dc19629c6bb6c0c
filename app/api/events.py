"""The event feed: changes of an organisation's referrals as CloudEvents, oldest first, with ids and codes only.

A waiting request uses neither a thread nor a database connection: it sleeps on the event loop and polls every second.
"""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.api import cursors, openapi_examples, schemas
from app.api.content_negotiation import VARY, best_media_type
from app.api.dependencies import Acts, Config, Partner, for_organisation, format_instant, next_page
from app.api.openapi_components import LINK, schema_of, signed_in, success
from app.api.openapi_components import VARY as VARY_HEADER
from app.api.referrals import Cursor
from app.core import kill_switch
from app.core.dependencies import Keys, Now, Transactions
from app.core.errors import Gone
from app.core.keyring import KeyRing
from app.core.kill_switch import Frozen
from app.partners.oauth_clients import Caller
from app.referrals import change_feed
from app.referrals.change_feed import FeedRow

router = APIRouter(tags=["Events"])

MAX_WAIT: Final = 25
MAX_EVENTS: Final = 1000
BATCH: Final = "application/cloudevents-batch+json"
MEDIA_TYPES: Final = ("application/json", BATCH)
_CURSOR_BYTES: Final = 8 + 8
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 1.0


class CursorGone(Gone):
    slug, title = "cursor-gone", "This cursor is older than what is kept"


@router.get(
    "/v1/events",
    operation_id="listEvents",
    response_model=schemas.EventPage,
    response_description="A page of events, oldest first. With `Accept: application/cloudevents-batch+json` only the array, "
    "with the cursor in the Link header.",
    responses={
        200: success(
            {"events": [openapi_examples.EVENT], "cursor": "…", "more": False},
            headers={**LINK, **VARY_HEADER},
            media={BATCH: {"type": "array", "items": schema_of(schemas.CloudEvent)}},
        ),
        **signed_in(400, 406, 410),
    },
)
async def list_events(
    *,
    request: Request,
    caller: Annotated[Caller, Depends(Acts("events:read"))],
    keys: Keys,
    config: Config,
    now: Now,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 100,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for an event.")] = 0,
) -> JSONResponse:
    """Events after `cursor`, oldest first; without a cursor, from the oldest stored event (90 days).

    Store the cursor of the response after you have processed its events. Delivery is at least once: a repeated event has
    the same id. Positions are assigned after the commit, so the event of a slow transaction is never skipped.
    """
    media_type = best_media_type(request, *MEDIA_TYPES)
    partner = for_organisation(caller)
    after = _parse_cursor(keys, partner, cursor, now) if cursor is not None else 0
    rows = await _wait_for_events(request, partner, after, limit + 1, wait)
    events = [_event(row, config.base_url) for row in rows[:limit]]
    position = rows[:limit][-1].position if events else after
    new_cursor = _new_cursor(keys, partner, position or 0, now)
    following = urlencode({"limit": limit, "wait": wait, "cursor": new_cursor})
    headers = {**next_page(config, f"/v1/events?{following}"), **VARY}
    if media_type == BATCH:
        return JSONResponse(events, headers=headers, media_type=BATCH)
    return JSONResponse({"events": events, "cursor": new_cursor, "more": len(rows) > limit}, headers=headers)


async def _wait_for_events(request: Request, partner: Partner, after: int, limit: int, wait: int) -> Sequence[FeedRow]:
    """Poll until there are events, the waiting time is over, or the caller has disconnected."""
    transactions: Transactions = request.app.state.transactions
    until, pause = monotonic() + wait, _FIRST_PAUSE
    while True:
        rows = await _read(transactions, partner, after, limit)
        remaining = until - monotonic()
        if rows or remaining <= 0 or await request.is_disconnected():
            return rows
        await anyio.sleep(min(pause, remaining))
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _read(transactions: Transactions, partner: Partner, after: int, limit: int) -> Sequence[FeedRow]:
    """The events after a position: all that are committed, also where a replica is read.

    The primary says whether there are any, and which is the newest. Their page is read from the replica, and from the primary when
    the replica has not reached it.
    """
    if transactions.replica is None:
        return await _read_primary(transactions, partner, after, limit)

    def look(session: Session) -> tuple[bool, int]:
        _refuse_while_frozen(session)
        return change_feed.has_unplaced(session), change_feed.last_position(session, partner.organisation_id)

    async with transactions.open(write=False) as session:
        unplaced, last = await run_sync(look, session)
    if unplaced:
        return await _read_primary(transactions, partner, after, limit)
    if last <= after:
        return []
    async with transactions.open_replica() as session:
        rows = await run_sync(change_feed.read_events, session, partner.organisation_id, after, limit)
    if len(rows) == limit or (rows and rows[-1].position >= last):
        return rows
    return await _read_primary(transactions, partner, after, limit)


def _refuse_while_frozen(session: Session) -> None:
    if kill_switch.is_on(session, kill_switch.FREEZE):  # it may have been set while this request waited
        raise Frozen


async def _read_primary(transactions: Transactions, partner: Partner, after: int, limit: int) -> Sequence[FeedRow]:
    def read(session: Session) -> tuple[bool, Sequence[FeedRow]]:
        _refuse_while_frozen(session)
        return change_feed.has_unplaced(session), change_feed.read_events(
            session, partner.organisation_id, after, limit
        )

    async with transactions.open(write=False) as session:
        unplaced, rows = await run_sync(read, session)
    if not unplaced:
        return rows
    async with transactions.open(write=True) as session:
        await run_sync(change_feed.place_events, session)
    async with transactions.open(write=False) as session:
        return (await run_sync(read, session))[1]


def _event(row: FeedRow, base_url: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(row.id),
        "source": f"{base_url.rstrip('/')}/v1/referrals",
        "type": f"org.pristan.{change_feed.public_type(row.type)}",
        "subject": str(row.referral_id),
        "time": format_instant(row.at),
        "datacontenttype": "application/json",
        "data": {"referral": str(row.referral_id), "state": change_feed.state_in(row.type), "version": row.version},
    }


def _new_cursor(keys: KeyRing, partner: Partner, position: int, now: datetime) -> str:
    """A cursor with a position and the time of issue, which shows later whether events after it may have been deleted."""
    raw = position.to_bytes(8, "big") + int(now.timestamp()).to_bytes(8, "big")
    return cursors.signed(keys, raw, "events", partner.client_id)


def _parse_cursor(keys: KeyRing, partner: Partner, cursor: str, now: datetime) -> int:
    """The position of a cursor. Raises BadCursor (400), CursorGone (410)."""
    raw = cursors.read(keys, cursor, _CURSOR_BYTES, "events", partner.client_id)
    if now.timestamp() - int.from_bytes(raw[8:], "big") > change_feed.KEPT_FOR.total_seconds():
        raise CursorGone(
            "Events after this cursor may have been deleted. Start without a cursor, and list your referrals once.",
            restart="/v1/events",
        )
    return int.from_bytes(raw[:8], "big")
