"""HTML pages: the person's, the desk's and the partner's. Server-rendered; everything works without a script."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

from app.core.errors import AppError
from app.settings import Settings, Surface
from app.web import account, desk, partner, person
from app.web.account import labels as account_labels
from app.web.account.error_pages import error_page as staff_error_page
from app.web.components import labels, rendering
from app.web.components.document_pages import document_limits
from app.web.components.rendering import preferred_language
from app.web.desk import labels as desk_labels

__all__ = ["body_limits", "document_limits", "error_page", "mount", "preferred_language"]

rendering.environment().globals.update(labels=labels, account_labels=account_labels, desk_labels=desk_labels)

STATIC = Path(__file__).resolve().parent / "static"


class _KeptForAnHour(StaticFiles):
    """Style sheets may be kept by the browser for the visit; their address changes with their content."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "private, max-age=3600"
        return response


def error_page(request: Request, error: AppError) -> Response:
    """An error as a page of the surface it happened on."""
    if request.url.path.startswith(partner.LINK_PREFIX):
        return partner.link_error_page(request, error)
    if request.url.path.startswith(("/desk", "/partner")):
        return staff_error_page(request, error)
    return rendering.error_page(request, error)


def body_limits(surfaces: Collection[Surface], settings: Settings) -> dict[str, int]:
    """Body limits in bytes of the paths that take files."""
    limits: dict[str, int] = desk.body_limits(settings) if "desk" in surfaces else {}
    if "partner" in surfaces:
        limits.update(partner.body_limits(settings))
    if "public" in surfaces:
        limits.update(person.body_limits(settings))
    return limits


def mount(app: FastAPI, surfaces: Collection[Surface]) -> None:
    """Add the pages of these surfaces."""
    app.mount("/s", _KeptForAnHour(directory=STATIC), name="static")
    if "desk" in surfaces:
        app.include_router(desk.router)
    if "partner" in surfaces:
        app.include_router(partner.router)
    if "desk" in surfaces or "partner" in surfaces:
        app.include_router(account.router)
    if "public" in surfaces:
        app.include_router(person.router)
