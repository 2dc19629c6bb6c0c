"""Filing an intake over the API: the contract that others test against."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.api import schemas
from app.cases import person_access, sealed_parts
from app.cases.models import Case, WrapFor
from app.cases.sealed_parts import Recipient
from app.core.errors import NotFound
from app.core.sealing import CannotOpen
from app.intake import receipts
from tests.support.partners import MINE, Network, intake

MINIMAL = {
    "for_whom": "self",
    "needs": ["asylum"],
    "how_soon": "none",
    "country": "PL",
    "consent": {"mode": "ask_first"},
}


def post(network: Network, content: object, key: str = "key-of-the-form", **headers: str):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    given = {"Idempotency-Key": key, "Content-Type": "application/json", **headers}
    return network.call("POST", "/v1/intakes", who="bot", headers=given, content=body)


def cases(network: Network) -> int:
    with network.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Case)) or 0


def test_five_answers_are_enough(network: Network):
    answer = post(network, MINIMAL)
    assert answer.status_code == 201, answer.text
    filed = schemas.FiledIntake.model_validate(answer.json())
    assert ":null" not in answer.text
    assert (filed.urgency, filed.deadline) == ("normal", None)


def test_the_answer_names_centres_with_reasons_in_the_persons_language(network: Network):
    answer = network.file()
    filed = schemas.FiledIntake.model_validate(answer.json())
    assert [one.rank for one in filed.candidates] == list(range(1, len(filed.candidates) + 1))
    assert all(one.service.startswith(f"{one.organisation}/") for one in filed.candidates)
    assert all(one.reasons for one in (*filed.candidates, *filed.nearest, *filed.not_matched))
    services = [one.service for one in (*filed.candidates, *filed.nearest, *filed.not_matched)]
    assert len(services) == len(set(services)) > 20
    in_english = network.file(language="en").json()
    assert [one["service"] for one in in_english["candidates"]].sort() == [
        one.service for one in filed.candidates
    ].sort()
    assert any(re.search("[а-я]", reason.text) for one in filed.candidates for reason in one.reasons)
    assert not any(re.search("[а-я]", reason["text"]) for one in in_english["not_matched"] for reason in one["reasons"])


def test_the_receipt_opens_the_case(network: Network):
    filed = network.file(story="Моя история").json()
    with network.database.begin() as session:
        found = person_access.open_by_receipt(session, receipts.parse(filed["receipt"]), network.keys, network.now)
        assert found.case.label == filed["case"]
        parts = {part.part: part.content for part in person_access.all_parts(session, found)}
    assert parts["story"]["story"] == "Моя история"


def give_former_number(network: Network, receipt: receipts.Receipt) -> None:
    """Make the case of this number one whose number was issued before numbers were stretched."""
    with network.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, network.keys, network.now)
        opened.case.receipt_id = receipt.former_look_up_ids(network.keys)[0]
        mine = Recipient(WrapFor.RECEIPT, opened.case.id, receipt.former_key_pair().public)
        sealed_parts.grant(session, network.keys, opened.case.id, sealed_parts.PERSON, opened.person_key, [mine])


def test_a_number_from_before_numbers_were_stretched_opens_and_is_stretched(network: Network):
    """Also when two devices come back with it at the same moment; then the former id and key open nothing any more."""
    receipt = receipts.parse(network.file(story="Моя история").json()["receipt"])
    give_former_number(network, receipt)

    def come_back(_device: int) -> str:
        with network.database.begin() as session:
            found = person_access.open_by_receipt(session, receipt, network.keys, network.now)
            return {part.part: part.content for part in person_access.all_parts(session, found)}["story"]["story"]

    with ThreadPoolExecutor(4) as devices:
        assert set(devices.map(come_back, range(4))) == {"Моя история"}
    with network.database.begin(write=False) as session:
        case = session.scalars(sa.select(Case).where(Case.receipt_id == receipt.look_up_id(network.keys))).one()
        former = receipt.former_look_up_ids(network.keys)
        assert not session.scalar(sa.select(Case.id).where(Case.receipt_id.in_(former)))
        with pytest.raises(CannotOpen):
            sealed_parts.data_key(
                session, network.keys, case.id, sealed_parts.PERSON, case.id, receipt.former_key_pair()
            )
    assert come_back(0) == "Моя история"
    with network.database.begin() as session, pytest.raises(NotFound):
        person_access.open_by_receipt(session, receipts.new(), network.keys, network.now)


def test_a_letter_gives_a_deadline_with_its_source(network: Network):
    kinds = [row.event for row in network.directory.deadlines("PL") if row.letter_kind]
    filed = network.file(letter={"kind": kinds[0], "received_on": "2026-11-20"}).json()
    found = filed["deadline"]
    assert set(found) >= {"last_safe_day", "certainty", "source", "known", "passed", "text", "certainty_text", "event"}
    assert (found["known"], found["passed"], found["event"]) == (True, False, kinds[0])


def test_a_limit_that_nobody_knows_is_counted_from_the_day_of_the_letter_and_said_so(network: Network):
    letter = {"kind": "border_leave_order_complaint", "received_on": "2026-10-15"}
    filed = network.file(letter=letter, how_soon="none", language="en").json()
    found = filed["deadline"]
    assert (found["last_safe_day"], found["certainty"], found["known"]) == ("2026-10-20", "assumed", False)
    assert (found["passed"], filed["urgency"]) == (True, "emergency")
    assert found["text"].startswith("We do not know the deadline for this letter. It may be over: act today.")
    network.later(days=1)
    network.tokens.clear()  # they have ended by then
    assert network.file(letter=letter, how_soon="none").json()["deadline"]["last_safe_day"] == "2026-10-20"


def test_a_letter_without_a_day_is_counted_from_the_day_it_was_first_asked(network: Network):
    asked = network.now.date() - timedelta(days=3)
    found = network.file(letter={"kind": "unknown", "asked_on": asked.isoformat()}).json()["deadline"]
    assert date.fromisoformat(found["last_safe_day"]) == asked + timedelta(days=5)
    assert not found["known"]


def test_the_same_key_and_body_give_the_same_answer_and_one_case(network: Network):
    first, second = post(network, MINIMAL), post(network, MINIMAL)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert cases(network) == 1
    other = post(network, {**MINIMAL, "how_soon": "week"})
    assert (other.status_code, other.json()["type"]) == (422, "urn:pristan:problem:idempotency-key-reused")
    network.later(minutes=10)
    assert post(network, MINIMAL).content == first.content


def test_sent_many_times_at_once_it_is_one_case(network: Network):
    network.token("bot")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: post(network, MINIMAL), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert cases(network) == 1


def test_it_needs_its_scope_and_a_key(network: Network):
    given = {"Idempotency-Key": "a-key-of-mine"}
    answer = network.call("POST", "/v1/intakes", who=MINE, headers=given, json=MINIMAL)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pristan:problem:insufficient-scope")
    answer = network.call("POST", "/v1/intakes", who="bot", json=MINIMAL)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:pristan:problem:idempotency-key-needed")
    assert cases(network) == 0


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"country": "ZZ"}, "/country"),
        ({"needs": []}, "/needs"),
        ({"needs": ["planted"]}, "/needs/0"),
        ({"needs": "asylum"}, "/needs"),
        ({"region": "LT-VL"}, "/region"),
        ({"consent": {}}, "/consent/mode"),
        ({"consent": {"mode": "named", "organisations": ["planted"]}}, "/consent/organisations/0"),
        ({"planted_field": "planted"}, ""),
        ({"answer_by": {"planted_field": 1}}, "/answer_by"),
        ({"answer_by": {"channel": "email", "address": "planted@"}}, "/answer_by/address"),
        ({"letter": {"kind": "planted"}}, "/letter/kind"),
        ({"letter": {"received_on": "2099-01-01"}}, "/letter/received_on"),
        ({"story": "planted\u0000"}, "/story"),
        ({"story": "x" * 20_001}, "/story"),
        ({"how_soon": 1e300}, "/how_soon"),
        ({"letter": {"received_on": 1795910400}}, "/letter/received_on"),
        ({"letter": {"received_on": "1795910400"}}, "/letter/received_on"),
        ({"letter": {"received_on": "2026-11-20T00:00:00"}}, "/letter/received_on"),
        ({"letter": {"received_on": True}}, "/letter/received_on"),
        ({"count_me": "yes"}, "/count_me"),
        ({"count_me": 1}, "/count_me"),
        ({"answer_by": {"notify": "on"}}, "/answer_by/notify"),
        ({"needs": {"0": "asylum"}}, "/needs"),
        ({"language": 7}, "/language"),
        ({"for_whom": None}, "/for_whom"),
    ],
)
def test_what_does_not_fit_is_named_and_never_repeated(network: Network, change, pointer):
    answer = post(network, {**MINIMAL, **change})
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert "planted" not in answer.text
    assert cases(network) == 0


def test_a_value_of_a_fixed_list_is_told_which_there_are(network: Network):
    (error,) = post(network, {**MINIMAL, "for_whom": "planted"}).json()["errors"]
    assert error["pointer"] == "/for_whom"
    assert error["detail"].startswith("One of: self, ")


def test_a_country_without_a_team_is_told_at_once(network: Network):
    answer = post(network, {**MINIMAL, "country": "DE"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:pristan:problem:country-not-served")


def test_a_longest_honest_story_fits(network: Network):
    assert network.file(story="я" * 20_000).status_code == 201
    assert intake()["needs"] == ["asylum"]
