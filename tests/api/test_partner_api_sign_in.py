"""Signing in: OAuth 2 client credentials, and what a token opens."""

import base64
import re
from urllib.parse import quote

import pytest

from app.core import kill_switch
from tests.support.partners import MINE, OTHER, Network

GRANT = {"grant_type": "client_credentials"}


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def test_the_metadata_names_the_endpoints(network: Network):
    answer = network.http.get("/.well-known/oauth-authorization-server")
    assert answer.status_code == 200
    found = answer.json()
    assert found["issuer"] == "https://pristan.test"
    assert found["token_endpoint"] == "https://pristan.test/oauth/token"
    ways = {"private_key_jwt", "client_secret_basic", "client_secret_post"}
    assert set(found["token_endpoint_auth_methods_supported"]) == ways
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["EdDSA", "Ed25519", "ES256"]
    assert "intakes:create" in found["scopes_supported"]


def test_a_token_comes_by_either_way_of_naming_oneself(network: Network):
    program = network.clients[MINE]
    by_header = network.http.post(
        "/oauth/token", data=GRANT, headers=basic(quote(program.client_id), quote(program.secret))
    )
    by_form = network.http.post(
        "/oauth/token", data={**GRANT, "client_id": program.client_id, "client_secret": program.secret}
    )
    for answer in (by_header, by_form):
        assert answer.status_code == 200
        assert answer.json()["token_type"] == "Bearer"
        assert 0 < answer.json()["expires_in"] <= 900
        assert answer.headers["cache-control"] == "no-store"
    assert by_header.json()["access_token"] != by_form.json()["access_token"]


def test_a_token_covers_only_what_was_asked_for(network: Network):
    answer = network.get("/v1/events", scope="referrals:read")
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="pristan", error="insufficient_scope", scope="events:read"'
    )
    assert answer.json()["type"] == "urn:pristan:problem:insufficient-scope"
    assert network.get("/v1/referrals", scope="referrals:read").status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({**GRANT, "scope": "everything"}, 400, "invalid_scope"),
        ({**GRANT, "scope": "intakes:create"}, 400, "invalid_scope"),
        ({**GRANT, "client_secret": "twice"}, 400, "invalid_request"),
        ({**GRANT, "client_id": "somebody-else"}, 400, "invalid_request"),
    ],
)
def test_what_does_not_fit_is_an_oauth_error(network: Network, form, status, error):
    program = network.clients[MINE]
    answer = network.http.post("/oauth/token", data=form, auth=(program.client_id, program.secret))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"


def test_several_spaces_between_scopes_do_no_harm(network: Network):
    program = network.clients[MINE]
    form = {**GRANT, "scope": " referrals:read  events:read "}
    answer = network.http.post("/oauth/token", data=form, auth=(program.client_id, program.secret))
    assert answer.json()["scope"] == "events:read referrals:read"


@pytest.mark.parametrize(
    "header",
    [
        "Basic " + base64.b64encode(b"api-pl-hfhr:wrong").decode(),
        "Basic " + base64.b64encode(b"nobody:wrong").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\x00").decode(),
        "Basic " + base64.b64encode(b"a\x00b:c").decode(),
        "Basic !!!",
        "Basic",
        "Bearer abc",
    ],
)
def test_a_client_that_is_not_known_is_told_nothing_else(network: Network, header):
    answer = network.http.post("/oauth/token", data=GRANT, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"grant_type=client_credentials", "text/plain"),
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials&grant_type=x", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(50)), "application/x-www-form-urlencoded"),
    ],
)
def test_an_unreadable_form_is_an_invalid_request(network: Network, content, content_type):
    program = network.clients[MINE]
    answer = network.http.post(
        "/oauth/token",
        content=content,
        headers={"content-type": content_type},
        auth=(program.client_id, program.secret),
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_without_a_token_nothing_opens(network: Network):
    answer = network.http.get("/v1/referrals")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="pristan"'
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header", ["Bearer nonsense-that-is-long", "Bearer", "Bearer \x7f", "Basic abc", "Bearer " + "a" * 9000]
)
def test_a_bad_token_opens_nothing(network: Network, header):
    answer = network.http.get("/v1/referrals", headers={"Authorization": header})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_ends_after_fifteen_minutes(network: Network):
    assert network.get("/v1/referrals").status_code == 200
    network.later(minutes=15)
    answer = network.get("/v1/referrals")
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:pristan:problem:invalid-token"


def test_a_client_revokes_its_own_token_and_no_other(network: Network):
    mine, other = network.token(MINE), network.token(OTHER)
    program = network.clients[MINE]
    for token in (mine, other, "never-was", mine):
        answer = network.http.post("/oauth/revoke", data={"token": token}, auth=(program.client_id, program.secret))
        assert answer.status_code == 200
    assert network.get("/v1/referrals").status_code == 401
    assert network.get("/v1/referrals", who=OTHER).status_code == 200


@pytest.mark.parametrize("form", [{"other": "1"}, {"token": ""}])
def test_revoking_names_a_token(network: Network, form: dict[str, str]):
    program = network.clients[MINE]
    answer = network.http.post("/oauth/revoke", data=form, auth=(program.client_id, program.secret))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert network.get("/v1/referrals").status_code == 200


def test_the_switch_closes_every_call_that_reads(network: Network):
    """Each operation of the published description, whatever it is asked for."""
    described = network.http.get("/v1/openapi.json").json()["paths"]
    network.token(MINE)
    with network.database.begin() as session:
        kill_switch.set_switch(session, kill_switch.FREEZE, on=True, by=None, now=network.now)
    closed = 0
    for path, operations in described.items():
        for method, operation in operations.items():
            if not path.startswith("/v1/") or method in {"parameters", "servers"} or not operation.get("security"):
                continue
            where = re.sub(r"{[^}]+}", "00000000-0000-4000-8000-000000000000", path)
            headers = {"If-Match": '"1"', "Idempotency-Key": "a-key-of-this-test"}
            answer = network.call(method.upper(), where, headers=headers, **({} if method == "get" else {"json": {}}))
            if "intakes:create" in str(operation["security"]):
                assert answer.status_code != 503, path
                continue
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:pristan:problem:partner-reads-frozen"), (
                path
            )
            closed += 1
    assert closed >= 15


def test_revoking_needs_the_client_itself(network: Network):
    answer = network.http.post("/oauth/revoke", data={"token": network.token(MINE)}, auth=("api-pl-hfhr", "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert network.get("/v1/referrals").status_code == 200


def test_a_client_without_organisation_has_no_referrals(network: Network):
    answer = network.get("/v1/referrals", who="bot")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pristan:problem:no-organisation")


def test_a_body_that_is_too_large_is_an_error_of_oauth(network: Network):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/oauth/token", "/oauth/revoke"):
        answer = network.http.request("POST", path, headers=form, content=b"a" * 300_000)
        assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
        assert answer.headers["content-type"] == "application/json"
