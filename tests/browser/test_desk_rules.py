"""The rules, the coverage and the runs of a case in a real browser: axe, 320 px, with and without scripts."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from app.core.db import Database
from tests.support.desk import ONE, StaffSite, running
from tests.support.live import address, free_port, served
from tests.support.pages import check, press

KEY = f"{ONE}/legal-help"


@pytest.fixture(scope="module")
def desk(kept_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StaffSite, str]]:
    bound, var = free_port(), tmp_path_factory.mktemp("rules")
    with running(kept_database, var, base_url=address(bound)) as office, served(office.app, bound) as base:
        yield office, base


def test_the_pages_about_rules_are_for_everybody(
    desk: tuple[StaffSite, str], new_page: Callable[..., Page], request: pytest.FixtureRequest
) -> None:
    office, base = desk
    label, _receipt = office.file()
    cookie = office.as_("sofia").cookies["staff"]
    shots = request.config.getoption("--basetemp", default=None)
    for width in (320, 1280):
        page = new_page(viewport={"width": width, "height": 900}, java_script_enabled=True)
        page.context.add_cookies([{"name": "staff", "value": cookie, "url": base}])
        for path in (
            "/desk/rules",
            f"/desk/rules/new?service={KEY}",
            f"/desk/rules/form?service={KEY}",
            "/desk/coverage",
            f"/desk/cases/{label}/runs",
        ):
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
    press(plain, "text=Propose the rules")
    expect(plain.locator("main")).to_contain_text("Waiting for a second person")
    seen = new_page(viewport={"width": 320, "height": 900})
    seen.context.add_cookies([{"name": "staff", "value": cookie, "url": base}])
    seen.goto(plain.url)
    check(seen)
    if shots:
        seen.screenshot(path=f"{shots}-rule-set-320.png", full_page=True)
