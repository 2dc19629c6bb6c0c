"""Somebody who can put a cookie into a person's browser (a sibling host, one answer over plain HTTP) reads nothing of theirs."""

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from app.core.db import Database
from app.core.http_middleware import RequestMiddleware
from app.settings import Settings
from app.staff.known_browsers import KnownBrowser
from app.staff.models import StaffSession
from tests.support.desk import PASSPHRASE, StaffSite, running
from tests.support.people import NUMBER, Browser, PersonSite, person_site_on, short_form

HOST = "https://pristan.test"
FORM = {"content-type": "application/x-www-form-urlencoded"}
STORY = "vermilion-story-of-mine"


@pytest.fixture
def site(sqlite_database: Database, tmp_path: Path) -> Iterator[PersonSite]:
    with person_site_on(sqlite_database, tmp_path / "var", base_url=HOST) as started:
        yield started


def send(site: PersonSite, path: str, cookie: str, body: str | None = None, **headers: str) -> httpx.Response:
    """One request with exactly this Cookie header."""
    sent = {"cookie": cookie, **headers} if cookie else headers
    with httpx.Client(transport=site.transport, base_url="http://pristan.test") as client:
        if body is None:
            return client.get(path, headers=sent)
        return client.post(path, content=body, headers={**FORM, **sent})


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    parsed: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        parsed.load(header)
    return {name: morsel.value for name, morsel in parsed.items() if morsel["max-age"] != "0"}


def draft_of_attacker(site: PersonSite) -> str:
    """A secret that we made, with a draft behind it, in the hands of somebody who wants to read along."""
    first = cookies_of(send(site, "/ru/form/1", ""))["__Host-s"]
    answer = send(site, "/ru/form/1", f"__Host-s={first}", "for_whom=self")
    assert answer.status_code == 303
    return cookies_of(answer)["__Host-s"]


def shown(site: PersonSite, secret: str) -> str:
    """All that the holder of this secret can read."""
    pages = [f"/ru/form/{step}" for step in range(1, 8)] + ["/ru/form/check", "/ru/sent", "/ru/case"]
    return "".join(send(site, page, f"__Host-s={secret}").text for page in pages)


def story_step(site: PersonSite) -> str:
    pages = {f"/ru/form/{step}": send(site, f"/ru/form/{step}", "").text for step in range(1, 8)}
    return next(path for path, text in pages.items() if 'name="story"' in text)


def plant(browser: Browser, value: str) -> None:
    browser.client.cookies.clear()
    browser.client.cookies.set("s", value, domain="pristan.test")


def test_the_cookie_has_the_prefix_and_what_it_demands(site: PersonSite) -> None:
    header = send(site, "/ru/form/1", "").headers["set-cookie"]
    assert re.match(r"__Host-s=[\w.-]{66};", header)
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=strict"):
        assert attribute in header
    assert "domain" not in header.lower()


def test_a_cookie_without_the_prefix_is_none(site: PersonSite) -> None:
    """What a sibling host or an answer over plain HTTP can set."""
    planted = draft_of_attacker(site)
    answer = send(site, story_step(site), f"s={planted}", f"story={STORY}")
    assert STORY in answer.text, "typed, and shown on the page that needs no cookie"
    assert "__Host-s" not in cookies_of(answer)
    assert STORY not in shown(site, planted)


def test_what_is_typed_goes_to_a_fresh_secret_at_each_step(site: PersonSite) -> None:
    """Even if a browser could be made to send a planted cookie under its full name."""
    planted = draft_of_attacker(site)
    answer = send(site, story_step(site), f"__Host-s={planted}", f"story={STORY}")
    fresh = cookies_of(answer)["__Host-s"]
    assert fresh != planted
    assert STORY in shown(site, fresh)
    assert STORY not in shown(site, planted)


def test_of_two_cookies_of_one_name_none_is_taken(site: PersonSite) -> None:
    planted, mine = draft_of_attacker(site), cookies_of(send(site, "/ru/form/1", ""))["__Host-s"]
    for both in (f"__Host-s={planted}; __Host-s={mine}", f"__Host-s={mine}; __Host-s={planted}"):
        answer = send(site, story_step(site), both, f"story={STORY}")
        assert STORY in answer.text
        assert not cookies_of(answer)
    assert STORY not in shown(site, planted) + shown(site, mine)


@pytest.mark.parametrize("value", ["A" * 43, "A" * 43 + "." + "A" * 22, "x"])
def test_a_secret_that_we_did_not_make_stores_nothing(site: PersonSite, value: str) -> None:
    answer = send(site, story_step(site), f"__Host-s={value}", f"story={STORY}")
    assert STORY in answer.text
    with site.database.begin(write=False) as session:
        assert session.scalar(sa.text("SELECT count(*) FROM drafts")) == 0
    assert cookies_of(send(site, "/ru/form/1", f"__Host-s={value}"))["__Host-s"] != value


def test_the_number_is_under_a_fresh_secret(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True)
    known = browser.client.cookies["s"]
    number = browser.fill().number()
    assert browser.client.cookies["s"] != known
    reader = person_site.browser()
    plant(reader, known)
    assert not NUMBER.search(reader.open("/ru/sent").text)
    planted = reader.client.cookies["s"]
    back = person_site.browser()
    plant(back, planted)
    back.open("/ru/return").fill(number=number)
    assert back.client.cookies["s"] != planted
    plant(reader, planted)
    assert number not in reader.open("/ru/case/number").text + reader.open("/ru/case").text


