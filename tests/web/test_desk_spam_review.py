"""At the desk: what looks like a machine's is released or thrown away; a form is filled in for somebody on the phone."""

import pytest
import sqlalchemy as sa

from app.cases.models import Case
from app.intake.questions import STEPS
from tests.support.desk import StaffSite
from tests.support.html import faults
from tests.support.people import NUMBER

HELD = "/desk/?view=possible_spam"
SAID = {"for_whom": "self", "needs": "asylum", "country": "PL", "how_soon": "today", "story": "Кумкват <b>."}


def hold(office: StaffSite, why: str = "trap") -> str:
    label, _receipt = office.file(how_soon="none")
    with office.database.begin() as session:
        session.execute(sa.update(Case).where(Case.label == label).values(held_reason=why))
    return label


def state(office: StaffSite, label: str) -> tuple[str, str | None]:
    with office.database.begin(write=False) as session:
        row = session.execute(sa.select(Case.state, Case.held_reason).where(Case.label == label)).one()
    return row.state, row.held_reason


def test_a_held_case_is_a_row_of_its_view_with_its_reason_and_released_into_the_queue(office: StaffSite) -> None:
    label = hold(office)
    browser = office.as_("vera")
    queue = browser.get("/desk/")
    assert label not in queue.text
    assert queue.tree.css_first(f'nav.views a[href="{HELD}"] .count').text() == "1"  # type: ignore[union-attr]
    assert browser.get("/desk/held").location == HELD
    page = browser.get(HELD)
    assert "A hidden field was filled in." in page.words()
    assert faults(page.text) == []
    assert browser.submit(page, f"/desk/held/{label}/release").did("released")
    assert state(office, label) == ("submitted", None)
    assert label in browser.get("/desk/").text
    assert "No requests are held as possible spam" in browser.get(HELD).words()


def test_spam_is_ended_with_one_button_and_the_version_seen(office: StaffSite) -> None:
    label = hold(office, "haste")
    browser = office.as_("vera")
    page = browser.get(HELD)
    assert browser.submit(page, f"/desk/held/{label}/discard", version="99").status == 412
    assert browser.submit(page, f"/desk/held/{label}/discard").status == 303
    assert state(office, label)[0] == "withdrawn"
    assert label not in browser.get(HELD).text


@pytest.mark.parametrize("act", ["release", "discard"])
def test_either_can_be_taken_back_with_one_button(office: StaffSite, act: str) -> None:
    label = hold(office)
    browser = office.as_("vera")
    done = browser.submit(browser.get(HELD), f"/desk/held/{label}/{act}")
    assert browser.submit(browser.get(done.location), f"/desk/cases/{label}/undo").did("undone")
    assert state(office, label) == ("submitted", "trap")
    assert label in browser.get(HELD).text
    assert label not in browser.get("/desk/").text


def test_one_that_was_only_quick_stands_in_its_place_with_a_mark(office: StaffSite) -> None:
    label = hold(office, "haste")
    browser = office.as_("vera")
    page = browser.get("/desk/")
    assert label in page.text
    assert "possible spam" in page.words()
    assert label in browser.get(HELD).text


def test_another_team_neither_sees_nor_touches_it(office: StaffSite) -> None:
    label = hold(office)
    page = office.as_("vera").get(HELD)
    stranger = office.as_("outsider")
    assert label not in stranger.get(HELD).text
    form = page.form(f"/desk/held/{label}/release") | {"csrf": stranger.get("/desk/").form("/desk/sign-out")["csrf"]}
    assert stranger.post(f"/desk/held/{label}/release", form).status == 404
    assert state(office, label) == ("submitted", "trap")


@pytest.mark.parametrize("lang", ["ru", "ka", "en"])
def test_the_form_is_asked_in_the_persons_language_and_the_number_read_out(office: StaffSite, lang: str) -> None:
    browser = office.as_("vera")
    page = browser.get(f"/desk/assisted?lang={lang}")
    asked = {node.attributes["name"] for node in page.tree.css("form [name]")}
    assert {question.name for step in STEPS for question in step.questions} <= asked, (
        "the same questions as the person's"
    )
    assert page.tree.css_first("main [lang]") is not None
    check = browser.submit(page, "/desk/assisted", **SAID)
    assert check.status == 200, check.words()
    answer = browser.submit(check, "/desk/assisted/send", **{"c_pl-hfhr": "allow"})
    found = NUMBER.search(answer.words())
    assert found is not None
    again = browser.submit(check, "/desk/assisted/send", **{"c_pl-hfhr": "allow"})
    assert NUMBER.search(again.words()).group() == found.group(), "sent twice, it is one case"  # type: ignore[union-attr]
    with office.database.begin(write=False) as session:
        (case,) = session.scalars(sa.select(Case)).all()
    assert (case.language, case.urgency, case.held_reason) == (lang, "emergency", None)
    assert [faults(one.text) for one in (page, check, answer)] == [[], [], []]


def test_what_is_wrong_is_said_and_nothing_is_lost(office: StaffSite) -> None:
    browser = office.as_("vera")
    page = browser.submit(browser.get("/desk/assisted"), "/desk/assisted", story="Кумкват <b>.", channel="email")
    assert page.status == 422
    assert "Кумкват" in page.tree.css_first("#f-story").text()
    stale = browser.submit(browser.get("/desk/assisted"), "/desk/assisted", **SAID)
    kept = browser.submit(stale, "/desk/assisted/send", submission="1.x.0")
    assert kept.tree.css_first("input[name=story]").attributes["value"] == SAID["story"]
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Case)) == 0
