"""Notices that did not arrive: a view of the queue whose rows are letters and no cases, and what is done with each."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.core.edge import Db
from app.referrals import undelivered
from app.referrals.desk.at_work import Desk
from app.web.desk import pages, views
from app.web.desk.deps import AtDesk
from app.web.desk.lists import Listing
from app.web.desk.me import uuid_of

router = APIRouter(prefix="/desk/letters")

VIEW: Final = "dead_letters"
_PATH: Final = f"/desk/?view={VIEW}"
Id = Annotated[str, Path(max_length=36)]


def page(request: Request, desk: Desk, session: Session) -> Response:
    """The team's, oldest first, under the queue's views. Five statements with the sign-in, whatever waits."""
    return pages.page(
        request,
        "desk/letters.html",
        **views.shelf(request, desk, session, VIEW, Listing()),
        letters=undelivered.messages(session, desk.team_id),
        most=undelivered.LISTED,
    )


@router.post("/retry", name="retry_letters")
def retry_all(desk: AtDesk, session: Db) -> Response:
    """Send each of those on the page once more: the mail works again."""
    undelivered.retry_all(session, desk.team_id, desk.who.member_id, desk.now)
    return pages.to(f"{_PATH}&done=retried_all")


@router.post("/{message}/retry", name="retry_letter")
def retry(message: Id, desk: AtDesk, session: Db) -> Response:
    """Send it once more."""
    undelivered.retry(session, desk.team_id, uuid_of(message), desk.who.member_id, desk.now)
    return pages.to(f"{_PATH}&done=retried")


@router.post("/{message}/drop", name="drop_letter")
def drop(message: Id, desk: AtDesk, session: Db) -> Response:
    """Whom it was for knows it otherwise."""
    undelivered.drop(session, desk.team_id, uuid_of(message), desk.who.member_id, desk.now)
    return pages.to(f"{_PATH}&done=dropped")
