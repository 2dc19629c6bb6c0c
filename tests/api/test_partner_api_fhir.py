"""`GET /v1/referrals/{id}/fhir`: one's own referral as FHIR, without a word that only its sealed part may say."""

import json

from app.client import PartnerClient
from tests.support.partners import MINE, OTHER, Network

SECRETS = ("Тестовая", "Анна", "+48 600 000 000")


def test_a_referral_in_the_words_of_fhir(network: Network):
    referral = network.offer()
    offered = network.get(f"/v1/referrals/{referral}/fhir").json()
    network.act(referral, "decline", json={"reason": "no_capacity"})
    answer = network.get(f"/v1/referrals/{referral}/fhir")
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["etag"] == '"3"'
    task, request, patient = (entry["resource"] for entry in answer.json()["entry"])
    assert (task["resourceType"], task["status"]) == ("Task", "rejected")
    assert task["statusReason"]["coding"][0]["code"] == "no_capacity"
    assert "reasonCode" not in request, "what it was about is closed to them now"
    assert patient == {"resourceType": "Patient", "id": patient["id"]}
    _task, request, patient = (entry["resource"] for entry in offered["entry"])
    assert [need["coding"][0]["code"] for need in request["reasonCode"]] == ["asylum"]
    assert [place["coding"][0]["code"] for place in request["locationCode"]] == ["PL", "PL-14"]
    assert patient["communication"][0]["language"]["coding"][0]["code"] == "ru"


def test_after_acceptance_it_names_nobody_either(network: Network):
    referral = network.offer()
    network.act(referral, "accept")
    document = network.get(f"/v1/referrals/{referral}/fhir").text
    assert not any(secret in document for secret in SECRETS)
    detail = network.get(f"/v1/referrals/{referral}").json()
    case_label = network.get(f"/v1/referrals/{referral}/sealed").json()["case"]
    assert detail["label"] in document
    assert case_label not in document


def test_it_comes_in_the_form_that_was_asked_for(network: Network):
    path = f"/v1/referrals/{network.offer()}/fhir"
    forms = {
        "application/fhir+json": "application/fhir+json",
        "application/fhir+json; fhirVersion=4.0": "application/fhir+json",
        "application/json": "application/json",
        "*/*": "application/fhir+json",
    }
    for accept, form in forms.items():
        answer = network.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, form), accept
        assert answer.json()["resourceType"] == "Bundle"
    for accept in ("application/fhir+xml", "text/html", "application/fhir+json; fhirVersion=5.0"):
        answer = network.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.json()["type"]) == (406, "urn:pristan:problem:not-acceptable"), accept


def test_a_form_can_be_named_in_the_address(network: Network):
    path = f"/v1/referrals/{network.offer()}/fhir"
    forms = {
        "json": "application/fhir+json",
        "application/fhir%2Bjson": "application/fhir+json",
        "application/fhir+json": "application/fhir+json",
        "application/json": "application/json",
    }
    for named, form in forms.items():
        answer = network.get(f"{path}?_format={named}", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, form), named
    for ignored in ("_pretty=true", "_format=json&_pretty=false", "_summary=true", "_elements=status"):
        assert network.get(f"{path}?{ignored}").json()["resourceType"] == "Bundle", ignored
    for named in ("xml", "ttl", "html", "x" * 300):
        assert network.get(f"{path}?_format={named}").status_code == 406, named


def test_an_id_is_found_in_capitals_and_without_hyphens(network: Network):
    referral = network.offer()
    for written in (referral.upper(), referral.replace("-", ""), referral.upper().replace("-", "")):
        for rest in ("", "/fhir", "/sealed"):
            assert (
                network.get(f"/v1/referrals/{written}{rest}").status_code
                == network.get(f"/v1/referrals/{referral}{rest}").status_code
            )
    version = network.get(f"/v1/referrals/{referral}").headers["etag"]
    weak = {"If-Match": f"W/{version}"}  # as nginx sends it on after it has compressed an answer
    assert network.act(referral.upper(), "decline", headers=weak, json={"reason": "no_capacity"}).status_code == 200


def test_anothers_is_like_unknown(network: Network):
    theirs = network.offer(OTHER)
    unknown = "00000000-0000-4000-8000-000000000000"
    answers = [network.get(f"/v1/referrals/{one}/fhir") for one in (theirs, unknown, "x")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_it_takes_the_scope_to_read(network: Network):
    referral = network.offer()
    assert network.get(f"/v1/referrals/{referral}/fhir", scope="events:read").status_code == 403


def test_the_client_gets_it(network: Network):
    import httpx

    from tests.support.serving import BASE, SyncTransport

    referral, program = network.offer(), network.clients[MINE]
    with httpx.Client(transport=SyncTransport(network.http)) as http:
        client = PartnerClient(BASE, program.client_id, program.secret, http=http)
        assert json.dumps(client.fhir(referral)).count("resourceType") == 4
