"""The follow-up actions of the case page: household, restriction, move to another country, rerouting and undoing a withdrawal."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.cases import team_cases
from app.casework import country_moves, desk_referrals, households, restrictions
from app.core.dependencies import Db
from app.core.errors import Conflict
from app.referrals.commands import TransitionInput
from app.referrals.states import ReferralState, ReferralVerb
from app.referrals.ways import BY_COORDINATOR, way_of
from app.web.account.policies import AtDesk, Packs, submitted_version
from app.web.components import staff_pages
from app.web.components.forms import field_value
from app.web.desk import case_form, case_screen
from app.webhooks import reachability

router = APIRouter(prefix="/desk/cases/{label}")
Label = Annotated[str, Path(max_length=12)]


@router.post("/household", name="link_household")
@case_screen.errors_on_page
def link_household(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Link the cases of two people of one household."""
    other = field_value(request.state.form, "other").strip().upper()[:12]
    case = households.link(session, desk, label, submitted_version(request), other)
    return case_screen.after(request, desk, session, packs, case, "linked", own=case_form.HOUSEHOLD)


@router.post("/household/leave", name="leave_household")
def leave_household(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    case = households.unlink(session, desk, label, submitted_version(request))
    return case_screen.after(request, desk, session, packs, case, "unlinked")


@router.post("/restrict", name="restrict_case")
@case_screen.errors_on_page
def restrict_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Restrict the case to the members that are ticked, or change who is named."""
    was_restricted = field_value(request.state.form, "restricted") == "yes"
    named = case_form.named_members(request.state.form)
    case = restrictions.restrict(session, desk, label, submitted_version(request), named)
    done = "names_changed" if was_restricted else "restricted"
    if desk.member.member_id not in named:
        return staff_pages.redirect(staff_pages.with_message("/desk/", done=done))
    return case_screen.after(request, desk, session, packs, case, done, own=case_form.NAMED)


@router.post("/restrict/lift", name="lift_restriction")
def lift_restriction(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Seal the case to the whole team again."""
    case = restrictions.lift(session, desk, label, submitted_version(request))
    return case_screen.after(request, desk, session, packs, case, "restriction_lifted", own=case_form.NAMED)


@router.post("/move", name="ask_move")
@case_screen.errors_on_page
def ask_move(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Ask the person to agree that the case moves to another country's team."""
    country = field_value(request.state.form, "country")
    case = country_moves.ask(session, desk, packs, label, submitted_version(request), country)
    return case_screen.after(request, desk, session, packs, case, "move_asked", own=case_form.MOVE)


@router.post("/referrals/{referral}/instead", name="reroute")
@case_screen.errors_on_page
def reroute(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Refer the case to another service instead; the two referrals are linked."""
    version = submitted_version(request)
    rerouted = desk_referrals.reroute(
        session, desk, label, referral, version, field_value(request.state.form, "service")
    )
    is_by_account = rerouted.state == ReferralState.OFFERED and way_of(rerouted.way) not in BY_COORDINATOR
    if is_by_account and not reachability.notified(session, [rerouted.organisation_id], desk.now):
        raise Conflict("Nobody there is told by the service. Withdraw this one, then refer from the list and say so.")
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    done = "asked" if rerouted.state == ReferralState.AWAITING_CONSENT else "offered"
    return case_screen.after(request, desk, session, packs, case, done)


@router.post("/referrals/{referral}/back", name="undo_withdraw")
def undo_withdraw(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Undo a withdrawal: the referral is offered again."""
    desk_referrals.move_referral(
        session, desk, label, referral, submitted_version(request), ReferralVerb.UNDO_WITHDRAW, TransitionInput()
    )
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    return case_screen.after(request, desk, session, packs, case, "offered")
