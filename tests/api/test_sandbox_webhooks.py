"""Webhooks with nothing but the published secret: they fire, a wrong signature can be had, and nobody is harmed by it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from app.core.outbound import Outbound
from app.partners import sandbox_identity as partners
from app.webhooks import delivery as webhooks_delivery
from app.webhooks import service
from app.webhooks.delivery import WebhookSender
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.partners import MINE, Network
from tests.support.receiver import Receiver, receiving
from tests.support.sandbox import WHO, refilled

BASE = "/v1/webhook-endpoints"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def call(sandbox_network: Network, method: str, path: str, *, who: str = WHO, **rest: Any) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
    return sandbox_network.call(method, f"{BASE}{path}", who=who, headers=headers, **rest)


def added(sandbox_network: Network, *, who: str = WHO) -> dict[str, Any]:
    answer = call(sandbox_network, "POST", "", who=who, json={"url": "https://centre.example/hook"})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def listening(sandbox_network: Network, receiver: Receiver) -> tuple[dict[str, Any], WebhookSender]:
    """An endpoint at the receiver; its address is put in past the check, which would refuse this machine."""
    sandbox_network.time.at = datetime.now(UTC)  # receivers go by the true time
    refilled(sandbox_network)
    endpoint = added(sandbox_network)
    with sandbox_network.database.begin() as session:
        this = sa.update(WebhookEndpoint).where(WebhookEndpoint.id == UUID(endpoint["id"]))
        session.execute(this.values(url=receiver.url))
    return endpoint, WebhookSender(
        sandbox_network.database, sandbox_network.keys, Outbound(loopback_in_tests=True, timeout=1.0), Random(3)
    )


def labelled(sandbox_network: Network, label: str) -> str:
    found = sandbox_network.get("/v1/referrals?limit=100", who=WHO).json()["referrals"]
    return str(next(one["id"] for one in found if one["label"] == label))


def test_the_test_event_and_what_happens_arrive_signed(sandbox_network: Network, receiver: Receiver):
    endpoint, postman = listening(sandbox_network, receiver)
    assert call(sandbox_network, "POST", f"/{endpoint['id']}/test").status_code == 202
    waiting = sandbox_network.get("/v1/referrals?state=offered", who=WHO).json()["referrals"]
    plain = next(one["id"] for one in waiting if not one["label"].startswith("SANDBOX"))
    assert sandbox_network.act(plain, "acknowledge", who=WHO).status_code == 200
    assert postman.round(sandbox_network.now) == 2
    kinds = {Webhook(endpoint["secret"]).verify(body.decode(), headers)["type"] for headers, body in receiver.came}
    assert kinds == {"org.pristan.test", "org.pristan.referral.acknowledged"}


def test_what_happens_to_the_one_for_signatures_is_signed_wrongly(sandbox_network: Network, receiver: Receiver):
    endpoint, postman = listening(sandbox_network, receiver)
    assert sandbox_network.act(labelled(sandbox_network, "SANDBOX-SIG"), "start", who=WHO).status_code == 200
    assert postman.round(sandbox_network.now) == 1
    ((headers, body),) = receiver.came
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint["secret"]).verify(body.decode(), headers)
    assert b"org.pristan.referral.in_progress" in body


def test_who_has_the_id_manages_it_and_nobody_sees_it_in_a_list(sandbox_network: Network):
    endpoint = added(sandbox_network)
    assert call(sandbox_network, "GET", "").json() == {"endpoints": []}
    path = f"/{endpoint['id']}"
    assert call(sandbox_network, "GET", path).json()["ends_at"]
    assert call(sandbox_network, "GET", path, who=MINE).status_code == 404
    with sandbox_network.database.begin() as session:
        secret = partners.add_own_client(session, sandbox_network.keys, "acme-test", sandbox_network.now)
    token = sandbox_network.http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=("acme-test", secret)
    ).json()["access_token"]
    theirs = sandbox_network.http.get(f"{BASE}{path}", headers={"Authorization": f"Bearer {token}"})
    assert theirs.status_code == 404
    assert call(sandbox_network, "DELETE", path).status_code == 204
    assert call(sandbox_network, "GET", path).status_code == 404


def test_it_ends_after_a_day_and_the_oldest_makes_room(sandbox_network: Network):
    first = added(sandbox_network)
    for _ in range(service.MAX_ANONYMOUS_ENDPOINTS):
        sandbox_network.time.at += timedelta(seconds=1)
        added(sandbox_network)
    assert call(sandbox_network, "GET", f"/{first['id']}").status_code == 404
    with sandbox_network.database.begin() as session:
        assert webhooks_delivery.delete_ended_endpoints(session, sandbox_network.now) == 0
        assert (
            webhooks_delivery.delete_ended_endpoints(session, sandbox_network.now + timedelta(days=1))
            == service.MAX_ANONYMOUS_ENDPOINTS
        )
        assert session.scalar(sa.select(sa.func.count()).select_from(WebhookEndpoint)) == 0


def test_an_address_is_not_called_without_end(sandbox_network: Network, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "MAX_ANONYMOUS_EVENTS_PER_HOUR", 2)
    endpoint = added(sandbox_network)
    path = f"/{endpoint['id']}"
    waiting = sandbox_network.get("/v1/referrals?state=offered", who=WHO).json()["referrals"]
    for one in [each["id"] for each in waiting if not each["label"].startswith("SANDBOX")][:3]:
        assert sandbox_network.act(one, "acknowledge", who=WHO).status_code == 200
    with sandbox_network.database.begin() as session:
        webhooks_delivery.create_deliveries(session, sandbox_network.now)
        assert session.scalar(sa.select(sa.func.count()).select_from(WebhookDelivery)) == 2
    assert call(sandbox_network, "POST", f"{path}/test").status_code == 409
    again = {"since": (sandbox_network.now - timedelta(hours=1)).isoformat().replace("+00:00", "Z")}
    assert call(sandbox_network, "POST", f"{path}/resend", json=again).status_code == 409
    delivery = call(sandbox_network, "GET", f"{path}/deliveries").json()["deliveries"][0]["id"]
    assert call(sandbox_network, "POST", f"{path}/deliveries/{delivery}/retry").status_code == 409


def test_a_true_organisation_keeps_its_own_and_its_signatures(sandbox_network: Network):
    mine = added(sandbox_network, who=MINE)
    assert "ends_at" not in mine
    added(sandbox_network)
    assert [one["id"] for one in call(sandbox_network, "GET", "", who=MINE).json()["endpoints"]] == [mine["id"]]
    with sandbox_network.database.begin() as session:
        assert webhooks_delivery.delete_ended_endpoints(session, sandbox_network.now + timedelta(days=2)) == 1
    assert call(sandbox_network, "GET", f"/{mine['id']}", who=MINE).status_code == 200
