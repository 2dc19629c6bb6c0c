"""The directory, the reports and a partner's own services in a real browser: for everybody, at 320 px and wide, without scripts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from app.cli.house import migrate
from app.core.clock import utc_now
from app.core.db import Database
from app.core.keyring import KeyRing
from app.main import create_app
from app.settings import Settings
from app.staff import service as staff
from app.staff import sessions
from tests.support import desk
from tests.support.desk import ONE
from tests.support.live import address, free_port, served
from tests.unit.test_hsds_package import FOREIGN, package

PHONE, WIDE = {"width": 320, "height": 640}, {"width": 1280, "height": 900}
_AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
ENTRY = f"/desk/directory/organisations/{ONE}"
AT_DESK = (
    "/desk/directory", "/desk/directory?shelf=unverified", "/desk/directory/proposals", "/desk/directory/freshness", ENTRY,
    f"/desk/directory/edit?subject={ONE}&name=hours", f"/desk/directory/edit?subject={ONE}&name=source",
    f"/desk/directory/edit?subject={ONE}/legal-help&name=remote", "/desk/reports",
)  # fmt: skip
AT_SENIORS = ("/desk/directory", "/desk/directory/package", "/desk/reports?period=2025", "/desk/operations")
AT_PARTNERS = ("/partner/services", "/partner/report")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Callable[[str], str]]]:
    """The service behind a real port, and who is signed in by which cookie."""
    var: Path = tmp_path_factory.mktemp("directory")
    database, keys = Database(f"sqlite:///{var / 'pristan.db'}"), KeyRing.generate(utc_now().date())
    migrate(database)
    with database.begin() as session:
        desk._found(session, keys)
    bound = free_port()
    settings = Settings(var=var, base_url=address(bound), worker_in_web=False)
    app = create_app(settings, database=database, keys=keys)

    def cookie(name: str) -> str:
        with database.begin() as session:
            member = session.scalars(sa.select(staff.Member).where(staff.Member.name == name)).one()
            return sessions.start(session, member, desk._seed(name), utc_now())

    with served(app, bound) as started:
        yield started, cookie


def signed_in(house: Any, new_page: Callable[..., Page], name: str, **options: Any) -> Page:
    base, cookie = house
    page = new_page(base_url=base, **options)
    page.context.add_cookies([{"name": "staff", "value": cookie(name), "url": base}])
    return page


def check(page: Page) -> None:
    found = Axe().run(page, options=_AXE).response["violations"]
    told = [(entry["id"], [node["target"] for node in entry["nodes"]][:3]) for entry in found]
    assert told == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url
    small = page.evaluate(
        """[...document.querySelectorAll("button, .button, select, input[type=text], summary")]
           .filter(node => node.offsetParent && node.getBoundingClientRect().height < 43.5)
           .map(node => node.outerHTML.slice(0, 80))"""
    )
    assert small == [], (page.url, "a finger needs 44 px")


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_every_page_is_readable_for_everybody(house: Any, new_page: Callable[..., Page], size: dict[str, int]) -> None:
    for name, paths in (("vera", AT_DESK), ("sofia", AT_SENIORS), ("partner", AT_PARTNERS)):
        page = signed_in(house, new_page, name, viewport=size)
        for path in paths:
            page.goto(path)
            assert page.locator("h1").count() == 1, path
            check(page)


def test_a_change_goes_the_whole_way_on_a_phone_without_scripts(house: Any, new_page: Callable[..., Page]) -> None:
    vera = signed_in(house, new_page, "vera", viewport=PHONE, java_script_enabled=False)
    vera.goto(ENTRY)
    vera.click("a.change[href*=hours]")
    assert "name=hours" in vera.url
    vera.fill("#f-hours", "always")
    vera.click("text=Propose it")
    vera.locator(".error").first.wait_for()
    assert vera.input_value("#f-hours") == "always"
    vera.fill("#f-hours", "Mo-Fr 9:00-17:00")
    vera.click("text=Propose it")
    vera.locator("[role=status]").wait_for()
    pavel = signed_in(house, new_page, "pavel", viewport=PHONE, java_script_enabled=False)
    pavel.goto("/desk/directory/proposals")
    assert "Mo-Fr 09:00-17:00" in pavel.inner_text("main")
    with pavel.expect_navigation():
        pavel.click("button:has-text('Publish')")
    vera.goto(ENTRY)
    assert "Mo-Fr 09:00-17:00" in vera.inner_text("main")


def test_a_wrong_day_is_said_beside_its_field_and_read_by_everybody(house: Any, new_page: Callable[..., Page]) -> None:
    partner = signed_in(house, new_page, "partner", viewport=PHONE)
    partner.goto("/partner/services")
    partner.select_option("#c-legal-help", "full")
    partner.fill("#u-legal-help", "tomorrow")
    partner.click("section.centre form.line button >> nth=0")
    assert partner.input_value("#u-legal-help") == "tomorrow"
    assert partner.locator("#u-legal-help[aria-invalid=true]").count() == 1
    check(partner)


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_a_package_is_read_and_reported_without_scripts(
    house: Any, new_page: Callable[..., Page], size: dict[str, int]
) -> None:
    page = signed_in(house, new_page, "sofia", viewport=size, java_script_enabled=False)
    page.goto("/desk/directory")
    page.click("text=As a package: read one, or download ours")
    page.set_input_files(
        "#f-file", {"name": "foreign.zip", "mimeType": "application/zip", "buffer": package(**FOREIGN).getvalue()}
    )
    page.click("text=Only look")
    told = page.locator("main").inner_text()
    assert "would be proposed" in told
    assert "It is not active." in told
    with page.expect_download() as found:
        page.click("text=What is published")
    assert found.value.suggested_filename.endswith(".zip")
