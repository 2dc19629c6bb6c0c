"""The client against a service that is slow, busy, forgetful or gone."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.client import ApiError, CannotReach, PartnerClient

REFERRAL = {
    "id": "3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10",
    "version": 2,
    "state": "offered",
    "label": "R-7KX-29QM",
    "priority": "urgent",
    "needs": [{"code": "asylum", "label": "Asylum"}],
    "country": "PL",
    "allowed_actions": ["accept"],
    "updated_at": "2026-11-24T10:00:00Z",
}


class Service:
    """Answers from a list, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | type[Exception], expires_in: int = 900) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.tokens = 0
        self.expires_in = expires_in
        self.slept: list[float] = []
        self.now = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            self.tokens += 1
            return httpx.Response(200, json={"access_token": f"t{self.tokens}", "expires_in": self.expires_in})
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.Response):
            return answer
        raise answer("no line")

    def client(self) -> PartnerClient:
        http = httpx.Client(transport=httpx.MockTransport(self))
        return PartnerClient("http://here", "me", "a secret", http=http, sleep=self.slept.append, tick=self._tick)

    def _tick(self) -> float:
        return self.now


def ok(document: object = REFERRAL) -> httpx.Response:
    return httpx.Response(200, json=document)


def test_one_token_serves_many_calls_and_is_replaced_before_it_ends():
    service = Service(ok(), ok(), ok())
    client = service.client()
    client.referral("a")
    client.referral("b")
    service.now = 880.0
    client.referral("c")
    assert [request.headers["authorization"] for request in service.asked] == ["Bearer t1", "Bearer t1", "Bearer t2"]


def test_a_token_that_died_early_is_replaced_once():
    service = Service(httpx.Response(401), ok())
    assert service.client().referral("a").version == 2
    assert service.tokens == 2


def test_a_service_that_refuses_every_token_is_not_asked_for_ever():
    service = Service(httpx.Response(401, json={"type": "urn:pristan:problem:invalid-token"}), httpx.Response(401))
    with pytest.raises(ApiError):
        service.client().referral("a")
    assert len(service.asked) == 2


def test_an_act_is_repeated_with_the_same_key_when_the_line_breaks():
    service = Service(httpx.ReadTimeout, httpx.ConnectError, ok())
    service.client().act("a", "accept", version=2, reason=None)
    assert len({request.headers["idempotency-key"] for request in service.asked}) == 1
    assert {request.headers["if-match"] for request in service.asked} == {'"2"'}
    assert [json.loads(request.content) for request in service.asked] == [{}, {}, {}]


def test_the_service_says_how_long_to_wait():
    service = Service(
        httpx.Response(503, headers={"retry-after": "7"}), httpx.Response(429, headers={"retry-after": "9999"}), ok()
    )
    service.client().referral("a")
    assert service.slept == [7.0, 30.0]


@pytest.mark.parametrize(
    "header", ["", "soon", "-1", "Tue, 24 Nov 2099 10:00:00 GMT", "Tue, 24 Nov 1999 10:00:00 GMT", "²"]
)
def test_an_odd_wish_to_wait_does_not_break_the_client(header):
    service = Service(httpx.Response(503, headers={"retry-after": header.encode()}), ok())
    service.client().referral("a")
    assert 0.0 <= service.slept[0] <= 30.0


def test_after_five_tries_it_says_so():
    service = Service(*[httpx.ConnectError] * 5)
    with pytest.raises(CannotReach):
        service.client().referral("a")


def test_a_problem_document_is_read():
    problem = {"type": "urn:pristan:problem:illegal-move", "state": "declined", "allowed_actions": []}
    service = Service(httpx.Response(409, json=problem))
    with pytest.raises(ApiError) as caught:
        service.client().act("a", "accept", version=1)
    assert (caught.value.status, caught.value.code, caught.value.state) == (409, "illegal-move", "declined")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff"])
def test_an_error_that_is_no_problem_document_is_still_told(body):
    service = Service(httpx.Response(418, content=body))
    with pytest.raises(ApiError) as caught:
        service.client().referral("a")
    assert (caught.value.status, caught.value.code) == (418, "unknown")


def test_pages_are_followed_to_the_end():
    service = Service(ok({"referrals": [REFERRAL], "next_cursor": "abc"}), ok({"referrals": [REFERRAL]}))
    assert len(list(service.client().referrals(state=["offered", "accepted"], need="asylum"))) == 2
    first, second = service.asked
    assert first.url.params.get_list("state") == ["offered", "accepted"]
    assert second.url.params["cursor"] == "abc"
    assert second.url.params["need"] == "asylum"


def test_listening_passes_over_empty_pages_and_goes_on_from_each_cursor():
    event = {"id": "1", "type": "org.pristan.referral.offered", "subject": "x", "time": "t", "data": {}}
    service = Service(
        ok({"events": [], "cursor": "a", "more": False}),
        ok({"events": [event], "cursor": "b", "more": False}),
        ok({"events": [event], "cursor": "c", "more": False}),
    )
    pages = service.client().listen()
    assert [next(pages).cursor, next(pages).cursor] == ["b", "c"]
    assert [request.url.params.get("cursor") for request in service.asked] == [None, "a", "b"]


def test_who_listens_outlives_a_service_that_is_away():
    event = {"id": "1", "type": "org.pristan.referral.offered", "subject": "x", "time": "t", "data": {}}
    away: list[Any] = [httpx.ConnectError] * 5
    service = Service(*away, *[httpx.Response(503)] * 5, ok({"events": [event], "cursor": "b", "more": False}))
    heard: list[Exception] = []
    pages = service.client().listen("a", on_silence=heard.append)
    assert next(pages).cursor == "b"
    assert [type(error).__name__ for error in heard] == ["CannotReach", "ApiError"]
    assert service.slept.count(60.0) == 2
    assert {request.url.params["cursor"] for request in service.asked} == {"a"}


def test_who_listens_is_told_of_a_refusal_at_once():
    service = Service(httpx.Response(410, json={"type": "urn:pristan:problem:cursor-gone"}))
    with pytest.raises(ApiError) as caught:
        next(service.client().listen("old", on_silence=lambda _error: None))
    assert caught.value.code == "cursor-gone"


def test_an_id_can_not_lead_elsewhere():
    service = Service(ok())
    service.client().referral("../oauth/token?x=")
    assert service.asked[0].url.raw_path == b"/v1/referrals/..%2Foauth%2Ftoken%3Fx%3D"


def test_the_credentials_stay_out_of_the_repr():
    check: Callable[[object], bool] = lambda thing: "secret" not in repr(thing)  # noqa: E731
    assert check(Service().client())


def test_without_a_private_key_nothing_is_asked_that_it_could_not_open():
    service = Service()
    client = service.client()
    calls: tuple[Callable[[], Any], ...] = (
        lambda: client.open("a"),
        lambda: list(client.documents("a")),
        lambda: client.send_document("a", b"content"),
        lambda: client.offer_times("a", []),
        lambda: client.messages("a"),
    )
    for call in calls:
        with pytest.raises(ValueError, match="a private key is needed"):
            call()
    assert service.asked == []


def test_signing_keys_that_are_not_there_are_an_error():
    service = Service(httpx.Response(404, json={"title": "nothing here"}))
    with pytest.raises(ApiError):
        service.client().signers({"signature": {"kid": "k"}})
