"""The server's HTTP protocol, which closes a connection that sends no complete request.

uvicorn closes an idle connection only after a response. One that never sends a request, or sends its head byte by byte, would
stay open without limit, and enough of them would leave no room for anybody else.
"""

from asyncio import TimerHandle, Transport
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_WITHIN: Final = 20.0
"""Seconds within which the head of a request has to be complete."""


class PatientProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Closes the connection if no request is under way for `HEAD_WITHIN` seconds."""

    _since: float | None = None
    _check: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:
        super().connection_made(transport)
        self._since = self.loop.time()
        self._check = self.loop.call_later(HEAD_WITHIN / 4, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._check is not None:
            self._check.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        cycle: Any = self.cycle
        now = self.loop.time()
        if cycle is not None and not cycle.response_complete:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since >= HEAD_WITHIN:
            self.transport.close()
            return
        self._check = self.loop.call_later(HEAD_WITHIN / 4, self._look)
