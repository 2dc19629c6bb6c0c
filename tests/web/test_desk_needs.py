"""The needs of a case at the desk: what an organisation is asked for, how each need stands, and how each ends."""

import sqlalchemy as sa

from app.cases.models import CaseNeed
from app.referrals.models import Referral
from tests.support.desk import ONE, StaffSite

BOTH = ["asylum", "psychosocial"]
SERVICE = f"{ONE}/legal-help"


def states(office: StaffSite, label: str) -> dict[str, str]:
    with office.database.begin(write=False) as session:
        rows = session.scalars(sa.select(CaseNeed).where(CaseNeed.case_id == office.case(label).id))
        return {row.need: row.state for row in rows}


def test_an_organisation_is_asked_for_the_needs_that_are_chosen(office: StaffSite) -> None:
    label, _receipt = office.file(needs=BOTH)
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}/refer?service={SERVICE}")
    chosen = {str(box.attributes["value"]): "checked" in box.attributes for box in page.tree.css('input[name="need"]')}
    assert chosen == {"asylum": True, "psychosocial": False}, "by default what the service helps with"
    browser.submit(page, f"/desk/cases/{label}/refer", by_hand="yes")
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(Referral.needs)).one() == ["asylum"]
    assert states(office, label) == {"asylum": "offered", "psychosocial": "open"}
    page = browser.get(f"/desk/cases/{label}")
    said = page.tree.css_first("ul.needs").text()  # type: ignore[union-attr]
    assert "Somebody is asked" in said
    assert "Nobody has it" in said
    assert label in browser.get("/desk/?view=uncovered").text
    none = browser.submit(browser.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/close", verb="advise")
    assert none.status == 422, "each need has an end of its own"


def test_closing_names_an_end_for_each_need_and_undo_gives_them_back(office: StaffSite) -> None:
    label, _receipt = office.file(needs=BOTH)
    browser, close = office.as_("vera"), f"/desk/cases/{label}/close"
    assert browser.submit(browser.get(f"/desk/cases/{label}"), close, end_asylum="helped").status == 422
    assert office.case(label).state == "submitted"
    done = browser.submit(browser.get(f"/desk/cases/{label}"), close, end_asylum="helped", end_psychosocial="unmet")
    assert done.status == 303, done.words()
    assert office.case(label).state == "helped"
    assert states(office, label) == {"asylum": "helped", "psychosocial": "unmet"}
    undone = browser.submit(browser.get(done.location), f"/desk/cases/{label}/undo")
    assert undone.status == 303, undone.words()
    assert states(office, label) == {"asylum": "open", "psychosocial": "open"}
    assert office.case(label).state == "submitted"


def test_one_need_can_end_while_the_case_goes_on(office: StaffSite) -> None:
    label, _receipt = office.file(needs=BOTH)
    browser = office.as_("vera")
    browser.submit(
        browser.get(f"/desk/cases/{label}/refer?service={SERVICE}"), f"/desk/cases/{label}/refer", by_hand="yes"
    )
    end = f"/desk/cases/{label}/needs/psychosocial/end"
    done = browser.submit(browser.get(f"/desk/cases/{label}"), end, end="not_wanted")
    assert done.did("need_ended")
    assert states(office, label) == {"asylum": "offered", "psychosocial": "not_wanted"}
    assert office.case(label).state == "referred"
    assert label not in browser.get("/desk/?view=uncovered").text
    last = browser.submit(browser.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/needs/asylum/end", end="advised")
    assert last.did("closed")
    assert office.case(label).state == "advised"
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(Referral.state)).one() == "withdrawn"
