"""Webhook endpoints of an organisation: add, change, renew the secret, remove, send a test event, send events again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases.appointment_states import AppointmentState
from app.core.errors import Conflict, NotFound, PreconditionFailed
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.referrals import change_feed
from app.referrals.states import VISIBLE_TO_PARTNER, ReferralState
from app.webhooks import signing
from app.webhooks.models import WebhookDelivery, WebhookEndpoint

MAX_ENDPOINTS: Final = 10
"""Per organisation."""
MAX_ANONYMOUS_ENDPOINTS: Final = 20
"""In all, of the published sandbox client, which everybody shares."""
MAX_TESTS_PER_HOUR: Final = 60
"""Test events of one endpoint."""
MAX_ANONYMOUS_EVENTS_PER_HOUR: Final = 60
"""Per endpoint of the published sandbox client, because anybody may register an address there that is not theirs."""
ANONYMOUS_LIFETIME: Final = timedelta(hours=24)
OLD_SECRET_LIFETIME: Final = timedelta(hours=24)
PREFIX: Final = "org.pristan."
TEST: Final = "org.pristan.test"
MESSAGE: Final = "org.pristan.message.posted"
TYPES: Final = (
    *(f"{PREFIX}referral.{state}" for state in ReferralState if state in VISIBLE_TO_PARTNER),
    MESSAGE,
    *(f"{PREFIX}appointment.{state}" for state in AppointmentState),
    *(f"{PREFIX}team_appointment.{state}" for state in AppointmentState),
)


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of an endpoint: the organisation, and its OAuth client for the audit log.

    `anonymous`: anybody, by the published secret of the sandbox. They reach an endpoint only by its id, which nobody else knows.
    """

    organisation_id: UUID
    client_id: str
    anonymous: bool = False


def add(
    session: Session, keys: KeyRing, owner: Owner, url: str, types: list[str], signature: str, now: datetime
) -> tuple[WebhookEndpoint, bytes]:
    """Add an endpoint that receives events from now on; returns it and its secret. Raises Conflict when there are ten already.

    For an anonymous owner, the oldest anonymous endpoints are deleted instead, so that nobody can block the sandbox for others.
    """
    if owner.anonymous:
        _make_room(session)
    elif len(endpoints_of(session, owner)) >= MAX_ENDPOINTS:
        raise Conflict(f"An organisation can have at most {MAX_ENDPOINTS} endpoints.")
    endpoint_id, secret = uuid4(), signing.new_secret()
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        organisation_id=owner.organisation_id,
        url=url,
        types=types,
        state="active",
        version=1,
        signature=signature,
        secret=keys.encrypt(secret, *_secret_binding(endpoint_id, 1)),
        secret_version=1,
        position=_current_position(session, owner),
        ends_at=now + ANONYMOUS_LIFETIME if owner.anonymous else None,
        created_at=now,
        updated_at=now,
    )
    session.add(endpoint)
    _note(session, owner, endpoint, "added", now)
    session.flush()
    return endpoint, secret


def endpoints_of(session: Session, owner: Owner) -> list[WebhookEndpoint]:
    """The endpoints that the owner may list: none for the anonymous sandbox client, whose users must not see each other's."""
    if owner.anonymous:
        return []
    query = sa.select(WebhookEndpoint).where(*_belongs_to(owner))
    return list(session.scalars(query.order_by(WebhookEndpoint.created_at, WebhookEndpoint.id)))


def get(session: Session, owner: Owner, endpoint_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
    """The owner's endpoint with this id; `lock`: with its row locked. Raises NotFound, also for another organisation's."""
    query = sa.select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, *_belongs_to(owner))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    endpoint = session.scalars(query).one_or_none()
    if endpoint is None:
        raise NotFound("No endpoint of yours has this id.")
    return endpoint


def _belongs_to(owner: Owner) -> tuple[sa.ColumnElement[bool], ...]:
    mine = WebhookEndpoint.ends_at.is_not(None) if owner.anonymous else WebhookEndpoint.ends_at.is_(None)
    return (WebhookEndpoint.organisation_id == owner.organisation_id, mine)


