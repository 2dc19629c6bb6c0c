"""Chromium for the browser tests: `browser` (one a module), `new_page` (fresh contexts) and `page`.

The browser is Debian's, named by PRISTAN_CHROMIUM or found on PATH. In CI a missing one fails the tests; on a person's
machine they are left out, and the last lines of the run say so.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
)
HOW_TO_GET_ONE: Final = "apt-get install chromium (or name a Chromium or Chrome: PRISTAN_CHROMIUM=/path/to/it)"
WAIT: Final = 30_000  # milliseconds, as Playwright has it: two cores may have more to do


def chromium() -> str | None:
    named = os.environ.get("PRISTAN_CHROMIUM")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        found = shutil.which(name)
        if found:
            return found
    return None


def _may_be_left_out() -> bool:
    return chromium() is None and os.environ.get("CI", "").lower() not in {"1", "true"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All of tests/browser is marked `browser`, and left out where that is allowed."""
    here = Path(__file__).parents[1] / "browser"
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
    if not _may_be_left_out():
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _may_be_left_out():
        terminalreporter.section("NO BROWSER TESTS", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"There is no Chromium here, so the browser tests were left out. {HOW_TO_GET_ONE}", red=True
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed with its module: Playwright keeps an event loop running that other tests would trip over."""
    path = chromium()
    if path is None or shutil.which(path) is None:
        pytest.fail(f"No Chromium for the browser tests ({path or 'none on PATH'}). {HOW_TO_GET_ONE}", pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True, timeout=60_000)
        yield running
        running.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a context of its own; takes what `Browser.new_context` takes: `java_script_enabled=False`."""
    contexts = []

    def make(**options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(WAIT)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page()
