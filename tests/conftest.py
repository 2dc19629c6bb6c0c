"""What every test can ask for. The network is shut; databases and the browser come from tests/support."""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from tests.support import network, passphrases, routes, waiting

pytest_plugins = ["tests.support.databases", "tests.support.browser", "tests.support.unsteady"]
gc.disable()  # until everything is collected: it would look again and again through what lives until the end
network.shut()
passphrases.use_fast_parameters()
routes.share()
waiting.be_patient()

# Time per example says more about the machine than about us. The same examples are tried each time, so that a change is
# refused for what it does and not by chance. TEST_SEARCH=1 looks for others: let it run now and then, for as long as you like.
settings.register_profile(
    "pristan",
    deadline=None,
    print_blob=True,
    derandomize=not os.environ.get("TEST_SEARCH"),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pristan")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was imported and collected is never looked through again; that took a seventh of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
