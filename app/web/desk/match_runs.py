"""What the rules said of a case, run by run, and asking them again after something has changed."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.cases import queue
from app.casework import coordinator, rematching
from app.casework.rematching import RunWithChanges
from app.core.dependencies import Db, ReadDb
from app.matching.code_names import CodeNames
from app.matching.engine import Found
from app.matching.order import named_terms
from app.matching.reasons import render
from app.web.account.policies import AtDesk, Packs, number
from app.web.components import staff_pages

router = APIRouter(prefix="/desk/cases/{label}")

Label = Annotated[str, Path(max_length=12)]


@router.post("/match", name="match_again")
def match_again(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Ask the rules anew, with what is known of the services now; the run before stays."""
    case = coordinator.locked_case(session, desk, label, number(request, "version"))
    rematching.rematch(session, desk.keys, packs, case, by=desk.who.member_id, now=desk.now)
    return staff_pages.to(f"/desk/cases/{label}/runs?done=matched")


@router.get("/runs", name="runs")
def show_runs(label: Label, request: Request, desk: AtDesk, session: ReadDb) -> Response:
    """Every stored run with its order and reasons, and what was otherwise than in the one before."""
    case = queue.by_label(session, desk.team_id, label)
    reader = staff_pages.reader(request)
    return staff_pages.page(
        request,
        "desk/match_runs.html",
        case=case,
        runs=[(run, _changes(run, reader)) for run in rematching.latest_runs(session, desk.keys, case)],
        groups=lambda result: (result.candidates, result.nearest, result.not_matched),
        said=lambda found: _said(found, reader),
        terms=lambda found: named_terms(found.terms) if found.rank else {},
    )


def _said(found: Found, reader: CodeNames) -> str:
    return " ".join(render(reason, reader) for reason in found.reasons)


def _changes(run: RunWithChanges, reader: CodeNames) -> list[tuple[str, str, str, str]]:
    """Service, where it stood, where it stands, why."""
    if run.since is None:
        return []
    return [
        (change.service, change.was, change.now, _said(change.found, reader) if change.found else "")
        for change in run.since.changes
    ]
