"""HTML pages: the person's, the desk's and the partner's. Server-rendered; everything works without a script."""

from collections.abc import Collection
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from app.settings import Surface
from app.web import public
from app.web.rendering import error_page

__all__ = ["error_page", "mount"]

STATIC = Path(__file__).resolve().parent / "static"


def mount(app: FastAPI, surfaces: Collection[Surface]) -> None:
    """Add the pages of these surfaces."""
    app.mount("/s", StaticFiles(directory=STATIC), name="static")
    if "desk" in surfaces or "partner" in surfaces:
        from app.web import desk

        desk.mount(app, surfaces)
    if "public" in surfaces:
        app.include_router(public.router)
