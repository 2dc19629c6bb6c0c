"""Headers of a route that will be removed: Deprecation (RFC 9745), Sunset (RFC 8594) and Link."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from fastapi import Request

from app.core.http_middleware import RESPONSE_HEADERS


@dataclass(frozen=True)
class Deprecated:
    """A dependency of a deprecated route: `dependencies=[Depends(Deprecated(...))]`, together with `deprecated=True`.

    `since`: when the route was deprecated; `until`: when it may be removed; `see`: address of the replacement.
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
