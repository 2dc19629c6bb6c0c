"""The pages of members and operations in a real browser: a passkey made and used, axe, 320 px."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from app.core.clock import utc_now
from app.core.db import Database
from app.core.keyring import KeyRing
from app.main import create_app
from app.settings import Settings
from tests.support import desk
from tests.support.desk import PASSPHRASE
from tests.support.live import free_port, served

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = {
    "vera": ["/desk/me", "/desk/me/code", "/desk/members"],
    "admin": ["/desk/members", "/desk/proposals", "/desk/audit", "/desk/operations"],
    "partner": ["/partner/members"],
}


@pytest.fixture
def site(sqlite_database: Database, tmp_path: Path) -> Iterator[Any]:
    """The desk at `localhost`, which is a name, so that the browser knows passkeys there."""
    bound = free_port()
    here = f"http://localhost:{bound.getsockname()[1]}"
    keys = KeyRing.generate(utc_now().date())
    with sqlite_database.begin() as session:
        secrets = desk._found(session, keys)
    app = create_app(
        Settings(var=tmp_path / "var", worker_in_web=False, base_url=here), database=sqlite_database, keys=keys
    )
    with served(app, bound):
        yield desk.DeskHouse(app, None, sqlite_database, keys, utc_now, secrets), here  # type: ignore[arg-type]


def sign_in(page: Page, here: str, secret: str) -> None:
    page.goto(f"{here}/desk/sign-in")
    page.fill("#f-name", "vera")
    page.fill("#f-passphrase", PASSPHRASE)
    page.fill("#f-code", pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{here}/desk/")


def cookie_of(context: BrowserContext, office: Any, here: str, name: str) -> None:
    """Signed in by true rows. In a thread of its own: Playwright's loop is running in this one."""
    found: dict[str, str] = {}

    def start() -> None:
        with office.database.begin() as session:
            member = session.query(desk.staff.Member).filter_by(name=name).one()
            found["secret"] = desk.sessions.start(session, member, desk._seed(name), utc_now())

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    context.add_cookies([{"name": "staff", "value": found["secret"], "url": here}])


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
    sign_in(page, here, office.secrets["vera"])
    page.goto(f"{here}/desk/me")
    page.fill("#f-label", "this laptop")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url(f"{here}/desk/me?done=passkey_added")
    assert "this laptop" in page.inner_text("main")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(f"{here}/desk/sign-in")
    page.fill("#f-name", "vera")
    page.fill("#f-passphrase", PASSPHRASE)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{here}/desk/")
    page.goto(f"{here}/desk/me")
    assert "(passkey) this one" in page.inner_text("main")


def test_without_scripts_the_code_signs_in_and_no_dead_button_is_shown(
    site: Any, new_page: Callable[..., Page]
) -> None:
    office, here = site
    page = new_page(java_script_enabled=False)
    page.goto(f"{here}/desk/sign-in")
    assert not page.get_by_role("button", name="Sign in with a passkey").is_visible()
    sign_in(page, here, office.secrets["vera"])


def test_every_page_passes_axe_and_fits_a_small_phone(site: Any, new_page: Callable[..., Page]) -> None:
    office, here = site
    wrong = []
    for name, paths in {"": ["/desk/sign-in", "/desk/join"], **PAGES}.items():
        page = new_page(viewport={"width": 320, "height": 700}, bypass_csp=True)
        if name:
            cookie_of(page.context, office, here, name)
        for path in paths:
            page.goto(here + path)
            assert page.url == here + path
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > 320:
                wrong.append((path, "width", wide))
            found = Axe().run(page, options={"runOnly": AXE_TAGS})
            wrong += [(path, one["id"], one["nodes"][0]["html"][:120]) for one in found.response["violations"]]
    assert not wrong, "\n".join(map(str, wrong))
