"""Fixtures of the tests of JSON over HTTP: each starts the service on an empty database."""

from tests.support.desk import office  # noqa: F401
from tests.support.partners import network  # noqa: F401
from tests.support.sandbox import sandbox_network  # noqa: F401
