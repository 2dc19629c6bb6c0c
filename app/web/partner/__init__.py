"""Routes of the partner's pages, for organisations without an integration. They use the same commands as the API."""

from fastapi import APIRouter

from app.web import account
from app.web.partner import (
    appointments,
    documents,
    notice_settings,
    offers,
    own_services,
    partner_case_file,
    referral_thread,
    report,
)

router = APIRouter()
for part_router in (
    offers.router,
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

__all__ = ["router"]
