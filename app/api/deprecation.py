"""Headers of a route that will be removed: Deprecation (RFC 9745), Sunset (RFC 8594) and Link."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from fastapi import Request

from app.core.http_middleware import RESPONSE_HEADERS


@dataclass(frozen=True)
class Deprecated:
    """A dependency that a deprecated route declares: `dependencies=[Depends(Deprecated(...))]`, beside `deprecated=True`.

    `since`: when it was deprecated; `until`: from when it may be removed; `see`: what to use instead.
    """

    since: datetime
    until: datetime
    see: str

    async def __call__(self, request: Request) -> None:
        request.scope[RESPONSE_HEADERS].update(
            {
                "Deprecation": f"@{int(self.since.timestamp())}",
                "Sunset": format_datetime(self.until, usegmt=True),
                "Link": f'<{self.see}>; rel="deprecation"',
            }
        )
