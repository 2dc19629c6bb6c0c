"""Requests that nobody should send: each gets a clear 4xx problem, is repeated nowhere, and changes nothing."""

import gzip
from uuid import uuid4

import pytest

from tests.support.partners import MINE, Network

CANARY = "zq7planted"
DEEP = b"[" * 100_000
BODIES = {
    "nothing": (b"", 400),
    "not json": (CANARY.encode(), 400),
    "half an object": (b'{"for_whom": "' + CANARY.encode(), 400),
    "not utf-8": (b'{"story": "\xff\xfe"}', 400),
    "utf-16": (('{"story": "' + CANARY + '"}').encode("utf-16"), 400),
    "a byte order mark": (b"\xef\xbb\xbf[]", 422),
    "a byte order mark alone": (b"\xef\xbb\xbf", 400),
    "a lone surrogate": (b'{"story": "\\ud800"}', 400),
    "a lone surrogate as a name": (b'{"\\udfff": 1}', 400),
    "nan": (b'{"story": NaN}', 400),
    "infinity": (b'{"story": -Infinity}', 400),
    "1e400": (b'{"story": 1e400}', 400),
    "an endless number": (b'{"story": ' + b"9" * 100_000 + b"}", 400),
    "100,000 deep": (DEEP, 400),
    "100,000 deep objects": (b'{"a":' * 100_000, 413),
    "40,000 deep objects": (b'{"a":' * 40_000, 400),
    "40 deep and closed": (b"[" * 40 + b"]" * 40, 400),
    "a name twice": (b'{"for_whom": "self", "for_whom": "relative"}', 400),
    "a comment": (b"{} // " + CANARY.encode(), 400),
    "a list": (b"[]", 422),
    "a string": (b'"' + CANARY.encode() + b'"', 422),
    "null": (b"null", 422),
    "true": (b"true", 422),
    "a nul": (b'{"story": "\\u0000"}', 422),
    "an unknown field": (b'{"' + CANARY.encode() + b'": 1}', 422),
    "10 MB": (b'{"story": "' + b"x" * 10_000_000 + b'"}', 413),
    "10 MB of nothing": (b" " * 10_000_000, 413),
}


def check(answer, status: int | set[int]) -> None:
    allowed = status if isinstance(status, set) else {status}
    assert answer.status_code in allowed, (answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert answer.json()["type"].startswith("urn:pristan:problem:")
    assert CANARY not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.content) < 4000


@pytest.mark.parametrize("name", BODIES)
def test_no_body_breaks_the_intake(network: Network, name):
    body, status = BODIES[name]
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
    check(network.call("POST", "/v1/intakes", who="bot", headers=headers, content=body), status)


@pytest.mark.parametrize("name", [name for name in BODIES if name != "nothing"])
def test_no_body_breaks_an_action(network: Network, name):
    body, status = BODIES[name]
    headers = {"Content-Type": "application/json"}
    answer = network.act(str(uuid4()), "decline", version=1, headers=headers, content=body)
    check(answer, {status, 422} if name == "a nul" else status)


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/xml", "multipart/form-data", "application/jsonx", "a" * 4000, "\x7f"],
)
def test_another_type_of_body_is_refused(network: Network, content_type):
    headers = {"Content-Type": content_type, "Idempotency-Key": str(uuid4())}
    check(network.call("POST", "/v1/intakes", who="bot", headers=headers, content=b"{}"), 415)
    check(network.act(str(uuid4()), "accept", version=1, headers={"Content-Type": content_type}, content=b"{}"), 415)


def test_a_compressed_body_is_refused_and_told_why(network: Network):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Idempotency-Key": str(uuid4())}
    for answer in (
        network.call("POST", "/v1/intakes", who="bot", headers=headers, content=gzip.compress(b"{}")),
        network.act(str(uuid4()), "decline", version=1, headers={"Content-Encoding": "br"}, json={"reason": "other"}),
    ):
        check(answer, 415)
        assert answer.json()["detail"] == "Send the body without a Content-Encoding."
        assert answer.headers["accept-encoding"] == "identity"


