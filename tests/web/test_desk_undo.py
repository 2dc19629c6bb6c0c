"""Every act of the desk that can be taken back has its button, and goes back to exactly how it was."""

import pytest

from tests.support.desk import TWO, Browser, Page, StaffSite
from tests.web.test_desk_case import SERVICE, audited, referral_of, referred


def shape(office: StaffSite, label: str) -> tuple[object, ...]:
    case = office.case(label)
    return case.state, case.owner_id, case.snoozed_until, case.person_wrote, case.closed_at


def act(browser: Browser, label: str, what: str, **typed: str) -> Page:
    """Send a form of the case page and follow to where it is said that it was done."""
    path = f"/desk/cases/{label}"
    done = browser.submit(browser.get(path), f"{path}/{what}", **typed)
    assert done.status == 303, done.words()
    return browser.get(done.location)


def undo(browser: Browser, page: Page, label: str) -> Page:
    return browser.submit(page, f"/desk/cases/{label}/undo")


BEFORE: tuple[tuple[tuple[str, dict[str, str]], ...], ...] = (
    (),
    (("take", {}),),
    (("take", {}), ("close", {"verb": "unmet"})),
    (("snooze", {"until": "2026-11-25"}),),
)


@pytest.mark.parametrize(
    ("verb", "typed"),
    [
        ("take", {}),
        ("assign", {"member": ""}),
        ("snooze", {"until": "2026-11-26"}),
        ("close", {"verb": "help"}),
        ("close", {"verb": "advise"}),
        ("close", {"verb": "withdraw"}),
    ],
)
def test_undo_brings_owner_day_and_state_back(office: StaffSite, verb: str, typed: dict[str, str]) -> None:
    pavel, vera = office.as_("pavel"), office.as_("vera")
    for acts in BEFORE:
        label, _receipt = office.file()
        for name, given in acts:
            act(pavel, label, name, **given)
        was = shape(office, label)
        page = act(vera, label, verb, **typed)
        assert undo(vera, page, label).did("undone")
        assert shape(office, label) == was, acts
    assert len(audited(office, "case:undone")) == len(BEFORE)


def test_an_offer_that_nobody_has_opened_is_taken_back_whole(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    was = shape(office, label)
    page = browser.get(referred(office, label, browser).location)
    assert undo(browser, page, label).did("undone")
    assert shape(office, label) == was
    assert referral_of(office, label).state == "withdrawn"


def test_a_question_to_the_person_is_taken_back_too(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    was = shape(office, label)
    page = browser.get(referred(office, label, browser, TWO).location)
    assert undo(browser, page, label).did("undone")
    assert (shape(office, label), referral_of(office, label).state) == (was, "withdrawn")


def test_an_offer_that_was_seen_stays_and_says_how_to_withdraw_it(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get(referred(office, label, browser).location)
    partner, referral = office.as_("partner"), referral_of(office, label)
    path = f"/partner/referrals/{referral.label}"
    done = partner.submit(partner.get(path), f"{path}/acknowledge")
    assert done.status == 303
    refused = undo(browser, page, label)
    assert refused.status == 409
    assert "seen it already" in refused.words()
    assert referral_of(office, label).state == "acknowledged"


def test_after_anything_else_there_is_nothing_to_take_back(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera, pavel = office.as_("vera"), office.as_("pavel")
    page = act(vera, label, "take")
    act(pavel, label, "note", note="something else")
    assert undo(vera, page, label).status == 412
    assert undo(vera, undo(vera, page, label), label).status == 409
    assert office.case(label).state == "in_review"


def test_nobody_takes_a_colleagues_act_back_nor_their_own_twice(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera, pavel = office.as_("vera"), office.as_("pavel")
    page = act(vera, label, "take")
    theirs = pavel.get(f"/desk/cases/{label}?done=taken&v={office.case(label).version}")
    assert undo(pavel, theirs, label).status == 409
    assert undo(vera, page, label).did("undone")
    again = vera.get(f"/desk/cases/{label}?done=taken&v={office.case(label).version}")
    assert undo(vera, again, label).status == 409


def test_reopening_can_be_taken_back(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    act(browser, label, "close", verb="advise")
    page = act(browser, label, "reopen")
    assert undo(browser, page, label).did("undone")
    assert office.case(label).state == "advised"


@pytest.mark.parametrize("query", ["done=taken&v=x", "done=taken&v=1&was=<b>", "done=zzz&v=1", "done=taken"])
def test_an_address_made_by_hand_offers_nothing_and_repeats_nothing(office: StaffSite, query: str) -> None:
    label, _receipt = office.file()
    page = office.as_("vera").get(f"/desk/cases/{label}?{query}")
    assert page.status == 200
    assert page.tree.css_first('form[action$="/undo"]') is None
    assert "<b>" not in page.text


def test_after_a_decision_the_next_case_of_the_same_list_opens_and_the_last_can_be_taken_back(
    office: StaffSite,
) -> None:
    first, _receipt = office.file(how_soon="today")
    second, _receipt = office.file(how_soon="week")
    browser = office.as_("vera")
    queue = browser.get("/desk/?view=new&country=PL")
    link = str(queue.tree.css_first("[data-row]").attributes["href"])  # type: ignore[union-attr]
    page = browser.get(link)
    look = browser.submit(page, f"/desk/cases/{first}/refer/look", **{"with": f"service={SERVICE}"})
    done = browser.submit(look, f"/desk/cases/{first}/refer", by_hand="yes")
    page = browser.get(browser.get(done.location).location)
    assert page.tree.css_first("h1").text() == second  # type: ignore[union-attr]
    assert f"{first}: The case has been offered." in page.words()
    assert undo(browser, page, first).did("undone")
    assert office.case(first).state == "submitted"


def test_after_the_last_of_a_list_the_list_says_that_it_is_empty(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}?list=view%3Dnew")
    done = browser.submit(page, f"/desk/cases/{label}/close", verb="unmet")
    page = browser.get(browser.get(done.location).location)
    assert page.tree.css_first("table.queue") is None
    assert f"{label}: The case is marked as unmet." in page.words()
    assert page.tree.css_first(f'form[action="/desk/cases/{label}/undo"]') is not None
