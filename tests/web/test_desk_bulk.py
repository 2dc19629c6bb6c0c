"""Many cases at once: owner and snooze, an outcome a row, and nothing that needs a look at the case."""

from datetime import timedelta

import pytest

from tests.support.desk import Browser, Page, StaffSite
from tests.web.test_route_policies import our_routes


def send(browser: Browser, page: Page, chosen: list[str], **typed: str) -> Page:
    from urllib.parse import urlencode

    fields = [*page.form("/desk/bulk").items(), *typed.items()]
    fields = [(name, value) for name, value in dict(fields).items() if name != "case"]
    body = urlencode([*fields, *(("case", value) for value in chosen)])
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return browser.send("POST", "/desk/bulk", content=body, headers=headers)


def ticked(page: Page) -> list[str]:
    return [str(node.attributes["value"]) for node in page.tree.css('input[name="case"]')]


def member(page: Page, name: str) -> str:
    found = [node for node in page.tree.css("#bulk #f-member option") if node.text() == name]
    return str(found[0].attributes["value"])


def test_each_row_has_its_own_outcome_and_its_own_way_back(office: StaffSite) -> None:
    good, _receipt = office.file()
    clashing, _receipt = office.file()
    vera, pavel = office.as_("vera"), office.as_("pavel")
    page = vera.get("/desk/")
    pavel.submit(pavel.get(f"/desk/cases/{clashing}"), f"/desk/cases/{clashing}/take")
    outcome = send(vera, page, [*ticked(page), "000-0000:1", "nonsense"], act="assign", member=member(page, "sofia"))
    words = outcome.words()
    assert "1 of 3 cases changed" in words
    assert f"{good}: The case has been assigned." in words
    assert f"{clashing}: not changed. Somebody has changed this case since you opened it." in words
    assert "000-0000: not changed. There is no such case." in words
    with office.database.begin(write=False) as session:
        from app.staff.models import Member

        owner = session.get_one(Member, office.case(good).owner_id)
        assert owner.name == "sofia"
    assert vera.submit(outcome, f"/desk/cases/{good}/undo").did("undone")
    assert office.case(good).owner_id is None
    assert outcome.tree.css_first(f'form[action="/desk/cases/{clashing}/undo"]') is None


def test_snoozing_many_keeps_each_cases_own_limit(office: StaffSite) -> None:
    office.file()
    office.file(letter={"kind": "unknown", "received_on": "2026-11-23"})
    browser = office.as_("vera")
    page = browser.get("/desk/")
    until = (office.time.at + timedelta(days=9)).date().isoformat()
    words = send(browser, page, ticked(page), act="snooze", until=until).words()
    assert "1 of 2 cases changed" in words
    assert "Choose a day after today and not after" in words


def test_sent_twice_nothing_happens_twice(office: StaffSite) -> None:
    office.file()
    browser = office.as_("vera")
    page = browser.get("/desk/")
    typed = {"act": "assign", "member": member(page, "pavel")}
    assert "1 of 1 cases changed" in send(browser, page, ticked(page), **typed).words()
    assert "0 of 1 cases changed" in send(browser, page, ticked(page), **typed).words()


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ([], {"act": "assign", "member": ""}),
        (["x"], {"act": "close"}),
        (["{case}"], {"act": "close", "verb": "advise"}),
        (["{case}"], {"act": "refer", "service": "pl-hfhr/legal-help"}),
        (["{case}"], {"act": "assign", "member": "nobody"}),
        (["{case}"], {"act": "snooze", "until": "soon"}),
    ],
)
def test_what_is_no_such_act_is_refused_and_writes_nothing(
    office: StaffSite, chosen: list[str], typed: dict[str, str]
) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get("/desk/")
    answer = send(browser, page, [one.replace("{case}", f"{label}:1") for one in chosen], **typed)
    assert answer.status == 422
    assert office.case(label).version == 1


def test_another_teams_cases_are_not_there(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("outsider")
    office.file(country="GE", region=None, consent={"mode": "ask_first"})
    page = browser.get("/desk/")
    words = send(browser, page, [f"{label}:1"], act="assign", member="").words()
    assert f"{label}: not changed. There is no such case." in words
    assert office.case(label).version == 1


def test_there_is_no_way_to_refer_or_close_many(office: StaffSite) -> None:
    many = [route.path_format for route, _method in our_routes(office.app) if "bulk" in route.path_format]
    assert many == ["/desk/bulk"]
    page = office.as_("vera").get("/desk/")
    office.file()
    page = office.as_("vera").get("/desk/")
    assert {str(node.attributes["value"]) for node in page.tree.css("#bulk button[name]")} == {"assign", "snooze"}


def test_enter_in_the_field_of_the_day_snoozes_and_elsewhere_asks_what_to_do(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get("/desk/")
    asked = send(browser, page, ticked(page))
    assert asked.status == 422
    assert "Choose an action for the selected cases." in asked.words()
    until = (office.time.at + timedelta(days=3)).date()
    assert "1 of 1 cases changed" in send(browser, page, ticked(page), until=until.isoformat()).words()
    assert office.case(label).snoozed_until == until
    assert office.case(label).owner_id is None, "Enter does not press the first button that is seen"
