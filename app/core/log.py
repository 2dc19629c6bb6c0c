"""The log: JSON lines with fields from an allow-list only.

User input, IP addresses, browsers, referrers, path values and query strings cannot get in, because a field that is not in the list
is dropped, and so is a value that is not a short code or a number.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

ALLOWED: Final = frozenset(
    {
        "event", "level", "timestamp", "logger",
        "route", "method", "status", "ms", "statements",
        "error", "where", "code",
        "case_id", "referral_id", "organisation", "run_id", "outbox_id", "kind", "state", "verb", "attempts", "count",
        "version", "database", "surface", "port", "epoch", "step", "digest",
    }
)  # fmt: skip
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


def get() -> Any:
    return structlog.get_logger()


def where(error: BaseException) -> str:
    """The file and line where an exception was raised, without its message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    path = trace.tb_frame.f_code.co_filename.rsplit("/app/", 1)[-1]
    return f"{path.rsplit('/', 2)[-1]}:{trace.tb_lineno}"
