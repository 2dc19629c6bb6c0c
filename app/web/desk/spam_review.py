"""Spam review: a coordinator releases a held case to the queue, or discards it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.casework import spam_review
from app.core.dependencies import Db
from app.web.account.policies import AtDesk, submitted_version
from app.web.components import staff_pages
from app.web.desk import queue_url

router = APIRouter(prefix="/desk/held")

Label = Annotated[str, Path(max_length=12)]


@router.get("", name="held_cases")
def redirect_to_queue(desk: AtDesk) -> Response:
    """Redirect the former address of the list to the queue's view of held cases."""
    del desk
    return staff_pages.redirect("/desk/?view=possible_spam")


@router.post("/{label}/release", name="release_case")
def release(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Not spam: move the case to the queue, to the position it would have had."""
    case = spam_review.release(session, desk, label, submitted_version(request))
    return staff_pages.redirect(queue_url.case_path(label, "", done="released", v=str(case.version)))


@router.post("/{label}/discard", name="discard_case")
def discard(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Spam: close the case now; retention deletes it some days later."""
    case = spam_review.discard(session, desk, label, submitted_version(request))
    return staff_pages.redirect(
        staff_pages.with_message("/desk/?view=possible_spam", done="discarded", was=label, v=str(case.version))
    )
