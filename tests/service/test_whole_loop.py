"""The main job, from outside: the real command, a real port, HTTP and nothing else, on both databases.

A form filled in Russian without scripts, a queue, an offer, a partner that pulls, accepts and opens the story with its
own key, and the person who reads how it stands with their number.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pyotp
import pytest

from app.client.decryption import opened
from app.core.db import Database
from tests.support.live import held_port
from tests.support.people import NUMBER, Browser, short_form

CENTRE = "pl-hfhr"
PLANTED = "Жаворонок7731"


@dataclass
class Demo:
    base: str
    var: Path
    signs: dict[str, Any]
    clients: ExitStack = field(default_factory=ExitStack)

    def client(self, **headers: str) -> httpx.Client:
        return self.clients.enter_context(httpx.Client(base_url=self.base, timeout=60, headers=headers))

    def browser(self) -> Browser:
        return Browser(self.client())

    def api(self, organisation: str | None) -> httpx.Client:
        """A program of this organisation (None: the front end), with a fresh token."""
        client = next(entry for entry in self.signs["clients"] if entry["organisation"] == organisation)
        answer = httpx.post(
            f"{self.base}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(client["client_id"], client["client_secret"]),
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return self.client(Authorization=f"Bearer {answer.json()['access_token']}")

    def private_key(self, organisation: str) -> bytes:
        text = next(entry for entry in self.signs["clients"] if entry["organisation"] == organisation)["private_key"]
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    def desk(self) -> Browser:
        member = next(entry for entry in self.signs["desk"] if entry["role"] == "coordinator")
        browser = self.browser().open("/desk/sign-in")
        browser.fill(name=member["name"], passphrase=member["passphrase"], code=pyotp.TOTP(member["totp_secret"]).now())
        assert browser.answer.url.path == "/desk/today", browser.text
        return browser


@pytest.fixture
def demo(unmigrated_database: Database, tmp_path: Path) -> Iterator[Demo]:
    """`pristan run-demo`, as `make run` starts it, on an empty database."""
    var = tmp_path / "var"
    url = unmigrated_database.url.render_as_string(hide_password=False)
    unmigrated_database.dispose()
    environment = {**os.environ, "PRISTAN_VAR": str(var), "PRISTAN_DATABASE_URL": url}
    with held_port() as port, (tmp_path / "output.txt").open("wb") as output:
        base = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "app.cli.main", "run-demo", "--small", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            _wait(base, process, tmp_path / "output.txt")
            demo = Demo(base, var, json.loads((var / "demo.json").read_text()))
            with demo.clients:
                yield demo
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _wait(base: str, process: subprocess.Popen[bytes], output: Path) -> None:
    end = time.monotonic() + 300
    with httpx.Client(base_url=base, timeout=60) as client:
        while time.monotonic() < end:
            assert process.poll() is None, output.read_text()
            try:
                if client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    pytest.fail(output.read_text())


def act(api: httpx.Client, referral: str, verb: str, **said: str) -> httpx.Response:
    version = api.get(f"/v1/referrals/{referral}").headers["etag"]
    return api.post(
        f"/v1/referrals/{referral}/actions/{verb}",
        headers={"If-Match": version, "Idempotency-Key": str(uuid4())},
        json=said,
    )


def refer(desk: Browser, case: str, *needs: str) -> None:
    """Ask the centre for these needs of the case."""
    desk.open(f"/desk/cases/{case}/refer?service={CENTRE}/legal-help").fill("/refer", need=list(needs), by_hand="yes")
    assert desk.answer.status_code == 200, desk.text


def newest(api: httpx.Client, case_needs: set[str]) -> str:
    offered = api.get("/v1/referrals?state=offered").json()["referrals"]
    fitting = [entry for entry in offered if {need["code"] for need in entry["needs"]} == case_needs]
    assert len(fitting) == 1, fitting
    return str(fitting[0]["id"])


def test_from_a_form_in_russian_to_a_centre_that_helps_and_back(demo: Demo) -> None:
    person = short_form(
        demo.browser(),
        needs=["statelessness", "residence_permit", "asylum"],
        story=f"Я боюсь. {PLANTED}",
        call_me="Сова",
        region="PL-14",
    )
    number = person.number()
    desk = demo.desk().open("/desk/?need=statelessness")
    case = (desk.page.css_first('a[href^="/desk/cases/"]').attributes["href"] or "").partition("?")[0].rsplit("/", 1)[1]
    refer(desk, case, "statelessness", "residence_permit", "asylum")
    api = demo.api(CENTRE)
    referral = newest(api, {"statelessness", "residence_permit", "asylum"})
    assert api.get(f"/v1/referrals/{referral}/sealed").status_code == 409
    assert act(api, referral, "accept").status_code == 200
    sealed = api.get(f"/v1/referrals/{referral}/sealed")
    assert PLANTED not in sealed.text
    words = {part.part: part.content for part in opened(sealed.json(), demo.private_key(CENTRE))}
    assert PLANTED in words["story"]["story"]
    assert words["contact"]["call_me"] == "Сова"
    assert act(api, referral, "start").status_code == 200
    assert act(api, referral, "complete", outcome="resolved").status_code == 200
    types = [event["type"].rsplit(".", 1)[1] for event in _events(api) if event["subject"] == referral]
    assert types == ["offered", "accepted", "in_progress", "completed"]
    back = demo.browser().open("/en/return").fill(number=number)
    assert "A centre has helped you." in back.text


def _events(api: httpx.Client) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = api.get("/v1/events", params={"cursor": cursor} if cursor else {}).json()
        events += page["events"]
        if not page["events"]:
            return events
        cursor = page["cursor"]


def test_an_intake_over_json_reaches_the_same_partner(demo: Demo) -> None:
    front = demo.api(None)
    answers = {
        "language": "ru",
        "for_whom": "self",
        "needs": ["discrimination", "appeals"],
        "how_soon": "week",
        "country": "PL",
        "story": PLANTED,
        "consent": {"mode": "named", "organisations": [CENTRE]},
    }
    key = {"Idempotency-Key": str(uuid4())}
    filed = front.post("/v1/intakes", json=answers, headers=key)
    assert filed.status_code == 201
    assert front.post("/v1/intakes", json=answers, headers=key).json() == filed.json()
    assert NUMBER.fullmatch(filed.json()["receipt"])
    assert filed.json()["candidates"][0]["reasons"]
    refer(demo.desk(), filed.json()["case"], "discrimination", "appeals")
    api = demo.api(CENTRE)
    assert act(api, newest(api, {"discrimination", "appeals"}), "decline", reason="no_capacity").status_code == 200
    back = demo.browser().open("/ru/return").fill(number=filed.json()["receipt"])
    assert back.answer.url.path == "/ru/case"
    assert PLANTED.encode() not in b"".join(path.read_bytes() for path in demo.var.rglob("*") if path.is_file())


def test_running_it_again_keeps_the_data(unmigrated_database: Database, tmp_path: Path) -> None:
    from app.app_context import AppContext, migrate, open_app_context
    from app.demo.seed import seed_if_empty
    from app.settings import Settings

    url = unmigrated_database.url.render_as_string(hide_password=False)
    context: AppContext = open_app_context(Settings(var=tmp_path / "var", database_url=url))
    migrate(context.database)
    assert seed_if_empty(context, with_history=False)
    before = (tmp_path / "var" / "demo.json").read_bytes()
    migrate(context.database)
    assert not seed_if_empty(context)
    assert (tmp_path / "var" / "demo.json").read_bytes() == before
    assert (tmp_path / "var" / "demo.json").stat().st_mode & 0o777 == 0o600
    context.database.dispose()
