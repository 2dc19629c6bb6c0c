"""The documents of the partner API tell the truth: their samples run, their tables are those of the code."""

import re
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import httpx
import pytest

from app.api import content_negotiation, cursors, dependencies, events, referral_actions, referral_sealed
from app.api.openapi import document
from app.client import PartnerClient
from app.core import errors
from app.intake import idempotency
from app.partners.oauth_clients import SCOPES
from app.referrals.reasons import OUTCOMES, reasons_for
from app.referrals.states import MOVES, ReferralActor, ReferralVerb
from app.webhooks import signing
from app.webhooks.retries import PAUSES
from app.webhooks.service import TYPES
from tests.support import javascript
from tests.support.partners import MINE, Network
from tests.support.serving import BASE, SyncTransport

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "partner-api.md").read_text(encoding="utf-8")
WEBHOOKS = (DOCS / "webhooks.md").read_text(encoding="utf-8")
CLIENT = (DOCS / "partner-client.md").read_text(encoding="utf-8")


def sample(text: str) -> dict[str, Any]:
    """The names that the page's Python defines."""
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(code, "the documentation", "exec"), names)
    return names


def test_the_sample_opens_what_was_handed_over(network: Network):
    referral = network.offer(story="Меня вызвали на допрос")
    network.act(referral, "accept")
    answer = network.get(f"/v1/referrals/{referral}/sealed").json()
    opened = sample(API)["open_sealed"](answer, network.clients[MINE].pair.seed)
    assert {part["part"]: part["content"] for part in opened}["story"]["story"] == "Меня вызвали на допрос"


def test_the_samples_of_the_client_run(network: Network):
    urgent, normal = network.offer(how_soon="week"), network.offer(how_soon="none")
    program, names = network.clients[MINE], sample(CLIENT)
    with httpx.Client(transport=SyncTransport(network.http)) as http:
        client = PartnerClient(BASE, program.client_id, program.secret, private_key=program.pair.seed, http=http)
        assert names["take_the_urgent"](client) == [urgent]
        assert names["take_the_urgent"](client) == []
        assert names["stories"](client, urgent)["contact"]["call_me"] == "Анна"
        assert client.referral(normal).state == "offered"


@pytest.mark.parametrize(("path", "who"), [("/v1/intakes", "bot"), ("/v1/referrals", MINE)])
def test_the_intake_of_the_page_is_taken(network: Network, path: str, who: str):
    import json

    bodies = [text for text in re.findall(r"```json\n(.*?)```", API, re.DOTALL) if "for_whom" in text]
    body = next(text for text in bodies if ("person_agreed" in text) == (path == "/v1/referrals"))
    given = {"Idempotency-Key": "from-the-page"}
    answer = network.call("POST", path, who=who, headers=given, json=json.loads(body))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("verb", list(referral_actions.VERBS))
def test_the_table_of_actions_is_the_codes(verb: ReferralVerb):
    table = API[API.index("## Actions") : API.index("## The feed")]
    lines = [line for line in table.splitlines() if f"`{verb}`" in line.partition("| ")[2].split(" | ")[0]]
    assert len(lines) == 1, verb
    _, _, sources, targets, *_ = lines[0].split("|")
    for move in MOVES:
        if move.verb is verb and ReferralActor.PARTNER in move.by:
            assert move.source in sources, f"docs/partner-api.md: {verb}"
            assert move.target in targets, f"docs/partner-api.md: {verb}"


def test_codes_and_scopes_are_all_there():
    for verb in referral_actions.VERBS:
        for code in reasons_for(verb):
            assert f"`{code}`" in API, code
    for outcome in OUTCOMES:
        assert f"`{outcome}`" in API, outcome
    for scope in SCOPES:
        assert f"| `{scope}` |" in API, scope


def test_every_kind_of_problem_is_explained():
    table = API[API.index("## Errors") :]
    used = set(re.findall(r"urn:pristan:problem:([a-z-]+)", str(document("https://pristan.test"))))
    own = {
        kind.slug
        for module in (cursors, dependencies, events, content_negotiation, referral_sealed, idempotency)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, errors.AppError) and kind.__module__ == module.__name__
    }
    for slug in sorted(used | own):
        assert f"`{slug}`" in table, slug


def test_every_address_of_the_description_is_on_the_page():
    for path in document("https://pristan.test")["paths"]:
        assert re.sub(r"\{\w+_id\}", "{id}", path) in API + WEBHOOKS, path


def test_the_webhook_samples_verify_what_was_signed_and_nothing_else():
    secret, now = signing.new_secret(), datetime.now(UTC)
    body = b'{"type":"org.pristan.test"}'
    headers = signing.headers("an-id", now, body, signing.SHARED, [signing.new_secret(), secret])
    shown = signing.shown_secret(secret)
    verify = sample(WEBHOOKS)["verify"]
    assert verify(headers, body, shown) == {"type": "org.pristan.test"}
    for wrong in ({**headers, "webhook-timestamp": "1"}, {**headers, "webhook-id": "another"}):
        with pytest.raises(ValueError):
            verify(wrong, body, shown)
    with pytest.raises(ValueError):
        verify(headers, body + b" ", shown)


@pytest.mark.parametrize("language", [one for one in javascript.LANGUAGES if one == "javascript"])
@pytest.mark.parametrize("kind", signing.KINDS)
def test_the_receiver_in_javascript_verifies_both_kinds(language: str, kind: str):
    secret, body = signing.new_secret(), '{"type":"org.pristan.test"}'
    headers = signing.headers("an-id", datetime.now(UTC), body.encode(), kind, [secret])
    key = signing.shown_secret(secret) if kind == signing.SHARED else signing.shown_public_key(secret)
    given = {"headers": headers, "body": body, "key": key}
    assert javascript.run("verify-webhook.mjs", given) == {"type": "org.pristan.test"}
    with pytest.raises(CalledProcessError):
        javascript.run("verify-webhook.mjs", {**given, "body": body + " "})


def test_the_table_of_pauses_is_the_codes():
    row = next(line for line in WEBHOOKS.splitlines() if line.startswith("5 s,"))
    units = {"s": 1, "min": 60, "h": 3600}
    told = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", row)]
    assert told == [pause.total_seconds() for pause in PAUSES]


def test_every_type_of_event_is_on_the_page():
    for kind in TYPES:
        assert f"`{kind.rpartition('.')[2]}`" in WEBHOOKS, f"docs/webhooks.md: {kind}"
