"""Signing in, joining, colleagues, what takes two people, and one's own settings: pages shared by the desk and the partner.

Every route names who may call it, and that policy checks the form.
"""

from fastapi import APIRouter

from app.web.account import joining, members, my_settings, proposals, shortcuts, sign_in

router = APIRouter()
"""For everybody who signs in, whichever surface they use."""
for part in (sign_in.router, my_settings.router, joining.router):
    router.include_router(part)

desk_router = APIRouter()
for part in (members.router, proposals.router, shortcuts.router):
    desk_router.include_router(part)

partner_router = APIRouter()
for part in (members.partner_router, proposals.partner_router):
    partner_router.include_router(part)

__all__ = ["desk_router", "partner_router", "router"]
