"""What the tests of the API share."""

from tests.support.partners import network  # noqa: F401
