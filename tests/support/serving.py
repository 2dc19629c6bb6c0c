"""An app in process, called like a server: on an event loop of its own thread, from any number of test threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

_OF_THE_WIRE = frozenset({"content-encoding", "content-length"})
"""What the inner client has undone already."""
BASE = "http://pristan.test"


class InProcess:
    """A client of one app. Cookies are not kept; an error inside becomes the answer that a caller would get."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient) -> None:
        self._portal = portal
        self._client = client

    def request(self, method: str, url: str, **rest: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            self._client.cookies.clear()
            return await self._client.request(method, url, **rest)

        return self._portal.call(send)

    def get(self, url: str, **rest: Any) -> httpx.Response:
        return self.request("GET", url, **rest)

    def post(self, url: str, **rest: Any) -> httpx.Response:
        return self.request("POST", url, **rest)


class SyncTransport(httpx.BaseTransport):
    """Lets an ordinary `httpx.Client` talk to the app: for clients that bring their own."""

    def __init__(self, app: InProcess) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._app.request(request.method, str(request.url), headers=request.headers, content=request.read())
        plain = [pair for pair in answer.headers.multi_items() if pair[0] not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=plain, content=answer.content)


@contextmanager
def in_process(app: FastAPI) -> Iterator[InProcess]:
    """Start the app, and stop it afterwards."""
    with start_blocking_portal() as portal:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        with portal.wrap_async_context_manager(app.router.lifespan_context(app)):
            client = httpx.AsyncClient(transport=transport, base_url=BASE)
            yield InProcess(portal, client)
            portal.call(client.aclose)
