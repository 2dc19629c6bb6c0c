"""Many cases at once: owner and snooze, an outcome a row, and nothing that needs a look at the case."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from tests.support.desk import Browser, Page, StaffSite
from tests.web.test_desk_queue import many
from tests.web.test_route_policies import our_routes


def send(browser: Browser, page: Page, chosen: list[str], **typed: str) -> Page:
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
    assert sorted(many) == ["/desk/bulk", "/desk/bulk/undo"]
    page = office.as_("vera").get("/desk/")
    office.file()
    page = office.as_("vera").get("/desk/")
    assert {str(node.attributes["value"]) for node in page.tree.css("#bulk button[name]")} == {
        "assign", "snooze", "tomorrow", "week",
    }  # fmt: skip


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


def test_an_error_comes_back_on_the_list_with_what_was_selected_and_typed(office: StaffSite) -> None:
    label, _receipt = office.file()
    other, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get("/desk/?sort=-waits")
    typed = {"act": "snooze", "until": "40", "until_month": "2", "until_year": "2027"}
    answer = send(browser, page, [f"{label}:1"], **typed)
    assert answer.status == 422
    assert "There is no such day" in str(answer.tree.css_first("#bulk .error").text())  # type: ignore[union-attr]
    form = answer.form("/desk/bulk")
    assert {name: form[name] for name in typed if name != "act"} == {
        "until": "40",
        "until_month": "2",
        "until_year": "2027",
    }
    checked = [str(node.attributes["value"]) for node in answer.tree.css("input[name=case][checked]")]
    assert checked == [f"{label}:1"]
    assert answer.tree.css_first('th[aria-sort="descending"]') is not None, "the same list"
    nothing = send(browser, page, [], act="assign", member=member(page, "pavel"))
    assert "Select at least one case in the list." in nothing.words()
    assert nothing.form("/desk/bulk")["member"] == member(page, "pavel")
    assert office.case(other).version == 1


def test_one_button_snoozes_until_tomorrow_or_for_a_week_and_one_undoes_it_all(office: StaffSite) -> None:
    first, _receipt = office.file()
    second, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get("/desk/")
    outcome = send(browser, page, ticked(page), act="week")
    assert office.case(first).snoozed_until == (office.time.at + timedelta(days=7)).date()
    assert browser.get("/desk/").tree.css_first("h1 .count").text() == "0"  # type: ignore[union-attr]
    fields = outcome.form("/desk/bulk/undo")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    chosen = [str(node.attributes["value"]) for node in outcome.tree.css('form[action="/desk/bulk/undo"] [name=case]')]
    body = urlencode([("csrf", fields["csrf"]), ("list", fields["list"]), *(("case", value) for value in chosen)])
    undone = browser.send("POST", "/desk/bulk/undo", content=body, headers=headers)
    assert "2 of 2 cases changed" in undone.words()
    assert [office.case(label).snoozed_until for label in (first, second)] == [None, None]
    again = browser.send("POST", "/desk/bulk/undo", content=body, headers=headers)
    assert "0 of 2 cases changed" in again.words()


def test_select_all_works_without_a_script_on_every_page(office: StaffSite) -> None:
    many(office, 30)
    browser = office.as_("vera")
    second = str(browser.get("/desk/").tree.css_first("a[rel=next]").attributes["href"])  # type: ignore[union-attr]
    page = browser.get(second)
    assert page.tree.css("input[name=case][checked]") == []
    everything = browser.get(str(page.tree.css_first("th.pick a").attributes["href"]))  # type: ignore[union-attr]
    assert ticked(everything) == ticked(page)
    assert len(everything.tree.css("input[name=case][checked]")) == len(ticked(page)) == 6
    none = browser.get(str(everything.tree.css_first("th.pick a").attributes["href"]))  # type: ignore[union-attr]
    assert (ticked(none), len(none.tree.css("input[name=case][checked]"))) == (ticked(page), 0)
