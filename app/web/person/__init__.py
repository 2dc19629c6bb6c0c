"""The person's pages: form, receipt, status page, statistics, and the ways to leave."""

from fastapi import APIRouter

from app.core.i18n import LANGUAGES
from app.settings import Settings
from app.web.components import path_convertors  # noqa: F401  registers them
from app.web.person import (
    appointments,
    calendar_file,
    case_changes,
    case_page,
    documents,
    elsewhere_pages,
    ended_visit,
    prompt_answers,
    receipt_page,
    return_page,
    shown_code,
    single_page_form,
    static_pages,
    statistics_page,
    step_form,
    telegram,
)

router = APIRouter(include_in_schema=False)
router.include_router(static_pages.root)
for part_router in (
    single_page_form.router,
    step_form.router,
    receipt_page.router,
    case_changes.router,
    case_page.router,
    documents.router,
    return_page.router,
    ended_visit.router,
    prompt_answers.router,
    statistics_page.router,
    shown_code.router,
    telegram.router,
    elsewhere_pages.router,
    calendar_file.router,
    appointments.router,
    static_pages.router,
):
    router.include_router(part_router, prefix="/{lang:language}")


def body_limits(settings: Settings) -> dict[str, int]:
    """Body limits in bytes of the paths that take files."""
    return dict.fromkeys((f"/{lang}/case/documents" for lang in LANGUAGES), documents.largest_form(settings))
