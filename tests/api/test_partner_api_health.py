"""What watches the service, and a database that goes away."""

import pytest
from sqlalchemy.exc import OperationalError

from app.referrals import partner_queries
from tests.support.partners import Network


def test_the_process_and_its_database_are_there(network: Network):
    assert network.http.get("/healthz").text == "ok"
    assert network.http.get("/readyz").text == "ready"


def test_without_its_database_the_process_is_there_and_not_ready(network: Network, monkeypatch: pytest.MonkeyPatch):
    network.token("pl-hfhr")

    def away(*_args: object, **_named: object) -> None:
        raise OperationalError("SELECT 'planted'", {}, Exception("planted"))

    monkeypatch.setattr("sqlalchemy.orm.Session.execute", away)
    assert network.http.get("/healthz").status_code == 200
    for answer in (network.http.get("/readyz"), network.get("/v1/referrals")):
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:pristan:problem:unavailable"
        assert answer.headers["retry-after"] == "5"
        assert "planted" not in answer.text


def test_a_database_that_fails_in_the_middle_is_told_as_such(network: Network, monkeypatch: pytest.MonkeyPatch):
    referral = network.offer()

    def fails(*_args: object, **_named: object) -> None:
        raise OperationalError("SELECT", {}, Exception("lock timeout"))

    monkeypatch.setattr(partner_queries, "by_id", fails)
    assert network.act(referral, "accept", version=2).status_code == 503
    monkeypatch.undo()
    assert network.get(f"/v1/referrals/{referral}").json()["state"] == "offered"
