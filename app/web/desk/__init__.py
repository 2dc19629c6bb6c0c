"""The desk and the partner's page: for people who sign in. Every route names who may call it, and that policy checks the form."""

from collections.abc import Collection
from typing import Final

from fastapi import APIRouter, FastAPI

from app.settings import Surface
from app.web.account.error_pages import error_page
from app.web.account.joining import router as joining_router
from app.web.account.members import partner_router as partner_members_router
from app.web.account.members import router as members_router
from app.web.account.my_settings import router as me_router
from app.web.account.shortcuts import router as shortcuts_router
from app.web.account.sign_in import router as sign_in_router
from app.web.desk import hsds_packages
from app.web.desk.assisted_intake import router as assisted_router
from app.web.desk.audit import router as audit_router
from app.web.desk.bulk import router as bulk_router
from app.web.desk.case_followup import router as life_router
from app.web.desk.case_page import router as case_router
from app.web.desk.coverage import router as coverage_router
from app.web.desk.directory import router as directory_router
from app.web.desk.hsds_packages import router as package_router
from app.web.desk.match_runs import router as runs_router
from app.web.desk.operations import router as operations_router
from app.web.desk.proposals import partner_router as partner_proposals_router
from app.web.desk.proposals import router as proposals_router
from app.web.desk.queue import router as queue_router
from app.web.desk.reports import desk_router as reports_router
from app.web.desk.reports import partner_router as own_report_router
from app.web.desk.rules import router as rules_router
from app.web.desk.spam_review import router as quarantine_router
from app.web.desk.tasks import router as tasks_router
from app.web.desk.undelivered_notices import router as letters_router
from app.web.partner.notice_settings import router as notices_router
from app.web.partner.offers import router as answers_router
from app.web.partner.own_services import router as own_services_router
from app.web.partner.partner_case_file import router as opened_router

own_router = APIRouter()  # what everybody who signs in has, at the desk or on a partner's page
for part in (sign_in_router, me_router, joining_router):
    own_router.include_router(part)

router = APIRouter()
for part in (
    queue_router,  # first what is asked for most: a request is held against one route after the other
    life_router,  # before the case's own, whose `{verb}` takes every other step
    case_router,
    own_router,
    members_router,
    proposals_router,
    audit_router,
    operations_router,
    letters_router,
    bulk_router,
    shortcuts_router,
    tasks_router,
    runs_router,
    rules_router,
    coverage_router,
    quarantine_router,
    assisted_router,
    package_router,  # before the directory's, whose pages are for coordinators
    directory_router,
    reports_router,
):
    router.include_router(part)

partner_router = APIRouter()
for part in (
    partner_members_router,
    partner_proposals_router,
    own_services_router,
    own_report_router,
    notices_router,
    opened_router,
    answers_router,  # last: its `{verb}` takes every other step
):
    partner_router.include_router(part)

__all__ = ["LARGER", "error_page", "mount", "partner_router", "router"]

_FIELDS_AROUND: Final = 16_384
LARGER: Final = dict.fromkeys(hsds_packages.PATHS, hsds_packages.LARGEST + _FIELDS_AROUND)
"""Paths that take more than a form, and how many bytes."""


def mount(app: FastAPI, surfaces: Collection[Surface]) -> None:
    """Add the pages of the desk, the partner's, or both; signing in belongs to either."""
    if "desk" in surfaces:
        app.include_router(router)
    elif "partner" in surfaces:
        app.include_router(own_router)
    if "partner" in surfaces:
        app.include_router(notices_router)
        app.include_router(partner_router)
