"""RFC 9457: an error of the family as `application/problem+json`. The input is never repeated."""

from typing import Any, Final

from starlette.responses import JSONResponse

from app.core.errors import AppError

TYPE_PREFIX: Final = "urn:pristan:problem:"


class ProblemResponse(JSONResponse):
    media_type = "application/problem+json"


def problem(error: AppError) -> ProblemResponse:
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + error.slug,
        "title": error.title,
        "status": error.status,
        **({"detail": error.detail} if error.detail else {}),
        **error.extra,
    }
    return ProblemResponse(document, status_code=error.status, headers={**_retry_after(error), **error.headers})


def _retry_after(error: AppError) -> dict[str, str]:
    """Who comes too early, or at a bad moment, is told when to come again, in seconds."""
    return {"Retry-After": "5"} if error.status in {429, 503} else {}
