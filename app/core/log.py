"""The log: JSON lines with fields from an allow-list only.

User input, IP addresses, browsers, referrers, path values and query strings cannot get in, because a field that is not in the list
is dropped, and so is a value that is not a short code or a number.
"""

import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

import structlog

ALLOWED: Final = frozenset(
    {
        "event", "level", "timestamp", "logger",
        "route", "method", "status", "ms", "statements",
        "error", "where", "code", "sqlstate",
        "case_id", "referral_id", "organisation", "run_id", "outbox_id", "kind", "state", "verb", "attempts", "count",
        "version", "database", "surface", "port", "epoch", "step", "digest",
    }
)  # fmt: skip
_OURS: Final = f"{Path(__file__).resolve().parents[1]}/"
_CODE: Final = re.compile(r"[\w.:/{}\[\] ,+-]{0,120}", re.ASCII)


def _keep_allowed_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if key in ALLOWED and _is_code_or_number(value)}


def _is_code_or_number(value: object) -> bool:
    return isinstance(value, int | float) or value is None or bool(_CODE.fullmatch(str(value)))


class _LibraryLogHandler(logging.Handler):
    """Log records of libraries: only logger, level and exception class are kept, because their messages may contain anything."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger().log(record.levelno, "library", logger=record.name, error=kind)


def configure(level: int = logging.INFO) -> None:
    """Set up structlog and the standard library's logging. Safe to call more than once."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _keep_allowed_fields,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_LibraryLogHandler(level=logging.WARNING)]
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = name != "uvicorn.access"


def log_uncaught() -> None:
    """Write an exception that no code catches, in any thread, as a line of the log; a traceback would repeat values."""

    def in_main(_kind: type[BaseException], error: BaseException, _trace: object) -> None:
        if not isinstance(error, KeyboardInterrupt):
            failure("unexpected", error)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            failure("unexpected", args.exc_value)

    sys.excepthook, threading.excepthook = in_main, in_thread


def get() -> Any:
    return structlog.get_logger()


def failure(event: str, error: BaseException, **fields: Any) -> None:
    """Log an exception: its class, the SQLSTATE of a database error, and where it happened. Never its message."""
    cause: Any = getattr(error, "orig", None) or error
    sqlstate = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    get().error(event, error=type(cause).__name__, sqlstate=sqlstate, where=where(error), **fields)


def where(error: BaseException) -> str:
    """The innermost line of ours that an exception passed, as file and line, without its message.

    For a database error: the line that made the query, not one inside the library. If no line is ours: where it was raised.
    """
    ours, last = None, None
    trace = error.__traceback__
    while trace is not None:
        last = trace
        if trace.tb_frame.f_code.co_filename.startswith(_OURS):
            ours = trace
        trace = trace.tb_next
    found = ours or last
    if found is None:
        return "unknown"
    path = found.tb_frame.f_code.co_filename.removeprefix(_OURS)
    return f"{path if found is ours else path.rsplit('/', 1)[-1]}:{found.tb_lineno}"
