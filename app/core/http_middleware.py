"""The middleware of every request: a limit on the body size, security headers, and one log line with the route template.

Plain ASGI: Starlette's BaseHTTPMiddleware would take as long as the rest of a typical request.
"""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import log, tracing
from app.core.errors import AppError, BadRequest, FilesTooLarge, TooLarge

PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "no-store",
}


KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_GONE: Final = 499
"""The status that is logged and counted when a client leaves before the answer: nothing went wrong on our side."""
_SERVER_ERROR: Final = 500
_CLOSE: Final = {"connection": "close"}
RequestObserver = Callable[[str, str, int, float], None]
RESPONSE_HEADERS: Final = "pristan.answer_headers"
"""The scope key under which a dependency stores headers that are sent with every response to this request, errors included."""


class RequestMiddleware:
    """ASGI middleware with a body limit, security headers and a request log.

    max_body: the largest body in bytes; `body_limits` has the exceptions, by path.
    https: the service is reached over TLS, so Strict-Transport-Security is sent, for all subdomains as well: a sibling host that
        answers over plain HTTP could otherwise be used against this one. `hsts_preload`: with the word that browsers'
        lists ask for.
    onion: the address of the same pages in the Tor network, sent as Onion-Location.
    on_request: called after each request with method, route template, status and seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body: int,
        https: bool,
        hsts_preload: bool = False,
        body_limits: Mapping[str, int] = MappingProxyType({}),
        onion: str = "",
        on_request: RequestObserver = lambda *_args: None,
    ) -> None:
        self.app = app
        self.max_body = max_body
        self.body_limits = body_limits
        self.onion = onion.rstrip("/")
        self.on_request = on_request
        hsts = "max-age=63072000; includeSubDomains" + ("; preload" if hsts_preload else "")
        self.headers = {**HEADERS, **({"strict-transport-security": hsts} if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with tracing.root("request") as span:
            await self._answer(scope, receive, send, span)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, span: tracing.Span) -> None:
        started, status, gone = time.perf_counter(), 500, False
        method, scope = scope["method"], _as_get(scope)
        received, limit = 0, self.body_limits.get(scope["path"], self.max_body)
        takes_files = scope["path"] in self.body_limits
        response_headers: dict[str, str] = scope.setdefault(RESPONSE_HEADERS, {})

        async def counted_receive() -> Message:
            nonlocal received, gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    raise _too_large(limit, takes_files=takes_files)
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                if self.onion and headers.get("content-type", "").startswith("text/html"):
                    headers["onion-location"] = self.onion + _address(scope)
                for name, value in response_headers.items():
                    headers.append(name, value)
            elif method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            if _has_two_lengths(scope) or _has_no_single_host(scope):
                await _refuse(scope, receive, send_with_headers, BadRequest(headers=_CLOSE))
            elif _announced_size(scope) > limit:
                error = _too_large(limit, takes_files=takes_files)
                await _refuse(scope, receive, send_with_headers, error)
            else:
                await self.app(scope, counted_receive, send_with_headers)
        finally:
            if gone and status >= _SERVER_ERROR:
                status = CLIENT_GONE
            seconds, route = time.perf_counter() - started, _route_template(scope)
            self.on_request(method, route, status, seconds)
            verb = method if method in KNOWN_METHODS else "other"
            span.rename(f"{verb} {route}")
            span.note({"http.request.method": verb, "http.route": route, "http.response.status_code": status})
            log.get().info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _too_large(limit: int, *, takes_files: bool) -> TooLarge:
    return FilesTooLarge(limit) if takes_files else TooLarge("The request is larger than this service takes.")


def _as_get(scope: Scope) -> Scope:
    """A HEAD request as the GET of the same address, because the headers are the same (RFC 9110, section 9.3.2)."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


def _address(scope: Scope) -> str:
    """The path of a GET request as it was sent; for a form that was sent, the start page, because a POST cannot be repeated."""
    raw: bytes = scope.get("raw_path") or b"/"
    return raw.decode("ascii", "replace") if scope["method"] == "GET" and raw.isascii() else "/"


def _announced_size(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _has_two_lengths(scope: Scope) -> bool:
    """Whether a proxy and this server could disagree where the request ends (request smuggling, RFC 9112, section 6.3)."""
    names = [name for name, _value in scope["headers"]]
    lengths = names.count(b"content-length")
    return lengths > 1 or (lengths == 1 and b"transfer-encoding" in names)


def _has_no_single_host(scope: Scope) -> bool:
    """Whether an HTTP/1.1 request has no Host or two of them (RFC 9112, section 3.2)."""
    return scope.get("http_version") == "1.1" and sum(name == b"host" for name, _value in scope["headers"]) != 1


async def _refuse(scope: Scope, receive: Receive, send: Send, error: AppError) -> None:
    """Refuse a request before its body is read, by the app's own handler: an HTML page or a problem document."""
    app: Any = scope.get("app")
    if app is None:
        await send({"type": "http.response.start", "status": error.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    from starlette.requests import Request

    response = await app.exception_handlers[AppError](Request(scope), error)
    await response(scope, receive, send)


def _route_template(scope: Scope) -> str:
    """The route's template, never the path itself, which may contain anything."""
    route = scope.get("route")
    return str(getattr(route, "path_format", "none"))
