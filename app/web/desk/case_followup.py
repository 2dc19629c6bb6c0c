"""The follow-up part of the case page: tasks, household, move to another country, rerouting and undoing a withdrawal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework import country_moves, desk_referrals, households
from app.casework.case_sidebar import CaseSidebar, case_sidebar
from app.casework.coordinator import Desk
from app.core.dependencies import Db
from app.directory.packs import Directory
from app.referrals import preconditions
from app.referrals.commands import TransitionInput
from app.referrals.referral_summaries import ReferralSummary
from app.referrals.states import MAY_OPEN, State, Verb
from app.web.account.policies import AtDesk, Packs, submitted_version
from app.web.components import staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/cases/{label}")
Label = Annotated[str, Path(max_length=12)]


@dataclass(frozen=True, slots=True)
class Followup:
    """What the part shows. `undoable`: referrals whose withdrawal can still be undone; `reroutable`: closed referrals that
    another service can replace; `person_reports`: referral, subject and yes or no, as the person reported; `work_done`:
    referral, codes of the work and day of the next step, as the partner reported when it handed the case back.
    """

    sidebar: CaseSidebar
    countries: Sequence[str]
    undoable: Sequence[ReferralSummary]
    reroutable: Sequence[ReferralSummary]
    person_reports: Sequence[tuple[ReferralSummary, str, bool]]
    work_done: Sequence[tuple[ReferralSummary, Sequence[str], str]]


def load_followup(
    session: Session, desk: Desk, packs: Directory, case: Case, summaries: Sequence[ReferralSummary]
) -> Followup:
    """Read what follows up a case. One statement, and a few more for each referral withdrawn in the last half hour."""
    by_id: dict[UUID, ReferralSummary] = {summary.referral.id: summary for summary in summaries}
    sidebar = case_sidebar(session, desk.team_id, case.id)
    return Followup(
        sidebar=sidebar,
        countries=[country.code for country in packs.places if country.code != case.country],
        undoable=[summary for summary in summaries if _is_undoable(session, desk, case, summary)],
        reroutable=[summary for summary in summaries if State(summary.referral.state) not in MAY_OPEN]
        if case.closed_at is None
        else [],
        person_reports=[
            (by_id[referral_id], subject, confirmed) for referral_id, subject, confirmed in sidebar.answers
        ],
        work_done=[
            (summary, event.codes.get("work_done", ()), event.codes.get("deadline_on", ""))
            for summary in summaries
            for event in summary.events
            if event.verb == Verb.HAND_BACK and event.codes
        ],
    )


def _is_undoable(session: Session, desk: Desk, case: Case, summary: ReferralSummary) -> bool:
    if summary.referral.state != State.WITHDRAWN:
        return False
    return preconditions.may(session, summary.referral, case, Verb.UNDO_WITHDRAW, by=desk.actor.kind, now=desk.now)


@router.post("/household", name="link_household")
def link_household(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Link the cases of two people of one household."""
    other = field_value(request.state.form, "other").strip().upper()[:12]
    households.link(session, desk, label, submitted_version(request), other)
    return _redirect_to_case(label, "linked")


@router.post("/household/leave", name="leave_household")
def leave_household(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    households.unlink(session, desk, label, submitted_version(request))
    return _redirect_to_case(label, "done")


@router.post("/move", name="ask_move")
def ask_move(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Ask the person to agree that the case moves to another country's team."""
    country_moves.ask(
        session, desk, packs, label, submitted_version(request), field_value(request.state.form, "country")
    )
    return _redirect_to_case(label, "move_asked")


@router.post("/referrals/{referral}/instead", name="reroute")
def reroute(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Refer the case to another service instead; the two referrals are linked."""
    version = submitted_version(request)
    rerouted = desk_referrals.reroute(
        session, desk, label, referral, version, field_value(request.state.form, "service")
    )
    return _redirect_to_case(label, "asked" if rerouted.state == State.AWAITING_CONSENT else "offered")


@router.post("/referrals/{referral}/back", name="undo_withdraw")
def undo_withdraw(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Undo a withdrawal: the referral is offered again."""
    desk_referrals.move_referral(
        session, desk, label, referral, submitted_version(request), Verb.UNDO_WITHDRAW, TransitionInput()
    )
    return _redirect_to_case(label, "offered")


def _redirect_to_case(label: str, done: str) -> Response:
    return staff_pages.redirect(f"/desk/cases/{label}?done={done}")
