"""How much a client may ask: told on every answer, refused with a time to wait, shared between processes."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi import Depends, FastAPI

from app.api.deprecation import Deprecated
from app.core import quotas
from app.core.db import Database
from app.core.http_middleware import RequestMiddleware
from app.core.quotas import SHARES, QuotaWindow
from app.main import create_app
from app.settings import Settings
from tests.support.partners import MINE, OTHER, Network, running
from tests.support.serving import InProcess, in_process

QUOTA = 20


@pytest.fixture
def network(database: Database, tmp_path: Path) -> Iterator[Network]:
    with running(database, tmp_path / "var", reads_per_minute=QUOTA, writes_per_minute=QUOTA) as started:
        yield started


def left(answer) -> tuple[int, int]:
    found = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert answer.headers["ratelimit-policy"] == f'"{found[1]}";q={QUOTA};w=60'
    return int(found[2]), int(found[3])


def test_every_answer_says_what_is_left_and_too_much_is_refused(network: Network):
    network.later(seconds=12)
    told = [left(network.get("/v1/referrals")) for _ in range(QUOTA)]
    assert told == [(QUOTA - 1 - n, 48) for n in range(QUOTA)]
    answer = network.get("/v1/events")
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:pristan:problem:too-many-requests")
    assert (answer.headers["retry-after"], left(answer)) == ("48", (0, 48))
    network.later(seconds=int(answer.headers["retry-after"]))
    assert left(network.get("/v1/referrals")) == (QUOTA - 1, 60)


def test_a_refusal_says_it_too(network: Network):
    answer = network.get(f"/v1/referrals/{uuid4()}")
    assert (answer.status_code, left(answer)[0]) == (404, QUOTA - 1)
    assert "ratelimit" not in network.http.get("/v1/referrals").headers


def test_clients_and_kinds_of_calls_have_quotas_of_their_own(network: Network):
    referral = network.offer()
    for _ in range(QUOTA):
        network.get("/v1/referrals")
    assert network.get("/v1/referrals").status_code == 429
    assert network.get("/v1/referrals", who=OTHER).status_code == 200
    answer = network.act(referral, "accept", version=2)
    assert (answer.status_code, answer.headers["ratelimit-policy"]) == (200, f'"writes";q={QUOTA};w=60')


def test_a_refused_act_did_nothing(network: Network):
    referral = network.offer()
    for _ in range(QUOTA):
        network.act(referral, "accept", version=77)
    assert network.act(referral, "accept", version=2).status_code == 429
    assert network.get(f"/v1/referrals/{referral}").json()["state"] == "offered"


def test_processes_together_serve_no_more_than_the_quota(network: Network, tmp_path: Path):
    """Three processes that have only the database in common, asked by turns and all at once."""
    token = {"Authorization": f"Bearer {network.token(MINE)}"}
    settings = Settings(var=tmp_path, worker_in_web=False, reads_per_minute=QUOTA)
    with ExitStack() as others:
        apps: list[InProcess] = [network.http]
        for _ in range(2):
            app = create_app(
                settings, surfaces={"partner"}, database=network.database, keys=network.keys, clock=network.time
            )
            apps.append(others.enter_context(in_process(app)))
        codes = [one.get("/v1/referrals", headers=token).status_code for one in apps]
        with ThreadPoolExecutor(6) as threads:
            asked = [threads.submit(apps[n % 3].get, "/v1/referrals", headers=token) for n in range(3 * QUOTA - 3)]
            codes += [one.result().status_code for one in asked]
    assert codes.count(200) == QUOTA
    assert codes.count(429) == 2 * QUOTA


def test_a_share_costs_one_small_write_and_is_forgotten(network: Network):
    for _ in range(QUOTA):
        network.get("/v1/referrals")
    with network.database.begin() as session:
        row = session.query(QuotaWindow).one()
        assert (row.key, row.taken) == (f"api-{MINE}:reads", QUOTA)
        assert quotas.delete_expired(session, network.now) == 0
        network.later(minutes=3)
        assert quotas.delete_expired(session, network.now) == 1
    assert QUOTA % SHARES == 0


def test_a_route_that_will_end_says_so():
    app = FastAPI()
    until = datetime(2027, 6, 30, tzinfo=UTC)
    old = Deprecated(since=datetime(2026, 12, 1, tzinfo=UTC), until=until, see="/v1/docs#new")

    @app.get("/old", dependencies=[Depends(old)], deprecated=True)
    def old_route() -> str:
        return "still here"

    app.add_middleware(RequestMiddleware, max_body=100_000, https=False)
    with in_process(app) as http:
        headers = http.get("/old").headers
    assert headers["deprecation"] == "@1796083200"
    assert headers["sunset"] == "Wed, 30 Jun 2027 00:00:00 GMT"
    assert headers["link"] == '</v1/docs#new>; rel="deprecation"'
