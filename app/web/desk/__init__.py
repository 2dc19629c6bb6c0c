"""The coordinators' pages. Every route names who may call it, and that policy checks the form."""

from typing import Final

from fastapi import APIRouter

from app.web import account
from app.web.desk import (
    assisted_intake,
    audit,
    bulk,
    case_followup,
    case_page,
    coverage,
    directory,
    hsds_packages,
    match_runs,
    operations,
    queue,
    reports,
    rules,
    spam_review,
    tasks,
    undelivered_notices,
)

router = APIRouter()
for part in (
    queue.router,  # first what is asked for most: a request is held against one route after the other
    case_page.router,
    case_followup.router,
    match_runs.router,
    bulk.router,
    tasks.router,
    spam_review.router,
    undelivered_notices.router,
    assisted_intake.router,
    directory.router,
    hsds_packages.router,
    coverage.router,
    rules.router,
    reports.router,
    audit.router,
    operations.router,
    account.desk_router,
):
    router.include_router(part)

_FORM_FIELDS: Final = 16_384
LARGER: Final = dict.fromkeys(hsds_packages.PATHS, hsds_packages.LARGEST + _FORM_FIELDS)
"""Paths that take more than a form, and how many bytes."""

__all__ = ["LARGER", "router"]
