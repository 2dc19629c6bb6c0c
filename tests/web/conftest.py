"""Fixtures of the tests of HTML pages: each starts the service on an empty database."""

from tests.support.desk import office  # noqa: F401
from tests.support.partners import network  # noqa: F401
from tests.support.people import person_site  # noqa: F401
