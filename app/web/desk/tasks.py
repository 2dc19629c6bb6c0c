"""The team's open tasks."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.cases import team_cases
from app.casework.case_ownership import colleagues
from app.casework.coordinator import Desk
from app.core.dependencies import Db, ReadDb
from app.directory.packs import Directory
from app.tasks import service as tasks
from app.web.account.my_settings import uuid_of
from app.web.account.policies import AtDesk, Packs
from app.web.components import reader_language, staff_pages
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
    clocks = Clocks(packs, desk.now, reader_language.times(request))
    rows = tasks.open_tasks(
        session, desk.team_id, me=desk.member.member_id, owner_id=desk.member.member_id if mine else None
    )
    return staff_pages.page(
        request,
        "desk/tasks.html",
        rows=[(task, clocks.until(task.due_at, task.country or "")) for task in rows],
        limit=tasks.MAX_LISTED,
        mine=mine,
        member_names={member.id: member.name for member in colleagues(session, desk.team_id)},
        me=desk.member.member_id,
        undo_task=case_screen.undo_task(request),
    )


@router.post("/tasks/{task}/take", name="take_task")
def take_task(task: Id, desk: AtDesk, session: Db) -> Response:
    tasks.take_task(session, desk.team_id, uuid_of(task), desk.member.member_id, now=desk.now)
    return staff_pages.redirect("/desk/tasks?done=done")


@router.post("/tasks/{task}/done", name="finish_task")
def finish_task(task: Id, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    tasks.finish_task(session, desk.team_id, uuid_of(task), desk.member.member_id, now=desk.now)
    request.state.undo_task = uuid_of(task)
    return _to_where_it_was(request, desk, session, packs, "done", task)


@router.post("/tasks/{task}/reopen", name="reopen_task")
def reopen_task(task: Id, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Take back "Mark as done": the member's own, within half an hour."""
    tasks.reopen_task(session, desk.team_id, uuid_of(task), desk.member.member_id, now=desk.now)
    return _to_where_it_was(request, desk, session, packs, "task_open", "")


def _to_where_it_was(
    request: Request, desk: Desk, session: Session, packs: Directory, done: str, task: str
) -> Response:
    """Redirect to the case whose page had the button, otherwise to the list. `task`: the one that can be opened again."""
    label = field_value(request.state.form, "page")[:12]
    if not label:
        return staff_pages.redirect(staff_pages.with_message("/desk/tasks", done=done, task=task))
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    return case_screen.after(request, desk, session, packs, case, done, more={"task": task})
