"""A signed client assertion: what is read of it, and every way in which it does not hold."""

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from app.partners import assertions
from app.partners.assertions import Assertion, BadAssertion, BadJwk
from tests.support.assertions import EC, ED, NOW, b64, jwk_of, token

OURS = {"https://pristan.test", "https://pristan.test/oauth/token"}


def read(text: str) -> Assertion:
    return assertions.read(text, OURS, NOW)


@pytest.mark.parametrize("private", [ED, EC], ids=["EdDSA", "ES256"])
def test_what_its_key_signed_is_verified(private: Any) -> None:
    text = token(private)
    assertion = read(text)
    (key,) = assertions.public_keys(jwk_of(private))
    assert key.verifies(assertion)
    assert (assertion.client_id, assertion.kind) == ("a-client", key.kind)
    head, body, signature = text.split(".")
    assert not key.verifies(read(f"{head}.{token(private, jti='another').split('.')[1]}.{signature}"))
    assert not key.verifies(read(f"{head}.{body}.{b64(bytes(64))}"))


@pytest.mark.parametrize("private", [ED, EC], ids=["EdDSA", "ES256"])
def test_another_key_does_not_verify_it(private: Any) -> None:
    others = [
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256R1()),
        EC if private is ED else ED,
    ]
    for other in others:
        (key,) = assertions.public_keys(jwk_of(other))
        assert not key.verifies(read(token(private)))


@pytest.mark.parametrize(("private", "alg"), [(ED, "ES256"), (EC, "EdDSA"), (EC, "Ed25519")])
def test_the_algorithm_is_the_keys_and_never_the_tokens_choice(private: Any, alg: str) -> None:
    (key,) = assertions.public_keys(jwk_of(private))
    assert not key.verifies(read(token(private, header={"alg": alg})))


def test_a_key_that_comes_along_in_the_header_is_not_used() -> None:
    (key,) = assertions.public_keys(jwk_of(ed25519.Ed25519PrivateKey.generate()))
    assert not key.verifies(read(token(header={"jwk": jwk_of(ED)})))


def test_the_newer_name_of_eddsa_is_taken() -> None:
    assertion = read(token(header={"alg": "Ed25519"}))
    (key,) = assertions.public_keys(jwk_of(ED))
    assert assertion.kind == "EdDSA"
    assert key.verifies(assertion)


