"""The person's pages in a real browser: the whole way without scripts at 320 px, and every page readable for everybody."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from app.cli import founding
from app.cli.house import migrate
from app.core.db import Database
from app.core.i18n import LANGUAGES
from app.core.keyring import KeyRing
from app.directory import service as directory_service
from app.directory.packs import load_packs
from app.main import create_app
from app.settings import Settings
from tests.support.live import address, free_port, served

PHONE = {"width": 320, "height": 640}
PLAIN = ("", *(f"form/{step}" for step in range(1, 8)), "form/all", "return", "safety", "contacts", "paper", "goodbye")
_AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The person's surface behind a real port, on SQLite."""
    var: Path = tmp_path_factory.mktemp("person")
    database, now = Database(f"sqlite:///{var / 'pristan.db'}"), datetime.now(UTC)
    migrate(database)
    with database.begin() as session:
        directory_service.upsert(session, load_packs(), now)
        founding.found_team(session, "all", "All", ["PL", "GE", "LT", "DE"], now)
    bound = free_port()
    settings = Settings(var=var, base_url=address(bound), worker_in_web=False)
    app = create_app(settings, surfaces={"public"}, database=database, keys=KeyRing.generate(now.date()))
    with served(app, bound) as started:
        yield started


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def check(page: Page) -> None:
    found = Axe().run(page, options=_AXE).response["violations"]
    assert [(entry["id"], [node["target"] for node in entry["nodes"]][:3]) for entry in found] == []
    assert fits(page), page.url
    small = page.evaluate(
        """[...document.querySelectorAll("button, .button, .leave, select, input[type=text], label.choice")]
           .filter(node => node.offsetParent && node.getBoundingClientRect().height < 43.5)
           .map(node => node.outerHTML.slice(0, 80))"""
    )
    assert small == [], "a finger needs 44 px"


def next_step(page: Page) -> None:
    page.click("button[name=next]")


def go(page: Page, base: str, lang: str = "ru") -> str:
    """The seven steps and the number, on a phone."""
    page.goto(f"{base}/{lang}/")
    page.click("a.button")
    next_step(page)
    assert page.locator(".errors").is_visible(), "an empty required answer is asked for again"
    page.check("input[value=self]")
    next_step(page)
    page.check("input[value=asylum]")
    next_step(page)
    page.check("input[value=DE]")
    page.select_option("#f-region", "DE-BE")
    next_step(page)
    page.check("input[value=unknown]")
    page.select_option("#f-letter_kind", "DE.asylum_appeal_simple")
    page.fill("#f-letter_received_on", f"{datetime.now(UTC):%Y-%m-%d}")
    next_step(page)
    page.check("input[name=speak][value=ru]")
    next_step(page)
    page.fill("#f-story", "Пришёл отказ.\nЯ не понимаю письмо.")
    next_step(page)
    page.check("input[value=number]")
    next_step(page)
    page.wait_for_url("**/form/check")
    assert page.locator(".centre .reasons li").count() > 3
    page.click("main form .actions button")
    return page.locator(".receipt").inner_text()


@pytest.mark.parametrize("lang", ["ru", "ka"])
def test_the_whole_way_on_a_phone_without_scripts(base: str, new_page: Callable[..., Page], lang: str) -> None:
    page = new_page(java_script_enabled=False, viewport=PHONE, locale=lang)
    number = go(page, base, lang)
    page.goto(f"{base}/{lang}/return")
    page.fill("#f-number", number)
    page.click("main button")
    assert page.url == f"{base}/{lang}/case"
    page.fill("#f-text", "Ещё одна строка")
    page.click("#thread button")
    assert "Ещё одна строка" in page.locator(".thread").inner_text()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_in_every_language_is_readable_for_everybody(
    base: str, new_page: Callable[..., Page], lang: str
) -> None:
    page = new_page(viewport=PHONE)
    for path in PLAIN:
        page.goto(f"{base}/{lang}/{path}")
        check(page)
    page.goto(f"{base}/{lang}/form/1")
    next_step(page)
    check(page)
    page.goto(f"{base}/{lang}/return")
    page.fill("#f-number", "1234")
    page.click("main button")
    check(page)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_pages_with_an_answer_are_readable_in_the_light_and_in_the_dark(
    base: str, new_page: Callable[..., Page], look: str
) -> None:
    page = new_page(viewport=PHONE, color_scheme=look)
    number = go(page, base)
    check(page)
    page.go_back()
    check(page)
    page.goto(f"{base}/ru/return")
    page.fill("#f-number", number)
    page.click("main button")
    check(page)


def test_twice_the_letter_size_still_fits(base: str, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE)
    for path in PLAIN:
        page.goto(f"{base}/de/{path}")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert fits(page), path


def test_the_form_is_filled_with_the_keyboard_alone(base: str, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE, java_script_enabled=True)
    page.goto(f"{base}/en/form/1")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "for_whom":
            break
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{base}/en/form/2")


def test_leaving_shows_nothing_when_going_back(base: str, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE)
    page.goto(f"{base}/ru/form/6")
    page.fill("#f-story", "тайна")
    next_step(page)
    page.wait_for_url("**/form/7")
    left = page.context.request.get(f"{base}/ru/leave", max_redirects=0)
    assert left.status == 303
    assert "storage" in left.headers["clear-site-data"]
    page.go_back()
    assert page.input_value("#f-story") == ""
    page.goto(f"{base}/ru/form/6")
    assert page.input_value("#f-story") == ""


def test_no_page_asks_anybody_else_for_anything(base: str, new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    go(page, base)
    assert [url for url in asked if not url.startswith(base)] == []
    assert all(url.split("?")[0].endswith(".css") or "/ru/" in url for url in asked), (
        "a page and its style, nothing else"
    )
