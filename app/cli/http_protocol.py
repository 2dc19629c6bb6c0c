"""The server's HTTP protocol: a connection that sends no complete request, or a head or trailers without end, is closed.

uvicorn closes an idle connection only after a response. One that never sends a request, or sends its head byte by byte, would
stay open without limit, and enough of them would leave no room for anybody else. Its faster parser, httptools, also keeps a head of
any length in memory, and every request of a pipeline. The pure-Python one, h11, does not; it serves where httptools has no wheel.
"""

from asyncio import TimerHandle, Transport
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_WITHIN: Final = 20.0
"""Seconds within which the head of a request has to be complete."""
LONGEST_HEAD: Final = 64 * 1024
"""Bytes that are not of a body: the head, the framing of chunks, and trailers. With a body a quarter of its size more is taken."""
LONGEST_PIPELINE: Final = 8
"""Requests that may wait on a connection for the answers before theirs."""
_ROOM_FOR_FRAMING: Final = 4

_Base: Any = AutoHTTPProtocol
try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError:  # no wheel here: h11 bounds its head itself
    pass
else:

    class _Bounded(HttpToolsProtocol):
        """httptools with a bound on everything that is not a body."""

        _received = _of_bodies = 0

        def data_received(self, data: bytes) -> None:
            self._received += len(data)
            super().data_received(data)
            if self._received - self._of_bodies > LONGEST_HEAD + self._of_bodies // _ROOM_FOR_FRAMING:
                self._refuse()

        def on_body(self, body: bytes) -> None:
            self._of_bodies += len(body)
            super().on_body(body)

        def on_message_complete(self) -> None:
            self._received = self._of_bodies = 0
            super().on_message_complete()
            if len(self.pipeline) > LONGEST_PIPELINE:
                self.pipeline.clear()
                self._refuse()

        def _refuse(self) -> None:
            if not self.transport.is_closing():
                self.send_400_response("Request header fields too large, or too many requests at once.")

    _Base = _Bounded


class PatientProtocol(_Base):  # type: ignore[misc]
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
