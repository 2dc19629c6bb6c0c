"""A partner refers a person in: with their word, as a case like any other, with the organisation noted."""

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.api import schemas
from app.audit.models import AuditEntry
from app.cases import person_access, transitions
from app.cases.models import Case, CaseEvent
from app.intake import receipts
from tests.support.partners import MINE, OTHER, Network, intake


def refer(network: Network, *, key: str | None = None, scope: str = "", who: str = MINE, **body: Any):
    given = {"person_agreed": "spoken", "intake": intake(), **body}
    headers = {"Idempotency-Key": key or str(uuid4())}
    return network.call("POST", "/v1/referrals", who=who, scope=scope, headers=headers, json=given)


def test_it_becomes_a_case_with_a_number_and_the_organisation_noted(network: Network):
    answer = refer(network, person_agreed="written", intake=intake(story="Её вызвали на допрос"))
    assert answer.status_code == 201, answer.text
    filed = schemas.FiledIntake.model_validate(answer.json())
    with network.database.begin() as session:
        case = session.scalars(sa.select(Case).where(Case.label == filed.case)).one()
        assert (case.referred_by, case.state) == (network.clients[MINE].organisation_id, "submitted")
        event = session.scalars(sa.select(CaseEvent).where(CaseEvent.case_id == case.id)).one()
        assert (event.actor_kind, event.codes["agreed"], event.at.minute) == ("partner", "written", 0)
        noted = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "case:referred_in")).one()
        assert noted.codes["client"] == f"api-{MINE}"
        assert transitions.replayed_state(session, case) == "submitted"
        opened = person_access.open_by_receipt(session, receipts.parse(filed.receipt), network.keys, network.now)
        assert "Её вызвали на допрос" in repr([part.content for part in person_access.all_parts(session, opened)])


def test_whoever_came_alone_was_referred_by_nobody(network: Network):
    case_id = network.case()
    with network.database.begin(write=False) as session:
        assert session.get_one(Case, case_id).referred_by is None


def test_the_referring_organisation_sees_nothing_of_it_unless_it_is_asked(network: Network):
    refer(network)
    assert network.get("/v1/referrals").json()["referrals"] == []
    assert network.get("/v1/events").json()["events"] == []


def test_asked_again_it_answers_the_same_and_files_once(network: Network):
    first, again = refer(network, key="the-same-key"), refer(network, key="the-same-key")
    assert (first.json(), again.headers["idempotency-replayed"]) == (again.json(), "true")
    assert refer(network, key="the-same-key", person_agreed="written").status_code == 422
    assert refer(network, key="the-same-key", who=OTHER).json()["case"] != first.json()["case"]
    with network.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Case)) == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"person_agreed": None}, "/person_agreed"),
        ({"person_agreed": "no"}, "/person_agreed"),
        ({"person_agreed": ["spoken"]}, "/person_agreed"),
        ({"intake": None}, "/intake"),
        ({"intake": {**intake(), "country": "ZZ"}}, "/intake/country"),
        ({"intake": {**intake(), "name": "x"}}, "/intake"),
        ({"note": "x"}, ""),
    ],
)
def test_what_does_not_fit_is_pointed_at(network: Network, body: dict[str, Any], pointer: str):
    answer = refer(network, **body)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_it_takes_a_scope_and_an_organisation(network: Network):
    assert refer(network, scope="referrals:read").status_code == 403
    assert refer(network, who="bot").status_code == 403
