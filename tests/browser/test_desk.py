"""The desk in a real browser: readable on a phone and wide, by keyboard alone, without scripts, and with shortcuts."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app.cases.models import Case
from app.core.db import Database
from tests.support.desk import START, StaffSite, running
from tests.support.live import free_port, served
from tests.support.pages import PHONE, WIDE, check, enter, focus, press
from tests.support.undelivered import give_up
from tests.web.test_desk_queue import many

LENA = {"call_me": "Елена Смирнова", "answer_by": {"channel": "telegram", "address": "@sova_1"}}


class DeskSite:
    """The desk behind a port, with an emergency, a clash of contacts and an offer under way."""

    def __init__(self, office: StaffSite, base: str) -> None:
        self.office, self.base = office, base
        self.first, _receipt = office.file(how_soon="today", **LENA)
        self.second, _receipt = office.file(letter={"kind": "unknown", "received_on": f"{START:%Y-%m-%d}"}, **LENA)
        vera = office.as_("vera")
        page = vera.get(f"/desk/cases/{self.first}/refer?service=pl-hfhr/legal-help")
        vera.submit(page, f"/desk/cases/{self.first}/refer", by_hand="yes")
        give_up(office, self.first)
        held, _receipt = office.file()
        entry = vera.get("/desk/directory/organisations/pl-sip")
        service = entry.form("/desk/directory/pause")["service"]
        vera.submit(entry, "/desk/directory/pause", what="all", until=f"{START + timedelta(days=9):%Y-%m-%d}")
        self.away = f"/desk/cases/{self.second}/refer?service={service}"
        with office.database.begin() as session:
            session.execute(sa.update(Case).where(Case.label == held).values(held_reason="trap"))

    def signed_in(self, page: Page, name: str = "vera") -> Page:
        for cookie, value in self.office.as_(name).cookies.items():
            page.context.add_cookies([{"name": cookie, "value": value, "url": self.base}])
        return page


@pytest.fixture(scope="module")
def desk(kept_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskSite]:
    bound = free_port()
    with running(kept_database, tmp_path_factory.mktemp("desk")) as office, served(office.app, bound) as base:
        yield DeskSite(office, base)


def pages(desk: DeskSite) -> list[str]:
    first, second = f"/desk/cases/{desk.first}", f"/desk/cases/{desk.second}"
    return [
        "/desk/today",
        "/desk/",
        "/desk/?select=all",
        "/desk/calendar",
        "/desk/search",
        "/desk/replies",
        "/desk/tasks",
        "/desk/directory?q=a",
        "/desk/?view=closed",
        "/desk/?view=possible_spam",
        "/desk/?view=undelivered",
        desk.away,
        "/desk/?country=PL&sort=-waits&done=offered&was=" + desk.first + "&v=1",
        first,
        second + "?list=view%3Dopen&done=taken&v=1",
        second + "/refer?service=pl-hfhr/legal-help",
        second + "/ask?question=letter_date",
        "/desk/shortcuts",
        "/desk/nothing",
    ]


@pytest.mark.parametrize(("size", "look"), [(PHONE, "light"), (PHONE, "dark"), (WIDE, "light")])
def test_every_page_of_the_desk_is_readable_for_everybody(
    desk: DeskSite, new_page: Callable[..., Page], size: Any, look: Any
) -> None:
    page = desk.signed_in(new_page(viewport=size, color_scheme=look))
    for path in pages(desk):
        page.goto(desk.base + path)
        for folded in page.locator("details").all():
            folded.evaluate("node => node.open = true")
        check(page)
    page.goto(f"{desk.base}/desk/cases/{desk.second}")
    press(page, "text=Open the story and conversation")
    check(page)
    page.goto(f"{desk.base}/desk/cases/{desk.second}")
    press(page, "text=Show the contact details")
    check(page)


def test_the_table_is_cards_on_a_phone(desk: DeskSite, new_page: Callable[..., Page]) -> None:
    page = desk.signed_in(new_page(viewport=PHONE))
    page.goto(desk.base + "/desk/")
    assert page.locator(".queue tr").nth(1).evaluate("node => getComputedStyle(node).display") == "grid"
    assert not page.locator(".queue thead").is_visible() or page.locator(".queue thead").bounding_box()["width"] <= 1  # type: ignore[index]


def test_a_case_is_taken_snoozed_and_undone_without_scripts(desk: DeskSite, new_page: Callable[..., Page]) -> None:
    label, _receipt = desk.office.file(how_soon="none")
    page = desk.signed_in(new_page(viewport=PHONE, java_script_enabled=False))
    page.goto(desk.base + "/desk/?view=new")
    press(page, f"[data-row]:has-text('{label}')")
    press(page, "text=Take this case")
    expect(page.locator("main")).to_contain_text("You have taken the case.")
    press(page, "button:has-text('Undo')")
    assert desk.office.case(label).owner_id is None
    page.goto(desk.base + "/desk/?view=new")
    page.check(f"input[name=case][value='{label}:{desk.office.case(label).version}']")
    press(page, "text=Assign the cases")
    expect(page.locator("h1")).to_contain_text("1 of 1 cases changed")


def test_keyboard_alone_reaches_a_case_and_its_first_button(desk: DeskSite, new_page: Callable[..., Page]) -> None:
    label, _receipt = desk.office.file(how_soon="none")
    page = desk.signed_in(new_page(viewport=WIDE))
    page.goto(desk.base + "/desk/?view=new")
    focus(page, f"node => node.textContent === '{label}'")
    enter(page)
    page.wait_for_url(f"**/desk/cases/{label}**")
    focus(page, "node => node.textContent === 'Take this case'")
    enter(page)
    page.wait_for_url("**done=taken**")
    assert desk.office.case(label).state == "in_review"


def test_with_shortcuts_the_browser_asks_before_a_page_with_unsent_text_is_left(
    desk: DeskSite, new_page: Callable[..., Page]
) -> None:
    page = desk.signed_in(new_page(viewport=WIDE), "pavel")
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.goto(desk.base + "/desk/shortcuts")
    press(page, "text=Turn shortcuts on")
    page.goto(desk.base + "/desk/replies")
    page.locator("input[name=title]").first.click()
    page.keyboard.type("Half a reply")
    page.click("form.out button", no_wait_after=True)
    expect(page.locator("input[name=title]").first).to_have_value("Half a reply")
    assert asked == ["beforeunload"]
    page.locator("input[name=title]").first.fill("")
    press(page, "form.out button")
    assert page.url.startswith(desk.base + "/desk/sign-in")
    assert asked == ["beforeunload"], "nothing typed: it does not ask"


def test_shortcuts_are_off_until_turned_on_and_then_work(desk: DeskSite, new_page: Callable[..., Page]) -> None:
    label, _receipt = desk.office.file(how_soon="none")
    page = desk.signed_in(new_page(viewport=WIDE), "pavel")
    page.goto(f"{desk.base}/desk/cases/{label}")
    assert page.locator("script").count() == 0
    page.keyboard.press("t")
    page.keyboard.press("?")
    assert page.url.endswith(label)
    assert desk.office.case(label).owner_id is None
    page.goto(desk.base + "/desk/shortcuts")
    press(page, "text=Turn shortcuts on")
    page.goto(f"{desk.base}/desk/cases/{label}")
    page.keyboard.press("m")
    page.keyboard.type("t")
    assert page.input_value("#f-message") == "t", "in a field a key is a letter"
    page.fill("#f-message", "")
    page.keyboard.press("Escape")
    enter(page, "t")
    page.wait_for_url("**done=taken**")
    enter(page, "z")
    page.wait_for_url("**done=undone**")
    enter(page, "?")
    page.wait_for_url("**/desk/shortcuts")
    enter(page, "q")
    page.wait_for_url("**/desk/")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("input[name=case]").first).to_be_checked()
    enter(page, "Enter")
    page.wait_for_url("**/desk/cases/**")
    check(page)


def test_twelve_of_700_cases_are_seen_without_scrolling_and_the_first_is_a_few_keys_away(
    desk: DeskSite, new_page: Callable[..., Page]
) -> None:
    many(desk.office, 700)
    page = desk.signed_in(new_page(viewport={"width": 1366, "height": 768}))
    for path in ("/desk/", "/desk/today"):
        page.goto(desk.base + path)
        stops = 0
        while not page.evaluate("document.activeElement.matches('[data-row]')"):
            assert stops < 12, path
            page.keyboard.press("Tab")
            stops += 1
            if page.evaluate("document.activeElement.matches('.skip:last-of-type')"):
                page.keyboard.press("Enter")
    page.goto(desk.base + "/desk/")
    seen = page.locator("table.rows tbody tr").evaluate_all(
        "rows => rows.filter(row => row.getBoundingClientRect().bottom <= innerHeight).length"
    )
    assert seen >= 12
    assert not page.locator("#bulk").is_visible()
    page.locator("input[name=case]").first.check()
    assert page.locator("#bulk").is_visible()
    columns = page.locator("table.rows thead th, table.rows tbody tr:first-child > *").evaluate_all(
        "cells => cells.map(cell => Math.round(cell.getBoundingClientRect().left))"
    )
    assert columns[: len(columns) // 2] == columns[len(columns) // 2 :], "a header stands over its column"


def test_a_case_is_printed_with_its_facts_and_without_its_controls(
    desk: DeskSite, new_page: Callable[..., Page]
) -> None:
    page = desk.signed_in(new_page(viewport=WIDE))
    page.goto(f"{desk.base}/desk/cases/{desk.first}")
    press(page, "text=Open the story and conversation")
    page.emulate_media(media="print")
    for shown in ("h1", "#t-words", ".case .facts", "article.referral h3"):
        expect(page.locator(shown).first).to_be_visible()
    for hidden in (".bar", ".case .ways", "#f-message", "#f-purpose", ".case button >> nth=1"):
        expect(page.locator(hidden).first).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_no_view_of_the_queue_is_wider_than_a_screen_of_1280(desk: DeskSite, new_page: Callable[..., Page]) -> None:
    page = desk.signed_in(new_page(viewport={"width": 1280, "height": 720}))
    page.goto(desk.base + "/desk/")
    views = [link.get_attribute("href") or "" for link in page.locator("nav.views a").all()]
    assert "/desk/?view=possible_spam" in views
    for path in (*views, "/desk/today", "/desk/tasks", "/desk/directory"):
        page.goto(desk.base + path)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


def test_the_live_referral_is_seen_without_scrolling(desk: DeskSite, new_page: Callable[..., Page]) -> None:
    """On a screen of 1366 × 768, with its clock: of an emergency too, whose numbers to call stand above it."""
    page = desk.signed_in(new_page(viewport={"width": 1366, "height": 768}, java_script_enabled=False))
    page.goto(f"{desk.base}/desk/cases/{desk.first}")
    for what in ("#clock", "#next", "article.referral h3", "article.referral .runs"):
        box = page.locator(what).first.bounding_box()
        assert box is not None, what
        assert box["y"] + box["height"] <= 768, what
    press(page, "text=Open the story and conversation")
    assert page.url.endswith("#t-words")
    box = page.locator("#t-words").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 768
