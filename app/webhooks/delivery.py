"""Delivery of webhooks by the worker: create deliveries from the feed, claim those due, send them, record the outcomes.

Requests are sent outside any transaction. Delivery is at least once: if a worker dies after sending, its lease runs out and the
same `webhook-id` is sent again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import bulk, clock, log
from app.core.db import Database
from app.core.keyring import KeyRing
from app.core.outbound import CannotSend, Outbound
from app.core.sealing import CannotOpen
from app.core.upsert import insert_or_ignore
from app.partners import sandbox_identity
from app.referrals import change_feed
from app.referrals.models import Referral
from app.webhooks import service, signing
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from app.webhooks.retries import pause_after

LEASE: Final = timedelta(minutes=2)
KEPT_FOR: Final = change_feed.KEPT_FOR
_MAX_THREADS: Final = 8
_MAX_PER_ENDPOINT: Final = 4
"""Deliveries of one endpoint in one batch, so that an endpoint that hangs does not delay the others."""
_PAGE: Final = 500
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One attempt, ready to send. The repr shows only the delivery's id."""

    delivery_id: UUID
    endpoint_id: UUID
    attempt: int
    url: str
    body: bytes
    headers: dict[str, str]

    def __repr__(self) -> str:
        return f"DeliveryAttempt({self.delivery_id})"


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """The outcome of an attempt: the status of the response, or the code of the error."""

    attempt: DeliveryAttempt
    status: int | None = None
    error: str | None = None

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Sends all deliveries that are due, for at most `patience` seconds per round."""

    database: Database
    keys: KeyRing
    outbound: Outbound
    chance: Random
    patience: float = 10.0
    tick: Callable[[], float] = time.monotonic

    def round(self, now: datetime) -> int:
        """Run one round; returns how many deliveries succeeded."""
        until, arrived = self.tick() + self.patience, 0
        with self.database.begin() as session:
            create_deliveries(session, now)
        while self.tick() < until:
            with self.database.begin() as session:
                attempts = claim(session, self.keys, now)
            if not attempts:
                break
            with ThreadPoolExecutor(_MAX_THREADS) as threads:
                outcomes = list(threads.map(self._carry, attempts))
            with self.database.begin() as session:
                for outcome in outcomes:
                    record_outcome(session, outcome, now, self.chance)
            arrived += sum(outcome.arrived for outcome in outcomes)
        return arrived

    def _carry(self, attempt: DeliveryAttempt) -> DeliveryOutcome:
        try:
            return DeliveryOutcome(attempt, status=self.outbound.post(attempt.url, attempt.body, attempt.headers))
        except CannotSend as error:
            return DeliveryOutcome(attempt, error=error.code)
        except Exception as error:  # noqa: BLE001  an unexpected failure of one endpoint must not stop the others
            log.failure("webhook_failed", error)
            return DeliveryOutcome(attempt, error="internal")


def create_deliveries(session: Session, now: datetime) -> int:
    """Create a delivery for each new event of the feed and each active endpoint that wants its type; returns how many."""
    change_feed.place_events(session)
    active = (
        sa.select(WebhookEndpoint).where(*_live(now)).order_by(WebhookEndpoint.id).with_for_update(skip_locked=True)
    )
    return sum(_create_for(session, endpoint, now) for endpoint in session.scalars(active).all())


def _create_for(session: Session, endpoint: WebhookEndpoint, now: datetime) -> int:
    events = change_feed.read_events(session, endpoint.organisation_id, endpoint.position, _PAGE)
    if not events:
        return 0
    endpoint.position = events[-1].position
    session.flush()
    rows = [_row(endpoint.id, event, now) for event in events if _wants(endpoint, event.type)]
    if endpoint.ends_at is not None:
        rows = rows[: service.events_left(session, endpoint, now)]
    if rows:
        statement = insert_or_ignore(session, WebhookDelivery, key=("endpoint_id", "event_id"))
        session.connection().execute(statement, rows)
    return len(rows)


def _live(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    ends = WebhookEndpoint.ends_at
    return (WebhookEndpoint.state == "active", sa.or_(ends.is_(None), ends > now))


def _wants(endpoint: WebhookEndpoint, kind: str) -> bool:
    return not endpoint.types or f"{service.PREFIX}{change_feed.public_type(kind)}" in endpoint.types


def _row(endpoint_id: UUID, event: Any, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "endpoint_id": endpoint_id,
        "event_id": event.id,
        "type": f"{service.PREFIX}{change_feed.public_type(event.type)}",
        "referral_id": event.referral_id,
        "referral_version": event.version,
        "happened_at": event.at,
        "state": "waiting",
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }


def claim(session: Session, keys: KeyRing, now: datetime) -> list[DeliveryAttempt]:
    """Claim a few due deliveries of each active endpoint for one lease. Other workers skip them."""
    endpoints = session.scalars(sa.select(WebhookEndpoint).where(*_live(now))).all()
    return [attempt for endpoint in endpoints for attempt in _claim_of(session, keys, endpoint, now)]


def _claim_of(session: Session, keys: KeyRing, endpoint: WebhookEndpoint, now: datetime) -> Iterable[DeliveryAttempt]:
    due = session.scalars(
        sa.select(WebhookDelivery)
        .where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.state == "waiting",
            WebhookDelivery.due_at <= now,
        )
        .order_by(WebhookDelivery.due_at, WebhookDelivery.happened_at)
        .limit(_MAX_PER_ENDPOINT)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return []
    try:
        secrets = service.secrets_of(keys, endpoint, now)
    except CannotOpen:  # its epoch key is gone: the partner renews the secret
        log.get().error("webhook_secret_lost", count=len(due))
        return []
    for delivery in due:
        delivery.due_at = now + LEASE
        delivery.attempts += 1
        delivery.attempted_at = now
    session.flush()
    forged = _forged(session, endpoint, due)
    wrong = [hashlib.sha256(secret).digest() for secret in secrets]
    return [_attempt(endpoint, each, wrong if each.referral_id in forged else secrets, now) for each in due]


def _forged(session: Session, endpoint: WebhookEndpoint, due: Sequence[WebhookDelivery]) -> frozenset[UUID | None]:
    """Referrals of the sandbox whose deliveries are signed wrongly on purpose, so that a receiver's check can be tried."""
    if endpoint.organisation_id != sandbox_identity.ORGANISATION_ID:
        return frozenset()
    ids = {each.referral_id for each in due if each.referral_id is not None}
    labelled = sa.select(Referral.id).where(
        Referral.id.in_(ids), Referral.label == sandbox_identity.FORGED_SIGNATURE_LABEL
    )
    return frozenset(session.scalars(labelled))


