"""The feed: oldest first, at least once, nothing skipped, nobody kept waiting by those who wait."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from anyio.to_thread import run_sync

from app import privacy
from app.api import events, schemas
from app.cases import transitions
from app.core import kill_switch
from app.core.db import Database
from app.referrals import change_feed
from app.referrals.models import Referral
from tests.support.partners import MINE, OTHER, Network, running


def without_random_letters(page: dict[str, Any]) -> str:
    """The page as text, without the cursor and the ids of events: any two letters may stand in those."""
    return repr([{**event, "id": ""} for event in page["events"]] + [sorted(page)])


def test_events_come_oldest_first_with_ids_and_codes_only(network: Network):
    referral = network.offer(story="planted-canary", call_me="Анна")
    network.act(referral, "acknowledge")
    network.act(referral, "accept")
    answer = network.get("/v1/events")
    page = schemas.EventPage.model_validate(answer.json())
    assert [event.data.state for event in page.events] == ["offered", "acknowledged", "accepted"]
    assert page.events[0].type == "org.pristan.referral.offered"
    assert {event.subject for event in page.events} == {referral}
    assert {event.source for event in page.events} == {"https://pristan.test/v1/referrals"}
    assert len({event.id for event in page.events}) == 3
    assert not page.more
    assert page.cursor in answer.headers["link"]
    for secret in ("canary", "Анна", "asylum", "RU"):
        assert secret not in without_random_letters(answer.json())


def test_after_an_erasure_the_feed_holds_no_more_than_an_id_and_states(network: Network):
    case_id = network.case(story="planted-canary", call_me="Анна")
    referral = network.offer(MINE, case_id)
    network.act(referral, "accept")
    with network.database.begin() as session:
        privacy.erase(session, transitions.locked(session, case_id), actor_kind="person", now=network.now)
    answer = network.get("/v1/events")
    assert [event["data"]["state"] for event in answer.json()["events"]] == ["offered", "accepted", "client_declined"]
    assert {frozenset(event["data"]) for event in answer.json()["events"]} == {
        frozenset({"referral", "state", "version"})
    }
    assert str(case_id) not in answer.text
    for secret in ("canary", "Анна", "asylum", "PL"):
        assert secret not in without_random_letters(answer.json())


def test_an_event_names_no_needs_and_its_referral_shows_them_at_once(network: Network):
    """Also when another organisation takes a part: the state stays, the version goes up."""
    case_id = network.case(needs=["asylum", "psychosocial"])
    mine, other = network.offer(MINE, case_id), network.offer(OTHER, case_id)
    with network.database.begin() as session:
        session.execute(sa.update(Referral).values(needs=["asylum", "psychosocial"]))
        session.get_one(Referral, UUID(other)).needs = ["psychosocial"]
    network.act(other, "accept", who=OTHER)
    answer = network.get("/v1/events")
    first, narrowed = answer.json()["events"]
    assert (first["data"]["state"], narrowed["data"]["state"]) == ("offered", "offered")
    assert narrowed["data"]["version"] == first["data"]["version"] + 1
    assert "psychosocial" not in answer.text
    shown = network.get(f"/v1/referrals/{narrowed['data']['referral']}").json()
    assert [need["code"] for need in shown["needs"]] == ["asylum"]
    assert (shown["id"], shown["version"]) == (mine, narrowed["data"]["version"])


def test_a_reader_goes_on_where_it_stopped(network: Network):
    referral = network.offer()
    first = network.get("/v1/events").json()
    assert network.get("/v1/events", params={"cursor": first["cursor"]}).json()["events"] == []
    network.act(referral, "accept")
    again = network.get("/v1/events", params={"cursor": first["cursor"]}).json()
    assert [event["data"]["state"] for event in again["events"]] == ["accepted"]
    repeated = network.get("/v1/events", params={"cursor": first["cursor"]}).json()
    assert repeated["events"] == again["events"]


def test_pages_are_as_long_as_asked(network: Network):
    for _ in range(5):
        network.offer()
    found, cursor, sizes = [], None, []
    while True:
        page = network.get("/v1/events", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        found += [event["id"] for event in page["events"]]
        sizes.append(len(page["events"]))
        cursor = page["cursor"]
        if not page["more"]:
            break
    assert (len(set(found)), sizes) == (5, [2, 2, 1])


def test_each_organisation_has_its_own_feed(network: Network):
    case = network.case()
    mine, theirs = network.offer(MINE, case), network.offer(OTHER, case)
    network.act(mine, "accept")
    assert {event["subject"] for event in network.get("/v1/events").json()["events"]} == {mine}
    other = network.get("/v1/events", who=OTHER).json()["events"]
    assert [(event["subject"], event["data"]["state"]) for event in other] == [
        (theirs, "offered"),
        (theirs, "withdrawn"),
    ]


def test_the_bare_batch_for_libraries_of_cloudevents(network: Network):
    network.offer()
    answer = network.get("/v1/events", headers={"Accept": "application/cloudevents-batch+json"})
    assert answer.headers["content-type"] == "application/cloudevents-batch+json"
    assert [event["specversion"] for event in answer.json()] == ["1.0"]
    following = answer.headers["link"].partition(">")[0].removeprefix("<")
    assert network.get(following).json()["events"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "wait=26", "wait=-1", "wait=x", "after=1"])
def test_a_query_that_does_not_fit_is_refused(network: Network, query):
    assert network.get(f"/v1/events?{query}").status_code == 422


@pytest.mark.parametrize("cursor", ["", "x", "A" * 43, "A" * 44, "%00"])
def test_a_cursor_that_is_none_of_ours_is_refused(network: Network, cursor):
    assert network.get(f"/v1/events?cursor={cursor}").status_code == 400


def test_a_cursor_belongs_to_its_client(network: Network):
    cursor = network.get("/v1/events").json()["cursor"]
    assert network.get("/v1/events", params={"cursor": cursor}).status_code == 200
    assert network.get("/v1/events", params={"cursor": cursor}, who=OTHER).status_code == 400
    assert network.get("/v1/referrals", params={"cursor": cursor}).status_code == 400


def test_a_cursor_older_than_what_is_kept_is_gone_and_says_how_to_go_on(network: Network):
    network.offer()
    cursor = network.get("/v1/events").json()["cursor"]
    network.time.at += change_feed.KEPT_FOR - timedelta(minutes=1)
    network.tokens.clear()
    assert network.get("/v1/events", params={"cursor": cursor}).status_code == 200
    network.time.at += timedelta(minutes=2)
    answer = network.get("/v1/events", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["type"]) == (410, "urn:pristan:problem:cursor-gone")
    assert network.get(answer.json()["restart"]).status_code == 200


def test_a_reader_that_waits_is_told_soon_after_it_happens(network: Network):
    referral = network.offer()
    cursor = network.get("/v1/events").json()["cursor"]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(network.get, "/v1/events", params={"cursor": cursor, "wait": 25})
        time.sleep(0.5)
        assert network.act(referral, "accept").status_code == 200
        acted = time.monotonic()
        page = waiting.result(timeout=60).json()
        assert time.monotonic() - acted < 20, "it did not wait until its time was over"
    assert [event["data"]["state"] for event in page["events"]] == ["accepted"]


def test_when_nothing_happens_the_wait_ends(network: Network):
    started = time.monotonic()
    answer = network.get("/v1/events?wait=1")
    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert 0.9 < time.monotonic() - started < 15, "it waits a second, neither not at all nor as long as it may"


def test_many_who_wait_hold_neither_threads_nor_connections(network: Network):
    """More readers than there are threads or connections, and the service answers others as before."""
    network.token(MINE)
    referral = network.offer()
    cursor = network.get("/v1/events").json()["cursor"]
    with ThreadPoolExecutor(80) as threads:
        waiting = [threads.submit(network.get, "/v1/events", params={"cursor": cursor, "wait": 25}) for _ in range(80)]
        time.sleep(1)
        until = time.monotonic() + 15
        while network.database.engine.pool.checkedout() and time.monotonic() < until:
            time.sleep(0.003)
        assert not any(one.done() for one in waiting)
        assert network.database.engine.pool.checkedout() <= 2
        assert network.act(referral, "acknowledge").status_code == 200
        answers = [one.result(timeout=60) for one in waiting]
    assert {answer.status_code for answer in answers} == {200}
    assert {len(answer.json()["events"]) for answer in answers} == {1}


@pytest.fixture
def postgres_network(postgres_database: Database, tmp_path: Path) -> Iterator[Network]:
    with running(postgres_database, tmp_path / "var") as started:
        yield started


def test_a_slow_writer_is_never_skipped(postgres_network: Network):
    """A reader that saw a later event still gets the earlier one that was committed after it.

    An embedded database has one writer at a time; there this cannot happen.
    """
    network = postgres_network
    first, second = network.offer(), network.offer()
    cursor = network.get("/v1/events").json()["cursor"]
    organisation = network.clients[MINE].organisation_id
    with network.database.begin() as slow:
        change_feed.publish(slow, organisation, first, "referral.acknowledged", 3, network.now)
        slow.flush()
        with network.database.begin() as quick:
            change_feed.publish(quick, organisation, second, "referral.acknowledged", 3, network.now)
        page = network.get("/v1/events", params={"cursor": cursor}).json()
        assert [event["subject"] for event in page["events"]] == [second]
    page = network.get("/v1/events", params={"cursor": page["cursor"]}).json()
    assert [event["subject"] for event in page["events"]] == [first]


def test_who_waits_for_events_is_stopped_by_the_switch_too(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is set while the request waits: an event that comes afterwards is not given out."""
    cursor = network.get("/v1/events").json()["cursor"]
    pauses = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await run_sync(switch)

    def switch() -> None:
        with network.database.begin() as session:
            kill_switch.set_switch(session, kill_switch.FREEZE, on=True, by=None, now=network.now)

    monkeypatch.setattr(events, "anyio", SimpleNamespace(sleep=pause))
    answer = network.get("/v1/events", params={"cursor": cursor, "wait": 5})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:pristan:problem:partner-reads-frozen")
    assert len(pauses) == 1
