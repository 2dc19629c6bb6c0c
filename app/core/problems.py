"""Problem documents (RFC 9457): an AppError as `application/problem+json`. The input is never repeated."""

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
    return ProblemResponse(document, status_code=error.status, headers={**retry_after(error), **error.headers})


def retry_after(error: AppError) -> dict[str, str]:
    """A Retry-After header in seconds for 429 and 503."""
    return {"Retry-After": "5"} if error.status in {429, 503} else {}
