"""Pages shared by the desk and the partner: sign-in, joining, members, two-person proposals and a member's own settings.

Each route declares the policy that admits its callers and checks the token of its form.
"""

from fastapi import APIRouter

from app.web.account import api_clients, joining, members, my_notices, my_settings, proposals, shortcuts, sign_in, teams

router = APIRouter()
"""Routes for every member, whichever surface they use."""
for part_router in (sign_in.router, my_settings.router, joining.router):
    router.include_router(part_router)

desk_router = APIRouter()
for part_router in (
    members.router,
    teams.router,
    api_clients.router,
    my_notices.router,
    proposals.router,
    shortcuts.router,
):
    desk_router.include_router(part_router)

partner_router = APIRouter()
for part_router in (members.partner_router, proposals.partner_router):
    partner_router.include_router(part_router)

__all__ = ["desk_router", "partner_router", "router"]
