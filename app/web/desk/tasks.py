"""The team's open tasks."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response

from app.casework.case_ownership import colleagues
from app.core.dependencies import Db, ReadDb
from app.tasks import service as tasks
from app.web.account.my_settings import uuid_of
from app.web.account.policies import AtDesk, Packs
from app.web.components import staff_pages
from app.web.desk.case_clock_view import Clocks

router = APIRouter(prefix="/desk")
Id = Annotated[str, Path(max_length=36)]
_LONGEST_LABEL: Final = 12


@router.get("/tasks", name="tasks")
def show_tasks(
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    packs: Packs,
    whose: Annotated[str, Query(max_length=4)] = "all",
) -> Response:
    """Show open tasks, earliest due date first; `whose=mine` shows only those the member has taken."""
    mine = whose == "mine"
    clocks = Clocks(packs, desk.now)
    rows = tasks.open_tasks(session, desk.team_id, owner_id=desk.member.member_id if mine else None)
    return staff_pages.page(
        request,
        "desk/tasks.html",
        rows=[(task, clocks.until(task.due_at, task.country or "")) for task in rows],
        limit=tasks.MAX_LISTED,
        mine=mine,
        member_names={member.id: member.name for member in colleagues(session, desk.team_id)},
        me=desk.member.member_id,
    )


@router.post("/tasks/{task}/take", name="take_task")
def take_task(task: Id, request: Request, desk: AtDesk, session: Db) -> Response:
    tasks.take_task(session, desk.team_id, uuid_of(task), desk.member.member_id, now=desk.now)
    return _redirect_back(request)


@router.post("/tasks/{task}/done", name="finish_task")
def finish_task(task: Id, request: Request, desk: AtDesk, session: Db) -> Response:
    tasks.finish_task(session, desk.team_id, uuid_of(task), desk.member.member_id, now=desk.now)
    return _redirect_back(request)


def _redirect_back(request: Request) -> Response:
    """Redirect to the case whose page had the form, otherwise to the list."""
    label = (request.state.form.get("case") or [""])[0]
    is_label = 0 < len(label) <= _LONGEST_LABEL and all(part.isalnum() and part.isascii() for part in label.split("-"))
    return staff_pages.redirect(f"/desk/cases/{label}?done=done" if is_label else "/desk/tasks?done=done")
