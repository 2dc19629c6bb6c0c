"""What is read from a replica: a real standby, held back, let go, promoted in all but name, and gone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.app_context import migrate
from app.core.db import Database
from app.core.dependencies import replica_transaction
from app.core.replica import Replica, ReplicaState
from app.main import create_app
from app.settings import Settings
from tests.support import standby
from tests.support.partners import Founded, Network, founded_network, running
from tests.support.standby import Pair

BOUND = timedelta(seconds=5)
READ_THERE = {
    "/desk/reports", "/desk/reports/published", "/partner/report", "/{lang:language}/numbers", "/{lang:language}/numbers.csv",
}  # fmt: skip
"""With HSDS, and the feed, which asks the primary first."""


@dataclass
class Cluster:
    pair: Pair
    primary: Database
    standby: Database
    founded: Founded

    def hold_back(self) -> None:
        self._on_standby("SELECT pg_wal_replay_pause()")
        with self.standby.engine.connect() as connection:
            while connection.execute(sa.text("SELECT pg_get_wal_replay_pause_state()")).scalar() != "paused":
                connection.rollback()
                time.sleep(0.01)

    def let_go(self) -> None:
        self._on_standby("SELECT pg_wal_replay_resume()")
        self.catch_up()

    def catch_up(self) -> None:
        """Wait until the standby has everything that is committed now."""
        with self.primary.engine.connect() as connection:
            wanted = connection.execute(sa.text("SELECT pg_current_wal_insert_lsn()")).scalar()
        with self.standby.engine.connect() as connection:
            reached = sa.text("SELECT pg_last_wal_replay_lsn() >= CAST(:wanted AS pg_lsn)")
            while not connection.execute(reached, {"wanted": wanted}).scalar():
                connection.rollback()
                time.sleep(0.01)

    def _on_standby(self, statement: str) -> None:
        with self.standby.engine.connect() as connection:
            connection.execute(sa.text(statement))


@dataclass
class Reading:
    """The service with a replica, its clock for the bound, and the statements that were sent to the replica."""

    network: Network
    replica: Replica
    seconds: float = 0.0
    sent: list[str] = field(default_factory=list)

    def states(self, cursor: str | None = None) -> tuple[list[str], str]:
        page = self.network.get("/v1/events", params={"cursor": cursor} if cursor else {}).json()
        return [event["data"]["state"] for event in page["events"]], page["cursor"]

    def read_there(self, table: str) -> bool:
        return any(table in statement for statement in self.sent)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with standby.pair() as addresses:
        primary, copy = Database(addresses.primary), Database(addresses.standby, replica=True)
        migrate(primary)
        made = Cluster(addresses, primary, copy, founded_network(primary))
        try:
            made.catch_up()
            yield made
        finally:
            copy.dispose()
            primary.dispose()


@contextmanager
def reading(cluster: Cluster, var: Path, address: str) -> Iterator[Reading]:
    where = {
        "database_url": cluster.pair.primary,
        "database_read_url": address,
        "database_read_behind": BOUND,
        "accept_data_loss": True,
    }
    with running(cluster.primary, var, founded=cluster.founded, **where) as network:
        app: Any = network.http._client._transport.app  # type: ignore[attr-defined]
        replica = app.state.transactions.replica
        made = Reading(network, replica)
        replica._clock = lambda: made.seconds
        sa.event.listen(
            replica._database.engine,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, *_rest: made.sent.append(statement),
        )
        yield made


@pytest.fixture
def read(cluster: Cluster, tmp_path: Path) -> Iterator[Reading]:
    with reading(cluster, tmp_path / "var", cluster.pair.standby) as made:
        yield made


def test_the_feed_is_read_there_and_who_calls_is_not(cluster: Cluster, read: Reading) -> None:
    _, cursor = read.states()
    read.network.act(read.network.offer(), "accept")
    told, cursor = read.states(cursor)  # given their places now, on the primary
    assert told == ["offered", "accepted"]
    cluster.catch_up()
    read.sent.clear()
    assert read.states()[0][-2:] == ["offered", "accepted"]
    assert read.replica.state is ReplicaState.USED
    assert read.read_there("FROM feed_events")
    assert {
        table for table in ("access_tokens", "kill_switches", "sealed", "referrals") if read.read_there(f"FROM {table}")
    } == set()


def test_when_nothing_is_new_the_replica_is_not_asked(read: Reading) -> None:
    _, cursor = read.states()
    read.sent.clear()
    assert read.states(cursor)[0] == []
    assert read.sent == []


def test_a_page_that_the_replica_has_not_reached_is_read_from_the_primary(cluster: Cluster, read: Reading) -> None:
    referral = read.network.offer()
    read.states()
    cluster.catch_up()
    _, cursor = read.states()  # its age is proved from here on
    cluster.hold_back()
    try:
        read.network.act(referral, "acknowledge")
        told, later = read.states(cursor)
        assert told == ["acknowledged"]
        assert read.states(cursor)[0] == ["acknowledged"], "it is placed, and the replica does not know of it"
        assert read.replica.state is ReplicaState.USED, "within the bound"
        read.network.act(referral, "accept")
    finally:
        cluster.let_go()
    assert read.states(later)[0] == ["accepted"]
    assert read.states(cursor)[0] == ["acknowledged", "accepted"], "nothing was lost and nothing came twice"


def test_a_replica_that_is_too_far_behind_is_left_alone_until_it_has_caught_up(cluster: Cluster, read: Reading) -> None:
    cluster.catch_up()
    assert read.network.http.get("/hsds/3.1/services").status_code == 200
    assert read.replica.state is ReplicaState.USED
    cluster.hold_back()
    try:
        read.network.offer()
        read.seconds += BOUND.total_seconds() + 1
        read.sent.clear()
        assert read.network.http.get("/hsds/3.1/services").status_code == 200
        assert read.replica.state is ReplicaState.BEHIND
        assert not read.read_there("services"), "nothing but its age was asked"
        asked = len(read.sent)
        assert read.network.http.get("/hsds/3.1/services").status_code == 200
        assert len(read.sent) == asked, "and not again at once"
    finally:
        cluster.let_go()
    read.seconds += 1
    assert read.network.http.get("/hsds/3.1/services").status_code == 200
    assert read.replica.state is ReplicaState.USED
    assert read.read_there("services")


def test_a_primary_without_writes_is_no_delay(cluster: Cluster, read: Reading) -> None:
    cluster.catch_up()
    for _ in range(3):
        read.seconds += 600
        read.network.http.get("/hsds/3.1/services")
        assert read.replica.state is ReplicaState.USED


def test_a_replica_that_is_gone_costs_nobody_an_answer(cluster: Cluster, tmp_path: Path) -> None:
    away = cluster.pair.standby.replace("b-socket", "nothing-here")
    with reading(cluster, tmp_path / "var", away) as read:
        read.network.act(read.network.offer(), "accept")
        assert read.states()[0][-2:] == ["offered", "accepted"]
        assert read.network.http.get("/hsds/3.1/services").status_code == 200
        assert read.replica.state is ReplicaState.UNREACHABLE


def test_an_address_that_leads_to_the_primary_is_no_replica(cluster: Cluster, tmp_path: Path) -> None:
    with reading(cluster, tmp_path / "var", cluster.pair.primary) as read:
        assert read.network.http.get("/hsds/3.1/services").status_code == 200
        assert read.replica.state is ReplicaState.BEHIND
        assert not read.read_there("services")


def _uses_replica(dependant: Dependant) -> bool:
    return dependant.call is replica_transaction or any(_uses_replica(inner) for inner in dependant.dependencies)


def test_nothing_else_is_read_there(tmp_path: Path) -> None:
    app = create_app(Settings(var=tmp_path / "var", worker_in_web=False))
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    found = {route.path for route in routes if _uses_replica(route.dependant)}
    assert {path for path in found if not path.startswith("/hsds/")} == READ_THERE
    assert any(path.startswith("/hsds/") for path in found)
    app.state.database.dispose()
