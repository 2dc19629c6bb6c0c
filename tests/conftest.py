"""What every test can ask for. The network is shut; databases and the browser come from tests/support."""

import os

from hypothesis import HealthCheck, settings

from tests.support import network

pytest_plugins = ["tests.support.databases", "tests.support.browser"]
network.shut()

# Time per example says more about the machine than about us. In CI the same examples are tried each time, so that a
# change is never refused for what somebody else's change brought in; at home the search goes on.
settings.register_profile(
    "pristan",
    deadline=None,
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pristan")
