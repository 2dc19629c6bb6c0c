"""A partner is told at once: endpoints, deliveries that a library verifies, retries, renewal, and nothing of anybody else."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import jsonschema_rs
import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook

from app.api import schemas, webhook_openapi
from app.audit.models import AuditEntry
from app.core.keyring import KeyRing
from app.core.outbound import Outbound
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS
from app.operations.privileges import DatabaseRole
from app.settings import Settings
from app.webhooks import delivery as webhooks_delivery
from app.webhooks import service as webhooks
from app.webhooks import signing
from app.webhooks.delivery import WebhookSender
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from app.webhooks.retries import PAUSES
from app.worker import Worker
from tests.support.databases import under
from tests.support.partners import MINE, OTHER, Network
from tests.support.receiver import Receiver, receiving

BASE = "/v1/webhook-endpoints"
URL = "https://centre.example/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def postman(network: Network) -> WebhookSender:
    network.time.at = datetime.now(UTC)  # receivers go by the true time
    return postman_of(network, patience=30.0)


def postman_of(network: Network, *, patience: float) -> WebhookSender:
    """Gives each receiver so many seconds."""
    return WebhookSender(network.database, network.keys, Outbound(loopback_in_tests=True, timeout=patience), Random(3))


def add(network: Network, *, who: str = MINE, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid4())}
    return network.call("POST", BASE, who=who, headers=headers, json={"url": URL, **body})


def listens(network: Network, receiver: Receiver, *, who: str = MINE, **more: Any) -> dict[str, Any]:
    """An endpoint at the receiver. Its address is put in past the check, which would refuse this machine."""
    found: dict[str, Any] = add(network, who=who, **more).json()
    with network.database.begin() as session:
        session.execute(
            sa.update(WebhookEndpoint).where(WebhookEndpoint.id == UUID(found["id"])).values(url=receiver.url)
        )
    return found


def deliveries(network: Network, endpoint: dict[str, Any], **query: Any) -> list[schemas.DeliveryOut]:
    answer = network.get(f"{BASE}/{endpoint['id']}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    return schemas.DeliveryPage.model_validate(answer.json()).deliveries


def manage(network: Network, endpoint: dict[str, Any], what: str, **rest: Any) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid4())}
    return network.call("POST", f"{BASE}/{endpoint['id']}/{what}", headers=headers, **rest)


def test_an_endpoint_is_added_read_changed_and_removed(network: Network):
    answer = add(network, types=["org.pristan.referral.offered"])
    assert answer.status_code == 201, answer.text
    made = schemas.WebhookOut.model_validate(answer.json())
    assert made.secret
    assert made.secret.startswith("whsec_")
    path = f"{BASE}/{made.id}"
    read = network.get(path)
    assert (read.headers["etag"], "secret" in read.json(), read.json()["url"]) == ('"1"', False, URL)
    assert network.get(BASE).json() == {"endpoints": [read.json()]}
    changed = network.call("PATCH", path, headers={"If-Match": '"1"'}, json={"active": False, "types": []})
    assert (changed.json()["state"], changed.json()["types"], changed.headers["etag"]) == ("paused", [], '"2"')
    assert network.call("PATCH", path, headers={"If-Match": '"1"'}, json={"active": True}).status_code == 412
    assert network.call("PATCH", path, json={"active": True}).status_code == 428
    assert network.call("DELETE", path).status_code == 204
    assert network.get(path).status_code == 404
    with network.database.begin(write=False) as session:
        query = sa.select(AuditEntry.action).where(AuditEntry.subject_kind == "webhook")
        noted = session.scalars(query.order_by(AuditEntry.seq)).all()
    assert noted == ["webhook:added", "webhook:changed", "webhook:removed"]


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://centre.example/"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://localhost/"},
        {"url": 7},
        {"url": None},
        {"types": ["org.pristan.referral.draft"]},
        {"types": "all"},
        {"signature": "v2"},
        {"secret": "mine"},
    ],
)
def test_what_does_not_fit_is_refused(network: Network, body: dict[str, Any]):
    answer = add(network, **body)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:pristan:problem:invalid-input")
    assert network.get(BASE).json() == {"endpoints": []}


def test_a_repeated_request_adds_once_and_shows_the_same_secret(network: Network):
    first, again = add(network, key="the-same-key"), add(network, key="the-same-key")
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert add(network, key="the-same-key", signature="v1a").status_code == 422
    assert len(network.get(BASE).json()["endpoints"]) == 1


def test_ten_are_enough(network: Network):
    assert [add(network).status_code for _ in range(11)] == [201] * 10 + [409]


def test_another_organisations_endpoint_is_like_an_unknown_one(network: Network):
    theirs = add(network, who=OTHER).json()["id"]
    tried: list[Callable[[object], httpx.Response]] = [
        lambda one: network.get(f"{BASE}/{one}"),
        lambda one: network.get(f"{BASE}/{one}/deliveries"),
        lambda one: network.call("PATCH", f"{BASE}/{one}", headers={"If-Match": '"1"'}, json={"active": False}),
        lambda one: network.call("DELETE", f"{BASE}/{one}"),
        lambda one: manage(network, {"id": one}, "test"),
        lambda one: manage(network, {"id": one}, "secret"),
        lambda one: manage(network, {"id": one}, "resend", json={"since": "2026-11-24T08:00:00Z"}),
        lambda one: manage(network, {"id": one}, f"deliveries/{uuid4()}/retry"),
    ]
    for ask in tried:
        answers = [ask(one) for one in (theirs, uuid4(), "nonsense")]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
    assert network.get(f"{BASE}/{theirs}", who=OTHER).json()["state"] == "active"


def test_it_takes_a_scope_and_an_organisation(network: Network):
    assert network.get(BASE, scope="referrals:read").status_code == 403
    assert network.get(BASE, who="bot").status_code == 403


def test_what_happens_arrives_signed_with_ids_and_codes_only(
    network: Network, receiver: Receiver, postman: WebhookSender
):
    before = network.offer()
    endpoint = listens(network, receiver)
    referral = network.offer(story="planted-canary", call_me="Анна")
    network.offer(OTHER)
    network.act(referral, "accept")
    assert postman.round(network.now) == 2
    assert postman.round(network.now) == 0
    told = [Webhook(endpoint["secret"]).verify(body, headers) for headers, body in receiver.came]
    assert sorted(one["type"] for one in told) == ["org.pristan.referral.accepted", "org.pristan.referral.offered"]
    assert {one["data"]["referral"] for one in told} == {referral} != {before}
    in_feed = {event["id"] for event in network.get("/v1/events").json()["events"]}
    assert {headers["webhook-id"] for headers, _ in receiver.came} <= in_feed
    schema = webhook_openapi.document("1")["components"]["schemas"]["ReferralMoved"]
    for one in told:
        jsonschema_rs.validate(schema, one)
    signature = "webhook-signature"  # random letters, verified above: any two of them may stand there
    everything = repr([({n: v for n, v in headers.items() if n != signature}, body) for headers, body in receiver.came])
    for secret in ("canary", "Анна", "asylum", "PL"):
        assert secret not in everything
    found = deliveries(network, endpoint)
    assert [(one.state, one.attempts, one.last_status) for one in found] == [("delivered", 1, 204)] * 2


def test_only_the_types_that_are_wanted(network: Network, receiver: Receiver, postman: WebhookSender):
    listens(network, receiver, types=["org.pristan.referral.accepted"])
    referral = network.offer()
    network.act(referral, "accept")
    postman.round(network.now)
    assert [json.loads(body)["type"] for _, body in receiver.came] == ["org.pristan.referral.accepted"]


def test_a_test_event_with_a_public_key(network: Network, receiver: Receiver, postman: WebhookSender):
    endpoint = listens(network, receiver, signature="v1a")
    assert "secret" not in endpoint
    assert endpoint["public_key"].startswith("whpk_")
    assert manage(network, endpoint, "test").status_code == 202
    assert postman.round(network.now) == 1
    headers, body = receiver.came[0]
    assert headers["webhook-signature"].startswith("v1a,")
    jsonschema_rs.validate(webhook_openapi.document("1")["components"]["schemas"]["Test"], json.loads(body))
    assert network.get(f"{BASE}/{endpoint['id']}").json()["public_key"] == endpoint["public_key"]


def test_a_new_secret_and_the_old_one_for_a_day(network: Network, receiver: Receiver, postman: WebhookSender):
    endpoint = listens(network, receiver)
    renewed = manage(network, endpoint, "secret").json()
    assert renewed["secret"] != endpoint["secret"]
    assert renewed["old_secret_until"]
    manage(network, endpoint, "test")
    postman.round(network.now)
    for secret in (endpoint["secret"], renewed["secret"]):
        Webhook(secret).verify(receiver.came[0][1], receiver.came[0][0])
    assert len(receiver.came[0][0]["webhook-signature"].split(" ")) == 2
    network.later(hours=24)
    network.tokens.clear()
    manage(network, endpoint, "test")
    postman.round(network.now)
    assert len(receiver.came[1][0]["webhook-signature"].split(" ")) == 1


def test_what_fails_is_tried_again_over_four_days_with_the_same_id(
    network: Network, receiver: Receiver, postman: WebhookSender
):
    endpoint = listens(network, receiver)
    network.offer()
    receiver.answers += [500, 302, 404, 429, *[503] * 20]
    begun = network.now
    for attempt in range(1, len(PAUSES) + 2):
        assert postman.round(network.now) == 0
        network.tokens.clear()
        (delivery,) = deliveries(network, endpoint)
        assert delivery.attempts == attempt == len(receiver.came)
        if delivery.next_attempt_at:
            assert postman.round(delivery.next_attempt_at - timedelta(seconds=1)) == 0
            assert len(receiver.came) == attempt
            network.time.at = delivery.next_attempt_at + timedelta(milliseconds=1)  # it is told cut to the millisecond
    assert (delivery.state, delivery.last_status) == ("dead", 503)
    assert timedelta(days=3, hours=12) < network.now - begun < timedelta(days=4, hours=12)
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    with network.database.begin(write=False) as session:
        assert webhooks_delivery.count_dead(session) == 1
    receiver.answers.clear()
    assert manage(network, endpoint, f"deliveries/{delivery.id}/retry").json()["attempts"] == 0
    assert postman.round(network.now) == 1
    assert deliveries(network, endpoint, state="delivered")[0].id == delivery.id


def test_410_ends_it_until_the_partner_says_so(network: Network, receiver: Receiver, postman: WebhookSender):
    endpoint = listens(network, receiver)
    first = network.offer()
    receiver.answers.append(410)
    postman.round(network.now)
    shown = network.get(f"{BASE}/{endpoint['id']}").json()
    assert shown["state"] == "gone"
    assert manage(network, endpoint, "test").status_code == 409
    network.act(first, "acknowledge")
    postman.round(network.now)
    assert len(receiver.came) == 1
    assert [one.state for one in deliveries(network, endpoint)] == ["dead"]
    headers = {"If-Match": f'"{shown["version"]}"'}
    assert network.call("PATCH", f"{BASE}/{endpoint['id']}", headers=headers, json={"active": True}).status_code == 200
    network.act(first, "accept")
    postman.round(network.now)
    assert [json.loads(body)["type"][21:] for _, body in receiver.came[1:]] == ["accepted"]


def test_after_a_week_everything_since_can_be_sent_again(network: Network, receiver: Receiver, postman: WebhookSender):
    endpoint = listens(network, receiver)
    since = network.now
    missed = [network.offer() for _ in range(3)]
    receiver.answers += [503] * 3
    postman.round(network.now)
    network.later(days=7)
    network.tokens.clear()
    shown = network.get(f"{BASE}/{endpoint['id']}").json()
    path = f"{BASE}/{endpoint['id']}"
    for version, active in ((shown["version"], False), (shown["version"] + 1, True)):
        network.call("PATCH", path, headers={"If-Match": f'"{version}"'}, json={"active": active})
    receiver.came.clear()
    answer = manage(network, endpoint, "resend", json={"since": since.isoformat().replace("+00:00", "Z")})
    assert (answer.status_code, answer.json()) == (202, {"events": 3})
    assert postman.round(network.now) == 3
    assert sorted(json.loads(body)["data"]["referral"] for _, body in receiver.came) == sorted(missed)
    assert len(deliveries(network, endpoint)) == 3
    for bad in ("yesterday", "2026-11-24", 7):
        assert manage(network, endpoint, "resend", json={"since": bad}).status_code == 422


def test_one_that_hangs_does_not_keep_the_others_waiting(network: Network, receiver: Receiver):
    network.time.at = datetime.now(UTC)
    postman = postman_of(network, patience=2.0)
    with receiving() as slow:
        slow.answers += [-20] * 4
        listens(network, slow)
        listens(network, receiver)
        for _ in range(6):
            network.offer()
        assert postman.round(network.now) >= 6
    assert len(receiver.came) == 6


def test_a_worker_that_died_after_claiming_loses_nothing(network: Network, receiver: Receiver, postman: WebhookSender):
    listens(network, receiver)
    network.offer()
    with network.database.begin() as session:
        webhooks_delivery.create_deliveries(session, network.now)
        claimed = webhooks_delivery.claim(session, network.keys, network.now)
        assert len(claimed) == 1
    assert postman.round(network.now) == 0
    network.time.at += webhooks_delivery.LEASE
    assert postman.round(network.now) == 1
    stale = webhooks_delivery.DeliveryOutcome(claimed[0], status=410)
    with network.database.begin() as session:
        webhooks_delivery.record_outcome(session, stale, network.now, Random(1))
        assert session.scalars(sa.select(WebhookEndpoint.state)).all() == ["active"]


def test_spreading_twice_delivers_once(network: Network, receiver: Receiver):
    listens(network, receiver)
    network.offer()
    with network.database.begin() as session:
        assert webhooks_delivery.create_deliveries(session, network.now) == 1
        session.execute(sa.update(WebhookEndpoint).values(position=0))
        webhooks_delivery.create_deliveries(session, network.now)
        assert session.scalar(sa.select(sa.func.count()).select_from(WebhookDelivery)) == 1


def test_secrets_are_locked_and_bound_to_their_row(network: Network, receiver: Receiver, postman: WebhookSender):
    endpoint = listens(network, receiver)
    raw = Webhook(endpoint["secret"])._whsecret
    with network.database.begin() as session:
        row = session.get_one(WebhookEndpoint, UUID(endpoint["id"]))
        assert raw not in row.secret
        assert webhooks.secrets_of(network.keys, row, network.now) == [raw]
    network.offer()
    other = WebhookSender(network.database, KeyRing.generate(network.now.date()), postman.outbound, Random(1))
    assert other.round(network.now) == 0
    assert receiver.came == []
    assert postman.round(network.now) == 1


def test_rotation_of_the_epoch_key_finds_both_secrets(network: Network):
    endpoint = add(network).json()
    renewed = manage(network, endpoint, "secret").json()
    with network.database.begin(write=False) as session:
        row = dict(session.execute(sa.select(WebhookEndpoint.__table__)).mappings().one())
        found = [
            network.keys.decrypt(row[one.column], *one.binding(row))
            for one in ENCRYPTED_COLUMNS
            if one.model is WebhookEndpoint
        ]
    assert [signing.shown_secret(secret) for secret in found] == [renewed["secret"], endpoint["secret"]]


def test_pages_of_deliveries_follow_each_other(network: Network, receiver: Receiver, postman: WebhookSender):
    endpoint = listens(network, receiver)
    for _ in range(5):
        network.offer()
    postman.round(network.now)
    path, seen = f"{BASE}/{endpoint['id']}/deliveries?limit=2", []
    while path:
        answer = network.get(path)
        seen += [one["id"] for one in answer.json()["deliveries"]]
        path = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
    assert len(seen) == len(set(seen)) == 5
    cursor = network.get(f"{BASE}/{endpoint['id']}/deliveries?limit=2").json()["next_cursor"]
    assert network.get(f"{BASE}/{endpoint['id']}/deliveries?cursor={cursor}&state=dead").status_code == 400


def test_old_deliveries_are_forgotten(network: Network, receiver: Receiver, postman: WebhookSender):
    endpoint = listens(network, receiver)
    network.offer()
    postman.round(network.now)
    with network.database.begin() as session:
        assert webhooks_delivery.delete_old(session, network.now + timedelta(days=89)) == 0
        assert webhooks_delivery.delete_old(session, network.now + timedelta(days=91)) == 1
    assert deliveries(network, endpoint) == []


def test_the_worker_carries_them_and_can_not_be_led_inside(network: Network, receiver: Receiver, tmp_path: Path):
    """The worker as production runs it: this machine's own address is refused when it connects."""
    endpoint = listens(network, receiver)
    network.offer()
    worker = Worker(
        under(network.database, DatabaseRole.WORKER),
        network.keys,
        network.directory,
        Settings(var=tmp_path),
        network.time,
    )
    assert worker.run_once()["webhooks"] == 0
    assert receiver.came == []
    assert [one.last_error for one in deliveries(network, endpoint)] == ["not_https"]


def test_the_program_that_did_it_is_noted_in_the_audit(network: Network):
    organisation = network.clients[MINE].organisation_id
    assert organisation
    add(network)
    with network.database.begin(write=False) as session:
        entry = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "webhook:added")).one()
    assert (entry.actor_id, entry.codes) == (organisation.hex, {"client": "api-pl-hfhr"})
