"""The pages of members and operations in a real browser: a passkey made and used, axe, 320 px."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.core.db import Database
from tests.support.desk import PASSPHRASE, running
from tests.support.live import free_port, served
from tests.support.pages import PHONE, check, press

PAGES = {
    "vera": ["/desk/me", "/desk/me/code", "/desk/members"],
    "admin": ["/desk/members", "/desk/proposals", "/desk/teams", "/desk/clients", "/desk/audit", "/desk/operations"],
    "partner": ["/partner/members"],
}


@pytest.fixture
def site(sqlite_database: Database, tmp_path: Path) -> Iterator[Any]:
    """The desk at `localhost`, which is a name, so that the browser knows passkeys there."""
    bound = free_port()
    here = f"http://localhost:{bound.getsockname()[1]}"
    with running(sqlite_database, tmp_path / "var", base_url=here) as office, served(office.app, bound):
        yield office, here


def sign_in(page: Page, here: str, code: str) -> None:
    page.goto(f"{here}/desk/sign-in")
    page.fill("#f-name", "vera")
    page.fill("#f-passphrase", PASSPHRASE)
    page.fill("#f-code", code)
    press(page, page.get_by_role("button", name="Sign in", exact=True))
    expect(page).to_have_url(f"{here}/desk/today")


def test_a_passkey_of_the_device_is_made_and_then_signs_in(site: Any, new_page: Callable[..., Page]) -> None:
    office, here = site
    page = new_page()
    protocol = page.context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    protocol.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
            }
        },
    )
    sign_in(page, here, office.code("vera"))
    page.goto(f"{here}/desk/me")
    page.fill("#f-label", "this laptop")
    press(page, page.get_by_role("button", name="Add a passkey"))
    expect(page).to_have_url(f"{here}/desk/me?done=passkey_added")
    expect(page.locator("main")).to_contain_text("this laptop")
    press(page, page.get_by_role("button", name="Sign out", exact=True))
    expect(page).to_have_url(f"{here}/desk/sign-in")
    page.fill("#f-name", "vera")
    page.fill("#f-passphrase", PASSPHRASE)
    press(page, page.get_by_role("button", name="Sign in with a passkey"))
    expect(page).to_have_url(f"{here}/desk/today")
    page.goto(f"{here}/desk/me")
    expect(page.locator("main")).to_contain_text("(passkey) this session")


def test_without_scripts_the_code_signs_in_and_no_dead_button_is_shown(
    site: Any, new_page: Callable[..., Page]
) -> None:
    office, here = site
    page = new_page(java_script_enabled=False)
    page.goto(f"{here}/desk/sign-in")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    sign_in(page, here, office.code("vera"))


def test_every_page_is_readable_for_everybody_on_a_small_phone(site: Any, new_page: Callable[..., Page]) -> None:
    office, here = site
    for name, paths in {"": ["/desk/sign-in", "/desk/join"], **PAGES}.items():
        page = new_page(viewport=PHONE)
        if name:
            page.context.add_cookies([{"name": "staff", "value": office.as_(name).cookies["staff"], "url": here}])
        for path in paths:
            page.goto(here + path)
            assert page.url == here + path
            check(page)
