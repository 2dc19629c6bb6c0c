"""What a test does with a page in a browser. Whatever leads to another page waits until that one has come and is loaded.

A click that posts is answered with a redirect: for a moment there is the old page, then none, then the new one. A test that
looks in between sees any of them. So: `press` and `enter` for what navigates, `expect` for what is looked at.
"""

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import WAIT

PHONE: Final = {"width": 320, "height": 640}
WIDE: Final = {"width": 1280, "height": 900}
_RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_AXE: Final = Axe()
_SMALL: Final = """[...document.querySelectorAll(
    "button, .button, .leave, select, summary, input[type=text], label.choice"
  )].filter(node => node.offsetParent && node.getBoundingClientRect().height < 43.5)
    .map(node => node.outerHTML.slice(0, 80))"""

expect.set_options(timeout=WAIT)


def press(page: Page, what: str | Locator, *, tap: bool = False) -> None:
    """Press the first of what leads to another page, and wait for that page."""
    found = (page.locator(what) if isinstance(what, str) else what).first
    with page.expect_navigation():
        found.tap() if tap else found.click()


def enter(page: Page, key: str = "Enter") -> None:
    """Press the key that leads to another page, and wait for that page."""
    with page.expect_navigation():
        page.keyboard.press(key)


def focus(page: Page, wanted: str) -> None:
    """Walk with the tabulator until this (a function of the node) holds, as somebody without a mouse does."""
    for _step in range(120):
        page.keyboard.press("Tab")
        if page.evaluate(f"({wanted})(document.activeElement)"):
            ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert ring != "none", f"one sees where one is: {wanted}"
            return
    raise AssertionError(f"the tabulator never comes to {wanted}")


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def check(page: Page, *, thorough: bool = True, fingers: bool = False, **rules: Any) -> None:
    """The page can be read by everybody: no rule of axe is broken (`thorough`), nothing has to be scrolled sideways, and
    everything to press is large enough for `fingers`. `rules` are switched on besides."""
    page.wait_for_load_state()
    if thorough:
        found = _AXE.run(page, options={**_RULES, "rules": rules}).response["violations"]
        told = [(entry["id"], [node["target"] for node in entry["nodes"]][:3]) for entry in found]
        assert told == [], page.url
    assert fits(page), f"sideways: {page.url}"
    if fingers:
        small = page.evaluate(_SMALL)
        assert small == [], f"a finger needs 44 px: {page.url}"
