"""JSON over HTTPS to a gateway that the operator has set: a host of the settings, never one that somebody typed at the desk.

No proxy of the environment is used, no redirect followed, and one deadline covers the whole exchange. An address of a gateway
can hold its token, so no error and no log repeats it.
"""

import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx

from app.messaging import bounded
from app.messaging.channels import SendingFailed

_MOST_BYTES: Final = 1_000_000
_LONGEST_WAIT: Final = 86_400


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """The status of an answer and the object in its body; an empty one when it is not a JSON object."""

    status: int
    content: Mapping[str, Any]
    retry_after: timedelta | None = None

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


class Gateway:
    """One gateway. Its repr shows no address."""

    def __init__(self, address: str, timeout: float = 10.0, *, context: ssl.SSLContext | None = None) -> None:
        self._address = address.rstrip("/")
        self._timeout = timeout
        self._context = context or httpx.create_ssl_context(trust_env=False)

    def __repr__(self) -> str:
        return "Gateway()"

    def post(self, path: str, content: Mapping[str, Any], *, waits: float = 0.0) -> GatewayAnswer:
        """Send an object and return the answer. `waits`: seconds that the other side is asked to hold it back.

        Raises SendingFailed (affects_all): no answer before the deadline, or a connection that was cut.
        """
        answers: list[GatewayAnswer] = []
        sockets: list[socket.socket] = []
        limit = self._timeout + waits

        def note_connection(event: str, about: Mapping[str, Any]) -> None:
            if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
                sockets.append(about["return_value"].get_extra_info("socket"))

        def exchange() -> None:
            # Its own limits only end a thread that nobody waits for any more.
            with httpx.Client(
                trust_env=False, follow_redirects=False, verify=self._context, timeout=2 * limit
            ) as client:
                request = client.build_request("POST", f"{self._address}/{path}", json=dict(content))
                request.extensions["trace"] = note_connection
                with_body = client.send(request, stream=True)
                try:
                    answers.append(_read(with_body))
                finally:
                    with_body.close()

        try:
            bounded.within(limit, exchange, abandon=lambda: _cut(sockets))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise SendingFailed(type(error).__name__, affects_all=True) from None
        return answers[0]


def _cut(sockets: list[socket.socket]) -> None:
    """End what still waits on these connections."""
    for raw_socket in sockets:
        with suppress(OSError):
            raw_socket.shutdown(socket.SHUT_RDWR)


def _read(response: httpx.Response) -> GatewayAnswer:
    body = b""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > _MOST_BYTES:
            raise SendingFailed("answer_too_long", affects_all=True)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    return GatewayAnswer(
        response.status_code,
        content if isinstance(content, dict) else {},
        wait_of(response.headers.get("Retry-After")),
    )


def wait_of(seconds: object) -> timedelta | None:
    """How long somebody asks us to wait, at most a day; None when they name no number of seconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | str) or not str(seconds).isdecimal():
        return None
    return timedelta(seconds=min(int(str(seconds)[:9]), _LONGEST_WAIT))
