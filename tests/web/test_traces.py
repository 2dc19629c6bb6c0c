"""Traces hold names that this program wrote, and nothing that anybody typed, asked for or was answered."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import ValidationError

from app.core import tracing
from app.core.db import Database
from app.reporting import persecution_figures
from app.settings import Settings
from tests.support.partners import Network, running

CANARY = "canary"
NAME = re.compile(
    r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|other) (/[\w{}:./-]*|none)"
    r"|render [\w/]+\.(html|xml|txt)|job [a-z_]+|SELECT|INSERT|UPDATE|DELETE|WITH|SET|SHOW|PRAGMA|statement"
)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = tracing.use(SimpleSpanProcessor(exporter), surface="partner")
    yield exporter
    tracing.stop(provider)


@pytest.fixture
def network(database: Database, tmp_path: Path) -> Iterator[Network]:
    with running(database, tmp_path / "var") as started:
        yield started


def exported(spans: InMemorySpanExporter) -> list[dict[str, Any]]:
    return [json.loads(span.to_json()) for span in spans.get_finished_spans()]


def test_nothing_that_was_typed_is_in_a_span(
    network: Network, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = network.file(
        story=f"{CANARY} story",
        call_me=f"{CANARY} name",
        answer_by={"channel": "email", "address": f"{CANARY}@example.org"},
    )
    assert filed.status_code == 201
    traceparent = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": f"{CANARY}=1",
    }
    network.get(f"/v1/referrals/{CANARY}", headers=traceparent)
    network.get("/v1/referrals", params={CANARY: CANARY})
    network.http.request("GET", f"/{CANARY}/{CANARY}?q={CANARY}")
    network.http.request(f"{CANARY.upper()}", "/v1/referrals")
    network.call(
        "POST", "/v1/intakes", who="bot", headers={"Idempotency-Key": f"{CANARY}-{CANARY}"}, json={"story": CANARY}
    )

    def fails(*_arguments: object, **_named: object) -> None:
        raise ValueError(f"{CANARY} in a message")

    monkeypatch.setattr("app.referrals.change_feed.read_events", fails)
    assert network.get("/v1/events").status_code == 500
    found = exported(spans)
    assert CANARY not in json.dumps(found).lower()
    assert "0af7651916cd43dd" not in json.dumps(found)
    assert {span["name"] for span in found if not NAME.fullmatch(span["name"])} == set()
    assert {name for span in found for name in span["attributes"]} <= tracing.ALLOWED
    assert {json.dumps(span["resource"]["attributes"]) for span in found} == {
        json.dumps({"service.name": "pristan-partner"})
    }
    assert all(span["events"] == [] and not span["status"].get("description") for span in found)
    failed = [span for span in found if span["status"]["status_code"] == "ERROR"]
    assert {span["attributes"]["error.type"] for span in failed} == {"ValueError"}


def test_a_request_has_its_statements_below_it_and_its_route_as_a_name(
    network: Network, spans: InMemorySpanExporter
) -> None:
    network.token("bot")
    spans.clear()
    network.file()
    found = exported(spans)
    request = next(span for span in found if span["name"] == "POST /v1/intakes")
    assert request["parent_id"] is None
    assert request["attributes"]["http.response.status_code"] == 201
    below = [span for span in found if span["parent_id"] == request["context"]["span_id"]]
    assert {"SELECT", "INSERT"} <= {span["name"] for span in below}
    assert {span["attributes"]["db.system.name"] for span in below} == {network.database.dialect}


def test_a_statement_that_fails_says_its_class_and_no_value(database: Database, spans: InMemorySpanExporter) -> None:
    with tracing.root("job made_up"), database.begin(write=False) as session, pytest.raises(sa.exc.DBAPIError):
        session.execute(sa.text(f"SELECT {CANARY} FROM nowhere WHERE x = :value"), {"value": CANARY})
    found = exported(spans)
    assert CANARY not in json.dumps(found)
    assert [(span["name"], span["status"]["status_code"]) for span in found if "error.type" in span["attributes"]] == [
        ("SELECT", "ERROR")
    ]


def test_libraries_that_bring_spans_of_their_own_find_no_provider(spans: InMemorySpanExporter) -> None:
    with trace.get_tracer("somebody else's").start_as_current_span(CANARY):
        pass
    assert exported(spans) == []


def test_without_the_setting_there_are_no_spans_and_no_package_is_loaded(database: Database) -> None:
    with tracing.root("request") as span, database.begin(write=False) as session:
        persecution_figures.monthly_counts(session)
        span.note({"http.route": "/"})
    check = "import sys, app.main, app.worker; sys.exit('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize("url", ["http://collector.example.org:4318/v1/traces", "file:///tmp/traces"])
def test_traces_leave_the_machine_over_tls_alone(url: str) -> None:
    with pytest.raises(ValidationError, match="PRISTAN_TRACES_URL"):
        Settings(traces_url=url)
    assert Settings(traces_url="https://collector.example.org/v1/traces").traces_share == 1