def test_a_lost_answer_loses_nothing(person_site: PersonSite) -> None:
    """The browser has only the former cookie: the step, and the whole form, are sent again with it."""
    browser = short_form(person_site.browser(), until_check=True, story=STORY)
    former = browser.client.cookies["s"]
    first = browser.fill().number()
    plant(browser, former)
    assert STORY in browser.open("/ru/form/check").answer.text
    assert browser.fill().number() == first, "one case, one number"


def test_what_lies_under_a_former_secret_ends_in_five_minutes(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True, story=STORY)
    former = browser.client.cookies["s"]
    browser.fill()
    person_site.time.at += person_site.time.at.resolution * 300_000_000
    plant(browser, former)
    assert STORY not in browser.open("/ru/form/check").answer.text


# --- another site ----------------------------------------------------------------------------------------------------


def test_another_site_cannot_open_its_case_in_this_browser(person_site: PersonSite) -> None:
    """Login CSRF from a browser that sends no Sec-Fetch-Site; the person would write into the attacker's case."""
    number = short_form(person_site.browser()).number()
    attacker = person_site.browser().open("/ru/return")
    token = attacker.page.css_first("input[name=csrf]").attributes["value"]
    for mine in (person_site.browser(), person_site.browser().open("/ru/return")):
        for stated in ("", token):
            fields = {"number": number, "csrf": stated}
            answer = mine.client.post("/ru/return", data=fields, headers={"origin": "null"})
            assert answer.headers.get("location", "/ru/return?again=1") == "/ru/return?again=1"
            shown = mine.open("/ru/return?again=1").answer if answer.status_code == 303 else answer
            assert shown.status_code == 422
            assert number in shown.text, "nothing typed is lost"
        assert "/return" in str(mine.open("/ru/case").answer.url)
    assert attacker.fill(number=number).answer.url.path == "/ru/case"


def test_a_browser_that_states_its_own_page_needs_no_fresh_token(person_site: PersonSite) -> None:
    browser = person_site.browser()
    number = short_form(person_site.browser()).number()
    answer = browser.client.post("/ru/return", data={"number": number}, headers={"sec-fetch-site": "same-origin"})
    assert answer.headers["location"] == "/ru/case"


@pytest.mark.parametrize("stated", ["cross-site", "same-site"])
def test_a_link_of_another_site_does_not_delete_a_draft(person_site: PersonSite, stated: str) -> None:
    browser = short_form(person_site.browser(), until_check=True, story=STORY)
    answer = browser.client.get("/ru/leave", headers={"sec-fetch-site": stated})
    assert "clear-site-data" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert STORY in browser.open("/ru/form/check").answer.text


# --- staff -----------------------------------------------------------------------------------------------------------


def test_every_cookie_of_staff_has_the_prefix(sqlite_database: Database, tmp_path: Path) -> None:
    with running(sqlite_database, tmp_path / "var", base_url=HOST) as office:
        page = office.sign_in("vera")
        named = [header.split("=")[0] for header in page.response.headers.get_list("set-cookie")]
        assert set(named) == {"__Host-staff", "__Host-staff_browser"}
        form = office.browser().get("/desk/sign-in").response
        assert [header.split("=")[0] for header in form.headers.get_list("set-cookie")] == ["__Host-staff_form"]
        assert page.response.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    settings = Settings(base_url=HOST, hsts_preload=True, var=tmp_path)
    middleware = RequestMiddleware(office.app, max_body=1, https=True, hsts_preload=settings.hsts_preload)
    assert middleware.headers["strict-transport-security"].endswith("; preload")


def test_a_planted_session_or_browser_is_not_kept(office: StaffSite) -> None:
    browser = office.browser()
    browser.cookies["staff_browser"] = "A" * 43
    browser.cookies["staff"] = "B" * 43
    assert office.sign_in("vera", browser).status == 303
    assert browser.cookies["staff_browser"] != "A" * 43
    assert browser.cookies["staff"] != "B" * 43
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(KnownBrowser)) == 1


def test_a_planted_sign_in_form_is_refused(office: StaffSite) -> None:
    browser = office.browser()
    page = browser.get("/desk/sign-in")
    fields = page.form("/desk/sign-in")
    browser.cookies["staff_form"] = "A" * 32
    answer = browser.post(
        "/desk/sign-in", {**fields, "name": "vera", "passphrase": PASSPHRASE, "code": office.code("vera")}
    )
    assert answer.status == 403
    assert browser.cookies["staff_form"] != "A" * 32


def test_a_new_passphrase_gives_the_session_a_fresh_secret(office: StaffSite) -> None:
    browser = office.as_("vera")
    former, new = browser.cookies["staff"], "four quite different words"
    fields = {"passphrase": PASSPHRASE, "passphrase_new": new, "passphrase_again": new}
    browser.submit(browser.get("/desk/me"), "/desk/me/passphrase", **fields)
    assert browser.cookies["staff"] != former
    assert browser.get("/desk/").status == 200
    browser.cookies["staff"] = former
    assert browser.get("/desk/").status == 303
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(StaffSession)) == 1
