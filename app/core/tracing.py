"""Traces with OpenTelemetry, as an option: which route, template, kind of statement or job took how long, and nothing else.

A span has a name that this program wrote (a route template, the name of a template, the first word of a statement, a job) and
attributes from a list: method, status, the class of an error. No path, query, value, text of a statement, message of an exception,
address, or id. What a sender says about traces is not read, and nothing of it is sent on.

Nothing is imported, and a span costs nothing, unless `start` was called. The provider is ours alone and not the process's:
libraries that bring spans of their own, with more in them, find none.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.core import log

ALLOWED: Final = frozenset(
    {"http.request.method", "http.route", "http.response.status_code", "db.system.name", "error.type", "error.where"}
)
_NAME: Final = re.compile(r"[\w.:/{}\[\]+ -]{1,120}", re.ASCII)
_VERBS: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "SET", "SHOW", "PRAGMA"})
_INFO: Final = "pristan.span"

_tracer: Any = None
_running: Final[ContextVar[bool]] = ContextVar("running", default=False)


class NoTracing(Exception):
    """The packages for traces are not installed."""


def start(url: str, share: float, surface: str) -> Any:
    """Send spans to an OTLP collector, of about this `share` of the requests and jobs. Raises NoTracing.

    Returns the provider; its `shutdown` sends what is left.
    """
    try:
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise NoTracing("PRISTAN_TRACES_URL needs the packages of requirements/traces.txt") from None
    session = requests.Session()
    session.trust_env = False  # no proxy and no password of the environment
    return use(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=5, session=session)), share, surface)


def use(processor: Any, share: float = 1.0, surface: str = "") -> Any:
    """Give spans to this processor; returns the provider."""
    global _tracer  # noqa: PLW0603  one for the process, as the log
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    named = Resource({"service.name": f"pristan-{surface}" if surface else "pristan"})
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)), resource=named, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("pristan")
    return provider


def stop(provider: Any) -> None:
    """Send what is left, and make no more spans."""
    global _tracer  # noqa: PLW0603
    _tracer = None
    provider.shutdown()


@contextmanager
def root(name: str) -> Iterator["Span"]:
    """A span without a parent: a request, or a job of the worker."""
    if _tracer is None:
        yield _NO_SPAN
        return
    from opentelemetry.context import Context

    token = _running.set(True)
    try:
        with _span(name, Context()) as span:
            yield span
    finally:
        _running.reset(token)


@contextmanager
def span(name: str) -> Iterator["Span"]:
    """A part of the running request or job; nothing outside of one."""
    if _tracer is None or not _running.get():
        yield _NO_SPAN
        return
    with _span(name, None) as made:
        yield made


@contextmanager
def _span(name: str, context: Any) -> Iterator["Span"]:
    with _tracer.start_as_current_span(
        _checked(name), context=context, record_exception=False, set_status_on_exception=False
    ) as inner:
        made = Span(inner)
        try:
            yield made
        except BaseException as error:
            made.failed(error)
            raise


class Span:
    """What may be said about a span."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def rename(self, name: str) -> None:
        if self._inner is not None:
            self._inner.update_name(_checked(name))

    def note(self, values: Mapping[str, str | int]) -> None:
        """Add attributes; those that are not allowed, and values that are no short code or number, are dropped."""
        if self._inner is None:
            return
        for name, value in values.items():
            if name in ALLOWED and (isinstance(value, int) or _NAME.fullmatch(value)):
                self._inner.set_attribute(name, value)

    def failed(self, error: BaseException) -> None:
        """Its class and our line; never its message."""
        if self._inner is None:
            return
        from opentelemetry.trace import Status, StatusCode

        self.note({"error.type": type(error).__name__, "error.where": log.where(error)})
        self._inner.set_status(Status(StatusCode.ERROR))


_NO_SPAN: Final = Span(None)


def _checked(name: str) -> str:
    return name if _NAME.fullmatch(name) else "other"


def watch(engine: Engine) -> None:
    """Have a span for each statement of this engine, while traces are on: its first word alone."""
    system = {"db.system.name": engine.dialect.name}

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _begin(_connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
        if _tracer is None or not _running.get() or context is None:
            return
        verb = statement.lstrip(" (\n").partition(" ")[0].partition("\n")[0].upper()
        made = _tracer.start_span(verb if verb in _VERBS else "statement", record_exception=False)
        context.pristan_span = made
        Span(made).note(system)

    @sa.event.listens_for(engine, "after_cursor_execute")
    def _end(_connection: Any, _cursor: Any, _statement: Any, _values: Any, context: Any, _many: bool) -> None:
        made = getattr(context, "pristan_span", None)
        if made is not None:
            made.end()

    @sa.event.listens_for(engine, "handle_error")
    def _fail(failure: Any) -> None:
        made = getattr(failure.execution_context, "pristan_span", None)
        if made is not None:
            Span(made).failed(failure.original_exception)
            made.end()
