"""Undelivered notices: a view of the queue whose rows are notices instead of cases, with retry and dismiss."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.cases.local_days import LocalDays
from app.casework import undelivered_notices
from app.casework.coordinator import Desk
from app.core.dependencies import Db
from app.directory.packs import Directory
from app.web.account.my_settings import uuid_of
from app.web.account.policies import AtDesk
from app.web.components import staff_pages, time_format
from app.web.desk import queue_views
from app.web.desk.queue_url import Listing

router = APIRouter(prefix="/desk/undelivered-notices")

VIEW: Final = "undelivered"
_PATH: Final = f"/desk/?view={VIEW}"
Id = Annotated[str, Path(max_length=36)]


def page(request: Request, desk: Desk, session: Session, packs: Directory) -> Response:
    """Show the team's undelivered notices, oldest first. Five statements with the sign-in, whatever the number of notices."""
    return staff_pages.page(
        request,
        "desk/undelivered_notices.html",
        **queue_views.header_context(
            request, desk, session, VIEW, Listing(), LocalDays.at(desk.now, time_format.zones(packs))
        ),
        notices=undelivered_notices.undelivered(session, desk.team_id, me=desk.member.member_id),
        limit=undelivered_notices.MAX_LISTED,
    )


@router.post("/retry", name="retry_notices")
def retry_all(desk: AtDesk, session: Db) -> Response:
    """Send every notice on the page again, for when e-mail works again."""
    undelivered_notices.retry_all(session, desk.team_id, desk.member.member_id, desk.now)
    return staff_pages.redirect(f"{_PATH}&done=retried_all")


@router.post("/{message}/retry", name="retry_notice")
def retry(message: Id, desk: AtDesk, session: Db) -> Response:
    """Send one notice again."""
    undelivered_notices.retry(session, desk.team_id, uuid_of(message), desk.member.member_id, desk.now)
    return staff_pages.redirect(f"{_PATH}&done=retried")


@router.post("/{message}/drop", name="dismiss_notice")
def drop(message: Id, desk: AtDesk, session: Db) -> Response:
    """Dismiss a notice whose recipient was told in another way."""
    undelivered_notices.drop(session, desk.team_id, uuid_of(message), desk.member.member_id, desk.now)
    return staff_pages.redirect(f"{_PATH}&done=dropped")
