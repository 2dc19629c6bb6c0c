"""What looks like a machine's: looked at by a coordinator, and released or thrown away."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.casework import spam_review
from app.core.dependencies import Db
from app.web.account.policies import AtDesk, number
from app.web.components import staff_pages
from app.web.desk import queue_url

router = APIRouter(prefix="/desk/held")

Label = Annotated[str, Path(max_length=12)]


@router.get("", name="held_cases")
def show_held(desk: AtDesk) -> Response:
    """Where the list used to stand; it is a view of the queue."""
    del desk
    return staff_pages.to("/desk/?view=quarantine")


@router.post("/{label}/release", name="release_case")
def release(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """It is a person's: into the queue with it, at the place it would have had."""
    case = spam_review.release(session, desk, label, number(request, "version"))
    return staff_pages.to(queue_url.case_path(label, "", done="released", v=str(case.version)))


@router.post("/{label}/discard", name="discard_case")
def discard(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """It is spam: ended now, forgotten some days later."""
    case = spam_review.discard(session, desk, label, number(request, "version"))
    return staff_pages.to(
        staff_pages.with_news("/desk/?view=quarantine", done="discarded", was=label, v=str(case.version))
    )
