"""`pristan partner listen --forward`: a program on the developer's own machine gets what a webhook would bring it."""

from datetime import UTC, datetime
from typing import Final

import httpx
import pytest
from standardwebhooks import Webhook

from app.client import Event, forwarding
from app.client.forwarding import Forwarder, NoReceiver
from app.webhooks import signing

EVENT: Final = Event(
    "8c0f5a1e-2b6d-4c58-a3cf-4f1a3c7d9e02",
    "org.pristan.referral.offered",
    "3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10",
    "2026-11-24T10:05:12.250Z",
    {"referral": "3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10", "state": "offered", "version": 2},
)
SECRET: Final = "whsec_" + "q" * 43 + "="


def sent(status: int = 200) -> tuple[str | None, list[httpx.Request]]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status)

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        problem = Forwarder("http://127.0.0.1:9000/hook", SECRET, http).send(EVENT, int(datetime.now(UTC).timestamp()))
    return problem, requests


def test_it_is_signed_like_a_webhook_and_has_its_body():
    problem, (request,) = sent()
    assert problem is None
    document = Webhook(SECRET).verify(request.content, dict(request.headers))
    assert document == {
        "type": EVENT.type,
        "timestamp": EVENT.time,
        "data": {"event": EVENT.id, "referral": EVENT.referral, "version": 2},
    }
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    secret = forwarding.b64decode(SECRET.removeprefix("whsec_"))
    ours = signing.headers(EVENT.id, at, request.content, signing.SHARED, [secret])
    assert {name: request.headers[name] for name in ours} == ours, "the service signs in the same way"


def test_a_receiver_that_refuses_is_told_about():
    assert sent(500)[0] == "HTTP 500"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/hook", "http://localhost:1/", "http://[::1]:9/x", "https://a.example/h"]
)
def test_where_to(url: str):
    assert forwarding.check_address(url) == url


@pytest.mark.parametrize("url", ["http://192.0.2.1/hook", "http://centre.example/hook", "ftp://127.0.0.1/", "hook", ""])
def test_and_where_not_to(url: str):
    with pytest.raises(NoReceiver):
        forwarding.check_address(url)


def test_a_secret_that_is_none_is_refused_before_anything_is_sent():
    with pytest.raises(NoReceiver):
        forwarding.signed("whsec_?", "id", 0, b"")
    Webhook(forwarding.new_secret())
