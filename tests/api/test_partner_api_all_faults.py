"""A refusal names every fault of a request at once, wherever it is read: nobody mends a request in six rounds."""

from typing import Any
from uuid import uuid4

from tests.support.partners import Network

ID = str(uuid4())
REFERRAL = f"/v1/referrals/{ID}"
HOOKS = "/v1/webhook-endpoints"
BODIES: list[tuple[str, str, Any, set[tuple[str, str]]]] = [
    ("POST", f"{REFERRAL}/messages", {}, {("/id", "required"), ("/ciphertext", "required"), ("/keys", "required")}),
    (
        "POST",
        f"{REFERRAL}/messages",
        {"id": "7", "ciphertext": "ä", "keys": [{"owner": 1, "key_id": "x", "wrap": "!"}, 5], "more": 1},
        {
            ("", "unknown_field"),
            ("/id", "not_an_id"),
            ("/ciphertext", "not_bytes"),
            ("/keys/0/owner", "not_an_id"),
            ("/keys/0/key_id", "not_an_id"),
            ("/keys/0/wrap", "not_bytes"),
            ("/keys/1", "not_an_object"),
        },
    ),
    (
        "POST",
        f"{REFERRAL}/messages",
        {"id": ID, "ciphertext": "", "keys": {}},
        {("/ciphertext", "not_bytes"), ("/keys", "not_a_list")},
    ),
    (
        "POST",
        f"{REFERRAL}/appointments",
        {},
        {("/id", "required"), ("/times", "required"), ("/last_hour", "required"), ("/ciphertext", "required")},
    ),
    (
        "POST",
        f"{REFERRAL}/appointments",
        {"id": 1, "times": True, "last_hour": "2026-12-03 14:00", "ciphertext": None, "place": "here"},
        {
            ("", "unknown_field"),
            ("/id", "not_an_id"),
            ("/times", "out_of_range"),
            ("/last_hour", "not_an_instant"),
            ("/ciphertext", "not_bytes"),
        },
    ),
    ("POST", f"{REFERRAL}/quality", {"words": "no"}, {("", "unknown_field"), ("/quality", "required")}),
    (
        "POST",
        f"{REFERRAL}/quality",
        {"words": "no", "quality": ["x"]},
        {("", "unknown_field"), ("/quality", "unknown_code")},
    ),
    (
        "POST",
        "/v1/conflicts",
        {"form": "9", "hashes": ["x", 5], "names": ["…"]},
        {("", "unknown_field"), ("/form", "unknown_code"), ("/hashes/0", "not_a_hash"), ("/hashes/1", "not_a_hash")},
    ),
    (
        "POST",
        "/v1/referrals",
        {"agreed": "yes", "intake": {"country": "Poland", "needs": [], "why": 1}},
        {
            ("", "unknown_field"),
            ("/person_agreed", "required"),
            ("/intake", "unknown_field"),
            ("/intake/for_whom", "required"),
            ("/intake/how_soon", "required"),
            ("/intake/consent", "required"),
            ("/intake/country", "wrong_format"),
            ("/intake/needs", "too_few"),
        },
    ),
    (
        "POST",
        HOOKS,
        {"url": "http://centre.example", "types": ["x"], "signature": "v9", "name": 1},
        {
            ("", "unknown_field"),
            ("/url", "not_public_https"),
            ("/types/0", "unknown_code"),
            ("/signature", "unknown_code"),
        },
    ),
    (
        "POST",
        f"{HOOKS}/{ID}/resend",
        {"since": "yesterday", "until": 1},
        {("", "unknown_field"), ("/since", "not_an_instant")},
    ),
    (
        "POST",
        f"{REFERRAL}/actions/hand_back",
        {"reason": "bored", "work_done": "all", "deadline_on": "soon", "until": "2026-12-01", "why": 1},
        {
            ("", "unknown_field"),
            ("/reason", "unknown_code"),
            ("/work_done", "not_a_list"),
            ("/deadline_on", "not_a_day"),
            ("/until", "not_taken"),
        },
    ),
]
QUERIES = [
    (
        "/v1/referrals?limit=0&state=x&state=offered&need=x&updated_since=now&page=1&page=2",
        {
            ("/query", "unknown_parameter"),
            ("/query/limit", "out_of_range"),
            ("/query/state", "unknown_code"),
            ("/query/need", "unknown_code"),
            ("/query/updated_since", "not_an_instant"),
        },
    ),
    ("/v1/referrals.csv?limit=x&limit=y&need=x", {("/query/limit", "repeated"), ("/query/need", "unknown_code")}),
    (
        "/v1/events?limit=-1&wait=99&since=x",
        {("/query", "unknown_parameter"), ("/query/limit", "out_of_range"), ("/query/wait", "out_of_range")},
    ),
    (
        "/v1/vocabularies?language=xx&country=QQ&x=1",
        {("/query", "unknown_parameter"), ("/query/language", "unknown_code"), ("/query/country", "unknown_code")},
    ),
    (f"{HOOKS}/{ID}/deliveries?state=x&limit=0", {("/query/state", "unknown_code"), ("/query/limit", "out_of_range")}),
    (
        "/hsds/3.1/services?page=0&per_page=x&format=xml&minimal=yes&full=1&modified_after=now&organization_id=1&x=1&search=a&search=b",
        {
            ("/query", "unknown_parameter"),
            ("/query/search", "repeated"),
            ("/query/page", "out_of_range"),
            ("/query/per_page", "out_of_range"),
            ("/query/format", "unknown_code"),
            ("/query/minimal", "not_a_boolean"),
            ("/query/full", "not_a_boolean"),
            ("/query/modified_after", "not_an_instant"),
            ("/query/organization_id", "not_an_id"),
        },
    ),
    (
        f"/hsds/3.1/organizations/{ID}?full_service=1&x=1",
        {("/query", "unknown_parameter"), ("/query/full_service", "not_a_boolean")},
    ),
]


def faults(answer: Any) -> set[tuple[str, str]]:
    assert answer.status_code == 422, (answer.status_code, answer.text)
    errors = answer.json()["errors"]
    found = {(error["pointer"], error["code"]) for error in errors}
    assert len(found) == len(errors), "each fault is named once"
    return found


def test_each_body_is_refused_with_all_its_faults(network: Network):
    for method, path, body, expected in BODIES:
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": '"1"'}
        assert faults(network.call(method, path, json=body, headers=headers)) == expected, path


def test_each_query_is_refused_with_all_its_faults(network: Network):
    for path, expected in QUERIES:
        assert faults(network.get(path)) == expected, path
