"""Tests that failed and then passed when they were run again, as `.ci/run` has it do once: each is named, and many are a failure.

One test that depends on luck or on a slow machine must not refuse a change that has nothing to do with it; it is a defect
all the same.
"""

from typing import Final

import pytest
from _pytest.terminal import TerminalReporter

MOST: Final = 3
_FAILED: Final = 1  # pytest's exit code for tests that failed


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    again = terminalreporter.stats.get("rerun", [])
    for name in sorted({report.nodeid for report in again}):
        terminalreporter.write_line(f"UNSTEADY {name}: failed, was run once more; find out why", yellow=True)
    if len(again) > MOST:
        terminalreporter.write_line(
            f"{len(again)} tests were run again, and {MOST} may be: this counts as a failure.", red=True
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and len(reporter.stats.get("rerun", [])) > MOST:
        session.exitstatus = _FAILED
