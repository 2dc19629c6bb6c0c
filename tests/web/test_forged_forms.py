"""No page acts on a form that another site sent: every POST route passes the one check, and no case moves without a token."""

import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from app.core.db import Base, Database
from app.intake.questions import SLUGS
from app.web import person
from app.web.components import csrf
from tests.support.desk import StaffSite, running
from tests.support.people import PersonSite, short_form

MACHINES = ("/v1", "/oauth", "/hsds", "/.well-known")
FORM = {"content-type": "application/x-www-form-urlencoded"}
FOREIGN = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "nonsense", "origin": "http://pristan.test"},
    {"origin": "https://evil.example"},
    {"origin": "http://pristan.test.evil.example"},
]


def posts(routes: Any) -> list[str]:
    """The paths of the pages that take a form, with something in the place of each parameter."""
    paths = {
        str(found.path_format)
        for found in iter_route_contexts(routes)
        if isinstance(found.original_route, APIRoute) and "POST" in (found.methods or ())
    }
    pages = (path for path in paths if not path.startswith(MACHINES))
    known = {"{lang}": "en", "{verb}": "withdraw", "{step}": SLUGS[0], "{document}": "0" * 32, "{filed_id}": "0" * 32}
    return sorted(re.sub(r"\{[^}]*\}", lambda name: known.get(name.group(), "x"), path) for path in pages)


@pytest.fixture
def everything(sqlite_database: Database, tmp_path: Path) -> Iterator[StaffSite]:
    """All surfaces of the service in one app."""
    with running(sqlite_database, tmp_path / "var") as started:
        yield started


def test_every_form_of_every_page_passes_the_one_check(everything: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    check = csrf.refuse_other_sites

    def noted(request: Any) -> None:
        checked.append(request.url.path)
        check(request)

    monkeypatch.setattr(csrf, "refuse_other_sites", noted)
    paths = posts(everything.app.routes)
    assert len(paths) > 100
    for path in paths:
        for headers in FOREIGN:
            checked.clear()
            answer = everything.http.request("POST", path, content=b"a=b", headers={**FORM, **headers})
            assert (answer.status_code, checked) == (403, [path]), (path, headers)


def test_the_walk_finds_the_pages_of_everybody(everything: StaffSite) -> None:
    paths = posts(everything.app.routes)
    for path in ("/en/form/all/send", "/en/form/check", "/en/case/erase", "/desk/sign-in", "/desk/join/finish",
                 "/desk/cases/x/close", "/desk/directory/package", "/partner/referrals/x/withdraw"):  # fmt: skip
        assert path in paths, path


def held(person_site: PersonSite, *, without: Set[str] = frozenset()) -> dict[str, list[Any]]:
    """Every row but those of drafts, where a browser keeps what was typed for the next hour, and of who looked at what."""
    with person_site.database.begin(write=False) as session:
        return {
            table.name: sorted(map(repr, session.connection().exec_driver_sql(f"SELECT * FROM {table.name}").all()))
            for table in Base.metadata.sorted_tables
            if table.name not in {"drafts", "audit_log"} | without
        }


@pytest.mark.parametrize("token", ["", "x" * 500, "1.stale.0000", "of another visit", "of no visit"])
def test_without_a_token_of_this_visit_nothing_but_the_draft_changes(person_site: PersonSite, token: str) -> None:
    stranger = person_site.browser().open("/en/return").fill(number=short_form(person_site.browser()).number())
    sent = {
        "of another visit": stranger.page.css_first("input[name=csrf]").attributes["value"],
        "of no visit": csrf.new_token(person_site.keys, person_site.time(), csrf.UNBOUND),
    }.get(token, token)
    # A step of the form is tied to no visit: with a token of such a page somebody has begun a form, and is counted.
    counted = {"form_counts"} if token == "of no visit" else set()
    number = short_form(person_site.browser(), story="Слово.").number()
    for path in posts(person.router.routes):
        browser = person_site.browser().open("/en/return").fill(number=number)
        before = held(person_site, without=counted)
        fields = {
            "csrf": sent,
            "sure": "yes",
            "answer": "yes",
            "text": "x",
            "story": "x",
            "country": "PL",
            "needs": "asylum",
        }
        if path == "/en/form/all/send" and token == "of no visit":
            continue  # the page without a cookie is tied to no visit: `csrf` says why
        browser.client.post(path, data=fields)
        assert held(person_site, without=counted) == before, path


def test_a_draft_is_filed_by_its_own_page_only(person_site: PersonSite) -> None:
    mine = short_form(person_site.browser(), until_check=True)
    theirs = short_form(person_site.browser(), until_check=True)
    token = theirs.page.css_first("input[name=csrf]").attributes["value"]
    before = held(person_site)
    for wrong in (token, csrf.new_token(person_site.keys, person_site.time(), csrf.UNBOUND)):
        answer = mine.client.post("/ru/form/check", data={"csrf": wrong})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/ru/form/check?again=1", "the page is shown again"
    assert held(person_site) == before
    assert mine.open("/ru/form/check").fill().number()
