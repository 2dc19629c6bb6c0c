"""Rate limits: calls of each kind that a client may make in a minute, with RateLimit headers (IETF draft) on every answer."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Final

from anyio.to_thread import run_sync
from fastapi import Request

from app.core import quotas
from app.core.errors import TooMany
from app.core.http_middleware import RESPONSE_HEADERS
from app.core.quotas import WINDOW, Quotas, QuotaStatus
from app.core.request_plan import OnTheLoop
from app.settings import Settings

KIND_OF: Final[Mapping[str, str]] = {
    "referrals:read": "reads",
    "events:read": "reads",
    "referrals:write": "writes",
    "webhooks:manage": "writes",
    "referrals:create": "filings",
    "intakes:create": "filings",
    "referrals:contact": "hand_overs",
}
"""The quota that a call with this scope counts against."""
_COUNTED: Final = "pristan.counted"
"""The scope key that says that the call has been counted."""


def quota_of(settings: Settings, kind: str) -> int:
    quota: int = getattr(settings, f"{kind}_per_minute")
    return quota


async def count(request: Request, client_id: str, kind: str, now: datetime) -> None:
    """Count this call against the quota `kind`, and set headers that show the rest. Raises TooMany (429) with Retry-After.

    Must not be called while the request holds a read transaction: taking a share of the quota writes, and an embedded database
    without WAL would wait for itself.
    """
    quota = quota_of(request.app.state.settings, kind)
    what = f"{client_id}:{kind}"
    held: Quotas = request.app.state.quotas
    status = held.spend(what, quota, now)
    if status is None:
        async with held.fetch_lock:
            status = held.spend(what, quota, now) or await _from_the_next_share(request, held, what, quota, now)
    _show_or_refuse(request, kind, status)


def count_in_thread(request: Request, client_id: str, kind: str, now: datetime) -> None:
    """The same in a thread. Raises OnTheLoop when a share has to be taken; the call is then counted there, and once."""
    if _COUNTED in request.scope:
        return
    held: Quotas = request.app.state.quotas
    status = held.spend(f"{client_id}:{kind}", quota_of(request.app.state.settings, kind), now)
    if status is None:
        raise OnTheLoop(partial(_count_on_the_loop, request, client_id, kind, now))
    _show_or_refuse(request, kind, status)


async def _count_on_the_loop(request: Request, client_id: str, kind: str, now: datetime) -> None:
    await count(request, client_id, kind, now)
    request.scope[_COUNTED] = True


def _show_or_refuse(request: Request, kind: str, status: QuotaStatus) -> None:
    request.scope[RESPONSE_HEADERS].update(fields(kind, status))
    if not status.allowed:
        raise TooMany(
            "This client has asked as much as it may in a minute.",
            headers={"Retry-After": str(status.seconds_left)},
        )


async def _from_the_next_share(request: Request, held: Quotas, what: str, quota: int, now: datetime) -> QuotaStatus:
    async with request.app.state.transactions.open(write=True) as session:
        taken, got = await run_sync(partial(quotas.take_share, session, what, quota, now))
    held.store_share(what, quota, now, taken, got)
    return held.spend(what, quota, now) or QuotaStatus(False, quota, 0, WINDOW)


def fields(kind: str, status: QuotaStatus) -> dict[str, str]:
    """draft-ietf-httpapi-ratelimit-headers: `q` calls in `w` seconds; `r` are left for the next `t` seconds."""
    return {
        "RateLimit-Policy": f'"{kind}";q={status.quota};w={WINDOW}',
        "RateLimit": f'"{kind}";r={status.remaining};t={status.seconds_left}',
    }
