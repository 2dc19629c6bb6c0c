"""What looks like a machine's: looked at by a coordinator, and released or thrown away."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.core.edge import Db
from app.intake import quarantine
from app.referrals.desk import at_work
from app.web.desk import pages
from app.web.desk.deps import AtDesk, number

router = APIRouter(prefix="/desk/held")

Label = Annotated[str, Path(max_length=12)]


@router.get("", name="held_cases")
def show_held(desk: AtDesk) -> Response:
    """Where the list used to stand; it is a view of the queue."""
    del desk
    return pages.to("/desk/?view=quarantine")


@router.post("/{label}/release", name="release_case")
def release(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """It is a person's: into the queue with it, at the place it would have had."""
    case = at_work.locked(session, desk, label, number(request, "version"))
    quarantine.release(session, case, actor_kind=desk.actor.kind.value, actor_id=desk.who.member_id, now=desk.now)
    return pages.to(f"/desk/cases/{label}?done=done")


@router.post("/{label}/discard", name="discard_case")
def discard(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """It is spam: ended now, forgotten in a week."""
    case = at_work.locked(session, desk, label, number(request, "version"))
    quarantine.discard(session, case, actor_kind=desk.actor.kind.value, actor_id=desk.who.member_id, now=desk.now)
    return pages.to("/desk/?view=quarantine&done=done")
