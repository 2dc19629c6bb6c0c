"""Fixtures of the tests of HTML pages: each starts the service on an empty database."""

from collections.abc import Iterator

import pytest

from tests.support.catalogues import missing_messages
from tests.support.desk import office  # noqa: F401
from tests.support.partners import network  # noqa: F401
from tests.support.people import person_site  # noqa: F401


@pytest.fixture(autouse=True)
def each_message_is_in_a_catalogue() -> Iterator[None]:
    """Fails a test in which a page asks for a message that no catalogue has, or passes data where a message belongs."""
    with missing_messages() as missing:
        yield
    assert not missing, "run `pristan i18n extract`, mark the message, or do not pass data through `_()`"
