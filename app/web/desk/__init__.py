"""Routes of the desk. Each route declares the policy that admits its callers and checks the token of its form."""

from typing import Final

from fastapi import APIRouter

from app.settings import Settings
from app.web import account
from app.web.account import uploads
from app.web.desk import (
    appointments,
    assisted_intake,
    audit,
    bulk,
    by_hand,
    calendar,
    callbacks,
    case_followup,
    case_import,
    case_page,
    coverage,
    directory,
    directory_entries,
    documents,
    hsds_packages,
    match_runs,
    operations,
    queue,
    referral_thread,
    reports,
    rota,
    rules,
    saved_replies,
    search,
    spam_review,
    tasks,
    today,
    undelivered_notices,
)

router = APIRouter()
for part_router in (
    queue.router,  # the most requested routes first: Starlette tries them in order
    case_page.router,
    case_followup.router,
    referral_thread.router,
    appointments.router,
    callbacks.router,
    documents.router,
    by_hand.router,
    match_runs.router,
    bulk.router,
    calendar.router,
    today.router,
    tasks.router,
    saved_replies.router,
    search.router,
    rota.router,
    spam_review.router,
    undelivered_notices.router,
    assisted_intake.router,
    case_import.router,
    directory_entries.router,
    directory.router,
    hsds_packages.router,
    coverage.router,
    rules.router,
    reports.router,
    audit.router,
    operations.router,
    account.desk_router,
):
    router.include_router(part_router)

_FORM_FIELDS: Final = 16_384
_PACKAGES: Final = dict.fromkeys(hsds_packages.PATHS, hsds_packages.LARGEST + _FORM_FIELDS)
_LISTS: Final = dict.fromkeys(case_import.PATHS, case_import.LARGEST_FORM)


def body_limits(settings: Settings) -> dict[str, int]:
    """Body limits in bytes of the paths that take a file."""
    return {**_PACKAGES, **_LISTS, **uploads.body_limits(uploads.AT_DESK, settings)}


__all__ = ["body_limits", "router"]