def test_a_slash_too_much_leads_a_post_to_its_address_with_its_body(network: Network):
    referral = network.offer()
    answer = network.act(referral, "decline/", json={"reason": "no_capacity"})
    assert (answer.status_code, answer.headers["location"]) == (308, f"/v1/referrals/{referral}/actions/decline")
    assert network.call("POST", "/oauth/token/").headers["location"] == "/oauth/token"
    assert network.call("POST", f"/v1/referrals/{referral}/actions/foo/").status_code == 404


@pytest.mark.parametrize("length", ["-1", "abc", "1e9", "9" * 400, "", "\xb2"])
def test_a_false_length_breaks_nothing(network: Network, length):
    """A server refuses most of these itself; the app must not fall over the rest."""
    headers = {"Content-Length": length.encode("latin-1"), "Idempotency-Key": str(uuid4())}
    answer = network.call("POST", "/v1/intakes", who="bot", headers=headers, content=b"{}")
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/" + CANARY,
        "/v1/referrals/%ff%fe",
        "/v1/referrals/%00",
        "/v1/referrals/%ed%a0%80",
        "/v1/referrals/..%2f..%2fetc",
        "/v1/referrals/" + "a" * 6000,
        "/v1/referrals/%F0%9F%92%A9/sealed",
        "/v1/referrals//actions/accept",
        "/oauth/" + CANARY,
        "/.well-known/" + CANARY,
    ],
)
def test_no_path_breaks_anything(network: Network, path):
    check(network.get(path), {404})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/referrals"),
        ("PUT", "/v1/intakes"),
        ("GET", "/v1/intakes"),
        ("PATCH", "/v1/events"),
        ("GET", "/oauth/token"),
        ("POST", "/v1/openapi.json"),
        ("TRACE", "/v1/referrals"),
        ("OPTIONS", "/v1/referrals"),
        ("PLANTED", "/v1/referrals"),
    ],
)
def test_another_method_is_refused_with_what_is_taken(network: Network, method, path):
    answer = network.call(method, path)
    check(answer, 405)
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "query", [f"{CANARY}=1", "%ff=1", "%00", "a[]=1", "&&&", "=", "a=1&a=2", "%ed%a0%80=%ed%a0%80", "a=" + "b" * 6000]
)
@pytest.mark.parametrize(
    "path", ["/v1/referrals", "/v1/events", "/v1/openapi.json", "/.well-known/oauth-authorization-server"]
)
def test_no_query_breaks_anything(network: Network, path, query):
    answer = network.get(f"{path}?{query}")
    if query == "&&&":
        assert answer.status_code == 200
    else:
        check(answer, 422)


@pytest.mark.parametrize(
    "headers",
    [
        {"If-None-Match": b"\xff\xfe"},
        {"If-None-Match": '"' + "9" * 8000 + '"'},
        {"Accept": "\x7f"},
        {"Accept-Language": "xx;q=nan"},
        {"Cookie": "a=\x01; =;;;"},
        {"X-Forwarded-For": CANARY},
        {"Range": "bytes=0-18446744073709551615"},
        {"Expect": "the-impossible"},
        {f"X-{n}": "y" * 50 for n in range(100)},
    ],
)
def test_no_header_breaks_anything(network: Network, headers):
    answer = network.get(f"/v1/referrals/{network.offer()}", headers=headers)
    assert answer.status_code == 200
    assert network.get("/v1/events", headers=headers).status_code == 200


def test_nothing_of_it_changed_anything(network: Network):
    assert network.get("/v1/referrals", who=MINE).json() == {"referrals": []}


def test_two_authorizations_are_none(network: Network):
    token = network.token(MINE)
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    answer = network.http.get("/v1/referrals", headers=headers)
    assert answer.status_code == 401
