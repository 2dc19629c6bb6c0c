"""The partner's pages: for a centre without developers. The same commands as the API, in plain words."""

from fastapi import APIRouter

from app.web import account
from app.web.partner import notice_settings, offers, own_services, partner_case_file, report

router = APIRouter()
for part in (
    offers.router,
    partner_case_file.router,
    own_services.router,
    report.router,
    notice_settings.router,
    account.partner_router,
):
    router.include_router(part)

__all__ = ["router"]
