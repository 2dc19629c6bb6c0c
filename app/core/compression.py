"""Gzip compression of pages and style sheets, for slow connections; never of an API response or a download.

Compression can reveal a secret to an attacker who makes a browser request pages that contain text of the attacker (BREACH).
That is not possible here: the session cookie is not sent with requests from other sites (`SameSite=Strict`), and no page
repeats parts of its address.
"""

import gzip
from functools import lru_cache
from typing import Final

from fastapi.responses import HTMLResponse
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from werkzeug.http import parse_accept_header

_COMPRESSED: Final = {"text/html", "text/css", "image/svg+xml"}
_MINIMUM_SIZE: Final = 700  # bytes; below, the frame of gzip costs what it saves
_LEVEL: Final = 6
_LONGEST_HEADER: Final = 200
"""How much of what a browser accepts is read; browsers send thirty characters."""


class KeptPage(HTMLResponse):
    """A page that is the same for every reader: it is compressed once, and kept. Nothing of anybody may be in it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self.body) >= _MINIMUM_SIZE and _takes_gzip(scope):
            self.body = _compressed(bytes(self.body))
            self.headers["content-length"] = str(len(self.body))
            self.headers["content-encoding"] = "gzip"
            self.headers.add_vary_header("Accept-Encoding")
        await super().__call__(scope, receive, send)


def _takes_gzip(scope: Scope) -> bool:
    return _quality_of_gzip(Headers(scope=scope).get("accept-encoding", "").lower()[:_LONGEST_HEADER]) > 0


@lru_cache(maxsize=64)
def _quality_of_gzip(accepted: str) -> float:
    return float(parse_accept_header(accepted).quality("gzip"))


@lru_cache(maxsize=256)
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)


class PageCompression:
    """Middleware: Starlette's gzip, for the media types in `_COMPRESSED` alone.

    Starlette's own GZipMiddleware takes a list of types to exclude, which would not include a new type of response, and sends
    gzip to a caller who refuses it (`gzip;q=0`).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "gzip" in (accepted := Headers(scope=scope).get("accept-encoding", "").lower()):
            await _PageResponder(self.app, accepted)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class _PageResponder(GZipResponder):
    def __init__(self, app: ASGIApp, accepted: str) -> None:
        super().__init__(app, _MINIMUM_SIZE, _LEVEL)
        self._accepted = accepted

    async def send_with_compression(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            media_type = Headers(raw=message["headers"]).get("content-type", "").partition(";")[0].strip().lower()
            wanted = media_type in _COMPRESSED and _quality_of_gzip(self._accepted[:_LONGEST_HEADER]) > 0
            self.exclude_content_types = () if wanted else (media_type,)
        await super().send_with_compression(message)
