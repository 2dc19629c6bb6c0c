"""The rules, the coverage and the runs of a case in a real browser: axe, 320 px, with and without scripts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from app.core.db import Database
from tests.support.desk import ONE, DeskHouse, running
from tests.support.live import address, free_port, served

_AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
KEY = f"{ONE}/legal-help"


@pytest.fixture(scope="module")
def desk(_sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DeskHouse, str]]:
    import shutil

    room: Path = tmp_path_factory.mktemp("rules")
    shutil.copyfile(_sqlite_template, room / "pristan.db")
    database, bound = Database(f"sqlite:///{room / 'pristan.db'}"), free_port()
    with running(database, room / "var", base_url=address(bound)) as office, served(office.app, bound) as base:
        yield office, base


def check(page: Page) -> None:
    found = Axe().run(page, options=_AXE).response["violations"]
    assert [(entry["id"], [node["target"] for node in entry["nodes"]][:3]) for entry in found] == [], page.url
    wide = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert wide, f"sideways: {page.url}"


def test_the_pages_about_rules_are_for_everybody(
    desk: tuple[DeskHouse, str], new_page: Callable[..., Page], request: pytest.FixtureRequest
) -> None:
    office, base = desk
    label, _receipt = office.file()
    cookie = office.as_("sofia").cookies["staff"]
    shots = request.config.getoption("--basetemp", default=None)
    for width in (320, 1280):
        page = new_page(viewport={"width": width, "height": 900}, java_script_enabled=True)
        page.context.add_cookies([{"name": "staff", "value": cookie, "url": base}])
        for path in ("/desk/rules", f"/desk/rules/new?service={KEY}", "/desk/coverage", f"/desk/cases/{label}/runs"):
            page.goto(base + path)
            check(page)
            if shots:
                name = path.split("?")[0].strip("/").replace("/", "-")
                page.screenshot(path=f"{shots}-{name}-{width}.png", full_page=False)
    plain = new_page(viewport={"width": 320, "height": 900}, java_script_enabled=False)
    plain.context.add_cookies([{"name": "staff", "value": cookie, "url": base}])
    plain.goto(f"{base}/desk/rules/new?service={KEY}")
    plain.fill("#f-text", plain.input_value("#f-text").replace("asylum, ", ""))
    plain.fill("#f-why", "They told us by phone")
    plain.click("text=Propose it")
    assert "Waits for a second person" in plain.content()
    seen = new_page(viewport={"width": 320, "height": 900})
    seen.context.add_cookies([{"name": "staff", "value": cookie, "url": base}])
    seen.goto(plain.url)
    check(seen)
    if shots:
        seen.screenshot(path=f"{shots}-rule-set-320.png", full_page=True)
