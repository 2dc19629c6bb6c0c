"""Routes of the partner's pages, for organisations without an integration. They use the same commands as the API."""

from fastapi import APIRouter

from app.web import account
from app.web.partner import (
    appointments,
    documents,
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

__all__ = ["LINK_PREFIX", "link_error_page", "router"]