def _attempt(
    endpoint: WebhookEndpoint, delivery: WebhookDelivery, secrets: Sequence[bytes], now: datetime
) -> DeliveryAttempt:
    body = json.dumps(payload(delivery), separators=(",", ":")).encode()
    signed = signing.headers(str(delivery.event_id), now, body, endpoint.signature, secrets)
    headers = {"Content-Type": "application/json", "User-Agent": "Pristan-Webhooks/1", **signed}
    return DeliveryAttempt(delivery.id, endpoint.id, delivery.attempts, endpoint.url, body, headers)


def payload(delivery: WebhookDelivery) -> dict[str, Any]:
    """The body of a delivery: ids and codes only. The receiver reads the details from the API with its token."""
    data: dict[str, Any] = {"event": str(delivery.event_id)}
    if delivery.referral_id is not None:
        data |= {"referral": str(delivery.referral_id), "version": delivery.referral_version}
    return {"type": delivery.type, "timestamp": clock.instant(delivery.happened_at), "data": data}


def record_outcome(session: Session, outcome: DeliveryOutcome, now: datetime, chance: Random) -> None:
    """Record an outcome: delivered, to be retried, or dead. An endpoint that answers 410 is closed."""
    delivery = session.get(WebhookDelivery, outcome.attempt.delivery_id, with_for_update=True, populate_existing=True)
    if delivery is None or delivery.attempts != outcome.attempt.attempt:  # removed, or sent again in the meantime
        return
    delivery.last_status, delivery.last_error = outcome.status, outcome.error
    if outcome.arrived:
        delivery.state, delivery.due_at = "delivered", None
    elif outcome.status == _GONE:
        _close(session, outcome.attempt.endpoint_id, now)
    else:
        pause = pause_after(delivery.attempts, chance)
        delivery.state, delivery.due_at = ("waiting", now + pause) if pause else ("dead", None)
    session.flush()


def _close(session: Session, endpoint_id: UUID, now: datetime) -> None:
    session.execute(
        sa.update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.state == "active")
        .values(state="gone", version=WebhookEndpoint.version + 1, updated_at=now)
    )
    session.execute(
        sa.update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == "waiting")
        .values(state="dead", due_at=None)
        .execution_options(synchronize_session="fetch")
    )


def delete_old(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete deliveries that are older than the events of the feed; returns how many."""
    return bulk.delete_some(session, WebhookDelivery, WebhookDelivery.created_at < now - KEPT_FOR, limit)


def delete_ended_endpoints(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete endpoints that have ended, with their deliveries; returns how many."""
    ended = session.scalars(sa.select(WebhookEndpoint.id).where(WebhookEndpoint.ends_at <= now).limit(limit)).all()
    return service.delete_endpoints(session, ended)


def count_dead(session: Session) -> int:
    """The number of deliveries that were given up."""
    return session.scalar(sa.select(sa.func.count()).where(WebhookDelivery.state == "dead")) or 0
