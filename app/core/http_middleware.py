"""What stands around every request: a limit on the body, safe headers, and one log line by route template.

Plain ASGI, for a middleware that wraps requests in tasks would cost as much as the whole of an answer.
"""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import log
from app.core.errors import AppError, TooLarge

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


RequestObserver = Callable[[str, str, int, float], None]
ANSWER_HEADERS: Final = "pristan.answer_headers"
"""Where in the scope a dependency puts a header that stands on the answer whatever becomes of the request."""


class RequestMiddleware:
    """The middleware of every request.

    `larger`: paths whose route takes more than the others, and how much. `https`: the service is reached over TLS, so
    browsers may insist on it. `onion`: the same pages in the Tor network; a Tor Browser that opened one of them here is told
    where. `saw` is told of each request: method, route template, status, seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body: int,
        https: bool,
        larger: Mapping[str, int] = MappingProxyType({}),
        onion: str = "",
        saw: RequestObserver = lambda *_told: None,
    ) -> None:
        self.app = app
        self.max_body = max_body
        self.larger = larger
        self.onion = onion.rstrip("/")
        self.saw = saw
        self.headers = {**HEADERS, **({"strict-transport-security": "max-age=63072000"} if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500
        taken, most = 0, self.larger.get(scope["path"], self.max_body)
        answer_headers: dict[str, str] = scope.setdefault(ANSWER_HEADERS, {})

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > most:
                    raise TooLarge("The request is larger than this service takes.")
            return message

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                if self.onion and headers.get("content-type", "").startswith("text/html"):
                    headers["onion-location"] = self.onion + _address(scope)
                for name, value in answer_headers.items():
                    headers.append(name, value)
            await send(message)

        try:
            if _announced(scope) > most:
                await _refuse(scope, receive, with_headers)
            else:
                await self.app(scope, counted, with_headers)
        finally:
            seconds, route = time.perf_counter() - started, _template(scope)
            self.saw(scope["method"], route, status, seconds)
            log.get().info("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))


def _address(scope: Scope) -> str:
    """The path as it came; for what was sent as a form, the first page: it can not be asked for again."""
    raw: bytes = scope.get("raw_path") or b"/"
    return raw.decode("ascii", "replace") if scope["method"] == "GET" and raw.isascii() else "/"


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Say no before reading: by the app's own handler, so that a page gets a page and an API its problem."""
    app: Any = scope.get("app")
    error: AppError = TooLarge("The request is larger than this service takes.")
    if app is None:
        await send({"type": "http.response.start", "status": error.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    from starlette.requests import Request

    response = await app.exception_handlers[AppError](Request(scope), error)
    await response(scope, receive, send)


def _template(scope: Scope) -> str:
    """The route's template, never the path itself: a path may hold anything."""
    route = scope.get("route")
    return str(getattr(route, "path", "none"))
