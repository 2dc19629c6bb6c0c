"""How long the service waits for its database in tests: long, because a slow machine is no fault. Tests of waiting say it."""

from app.api import health
from app.core import patience


def be_patient() -> None:
    health.READY_WITHIN = 60.0
    patience.REQUEST_SECONDS = 60.0
    patience.QUEUE_SECONDS = 60.0
    patience.STATEMENT_SECONDS = 120.0
    patience.CONNECT_SECONDS = 30
