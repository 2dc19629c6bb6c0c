"""Pages made smaller on their way, for phones on a thin line. Only whole pages and style sheets; never an API's answer.

Compression can betray a secret to somebody who makes a browser ask for pages with text of theirs in them. Nobody can here:
the cookie is sent to no other site (`SameSite=Strict`), and no page repeats anything of its address.
"""

import gzip
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

_KINDS: Final = ("text/html", "text/css", "image/svg+xml")
_WORTH_IT: Final = 700  # bytes; below, the frame of gzip eats what it saves
_LEVEL: Final = 6


def takes_gzip(scope: Scope) -> bool:
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding").lower()
    return any(_wanted(part) for part in accepted.split(b","))


def _wanted(part: bytes) -> bool:
    name, _, quality = part.partition(b";")
    return name.strip() == b"gzip" and quality.replace(b" ", b"") not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}


class Shrunk:
    """A `send` that holds the head back until it has seen the body, and sends both smaller where that helps."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _may_shrink(message):
            self._head = message
            return
        head, self._head = self._head, None
        if head is not None:
            if not message.get("more_body") and len(message.get("body", b"")) >= _WORTH_IT:
                message = _smaller(head, message)
            await self._send(head)
        await self._send(message)


def _may_shrink(head: Message) -> bool:
    headers = MutableHeaders(raw=head["headers"])
    return (
        head["status"] != 206
        and headers.get("content-type", "").startswith(_KINDS)
        and "content-encoding" not in headers
    )


def _smaller(head: Message, message: Message) -> Message:
    body = gzip.compress(message["body"], _LEVEL, mtime=0)
    headers = MutableHeaders(scope=head)
    headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    headers.add_vary_header("accept-encoding")
    return {**message, "body": body}
