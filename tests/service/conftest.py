"""Fixtures that start the whole service on an empty database, for the tests here which need more than a session."""

from tests.support.desk import office  # noqa: F401
from tests.support.partners import network  # noqa: F401
from tests.support.people import person_site  # noqa: F401
from tests.support.sandbox import sandbox_network  # noqa: F401
from tests.support.verbs import postgres_verbs, verbs  # noqa: F401
