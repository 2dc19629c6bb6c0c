"""Maps an error of the database to a response. Its message is never repeated, because it can hold values."""

from typing import Any, Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.errors import Unavailable


class OutcomeUnknown(Unavailable):
    """The database was lost while it committed: it is not known whether anything was saved."""

    slug = "outcome-unknown"
    title = "It is not known whether this was saved"


_TRANSIENT: Final = "Somebody else changed the same at that moment. Nothing was saved; try again."
_SLOW: Final = "The database took too long. Nothing was saved; try again."
_AWAY: Final = "The database does not answer. Nothing was saved; try again."
_READ_ONLY: Final = "The database can only be read at the moment. Nothing was saved; try again."
_FULL: Final = "The database has no room or no connection left. Nothing was saved; try again."
_UNKNOWN: Final = "The database was lost while it saved. Look whether it was saved before you send it again."
_BY_STATE: Final = {
    "40001": _TRANSIENT,  # serialization_failure
    "40P01": _TRANSIENT,  # deadlock_detected
    "55P03": _SLOW,  # lock_not_available: lock_timeout
    "57014": _SLOW,  # query_canceled: statement_timeout
    "25P03": _SLOW,  # idle_in_transaction_session_timeout
    "25P04": _SLOW,  # transaction_timeout
    "25006": _READ_ONLY,  # read_only_sql_transaction: a standby, or a primary that was stepped down
}
_BY_CLASS: Final = {
    "08": _AWAY,  # the connection
    "57": _AWAY,  # shut down by an administrator, a crash, or still starting
    "53": _FULL,  # disk full, out of memory, too many connections
    "58": _AWAY,  # an error of the system below the database
}
_SQLITE: Final = {"SQLITE_READONLY": _READ_ONLY, "SQLITE_FULL": _FULL, "SQLITE_BUSY": _SLOW, "SQLITE_LOCKED": _SLOW}


def state_of(error: BaseException) -> str:
    """The SQLSTATE, or SQLite's name of the error; "" if there is none, as when a connection was cut."""
    original: Any = getattr(error, "orig", None) or error
    return str(getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None) or "")


def response_to(error: BaseException) -> Unavailable | None:
    """503 for an error that a retry can solve; None for a mistake of ours, like a missing column or privilege."""
    if isinstance(error, PoolTimeout):
        return Unavailable(_FULL)
    if not isinstance(error, DBAPIError):
        return None
    state = state_of(error)
    detail = _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or _of_sqlite(state)
    if detail is None and (error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)):
        detail = _AWAY
    return Unavailable(detail) if detail else None


def response_to_commit(error: BaseException) -> Unavailable | None:
    """The response to an error of a commit; if it cut the connection, the outcome is unknown."""
    was_cut = isinstance(error, DBAPIError) and (error.connection_invalidated or state_of(error)[:2] in {"08", "57"})
    return OutcomeUnknown(_UNKNOWN) if was_cut else response_to(error)


def _of_sqlite(state: str) -> str | None:
    return next((detail for name, detail in _SQLITE.items() if state.startswith(name)), None)
