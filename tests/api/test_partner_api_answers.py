"""A partner's program asks by code, takes an acceptance back while nothing was read, and says what was done when it hands back."""

import sqlalchemy as sa

from app.referrals.models import ReferralEvent
from app.referrals.states import ReferralVerb
from tests.support.partners import Network


def test_a_question_is_a_code_and_stands_until_it_is_answered(network: Network) -> None:
    referral = network.offer()
    wrong = network.act(referral, "ask_info", json={"question": "what is your name"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/question")
    assert network.act(referral, "acknowledge", json={"question": "papers"}).status_code == 422
    asked = network.act(referral, "ask_info", json={"question": "letter_date"})
    assert asked.status_code == 200, asked.text
    assert (asked.json()["state"], asked.json()["question"]) == ("info_requested", "letter_date")
    network.desk(referral, ReferralVerb.ANSWER)
    assert "question" not in network.get(f"/v1/referrals/{referral}").json()
    assert network.act(referral, "ask_info").json()["question"] == "other"


def test_an_acceptance_is_taken_back_only_before_the_sealed_part_was_read(network: Network) -> None:
    unread, read = network.offer(), network.offer()
    for referral in (unread, read):
        accepted = network.act(referral, "accept")
        assert "undo_accept" in accepted.json()["allowed_actions"]
    assert network.get(f"/v1/referrals/{read}/sealed").status_code == 200
    back = network.act(unread, "undo_accept")
    assert (back.status_code, back.json()["state"], back.json()["sealed"]) == (200, "acknowledged", False)
    assert network.get(f"/v1/referrals/{unread}/sealed").status_code == 409
    refused = network.act(read, "undo_accept")
    assert (refused.status_code, refused.json()["state"]) == (409, "accepted")


def test_handing_back_says_what_was_done_and_by_when_something_has_to_be(network: Network) -> None:
    referral = network.offer()
    network.act(referral, "accept")
    for body, pointer in (
        ({"reason": "other", "work_done": "advised"}, "/work_done"),
        ({"reason": "other", "work_done": ["magic"]}, "/work_done"),
        ({"reason": "other", "deadline_on": "soon"}, "/deadline_on"),
        ({"reason": "other", "deadline_on": "2020-01-01"}, "/deadline_on"),
    ):
        wrong = network.act(referral, "hand_back", json=body)
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, pointer)
    done = {"reason": "other", "work_done": ["advised", "appeal_filed"], "deadline_on": "2026-12-10"}
    assert network.act(referral, "hand_back", json=done).json()["state"] == "handed_back"
    with network.database.begin(write=False) as session:
        codes = session.scalars(sa.select(ReferralEvent.codes).where(ReferralEvent.verb == "hand_back")).one()
    assert codes == {"work_done": ["advised", "appeal_filed"], "deadline_on": "2026-12-10"}
