"""A client proves itself by a signed assertion, or by either of two secrets while one replaces the other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from joserfc.jwk import OKPKey

from app.core.errors import Conflict
from app.main import create_app
from app.partners import assertions, credentials
from app.partners import oauth_clients as partners
from app.settings import Settings
from tests.support.assertions import EC, ED, jwk_of, token
from tests.support.partners import MINE, Network
from tests.support.serving import in_process

GRANT = {"grant_type": "client_credentials"}
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(network: Network) -> Ask:
    """Ask for a token as `signer`, a client with two keys; `claims` change the assertion."""
    with network.database.begin() as session:
        public = assertions.public_keys({"keys": [jwk_of(ED, kid="ed"), jwk_of(EC, kid="ec")]})
        owner = network.clients[MINE].organisation_id
        scopes = ["referrals:read", "events:read"]
        assert not partners.add_client(
            session, network.keys, "signer", "Signs", scopes, network.now, organisation_id=owner, public_keys=public
        )

    def ask(
        private: Any = ED, *, form: dict[str, str] | None = None, path: str = "/oauth/token", **claims: Any
    ) -> httpx.Response:
        exp = int((network.now + timedelta(minutes=2)).timestamp())
        text = token(private, **{"iss": "signer", "sub": "signer", "exp": exp, **claims})
        sent = {**GRANT, "client_assertion_type": TYPE, "client_assertion": text, **(form or {})}
        return network.http.post(path, data=sent)

    return ask


@pytest.mark.parametrize("private", [ED, EC], ids=["EdDSA", "ES256"])
def test_a_signed_assertion_gives_a_token(network: Network, ask: Ask, private: Any):
    answer = ask(private, form={"scope": "referrals:read"})
    assert (answer.status_code, answer.json().get("scope")) == (200, "referrals:read"), answer.text
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert network.http.get("/v1/referrals", headers=headers).status_code == 200
    assert ask(private, jti="two", header={"kid": "ed" if private is ED else "ec"}).status_code == 200
    assert ask(private, jti="three", aud=["https://pristan.test/oauth/token"]).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.test"},
        {"aud": "https://pristan.test/oauth/revoke"},
        {"iss": "helpline-bot", "sub": "helpline-bot"},
        {"iss": "nobody", "sub": "nobody"},
        {"header": {"kid": "ec"}},
        {"header": {"kid": "unknown"}},
        {"header": {"alg": "ES256"}},
        {"exp": 1},
    ],
)
def test_one_that_does_not_hold_is_an_unknown_client(ask: Ask, claims: dict[str, Any]):
    answer = ask(**claims)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert ask(jti="a good one").status_code == 200


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({"aud": "https://elsewhere.test"}, "aud names"),
        ({"iss": "somebody"}, "iss and sub"),
        ({"exp": 1}, "exp is over"),
        ({"exp": 4_000_000_000}, "5 minutes"),
        ({"jti": None}, "is missing"),
        ({"nbf": 4_000_000_000}, "nbf"),
        ({"form": {"client_id": "somebody-else"}}, "client_id"),
    ],
)
def test_whoever_signed_it_hears_why_it_is_refused(ask: Ask, claims: dict[str, Any], word: str):
    told = ask(**claims).json()
    assert told["error"] == "invalid_client"
    assert "The signature holds" in told["error_description"]
    assert word in told["error_description"]
    ask(jti="once")
    assert "used before" in ask(jti="once").json()["error_description"]
    unsigned = ask(iss="nobody", sub="nobody", exp=1).json()["error_description"]
    assert unsigned == "The client is unknown, or its proof does not hold.", "nobody else hears it"


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_a_query_is_answered_as_oauth_libraries_expect(network: Network, path: str):
    answer = network.http.post(f"{path}?grant_type=client_credentials", data=GRANT)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/webhooks.openapi.json"])
def test_a_description_is_read_from_any_site(network: Network, path: str):
    assert network.http.get(path).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_assertion_type": "other"}, "invalid_request"),
        ({"client_secret": "also"}, "invalid_request"),
        ({"client_id": "somebody-else"}, "invalid_client"),
        ({"client_assertion": "nonsense"}, "invalid_client"),
    ],
)
def test_a_form_that_does_not_fit_is_refused(ask: Ask, form: dict[str, str], error: str):
    assert ask(form=form).json()["error"] == error


def test_an_assertion_is_taken_once_whoever_is_asked(network: Network, ask: Ask, tmp_path: Any):
    """Two processes have nothing but the database in common."""
    assert ask().status_code == 200
    assert ask().status_code == 401
    settings = Settings(var=tmp_path, worker_in_web=False, base_url="https://pristan.test")
    app = create_app(settings, surfaces={"partner"}, database=network.database, keys=network.keys, clock=network.time)
    sent = {**GRANT, "client_assertion_type": TYPE}
    exp = int((network.now + timedelta(minutes=2)).timestamp())
    with in_process(app) as other:
        for jti in ("once", "raced"):
            sent["client_assertion"] = token(iss="signer", sub="signer", exp=exp, jti=jti)
            with ThreadPoolExecutor(2) as threads:
                both = [threads.submit(one.post, "/oauth/token", data=sent) for one in (network.http, other)]
                codes = sorted(one.result().status_code for one in both)
            assert codes == ([401, 401] if jti == "once" else [200, 401])


def test_what_is_remembered_of_assertions_is_forgotten_when_they_have_expired(network: Network, ask: Ask):
    ask()
    with network.database.begin() as session:
        assert credentials.drop_used(session, network.now + timedelta(minutes=2)) == 0
        assert credentials.drop_used(session, network.now + timedelta(minutes=3)) == 1


def test_revoking_takes_an_assertion_for_its_own_address(network: Network, ask: Ask):
    given = ask().json()["access_token"]
    answer = ask(path="/oauth/revoke", form={"token": given}, jti="r", aud="https://pristan.test/oauth/revoke")
    assert answer.status_code == 200
    headers = {"Authorization": f"Bearer {given}"}
    assert network.http.get("/v1/referrals", headers=headers).status_code == 401


def test_two_secrets_live_side_by_side_and_there_is_no_third(network: Network):
    program = network.clients[MINE]

    def status(secret: str) -> int:
        return network.http.post("/oauth/token", data=GRANT, auth=(program.client_id, secret)).status_code

    with network.database.begin() as session:
        credentials.expire(session, program.client_id, 1, network.now + timedelta(days=7))
        new = credentials.add_secret(session, network.keys, program.client_id, network.now)
        with pytest.raises(Conflict):
            credentials.add_secret(session, network.keys, program.client_id, network.now)
    assert [status(secret) for secret in (program.secret, new, "other")] == [200, 200, 401]
    network.later(days=7)
    assert [status(secret) for secret in (program.secret, new)] == [401, 200]
    with network.database.begin() as session:
        newest = credentials.add_secret(session, network.keys, program.client_id, network.now)
    assert [status(secret) for secret in (program.secret, new, newest)] == [401, 200, 200]


def test_a_client_that_was_switched_off_has_nothing_left(network: Network, ask: Ask):
    given = ask().json()["access_token"]
    with network.database.begin() as session:
        partners.deactivate(session, "signer")
    assert ask(jti="later").status_code == 401
    assert network.http.get("/v1/referrals", headers={"Authorization": f"Bearer {given}"}).status_code == 401


def test_an_ordinary_library_signs_in(network: Network):
    """Authlib, as a partner would use it; it signs for the token endpoint and by its own clock."""
    key = OKPKey.generate_key("Ed25519", {"kid": "theirs"})
    public = assertions.public_keys(key.as_dict(private=False))
    with network.database.begin() as session:
        partners.add_client(
            session, network.keys, "outside", "Outside", ["events:read"], network.now, public_keys=public
        )
    network.time.at = datetime.now(UTC)
    endpoint = "https://pristan.test/oauth/token"
    soon = {"exp": int(network.now.timestamp()) + 120}  # its own choice would be an hour, which is too long for us
    text = private_key_jwt_sign(key, "outside", endpoint, alg="Ed25519", claims=soon)
    sent = {**GRANT, "client_assertion_type": TYPE, "client_assertion": text}
    answer = network.http.post("/oauth/token", data=sent)
    assert answer.json().get("scope") == "events:read", answer.text