def _make_room(session: Session) -> None:
    newest = WebhookEndpoint.created_at.desc(), WebhookEndpoint.id
    anonymous = sa.select(WebhookEndpoint.id).where(WebhookEndpoint.ends_at.is_not(None)).order_by(*newest)
    delete_endpoints(session, session.scalars(anonymous.offset(MAX_ANONYMOUS_ENDPOINTS - 1)).all())


def delete_endpoints(session: Session, endpoint_ids: Collection[UUID]) -> int:
    """Delete endpoints and their deliveries; returns how many endpoints."""
    if endpoint_ids:
        session.execute(sa.delete(WebhookDelivery).where(WebhookDelivery.endpoint_id.in_(endpoint_ids)))
        session.execute(sa.delete(WebhookEndpoint).where(WebhookEndpoint.id.in_(endpoint_ids)))
    return len(endpoint_ids)


def change(
    session: Session,
    owner: Owner,
    endpoint_id: UUID,
    expected_version: int,
    now: datetime,
    *,
    url: str | None = None,
    types: list[str] | None = None,
    active: bool | None = None,
) -> WebhookEndpoint:
    """Change an endpoint; None leaves a value as it is.

    An endpoint that was paused or gone continues from now; `resend` covers the gap. Raises NotFound, PreconditionFailed.
    """
    endpoint = get(session, owner, endpoint_id, lock=True)
    if endpoint.version != expected_version:
        raise PreconditionFailed("The endpoint has been changed.", version=endpoint.version)
    if active is True and endpoint.state != "active":
        endpoint.position = _current_position(session, owner)
    if active is not None:
        endpoint.state = "active" if active else "paused"
    endpoint.url = url if url is not None else endpoint.url
    endpoint.types = types if types is not None else endpoint.types
    _save_change(session, owner, endpoint, "changed", now)
    return endpoint


def renew_secret(
    session: Session, keys: KeyRing, owner: Owner, endpoint_id: UUID, now: datetime
) -> tuple[WebhookEndpoint, bytes]:
    """Create a new secret; for a day deliveries are signed with the old one as well. Raises NotFound."""
    endpoint = get(session, owner, endpoint_id, lock=True)
    secret = signing.new_secret()
    endpoint.old_secret, endpoint.old_until = endpoint.secret, now + OLD_SECRET_LIFETIME
    endpoint.secret_version += 1
    endpoint.secret = keys.encrypt(secret, *_secret_binding(endpoint.id, endpoint.secret_version))
    _save_change(session, owner, endpoint, "secret_renewed", now)
    return endpoint, secret


def remove(session: Session, owner: Owner, endpoint_id: UUID, now: datetime) -> None:
    """Delete an endpoint of this owner. Raises NotFound."""
    endpoint = get(session, owner, endpoint_id, lock=True)
    _note(session, owner, endpoint, "removed", now)
    delete_endpoints(session, [endpoint.id])


def send_test(session: Session, owner: Owner, endpoint_id: UUID, now: datetime) -> WebhookDelivery:
    """Queue a test event. Raises NotFound, Conflict (not active, or the hourly limit of an anonymous endpoint is reached)."""
    endpoint = _active(session, owner, endpoint_id)
    if owner.anonymous and not events_left(session, endpoint, now):
        raise Conflict(f"In the sandbox an endpoint receives at most {MAX_ANONYMOUS_EVENTS_PER_HOUR} events an hour.")
    if _tests_lately(session, endpoint, now) >= MAX_TESTS_PER_HOUR:
        raise Conflict(f"An endpoint can be sent at most {MAX_TESTS_PER_HOUR} test events an hour.")
    delivery = WebhookDelivery(
        id=uuid4(),
        endpoint_id=endpoint.id,
        event_id=uuid4(),
        type=TEST,
        happened_at=now,
        state="waiting",
        attempts=0,
        due_at=now,
        created_at=now,
    )
    session.add(delivery)
    session.flush()
    return delivery


def retry(session: Session, owner: Owner, endpoint_id: UUID, delivery_id: UUID, now: datetime) -> WebhookDelivery:
    """Send a delivery again, from the first attempt. Raises NotFound, Conflict (not active, or the owner is anonymous)."""
    _refuse_anonymous(owner)
    endpoint = _active(session, owner, endpoint_id)
    query = sa.select(WebhookDelivery).where(
        WebhookDelivery.id == delivery_id, WebhookDelivery.endpoint_id == endpoint.id
    )
    delivery = session.scalars(query.with_for_update()).one_or_none()
    if delivery is None:
        raise NotFound("No delivery of this endpoint has this id.")
    delivery.state, delivery.attempts, delivery.due_at = "waiting", 0, now
    session.flush()
    return delivery


