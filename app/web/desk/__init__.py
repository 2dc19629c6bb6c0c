"""The desk and the partner's page: for people who sign in. Every route names who may call it, and that policy checks the form."""

from collections.abc import Collection

from fastapi import APIRouter, FastAPI

from app.settings import Surface
from app.web.desk.bulk import router as bulk_router
from app.web.desk.case import router as case_router
from app.web.desk.errors import error_page
from app.web.desk.partner import router as partner_router
from app.web.desk.queue import router as queue_router
from app.web.desk.shortcuts import router as shortcuts_router
from app.web.desk.sign_in import router as sign_in_router

router = APIRouter()
router.include_router(sign_in_router)
router.include_router(queue_router)
router.include_router(case_router)
router.include_router(bulk_router)
router.include_router(shortcuts_router)

__all__ = ["error_page", "mount", "partner_router", "router"]


def mount(app: FastAPI, surfaces: Collection[Surface]) -> None:
    """Add the pages of the desk, the partner's, or both; signing in belongs to either."""
    if "desk" in surfaces:
        app.include_router(router)
    elif "partner" in surfaces:
        app.include_router(sign_in_router)
    if "partner" in surfaces:
        app.include_router(partner_router)
