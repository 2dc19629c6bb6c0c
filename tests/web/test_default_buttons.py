"""What Enter, and the Go key of a phone, press in each form of each page: the button that goes on."""

import pytest

from app.core.i18n import LANGUAGES
from tests.support.html import default_buttons
from tests.support.people import PersonSite, short_form
from tests.web.test_route_policies import ROLES, Opened, fill, opened, our_routes  # noqa: F401

ON = " → : "
"""Begins a plain button: without a name and without an address of its own."""
NAMED_BUTTONS_THAT_GO_ON = {
    "/desk/directory/package": "act=look → : Check the package",
}
"""By action: default buttons that say more than "send this form". Checking a package saves nothing."""
ONE_QUESTION = ("/consent", "/contacted", "/move", "/number", "/withdraw", "/erase")
"""Forms of the status page without a field: nothing is typed there, so Enter presses what the person has chosen with Tab."""


def wrong(text: str, page: str) -> list[str]:
    """The forms in which Enter does not go on."""
    found = []
    for action, button, fields in default_buttons(text):
        if not fields and action.endswith(ONE_QUESTION):
            continue
        named = NAMED_BUTTONS_THAT_GO_ON.get(action)
        if not (button == named if named else button.startswith((ON, "next=1 → : "))):
            found.append(f"{page}: form {action!r} is sent by {button or 'nothing'!r}")
    return found


def test_the_rule_itself_is_the_one_of_html() -> None:
    page = """<!doctype html><title>x</title><button form="f" name="switch" formaction="/en/x">English</button>
    <form id="f" action="/a"><button type="button">No</button><input name="t"><button>Go on</button></form>
    <form action="/b"><input name="u"></form>"""
    assert default_buttons(page) == [("/a", "switch=None → /en/x: English", 1), ("/b", "", 1)]
    assert len(wrong(page, "x")) == 2


PLAIN = ("", *(f"form/{step}" for step in range(1, 8)), "form/all", "return", "safety", "contacts", "paper", "numbers")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_on_each_page_of_the_form_enter_goes_on(person_site: PersonSite, lang: str) -> None:
    browser, found = person_site.browser(), []
    for path in PLAIN:
        found += wrong(browser.open(f"/{lang}/{path}").answer.text, path)
    assert found == []


def test_on_each_page_with_answers_enter_goes_on(person_site: PersonSite) -> None:
    browser, found, seen = person_site.browser(), [], set()

    def look(name: str) -> None:
        found.extend(wrong(browser.answer.text, name))
        seen.update(
            action.removeprefix("/ru") for action, _button, fields in default_buttons(browser.answer.text) if fields
        )

    browser.open("/ru/form/1")
    look("a step with a draft")
    browser.fill()
    look("a step with an error")
    short_form(browser, until_check=True)
    look("check")
    look_at_steps = [browser.open(f"/ru/form/{step}") and look(f"step {step} again") for step in range(1, 8)]
    assert len(look_at_steps) == 7
    browser.open("/ru/form/check").fill()
    look("receipt")
    number = browser.number()
    browser.fill(last_four="0000")
    look("receipt, mistyped")
    browser.open("/ru/return").fill(number="1")
    look("return, mistyped")
    browser.fill(number=number)
    look("status")
    browser.fill("case/message", text="")
    look("status, with an error")
    for path in (*(f"case/answers/{step}" for step in range(1, 8)), "case/centres"):
        browser.open(f"/ru/{path}")
        look(path)
    browser.open("/ru/case").fill("case/copy")
    look("copy")
    browser.open("/ru/case").fill("case/number", button=("sure", "yes"))
    look("new number")
    browser.open("/ru/form/all").fill(for_whom="self", needs="asylum", country="PL", how_soon="none", channel="number")
    look("check of the single page")
    assert found == []
    assert {"/form/1", "/form/check", "/sent", "/return", "/case/message", "/case/answers/7", "/form/all/send"} <= seen


def test_on_each_page_of_staff_enter_goes_on(opened: Opened) -> None:  # noqa: F811
    found, actions = [], set()
    for route, method in our_routes(opened.office.app):
        if method != "GET":
            continue
        path = fill(route.path_format, opened.places["own team"])
        path += f"?service={'pl-hfhr/legal-help'}" if path.endswith("/refer") else ""
        path += "?subject=pl-hfhr&name=city" if path == "/desk/directory/edit" else ""
        for name in ("vera", "sofia", "partner", "auditor", "admin"):
            assert name in ROLES
            page = opened.browsers[name].get(path)
            if page.status == 200 and page.response.headers["content-type"].startswith("text/html"):
                found += wrong(page.text, f"{path} of {name}")
                actions.update(action for action, _button, fields in default_buttons(page.text) if fields)
    assert sorted(set(found)) == []
    assert {
        "/desk/bulk",
        "/desk/assisted",
        "/desk/directory/package",
        "/partner/notices",
        "/desk/me/passphrase",
    } <= actions


def test_on_the_pages_that_follow_a_form_of_the_desk_enter_goes_on(opened: Opened) -> None:  # noqa: F811
    browser = opened.browsers["vera"]
    answers = {
        "for_whom": "self",
        "needs": "asylum",
        "country": "PL",
        "how_soon": "none",
        "channel": "number",
        "lang": "ru",
    }
    checked = browser.post("/desk/assisted", {"csrf": opened.csrf["vera"], **answers})
    assert checked.status == 200
    assert wrong(checked.text, "assisted check") == []
    assert any(action == "/desk/assisted/send" for action, _button, _fields in default_buttons(checked.text))
    label = opened.places["own team"]["label"]
    again = browser.post(f"/desk/cases/{label}/note", {"csrf": "", "version": "1", "text": "a note"})
    assert "/note" in again.text
    assert wrong(again.text, "send again") == []