def resend(session: Session, owner: Owner, endpoint_id: UUID, since: datetime, now: datetime) -> int:
    """Send again all events since `since` that the feed still has; returns the number of events.

    Raises NotFound, Conflict (not active, or the owner is anonymous).
    """
    _refuse_anonymous(owner)
    endpoint = _active(session, owner, endpoint_id)
    first, count = change_feed.position_since(session, owner.organisation_id, since)
    session.execute(
        sa.update(WebhookDelivery)
        .where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.happened_at >= since,
            WebhookDelivery.referral_id.is_not(None),
        )
        .values(state="waiting", attempts=0, due_at=now)
    )
    if first is not None:
        endpoint.position = min(endpoint.position, first - 1)
    _note(session, owner, endpoint, "resent", now)
    session.flush()
    return count


def _tests_lately(session: Session, endpoint: WebhookEndpoint, now: datetime) -> int:
    lately = sa.select(sa.func.count()).where(
        WebhookDelivery.endpoint_id == endpoint.id,
        WebhookDelivery.type == TEST,
        WebhookDelivery.created_at > now - timedelta(hours=1),
    )
    return session.scalar(lately) or 0


def events_left(session: Session, endpoint: WebhookEndpoint, now: datetime) -> int:
    """How many more events an anonymous endpoint may receive within the current hour."""
    lately = sa.select(sa.func.count()).where(
        WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.created_at > now - timedelta(hours=1)
    )
    return max(0, MAX_ANONYMOUS_EVENTS_PER_HOUR - (session.scalar(lately) or 0))


def secrets_of(keys: KeyRing, endpoint: WebhookEndpoint, now: datetime) -> list[bytes]:
    """The secrets that deliveries are signed with now, newest first. Raises CannotOpen."""
    secrets = [keys.decrypt(endpoint.secret, *_secret_binding(endpoint.id, endpoint.secret_version))]
    if endpoint.old_secret is not None and endpoint.old_until is not None and endpoint.old_until > now:
        secrets.append(keys.decrypt(endpoint.old_secret, *_secret_binding(endpoint.id, endpoint.secret_version - 1)))
    return secrets


def public_key(keys: KeyRing, endpoint: WebhookEndpoint) -> str | None:
    """The public key for signatures of type `v1a`; None for an endpoint with a shared secret, or when the key is lost."""
    if endpoint.signature != signing.PUBLIC:
        return None
    try:
        return signing.shown_public_key(
            keys.decrypt(endpoint.secret, *_secret_binding(endpoint.id, endpoint.secret_version))
        )
    except CannotOpen:
        return None


def _current_position(session: Session, owner: Owner) -> int:
    """The feed's last position after all committed events have been placed: every later event is new."""
    change_feed.place_events(session)
    return change_feed.last_position(session, owner.organisation_id)


def _secret_binding(endpoint_id: UUID, version: int) -> tuple[str, ...]:
    return ("webhook_endpoints", str(endpoint_id), "secret", str(version))


def _refuse_anonymous(owner: Owner) -> None:
    if owner.anonymous:
        raise Conflict(
            "The published program sends nothing twice: ask the operator for one of your own in the sandbox."
        )


def _active(session: Session, owner: Owner, endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = get(session, owner, endpoint_id, lock=True)
    if endpoint.state != "active":
        raise Conflict("The endpoint is not active: set `active` first.")
    return endpoint


def _save_change(session: Session, owner: Owner, endpoint: WebhookEndpoint, what: str, now: datetime) -> None:
    endpoint.version += 1
    endpoint.updated_at = now
    _note(session, owner, endpoint, what, now)
    session.flush()


def _note(session: Session, owner: Owner, endpoint: WebhookEndpoint, what: str, now: datetime) -> None:
    audit.record(
        session,
        actor_kind="partner",
        actor_id=owner.organisation_id.hex,
        action=f"webhook:{what}",
        subject_kind="webhook",
        subject_id=endpoint.id,
        codes={"client": owner.client_id},
        now=now,
    )
