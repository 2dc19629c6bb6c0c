"""The service answers as its description says, whatever the description lets one send, and a good deal that it does not."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
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
from app.api.referral_actions import BODY_BY_VERB, VERBS
from app.core.db import Database
from tests.support.founding import found
from tests.support.partners import MINE, OTHER, Founded, Network, running

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
TRIES_OF_ACTION = 8
"""Each of them: they share their code."""
ACTION = "/v1/referrals/{referral_id}/actions/"
LIKE_ACCEPT = {f"POST {ACTION}{verb}" for verb in VERBS if verb not in BODY_BY_VERB and verb != "accept"}
"""The other actions without a body: one function makes their routes."""
RUNS = [
    (name, mode)
    for name, operation in OPERATIONS.items()
    for mode in GenerationMode
    if name not in LIKE_ACCEPT and (mode.is_positive or operation.body or list(operation.iter_parameters()))
]


def add_webhook(network: Network) -> str:
    body = {"url": "https://centre.example/hook"}
    headers = {"Idempotency-Key": "the-first-endpoint"}
    found: str = network.call("POST", "/v1/webhook-endpoints", headers=headers, json=body).json()["id"]
    return found


@dataclass(frozen=True)
class Place:
    """One network, with a referral of each kind in it and somebody who listens."""

    network: Network
    referrals: tuple[str, str, str]
    hook: str

    def answers_as_described(self, found: Any, known: int | None) -> None:
        """Send it, with the `known` of our referrals in the place of a made-up one."""
        referral = None if known is None else self.referrals[known]
        if referral and "referral_id" in (found.path_parameters or {}):
            found.path_parameters["referral_id"] = referral
        sent = found.as_transport_kwargs(base_url="http://pristan.test")
        headers = {
            key: value for key, value in dict(sent.pop("headers") or {}).items() if key.lower() != "authorization"
        }
        if known in {0, 1} and "endpoint_id" in (found.path_parameters or {}):
            found.path_parameters["endpoint_id"] = self.hook
        if found.path.startswith(ACTION) and known in {0, 1}:
            headers["If-Match"] = self.network.get(f"/v1/referrals/{referral}").headers["etag"]
        who = "bot" if found.path == "/v1/intakes" else MINE
        headers["Authorization"] = f"Bearer {self.network.token(who)}"
        if "wait" in (found.query or {}):
            found.query["wait"] = 0
        sent = {key: value for key, value in sent.items() if key in {"json", "data", "content", "params", "files"}}
        if isinstance(sent.get("data"), bytes | str):
            sent["content"] = sent.pop("data")
        if sent.get("params") and "wait" in sent["params"]:
            sent["params"]["wait"] = 0
        url = found.formatted_path
        try:
            answer = self.network.http.request(found.method, url, headers=headers, **sent)
        except (UnicodeError, ValueError, TypeError):
            return  # no client can send it
        found.validate_response(answer, checks=CHECKS)
        assert answer.status_code < 500 or answer.status_code == 503, answer.text


@dataclass(frozen=True)
class PlaceFounded(Founded):
    """A network with what its place has."""

    referrals: tuple[str, str, str] = ("", "", "")
    hook: str = ""


def founded_place(database: Database) -> PlaceFounded:
    with TemporaryDirectory() as var, running(database, Path(var)) as network:
        case = network.case()
        mine, accepted = network.offer(MINE, case), network.offer(MINE)
        network.act(accepted, "accept")
        referrals, hook = (mine, accepted, network.offer(OTHER, case)), add_webhook(network)
        for who in (MINE, "bot"):
            network.token(who)
    return PlaceFounded(network.keys, network.clients, network.tokens, referrals, hook)


@pytest.fixture
def places(sqlite_database: Database, postgres_database: Database, tmp_path: Path) -> Iterator[list[Place]]:
    """On both databases: what is sent takes longer to make up than to answer, and each gets all of it."""
    with ExitStack() as both:
        made = []
        for one in (sqlite_database, postgres_database):
            founded = found(one, founded_place)
            network = both.enter_context(running(one, tmp_path / one.dialect, founded=founded))
            made.append(Place(network, founded.referrals, founded.hook))
        yield made


@pytest.mark.parametrize(("name", "mode"), RUNS)
def test_every_answer_is_one_that_is_described(places: list[Place], name: str, mode: GenerationMode):
    @settings(
        max_examples=TRIES_OF_ACTION if ACTION in name else TRIES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        found=OPERATIONS[name].as_strategy(generation_mode=mode),
        known=st.sampled_from([0, 1, 2, None]),
    )
    def run(found: Any, known: int | None) -> None:
        for place in places:
            place.answers_as_described(found, known)

    run()
