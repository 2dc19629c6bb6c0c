"""One act under one Idempotency-Key, whatever breaks: another process, a kill between commit and answer, a slow first request."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.core.db import Database
from app.core.keyring import KeyRing
from app.intake import idempotency
from app.intake.idempotency import StoredResponse
from app.main import create_app
from app.referrals.models import ReferralEvent
from app.settings import Settings
from tests.support.live import held_port
from tests.support.partners import MINE, START, Network
from tests.support.serving import in_process

# A server whose commits are kept and whose answers never leave: the moment between the two, made long.
SERVER = """
import sys, time
from pathlib import Path
import uvicorn
from app.core import dependencies
from app.intake import idempotency
from app.main import create_app
from app.settings import Settings
commit, once = dependencies._commit, idempotency.run_once
def noted_once(session, *given, **more):
    session.info["acts"] = True
    return once(session, *given, **more)
def commit_and_hang(session, write):
    acts = session.info.get("acts")
    commit(session, write)
    if acts and Path(sys.argv[4]).exists():
        time.sleep(60)
idempotency.run_once = noted_once
dependencies._commit = commit_and_hang
settings = Settings(var=Path(sys.argv[3]), database_url=sys.argv[1], worker_in_web=False, base_url="https://pristan.test")
app = create_app(settings, surfaces={"partner"})
uvicorn.run(app, port=int(sys.argv[2]), log_config=None, access_log=False)
"""


def events(network: Network, referral: str, verb: str) -> int:
    with network.database.begin(write=False) as session:
        query = sa.select(sa.func.count()).where(
            ReferralEvent.referral_id == UUID(referral), ReferralEvent.verb == verb
        )
        return session.scalar(query) or 0


def test_two_processes_that_get_the_same_request_act_once(network: Network, tmp_path: Path):
    referral = network.offer()
    headers = {"Authorization": f"Bearer {network.token(MINE)}", "If-Match": '"2"', "Idempotency-Key": "one-for-both"}
    path = f"/v1/referrals/{referral}/actions/accept"
    settings = Settings(var=tmp_path, worker_in_web=False, base_url="https://pristan.test")
    app = create_app(settings, surfaces={"partner"}, database=network.database, keys=network.keys, clock=network.time)
    with in_process(app) as other:
        assert other.post(path).status_code == 401  # its routes are put together now, in one thread
        with ThreadPoolExecutor(6) as threads:
            asked = [threads.submit((network.http, other)[n % 2].post, path, headers=headers) for n in range(6)]
            answers = [one.result() for one in asked]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 5
    assert events(network, referral, "accept") == 1


@pytest.fixture
def killable(network: Network, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client, Path]]:
    """A second process on the network's database, with its keys. It hangs after an act is committed once the file is there."""
    var, hang = tmp_path / "second", tmp_path / "hang"
    network.keys.save(var / "keys.json")
    url = network.database.url.render_as_string(hide_password=False)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with held_port() as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=50) as client:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, url, str(port), str(var), str(hang)],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if client.get("/healthz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield process, client, hang
        process.kill()
        process.wait(10)


def test_killed_between_commit_and_answer_it_was_done_once_and_is_told_again(network: Network, killable: Any):
    process, client, hang = killable
    from app.core.clock import utc_now

    network.time.at = utc_now()  # the other process goes by the true time
    network.tokens.clear()
    referral = network.offer()
    path = f"/v1/referrals/{referral}/actions/accept"
    headers = {"Authorization": f"Bearer {network.token(MINE)}", "If-Match": '"2"', "Idempotency-Key": "killed-midway"}
    assert client.get(f"/v1/referrals/{referral}", headers=headers).status_code == 200
    warm = {**headers, "If-Match": '"77"', "Idempotency-Key": "takes-a-share"}
    assert client.post(path, headers=warm).status_code == 412
    hang.touch()
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(client.post, path, headers=headers)
        until = time.monotonic() + 30
        while not events(network, referral, "accept") and time.monotonic() < until:
            time.sleep(0.02)
        assert not asked.done()
        process.send_signal(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            asked.result(timeout=20)
    again = network.http.post(path, headers=headers)
    assert (again.status_code, again.headers.get("idempotency-replayed")) == (200, "true"), again.text
    assert again.json()["state"] == "accepted"
    assert events(network, referral, "accept") == 1


def test_while_the_first_request_is_still_under_way_the_second_is_told_so(postgres_database: Database):
    """On PostgreSQL the second waits for the first, but not for ever. An embedded database has one writer at a time."""
    keys, ttl = KeyRing.generate(START.date()), Settings().idempotency_ttl

    def once(session: Any, patience: str) -> StoredResponse:
        session.execute(sa.text(f"SET LOCAL lock_timeout = '{patience}'"))
        return idempotency.run_once(
            session,
            keys,
            "who",
            "the-same-key",
            b"payload",
            lambda: StoredResponse(200, {"done": True}),
            now=START,
            ttl=ttl,
        )

    with postgres_database.begin() as first:
        once(first, "8s")
        with pytest.raises(idempotency.RequestInProgress) as refused:
            with postgres_database.begin() as second:
                once(second, "100ms")
    assert (refused.value.status, refused.value.slug) == (409, "request-in-progress")
    with postgres_database.begin() as later:
        assert once(later, "8s").replayed


def test_a_reply_is_kept_for_two_days_and_not_longer(network: Network):
    referral, key = network.offer(), str(uuid4())
    network.act(referral, "acknowledge", key=key)
    network.later(hours=47, minutes=59)
    network.tokens.clear()
    assert network.act(referral, "acknowledge", version=2, key=key).headers["idempotency-replayed"] == "true"
    with network.database.begin() as session:
        idempotency.drop_expired(session, network.now)
    network.later(minutes=2)
    with network.database.begin() as session:
        idempotency.drop_expired(session, network.now)
    assert network.act(referral, "acknowledge", version=2, key=key).status_code == 412
