"""Fixtures that start the whole service on an empty database, for the properties of more than one package."""

from tests.support.desk import office  # noqa: F401
