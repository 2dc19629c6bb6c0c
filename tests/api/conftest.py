"""What the tests of the API share."""

from tests.support.desk import office  # noqa: F401
from tests.support.partners import network  # noqa: F401
from tests.support.people import house  # noqa: F401
from tests.support.sandbox import play  # noqa: F401
