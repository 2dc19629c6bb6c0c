"""The stored matching runs of a case, and running the matching again after something has changed."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.cases import team_cases
from app.casework import coordinator, rematching
from app.casework.rematching import RunWithChanges
from app.core.dependencies import Db, ReadDb
from app.matching.code_names import CodeNames
from app.matching.engine import ServiceMatch
from app.matching.order import named_terms
from app.matching.reasons import render
from app.web.account.policies import AtDesk, Packs, submitted_version
from app.web.components import staff_pages

router = APIRouter(prefix="/desk/cases/{label}")

Label = Annotated[str, Path(max_length=12)]


@router.post("/match", name="match_again")
def match_again(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Run the matching again with the present facts and services; earlier runs are kept."""
    case = coordinator.locked_case(session, desk, label, submitted_version(request))
    rematching.rematch(session, desk.keys, packs, case, by=desk.member.member_id, now=desk.now)
    return staff_pages.redirect(f"/desk/cases/{label}/runs?done=matched")


@router.get("/runs", name="runs")
def show_runs(label: Label, request: Request, desk: AtDesk, session: ReadDb) -> Response:
    """Show every stored run with its order and reasons, and how it differs from the run before."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    code_names = staff_pages.code_names(request)
    return staff_pages.page(
        request,
        "desk/match_runs.html",
        case=case,
        runs=[(run, _changes(run, code_names)) for run in rematching.latest_runs(session, desk.keys, case)],
        groups=lambda result: (result.candidates, result.nearest, result.not_matched),
        reasons=lambda match: _reasons(match, code_names),
        terms=lambda match: named_terms(match.terms) if match.rank else {},
    )


def _reasons(match: ServiceMatch, code_names: CodeNames) -> str:
    return " ".join(render(reason, code_names) for reason in match.reasons)


def _changes(run: RunWithChanges, code_names: CodeNames) -> list[tuple[str, str, str, str]]:
    """Each change as service, former position, new position and reasons."""
    if run.since is None:
        return []
    return [
        (change.service, change.was, change.now, _reasons(change.match, code_names) if change.match else "")
        for change in run.since.changes
    ]