def signed(head: bytes, body: bytes) -> str:
    """A token of these very bytes."""
    text = f"{b64(head)}.{b64(body)}"
    return f"{text}.{b64(ED.sign(text.encode()))}"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b'"alg"', b"{}"), (b'"b64 alg"', b"{}"), (b"[]", b"{}"), (b"7", b"{}"), (b"{", b"{}"),
        (b'{"alg": "EdDSA"}', b"[]"), (b'{"alg": "EdDSA"}', b"[" * 1500), (b'{"alg": "EdDSA", "b64": false}', b"GOOD"),
        (b'{"alg": "ES256", "alg": "EdDSA"}', b"GOOD"), (b'{"alg": "EdDSA"}', b'{"sub": "other", GOOD'),
        (b'{"alg": "EdDSA"}', b"\xff"), (b'{"alg": ["EdDSA"]}', b"GOOD"), (b'{"alg": {}}', b"GOOD"),
    ],
)  # fmt: skip
def test_json_that_two_readers_could_read_in_two_ways_is_refused(head: bytes, body: bytes) -> None:
    good = json.dumps({"iss": "a", "sub": "a", "aud": "https://pristan.test", "jti": "1", "exp": NOW.timestamp() + 9})
    assert read(signed(b'{"alg": "EdDSA"}', good.encode())).client_id == "a"
    body = body.replace(b"GOOD", good.encode()[1:] if body != b"GOOD" else good.encode())
    with pytest.raises(BadAssertion):
        read(signed(head, body))


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"alg": "HS256"}, {"alg": "RS256"}, {"alg": None}, {"crit": ["exp"]}, {"kid": 7}]
)
def test_a_header_that_asks_for_something_else_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(BadAssertion):
        read(token(header=header))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "another"}, {"sub": None}, {"aud": 7}, {"aud": ["https://pristan.test", 7]}, {"exp": None},
        {"exp": "soon"}, {"exp": True}, {"exp": 1e300}, {"exp": -1}, {"jti": None}, {"jti": ""}, {"jti": "x" * 257},
        {"nbf": "x"}, {"iat": None, "iss": None}, {"nbf": True}, {"iat": "x"}, {"iat": 1e300}, {"sub": 7, "iss": 7},
        {"sub": "x" * 257, "iss": "x" * 257}, {"exp": 10**400},
    ],
)  # fmt: skip
def test_claims_that_can_not_be_read_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(BadAssertion):
        read(token(**claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.test"},
        {"aud": []},
        {"aud": ["https://pristan.test", "https://elsewhere.test"]},
        {"exp": int(NOW.timestamp())},
        {"exp": int((NOW - timedelta(seconds=10)).timestamp())},
        {"exp": int((NOW + timedelta(minutes=6)).timestamp())},
        {"nbf": int((NOW + timedelta(minutes=1)).timestamp())},
        {"iat": int((NOW + timedelta(minutes=1)).timestamp())},
    ],
)
def test_for_somebody_else_or_for_another_time_it_does_not_hold(claims: dict[str, Any]) -> None:
    with pytest.raises(BadAssertion):
        read(token(**claims))


def at(**off: float) -> int:
    return int((NOW + timedelta(**off)).timestamp())


@pytest.mark.parametrize(
    ("claim", "last", "first_refused"),
    [
        ("exp", at(seconds=1), at(seconds=0)),
        ("exp", at(minutes=5, seconds=30), at(minutes=5, seconds=31)),
        ("nbf", at(seconds=30), at(seconds=31)),
        ("iat", at(seconds=30), at(seconds=31)),
    ],
)
def test_a_clock_may_be_off_by_thirty_seconds_and_not_by_one_more(claim: str, last: int, first_refused: int) -> None:
    """An end that has come is never excused: what is allowed for is a beginning that has not, and a lifetime of five minutes."""
    assert read(token(**{claim: last})).client_id == "a-client"
    with pytest.raises(BadAssertion):
        read(token(**{claim: first_refused}))


@pytest.mark.parametrize("text", ["", "a.b.c", "...", token()[:-1], token() + "A", "é.a." + "A" * 86, "A" * 5000])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(BadAssertion):
        read(text)


def test_one_token_is_known_by_its_client_and_its_jti() -> None:
    ids = {
        read(token(jti=jti, iss=client, sub=client)).replay_id
        for client, jti in [("a", "bc"), ("ab", "c"), ("a", "bd"), ("a", "bc")]
    }
    assert len(ids) == 3


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": []},
        {"keys": [jwk_of(ED)] * 3},
        {"keys": "x"},
        jwk_of(ED, d="x"),
        jwk_of(ED, kid=""),
        jwk_of(ED, x="AAAA"),
        jwk_of(EC, y="AAAA"),
        jwk_of(EC, y=7),
        jwk_of(ED, x=jwk_of(ED)["x"] + "="),
        jwk_of(EC, x="A" * 43),
        jwk_of(EC, crv="P-384"),
        {"kty": "oct", "k": "AAAA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"keys": [7]},
    ],
)
def test_a_key_that_we_do_not_take_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(BadJwk):
        assertions.public_keys(document)


def test_a_set_may_hold_two() -> None:
    found = assertions.public_keys({"keys": [jwk_of(ED, kid="new"), jwk_of(EC, kid="old")]})
    assert [(key.kind, key.kid) for key in found] == [("EdDSA", "new"), ("ES256", "old")]
