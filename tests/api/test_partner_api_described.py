"""The service answers as its description says, whatever the description lets one send, and a good deal that it does not."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api import openapi
from tests.support.partners import MINE, OTHER, Network

DOCUMENT = openapi.document("https://pristan.test")
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {f"{found.ok().method.upper()} {found.ok().path}": found.ok() for found in SCHEMA.get_all_operations()}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TRIES = 30
RUNS = [
    (name, mode)
    for name, operation in OPERATIONS.items()
    for mode in GenerationMode
    if mode.is_positive or operation.body or list(operation.iter_parameters())
]


def add_webhook(network: Network) -> str:
    body = {"url": "https://centre.example/hook"}
    headers = {"Idempotency-Key": "the-first-endpoint"}
    found: str = network.call("POST", "/v1/webhook-endpoints", headers=headers, json=body).json()["id"]
    return found


@pytest.mark.parametrize(("name", "mode"), RUNS)
def test_every_answer_is_one_that_is_described(network: Network, name: str, mode: GenerationMode):
    operation = OPERATIONS[name]
    case = network.case()
    mine, accepted = network.offer(MINE, case), network.offer(MINE)
    network.act(accepted, "accept")
    theirs = network.offer(OTHER, case)
    hook = add_webhook(network)
    for who in (MINE, "bot"):
        network.token(who)

    @settings(
        max_examples=TRIES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(found=operation.as_strategy(generation_mode=mode), known=st.sampled_from([mine, accepted, theirs, None]))
    def run(found: Any, known: str | None) -> None:
        if known and "referral_id" in (found.path_parameters or {}):
            found.path_parameters["referral_id"] = known
        sent = found.as_transport_kwargs(base_url="http://pristan.test")
        headers = {
            key: value for key, value in dict(sent.pop("headers") or {}).items() if key.lower() != "authorization"
        }
        if known in {mine, accepted} and "endpoint_id" in (found.path_parameters or {}):
            found.path_parameters["endpoint_id"] = hook
        if found.path.endswith("{verb}") and known not in {theirs, None}:
            headers["If-Match"] = network.get(f"/v1/referrals/{known}").headers["etag"]
        who = "bot" if found.path == "/v1/intakes" else MINE
        headers["Authorization"] = f"Bearer {network.token(who)}"
        if "wait" in (found.query or {}):
            found.query["wait"] = 0
        sent = {key: value for key, value in sent.items() if key in {"json", "data", "content", "params", "files"}}
        if isinstance(sent.get("data"), bytes | str):
            sent["content"] = sent.pop("data")
        if sent.get("params") and "wait" in sent["params"]:
            sent["params"]["wait"] = 0
        url = found.formatted_path
        try:
            answer = network.http.request(found.method, url, headers=headers, **sent)
        except (UnicodeError, ValueError, TypeError):
            return  # no client can send it
        found.validate_response(answer, checks=CHECKS)
        assert answer.status_code < 500 or answer.status_code == 503, answer.text

    run()
