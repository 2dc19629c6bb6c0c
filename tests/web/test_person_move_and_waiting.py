"""What a person reads after a move to another country, on a waiting list, and while a centre waits for their answer."""

import pytest

from app.intake.questions import STEPS
from tests.support.desk import StaffSite
from tests.web.test_appointments import by_centre
from tests.web.test_desk_case import referral_of
from tests.web.test_desk_case_followup import offered, person


@pytest.mark.parametrize("kind", ["asylum_appeal_regular", "return_decision_appeal"])
def test_a_letter_keeps_its_day_and_gets_no_other_countrys_court_when_the_case_moves(
    office: StaffSite, kind: str
) -> None:
    """The first kind is one in both countries, with different courts; the second is unknown in the new one."""
    label, receipt = office.file(letter={"kind": kind, "received_on": "2026-11-23"})
    before, vera, them = office.case(label), office.as_("vera"), person(office, receipt)
    assert before.last_safe_day is not None
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/move", country="GE")
    asked = them.get("/en/case").words()
    assert "waiting lists and agreed meetings are cancelled" in asked
    them.submit(them.get("/en/case"), "/en/case/move", answer="yes")
    page = them.get("/en/case").words()
    assert f"{before.last_safe_day.day} {before.last_safe_day:%B}" in page
    assert "Who decides your appeal" not in page
    small = them.get("/en/case/answers/7")
    assert them.submit(small, "/en/case/answers/7", call_me="Another").location == "/en/case/saved"
    after = office.case(label)
    assert (after.country, after.last_safe_day, after.deadline_certainty) == (
        "GE",
        before.last_safe_day,
        before.deadline_certainty,
    )


def test_the_headline_promises_no_answer_by_a_fixed_day_while_none_is_owed(office: StaffSite) -> None:
    label, receipt = office.file()
    _label, path = offered(office, label)
    them, centre = person(office, receipt), office.as_("partner")
    fixed = "The centre has to answer within a fixed time."
    assert fixed in them.get("/en/case").words()
    centre.submit(centre.get(path), f"{path}/ask_info", question="region")
    page = them.get("/en/case").words()
    assert "A centre has asked a question." in page
    assert fixed not in page
    them.submit(them.get("/en/case"), "/en/case/message", text="In Warsaw.")
    assert referral_of(office, label).state == "acknowledged"
    centre.submit(centre.get(path), f"{path}/waitlist", until="2026-12-01")
    page = them.get("/en/case").words()
    assert "A centre has put this request on its waiting list." in page
    assert fixed not in page


def test_agreeing_without_a_time_says_that_no_time_was_agreed(office: StaffSite) -> None:
    _label, _path, receipt = by_centre(office)
    them = person(office, receipt)
    answer = them.submit(them.get("/en/case"), "/en/case/appointment", answer="pick")
    assert "No time was agreed." in them.get(answer.location).words()
    assert "No time was agreed." not in them.get("/en/case").words()


def test_an_unknown_number_may_be_of_a_deleted_request_and_a_new_one_says_what_to_check(office: StaffSite) -> None:
    _label, receipt = office.file()
    them, other = person(office, receipt), office.browser()
    page = them.submit(them.get("/en/case"), "/en/case/number", sure="yes")
    new = them.get(page.location)
    assert "Stop a code or a Telegram chat that you did not make." in new.words()
    assert "turn off “headers and footers”" in new.words(), "browsers print an address at the edge of their own accord"
    refused = other.submit(other.get("/en/return"), "/en/return", number=receipt.digits)
    assert "the request may have been deleted, or it has a new number" in other.get(refused.location).words()


def test_another_country_is_promised_no_transfer(office: StaffSite) -> None:
    _label, receipt = office.file()
    them = person(office, receipt)
    step = next(step.slug for step in STEPS if "country" in {question.name for question in step.questions})
    answer = them.submit(them.get(f"/en/case/answers/{step}"), f"/en/case/answers/{step}", country="GE")
    page = them.get(answer.location).words()
    assert "If another team covers it, a coordinator will ask you there" in page
