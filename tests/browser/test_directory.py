"""The directory, the reports and a partner's own services in a real browser: for everybody, at 320 px and wide, without scripts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.core.db import Database
from tests.support.desk import ONE, running
from tests.support.hsds import FOREIGN, package
from tests.support.live import address, free_port, served
from tests.support.pages import PHONE, WIDE, check, press

ENTRY = f"/desk/directory/organisations/{ONE}"
AT_DESK = (
    "/desk/directory", "/desk/directory?shelf=unverified", "/desk/directory/proposals", "/desk/directory/freshness", ENTRY,
    f"/desk/directory/edit?subject={ONE}&name=hours", f"/desk/directory/edit?subject={ONE}&name=source",
    f"/desk/directory/edit?subject={ONE}/legal-help&name=remote", "/desk/reports",
    f"/desk/directory/fields?subject={ONE}", "/desk/directory/new",
)  # fmt: skip
AT_SENIORS = (
    "/desk/directory",
    "/desk/directory/package",
    "/desk/reports?period=2025",
    "/desk/operations",
    "/desk/import",
)
AT_ADMINS = ("/desk/clients",)
AT_PARTNERS = ("/partner/services", "/partner/report")


@pytest.fixture(scope="module")
def site(
    kept_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Callable[[str], str]]]:
    """The service behind a real port, and who is signed in by which cookie."""
    bound = free_port()
    with running(kept_database, tmp_path_factory.mktemp("directory"), base_url=address(bound)) as office:
        with served(office.app, bound) as started:
            yield started, lambda name: office.as_(name).cookies["staff"]


def signed_in(site: Any, new_page: Callable[..., Page], name: str, **options: Any) -> Page:
    base, cookie = site
    page = new_page(base_url=base, **options)
    page.context.add_cookies([{"name": "staff", "value": cookie(name), "url": base}])
    return page


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_every_page_is_readable_for_everybody(site: Any, new_page: Callable[..., Page], size: dict[str, int]) -> None:
    for name, paths in (("vera", AT_DESK), ("sofia", AT_SENIORS), ("admin", AT_ADMINS), ("partner", AT_PARTNERS)):
        page = signed_in(site, new_page, name, viewport=size)
        for path in paths:
            page.goto(path)
            assert page.locator("h1").count() == 1, path
            check(page, fingers=True)


def test_a_change_goes_the_whole_way_on_a_phone_without_scripts(site: Any, new_page: Callable[..., Page]) -> None:
    vera = signed_in(site, new_page, "vera", viewport=PHONE, java_script_enabled=False)
    vera.goto(ENTRY)
    press(vera, "a.change[href*=hours]")
    assert "name=hours" in vera.url
    vera.fill("#f-hours", "always")
    press(vera, "text=Propose the change")
    vera.locator(".error").first.wait_for()
    expect(vera.locator("#f-hours")).to_have_value("always")
    vera.fill("#f-hours", "Mo-Fr 9:00-17:00")
    press(vera, "text=Propose the change")
    vera.locator("[role=status]").wait_for()
    pavel = signed_in(site, new_page, "pavel", viewport=PHONE, java_script_enabled=False)
    pavel.goto("/desk/directory/proposals")
    expect(pavel.locator("main")).to_contain_text("Mo-Fr 09:00-17:00")
    press(pavel, "button:has-text('Publish')")
    vera.goto(ENTRY)
    expect(vera.locator("main")).to_contain_text("Mo-Fr 09:00-17:00")


def test_a_wrong_day_is_said_beside_its_field_and_read_by_everybody(site: Any, new_page: Callable[..., Page]) -> None:
    partner = signed_in(site, new_page, "partner", viewport=PHONE)
    partner.goto("/partner/services")
    partner.select_option("#c-legal-help", "full")
    partner.fill("#u-legal-help", "soon")
    press(partner, "section.centre form.line button")
    expect(partner.locator("#u-legal-help[aria-invalid=true]")).to_have_value("soon")
    check(partner, fingers=True)


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_a_package_is_read_and_reported_without_scripts(
    site: Any, new_page: Callable[..., Page], size: dict[str, int]
) -> None:
    page = signed_in(site, new_page, "sofia", viewport=size, java_script_enabled=False)
    page.goto("/desk/directory")
    press(page, "text=Import or download the directory as a package")
    page.set_input_files(
        "#f-file", {"name": "foreign.zip", "mimeType": "application/zip", "buffer": package(**FOREIGN).getvalue()}
    )
    press(page, "text=Check the package")
    expect(page.locator("main")).to_contain_text("2 organisations would be proposed.")
    expect(page.locator("main")).to_contain_text("It is not active.")
    with page.expect_download() as found:
        page.click("text=Download the published directory")
    assert found.value.suggested_filename.endswith(".zip")
