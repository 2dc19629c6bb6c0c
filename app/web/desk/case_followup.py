"""The case page's part about its life: what is to be done, who belongs together, moving, asking another instead, taking back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework import case_moves, desk_referrals, households
from app.casework.case_sidebar import CaseSidebar, case_sidebar
from app.casework.coordinator import Desk
from app.core.dependencies import Db
from app.directory.packs import Directory
from app.referrals import preconditions
from app.referrals.commands import TransitionInput
from app.referrals.referral_summaries import ReferralSummary
from app.referrals.states import MAY_OPEN, State, Verb
from app.web.account.policies import AtDesk, Packs, field, number
from app.web.components import staff_pages

router = APIRouter(prefix="/desk/cases/{label}")
Label = Annotated[str, Path(max_length=12)]


@dataclass(frozen=True, slots=True)
class Life:
    """What the part shows. `undo`: referrals whose withdrawal can still be taken back; `instead`: those that another may follow;
    `said` and `work`: what the person said of a centre, and what a centre said it had done.
    """

    beside: CaseSidebar
    countries: Sequence[str]
    undo: Sequence[ReferralSummary]
    instead: Sequence[ReferralSummary]
    said: Sequence[tuple[ReferralSummary, str, bool]]
    work: Sequence[tuple[ReferralSummary, Sequence[str], str]]


def gathered(session: Session, desk: Desk, packs: Directory, case: Case, put: Sequence[ReferralSummary]) -> Life:
    """One statement, and a few more for each withdrawal of the last half hour."""
    by_id: dict[UUID, ReferralSummary] = {one.referral.id: one for one in put}
    found = case_sidebar(session, desk.team_id, case.id)
    return Life(
        beside=found,
        countries=[country.code for country in packs.countries if country.code != case.country],
        undo=[one for one in put if _undo_open(session, desk, case, one)],
        instead=[one for one in put if State(one.referral.state) not in MAY_OPEN] if case.closed_at is None else [],
        said=[(by_id[referral_id], about, yes) for referral_id, about, yes in found.answers],
        work=[
            (one, event.codes.get("work_done", ()), event.codes.get("deadline_on", ""))
            for one in put
            for event in one.events
            if event.verb == Verb.HAND_BACK and event.codes
        ],
    )


def _undo_open(session: Session, desk: Desk, case: Case, one: ReferralSummary) -> bool:
    if one.referral.state != State.WITHDRAWN:
        return False
    return preconditions.may(session, one.referral, case, Verb.UNDO_WITHDRAW, by=desk.actor.kind, now=desk.now)


@router.post("/household", name="link_household")
def link_household(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """These two cases are of people who belong together."""
    other = field(request, "other").strip().upper()[:12]
    households.link(session, desk, label, number(request, "version"), other)
    return _back(label, "linked")


@router.post("/household/leave", name="leave_household")
def leave_household(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    households.unlink(session, desk, label, number(request, "version"))
    return _back(label, "done")


@router.post("/move", name="ask_move")
def ask_move(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Ask the person whether the case may go to another country's team."""
    case_moves.ask(session, desk, packs, label, number(request, "version"), field(request, "country"))
    return _back(label, "move_asked")


@router.post("/referrals/{referral}/instead", name="reroute")
def reroute(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Ask another service instead; the two referrals are linked."""
    version = number(request, "version")
    after = desk_referrals.reroute(session, desk, label, referral, version, field(request, "service"))
    return _back(label, "asked" if after.state == State.AWAITING_CONSENT else "offered")


@router.post("/referrals/{referral}/back", name="undo_withdraw")
def undo_withdraw(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Take a withdrawal back: it is offered anew."""
    desk_referrals.move_referral(
        session, desk, label, referral, number(request, "version"), Verb.UNDO_WITHDRAW, TransitionInput()
    )
    return _back(label, "offered")


def _back(label: str, done: str) -> Response:
    return staff_pages.to(f"/desk/cases/{label}?done={done}")
