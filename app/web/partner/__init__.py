"""Routes of the partner's pages, for organisations without an integration. They use the same commands as the API."""

from fastapi import APIRouter

from app.settings import Settings
from app.web import account
from app.web.account import uploads
from app.web.partner import (
    appointments,
    documents,
    link_documents,
    link_page,
    notice_settings,
    offers,
    own_services,
    partner_case_file,
    referral_thread,
    report,
)

LINK_PREFIX = link_page.PREFIX
link_error_page = link_page.error_page
router = APIRouter()
for part_router in (
    offers.router,
    link_documents.router,
    link_page.router,
    partner_case_file.router,
    referral_thread.router,
    appointments.router,
    documents.router,
    own_services.router,
    report.router,
    notice_settings.router,
    account.partner_router,
):
    router.include_router(part_router)


def body_limits(settings: Settings) -> dict[str, int]:
    """Body limits in bytes of the paths that take a file."""
    return {**uploads.body_limits(uploads.OF_PARTNER, settings), **link_documents.body_limits(settings)}


__all__ = ["LINK_PREFIX", "body_limits", "link_error_page", "router"]
