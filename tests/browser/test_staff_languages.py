"""Staff pages in longer languages, and in one that is 45 % longer than English: nothing is wider than a phone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page

from app.core.i18n import LANGUAGES, translator
from app.referrals.models import Referral
from tests.browser.test_desk import DeskSite, desk  # noqa: F401
from tests.support.pages import PHONE, check, fits, press
from tests.support.pseudo_locale import pseudo_locale

MADE_UP = "made up"


@pytest.fixture(params=["ka", "de", MADE_UP])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    with pseudo_locale() if request.param == MADE_UP else nullcontext(request.param) as code:
        yield code


def in_language(desk: DeskSite, page: Page, code: str, name: str = "") -> Page:  # noqa: F811
    page.context.add_cookies([{"name": "staff_language", "value": code, "url": desk.base}])
    return desk.signed_in(page, name) if name else page


def test_no_page_is_wider_than_a_phone(desk: DeskSite, new_page: Callable[..., Page], language: str) -> None:  # noqa: F811
    with desk.office.database.begin(write=False) as session:
        offer = session.scalar(sa.select(Referral.label).where(Referral.offered_at.is_not(None)))
    wide = []
    for name, paths in (
        ("", ("/desk/sign-in", "/desk/join")),
        ("vera", ("/desk/today", "/desk/", f"/desk/cases/{desk.first}", desk.away, "/desk/me", "/desk/reports")),
        ("vera", ("/desk/directory", "/desk/tasks", "/desk/rota")),
        ("partner", ("/partner/", f"/partner/referrals/{offer}", "/partner/services", "/partner/notices")),
    ):
        page = in_language(desk, new_page(viewport=PHONE), language, name)
        for path in paths:
            page.goto(desk.base + path)
            assert page.locator("html").get_attribute("lang") == language
            for folded in page.locator("details").all():
                folded.evaluate("node => node.open = true")
            for width in (PHONE["width"], 390):
                page.set_viewport_size({"width": width, "height": 640})
                if not fits(page):
                    wide.append((path, width))
        page.context.close()
    assert wide == []


CUT = """() => [...document.querySelectorAll(".bar nav, .queue.rows td.next")]
    .filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.innerText)"""
"""What of the head and of the column of clocks is wider than its place: "…" or a scroll bar stands for it."""


@contextmanager
def late(desk: DeskSite) -> Iterator[None]:  # noqa: F811
    """Nine hours and 47 minutes later; afterwards it is as late as before."""
    before = desk.office.time.at
    desk.office.later(hours=9, minutes=47)
    try:
        yield
    finally:
        desk.office.time.at = before


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_head_and_every_clock_are_read_whole_on_a_laptop(
    desk: DeskSite,  # noqa: F811
    new_page: Callable[..., Page],
    code: str,
) -> None:
    """In each language: of the senior, who has the most links; the clocks among them late by hours and minutes."""
    with late(desk):
        page = in_language(desk, new_page(viewport={"width": 1366, "height": 768}), code, "sofia")
        for path in ("/desk/", "/desk/?view=waiting", "/desk/today"):
            page.goto(desk.base + path)
            assert page.locator("html").get_attribute("lang") == code
            assert page.locator(".bar").bounding_box()["height"] < 60  # type: ignore[index]
            assert fits(page)
            assert page.evaluate(CUT) == [], path
            last, nav = page.locator(".bar nav a").last.bounding_box(), page.locator(".bar nav").bounding_box()
            assert last is not None
            assert nav is not None
            assert last["x"] + last["width"] <= nav["x"] + nav["width"] + 2
            if path == "/desk/":
                assert page.locator(".queue.rows td.next .clock").count() > 0, "a clock runs"


def test_a_page_is_switched_without_scripts(desk: DeskSite, new_page: Callable[..., Page]) -> None:  # noqa: F811
    page = new_page(viewport=PHONE, java_script_enabled=False)
    page.goto(desk.base + "/desk/sign-in")
    page.select_option("#f-switch", "ru")
    press(page, "footer.switch button")
    assert page.locator("html").get_attribute("lang") == "ru"
    assert page.locator("h1").inner_text() == translator("ru", "staff").text("Sign in")


@pytest.mark.parametrize("code", ["ka", "de"])
def test_a_translated_page_is_readable_for_everybody(desk: DeskSite, new_page: Callable[..., Page], code: str) -> None:  # noqa: F811
    page = in_language(desk, new_page(viewport=PHONE), code, "vera")
    for path in ("/desk/", f"/desk/cases/{desk.first}"):
        page.goto(desk.base + path)
        check(page)
