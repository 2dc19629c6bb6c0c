"""The team's open tasks."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from app.cases import queue
from app.casework.case_ownership import colleagues
from app.core.dependencies import Db, ReadDb
from app.tasks import service as tasks
from app.web.account.my_settings import uuid_of
from app.web.account.policies import AtDesk, Packs
from app.web.components import staff_pages
from app.web.components.forms import field_value
from app.web.desk import case_screen
from app.web.desk.case_clock_view import Clocks

router = APIRouter(prefix="/desk")
Id = Annotated[str, Path(max_length=36)]


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
def take_task(task: Id, desk: AtDesk, session: Db) -> Response:
    tasks.take_task(session, desk.team_id, uuid_of(task), desk.member.member_id, now=desk.now)
    return staff_pages.redirect("/desk/tasks?done=done")


@router.post("/tasks/{task}/done", name="finish_task")
def finish_task(task: Id, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    tasks.finish_task(session, desk.team_id, uuid_of(task), desk.member.member_id, now=desk.now)
    label = field_value(request.state.form, "page")[:12]
    if not label:
        return staff_pages.redirect("/desk/tasks?done=done")
    return case_screen.after(request, desk, session, packs, queue.by_label(session, desk.team_id, label), "done")
