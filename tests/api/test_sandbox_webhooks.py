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
from app.webhooks import delivering, service
from app.webhooks.delivering import Postman
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.partners import MINE, Network
from tests.support.receiver import Receiver, receiving
from tests.support.sandbox import WHO, refilled

BASE = "/v1/webhook-endpoints"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def call(play: Network, method: str, path: str, *, who: str = WHO, **rest: Any) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
    return play.call(method, f"{BASE}{path}", who=who, headers=headers, **rest)


def added(play: Network, *, who: str = WHO) -> dict[str, Any]:
    answer = call(play, "POST", "", who=who, json={"url": "https://centre.example/hook"})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def listening(play: Network, receiver: Receiver) -> tuple[dict[str, Any], Postman]:
    """An endpoint at the receiver; its address is put in past the check, which would refuse this machine."""
    play.time.at = datetime.now(UTC)  # receivers go by the true time
    refilled(play)
    endpoint = added(play)
    with play.database.begin() as session:
        this = sa.update(WebhookEndpoint).where(WebhookEndpoint.id == UUID(endpoint["id"]))
        session.execute(this.values(url=receiver.url))
    return endpoint, Postman(play.database, play.keys, Outbound(loopback_in_tests=True, longest=1.0), Random(3))


def labelled(play: Network, label: str) -> str:
    found = play.get("/v1/referrals?limit=100", who=WHO).json()["referrals"]
    return str(next(one["id"] for one in found if one["label"] == label))


def test_the_test_event_and_what_happens_arrive_signed(play: Network, receiver: Receiver):
    endpoint, postman = listening(play, receiver)
    assert call(play, "POST", f"/{endpoint['id']}/test").status_code == 202
    waiting = play.get("/v1/referrals?state=offered", who=WHO).json()["referrals"]
    plain = next(one["id"] for one in waiting if not one["label"].startswith("SANDBOX"))
    assert play.act(plain, "acknowledge", who=WHO).status_code == 200
    assert postman.round(play.now) == 2
    kinds = {Webhook(endpoint["secret"]).verify(body.decode(), headers)["type"] for headers, body in receiver.came}
    assert kinds == {"org.pristan.test", "org.pristan.referral.acknowledged"}


def test_what_happens_to_the_one_for_signatures_is_signed_wrongly(play: Network, receiver: Receiver):
    endpoint, postman = listening(play, receiver)
    assert play.act(labelled(play, "SANDBOX-SIG"), "start", who=WHO).status_code == 200
    assert postman.round(play.now) == 1
    ((headers, body),) = receiver.came
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint["secret"]).verify(body.decode(), headers)
    assert b"org.pristan.referral.in_progress" in body


def test_who_has_the_id_manages_it_and_nobody_sees_it_in_a_list(play: Network):
    endpoint = added(play)
    assert call(play, "GET", "").json() == {"endpoints": []}
    path = f"/{endpoint['id']}"
    assert call(play, "GET", path).json()["ends_at"]
    assert call(play, "GET", path, who=MINE).status_code == 404
    with play.database.begin() as session:
        secret = partners.add_own_client(session, play.keys, "acme-test", play.now)
    token = play.http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=("acme-test", secret)
    ).json()["access_token"]
    theirs = play.http.get(f"{BASE}{path}", headers={"Authorization": f"Bearer {token}"})
    assert theirs.status_code == 404
    assert call(play, "DELETE", path).status_code == 204
    assert call(play, "GET", path).status_code == 404


def test_it_ends_after_a_day_and_the_oldest_makes_room(play: Network):
    first = added(play)
    for _ in range(service.MOST_PASSING):
        play.time.at += timedelta(seconds=1)
        added(play)
    assert call(play, "GET", f"/{first['id']}").status_code == 404
    with play.database.begin() as session:
        assert delivering.drop_old(session, play.now) == 0
        assert delivering.drop_old(session, play.now + timedelta(days=1)) == service.MOST_PASSING
        assert session.scalar(sa.select(sa.func.count()).select_from(WebhookEndpoint)) == 0


def test_an_address_is_not_called_without_end(play: Network, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "MOST_PASSING_AN_HOUR", 2)
    endpoint = added(play)
    path = f"/{endpoint['id']}"
    waiting = play.get("/v1/referrals?state=offered", who=WHO).json()["referrals"]
    for one in [each["id"] for each in waiting if not each["label"].startswith("SANDBOX")][:3]:
        assert play.act(one, "acknowledge", who=WHO).status_code == 200
    with play.database.begin() as session:
        delivering.spread(session, play.now)
        assert session.scalar(sa.select(sa.func.count()).select_from(WebhookDelivery)) == 2
    assert call(play, "POST", f"{path}/test").status_code == 409
    again = {"since": (play.now - timedelta(hours=1)).isoformat().replace("+00:00", "Z")}
    assert call(play, "POST", f"{path}/resend", json=again).status_code == 409
    delivery = call(play, "GET", f"{path}/deliveries").json()["deliveries"][0]["id"]
    assert call(play, "POST", f"{path}/deliveries/{delivery}/retry").status_code == 409


def test_a_true_organisation_keeps_its_own_and_its_signatures(play: Network):
    mine = added(play, who=MINE)
    assert "ends_at" not in mine
    added(play)
    assert [one["id"] for one in call(play, "GET", "", who=MINE).json()["endpoints"]] == [mine["id"]]
    with play.database.begin() as session:
        assert delivering.drop_old(session, play.now + timedelta(days=2)) == 1
    assert call(play, "GET", f"/{mine['id']}", who=MINE).status_code == 200
