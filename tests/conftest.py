"""What every test can ask for. The network is shut; databases and the browser come from tests/support."""

from tests.support import network

pytest_plugins = ["tests.support.databases", "tests.support.browser"]
network.shut()
