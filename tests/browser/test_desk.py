"""The desk in a real browser: readable on a phone and wide, by keyboard alone, without scripts, and with shortcuts."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from app.cli.house import migrate
from app.core.clock import utc_now
from app.core.db import Database
from app.intake.models import Case
from tests.support.desk import DeskHouse, running
from tests.support.letters import give_up
from tests.support.live import free_port, served

PHONE, WIDE = {"width": 320, "height": 640}, {"width": 1280, "height": 800}
_AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LENA = {"call_me": "Елена Смирнова", "answer_by": {"channel": "telegram", "address": "@sova_1"}}


class House:
    """The desk behind a port, with an emergency, a clash of contacts and an offer under way."""

    def __init__(self, office: DeskHouse, base: str) -> None:
        self.office, self.base = office, base
        self.first, _receipt = office.file(how_soon="today", **LENA)
        self.second, _receipt = office.file(letter={"kind": "unknown", "received_on": f"{utc_now():%Y-%m-%d}"}, **LENA)
        vera = office.as_("vera")
        page = vera.get(f"/desk/cases/{self.first}/refer?service=pl-hfhr/legal-help")
        vera.submit(page, f"/desk/cases/{self.first}/refer")
        give_up(office, self.first)
        held, _receipt = office.file()
        entry = vera.get("/desk/directory/organisations/pl-sip")
        service = entry.form("/desk/directory/pause")["service"]
        vera.submit(entry, "/desk/directory/pause", what="all", until=f"{utc_now() + timedelta(days=9):%Y-%m-%d}")
        self.away = f"/desk/cases/{self.second}/refer?service={service}"
        with office.database.begin() as session:
            session.execute(sa.update(Case).where(Case.label == held).values(held_for="trap"))

    def signed_in(self, page: Page, name: str = "vera") -> Page:
        for cookie, value in self.office.as_(name).cookies.items():
            page.context.add_cookies([{"name": cookie, "value": value, "url": self.base}])
        return page


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    var: Path = tmp_path_factory.mktemp("desk")
    database = Database(f"sqlite:///{var / 'pristan.db'}")
    migrate(database)
    bound = free_port()
    with running(database, var / "var") as office:
        office.time.at = datetime.now(UTC)
        with served(office.app, bound) as base:
            yield House(office, base)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def check(page: Page) -> None:
    found = Axe().run(page, options=_AXE).response["violations"]
    assert [(entry["id"], [node["target"] for node in entry["nodes"]][:3]) for entry in found] == [], page.url
    assert fits(page), page.url


def pages(house: House) -> list[str]:
    first, second = f"/desk/cases/{house.first}", f"/desk/cases/{house.second}"
    return [
        "/desk/",
        "/desk/?view=closed",
        "/desk/?view=quarantine",
        "/desk/?view=dead_letters",
        house.away,
        "/desk/?country=PL&sort=-waits&done=offered&was=" + house.first + "&v=1",
        first,
        second + "?list=view%3Dopen&done=taken&v=1",
        second + "/refer?service=pl-hfhr/legal-help",
        second + "/ask?question=letter_date",
        "/desk/shortcuts",
        "/desk/nothing",
    ]


@pytest.mark.parametrize(("size", "look"), [(PHONE, "light"), (PHONE, "dark"), (WIDE, "light")])
def test_every_page_of_the_desk_is_readable_for_everybody(
    house: House, new_page: Callable[..., Page], size: Any, look: Any
) -> None:
    page = house.signed_in(new_page(viewport=size, color_scheme=look))
    for path in pages(house):
        page.goto(house.base + path)
        for folded in page.locator("details").all():
            folded.evaluate("node => node.open = true")
        check(page)
    page.goto(f"{house.base}/desk/cases/{house.second}")
    page.click("text=Open them")
    check(page)
    page.goto(f"{house.base}/desk/cases/{house.second}")
    page.click("text=Show the contact")
    check(page)


def test_the_table_is_cards_on_a_phone(house: House, new_page: Callable[..., Page]) -> None:
    page = house.signed_in(new_page(viewport=PHONE))
    page.goto(house.base + "/desk/")
    assert page.locator(".queue tr").nth(1).evaluate("node => getComputedStyle(node).display") == "grid"
    assert not page.locator(".queue thead").is_visible() or page.locator(".queue thead").bounding_box()["width"] <= 1  # type: ignore[index]


def test_a_case_is_taken_snoozed_and_undone_without_scripts(house: House, new_page: Callable[..., Page]) -> None:
    label, _receipt = house.office.file(how_soon="none")
    page = house.signed_in(new_page(viewport=PHONE, java_script_enabled=False))
    page.goto(house.base + "/desk/?view=new")
    page.click(f"[data-row]:has-text('{label}')")
    page.click("text=Take this case")
    assert "The case is yours now." in page.locator("main").inner_text()
    page.click("button:has-text('Undo')")
    assert house.office.case(label).owner_id is None
    page.goto(house.base + "/desk/?view=new")
    page.check(f"input[name=case][value='{label}:{house.office.case(label).version}']")
    page.click("text=Assign them")
    assert "1 of 1 done" in page.locator("h1").inner_text()


def test_keyboard_alone_reaches_a_case_and_its_first_button(house: House, new_page: Callable[..., Page]) -> None:
    label, _receipt = house.office.file(how_soon="none")
    page = house.signed_in(new_page(viewport=WIDE))
    page.goto(house.base + "/desk/?view=new")
    focus_on(page, f"node => node.textContent === '{label}'")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/desk/cases/{label}**")
    focus_on(page, "node => node.textContent === 'Take this case'")
    page.keyboard.press("Enter")
    page.wait_for_url("**done=taken**")
    assert house.office.case(label).state == "in_review"


def focus_on(page: Page, wanted: str) -> None:
    for _step in range(120):
        page.keyboard.press("Tab")
        if page.evaluate(f"({wanted})(document.activeElement)"):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", "who uses keys sees where they are"
            return
    raise AssertionError(f"Tab never comes to {wanted}")


def test_shortcuts_are_off_until_turned_on_and_then_work(house: House, new_page: Callable[..., Page]) -> None:
    label, _receipt = house.office.file(how_soon="none")
    page = house.signed_in(new_page(viewport=WIDE), "pavel")
    page.goto(f"{house.base}/desk/cases/{label}")
    assert page.locator("script").count() == 0
    page.keyboard.press("t")
    page.keyboard.press("?")
    assert page.url.endswith(label)
    assert house.office.case(label).owner_id is None
    page.goto(house.base + "/desk/shortcuts")
    page.click("text=Turn shortcuts on")
    page.goto(f"{house.base}/desk/cases/{label}")
    page.keyboard.press("m")
    page.keyboard.type("t")
    assert page.input_value("#f-message") == "t", "in a field a key is a letter"
    page.fill("#f-message", "")
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    page.wait_for_url("**done=taken**")
    page.keyboard.press("z")
    page.wait_for_url("**done=undone**")
    page.keyboard.press("?")
    page.wait_for_url("**/desk/shortcuts")
    page.keyboard.press("q")
    page.wait_for_url("**/desk/")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("input[name=case]").first.is_checked()
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/cases/**")
    check(page)
