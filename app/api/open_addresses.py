"""The addresses that scripts of any site may read: the directory, the descriptions, the vocabularies and the public keys."""

from typing import Final

from fastapi import APIRouter, Depends, Response

OPEN: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, X-Total-Items",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""Sent with problems too, so that a script of any site can read what was wrong with its request."""
DIRECTORY: Final = "/hsds"
OTHERS: Final = (
    "/v1/openapi.json",
    "/v1/webhooks.openapi.json",
    "/v1/vocabularies",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
)
_PREFLIGHT: Final = {
    **OPEN,
    "Allow": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "If-None-Match, Accept",
    "Access-Control-Max-Age": "86400",
}


async def everybody() -> None:
    """The policy of these routes: open to all."""


router = APIRouter(dependencies=[Depends(everybody)])


def is_open(path: str) -> bool:
    return path in OTHERS or path.startswith(f"{DIRECTORY}/")


async def preflight() -> Response:
    """The answer to a CORS preflight: scripts of any site may read."""
    return Response(status_code=204, headers=_PREFLIGHT)


for _path in (DIRECTORY + "/3.1/{rest:path}", *OTHERS):
    router.add_api_route(_path, preflight, methods=["OPTIONS"], include_in_schema=False)
