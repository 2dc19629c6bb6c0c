"""Organisations without an account: recording that they were asked and what they answered, and the sheet that is handed over."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy.orm import Session

from app.cases import team_cases
from app.cases.models import Case
from app.casework import by_hand, by_link
from app.casework.coordinator import Desk
from app.core.dependencies import Db, ReadDb
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.i18n import LANGUAGES
from app.directory.languages import language_of_centre
from app.directory.packs import Directory
from app.links import codes
from app.links import service as links
from app.links.service import NewLink
from app.referrals import quality
from app.referrals.commands import TransitionInput
from app.referrals.queries import needs_of
from app.referrals.reasons import DAY_REQUIRED
from app.referrals.referral_summaries import ReferralSummary, summaries_of
from app.referrals.states import ReferralVerb
from app.web.account.policies import AtDesk, Config, Packs, submitted_version
from app.web.components import date_fields, hand_over_sheet, reader_language, staff_pages
from app.web.components.forms import field_value
from app.web.components.rendering import raw_page
from app.web.desk import by_hand_view, case_screen

router = APIRouter(prefix="/desk/cases/{label}/referrals/{referral}")
Label = Annotated[str, Path(max_length=12)]
Prepared = Annotated[NewLink, Depends(links.prepare)]
"""Token and code of a new link, computed before the transaction begins: it has to stand before the session in a signature."""


@router.post("/asked", name="record_asked")
@case_screen.errors_on_page
def record_asked(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Record that the coordinator has put the referral to the organisation."""
    by_hand.record_asked(session, desk, label, referral, submitted_version(request), _contact_note(request))
    return _after(request, desk, session, packs, label, "contact_recorded")


@router.get("/said/{verb:referral_verb}", name="answer_by_hand_form")
def show_answer_form(
    label: Label, referral: Label, verb: ReferralVerb, request: Request, desk: AtDesk, session: ReadDb
) -> Response:
    """Ask for what belongs to one answer of the organisation: how it was said and by whom, a reason, an outcome, a day."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    summary = _summary(session, case, referral)
    return _answer_form(request, case, summary, _answer(verb))


@router.post("/said/{verb:referral_verb}", name="answer_by_hand")
def record_answer(
    label: Label, referral: Label, verb: ReferralVerb, request: Request, desk: AtDesk, session: Db
) -> Response:
    """Record the answer on behalf of the organisation. What is missing is asked for again, with what was typed."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    summary = _summary(session, case, referral)
    form, moved = request.state.form, _answer(verb)
    try:
        payload = TransitionInput(
            reason=field_value(form, "reason") or None,
            outcome=field_value(form, "outcome") or None,
            question=field_value(form, "question") or None,
            until=date_fields.read(form, "until", today=desk.now.date()),
            work_done=tuple(dict.fromkeys(form.get("work_done", []))),
            deadline_on=date_fields.read(form, "deadline_on", today=desk.now.date()),
            outcomes={
                name.removeprefix("outcome_"): value
                for name in form
                if name.startswith("outcome_") and (value := field_value(form, name))
            },
        )
        by_hand.record_answer(
            session, desk, label, referral, submitted_version(request), moved, payload, _contact_note(request)
        )
    except Invalid as error:
        return _answer_form(request, case, summary, moved, error.errors, form)
    return _to_case(label, "answer_recorded")


@router.get("/quality", name="quality_by_hand_form")
def show_quality_form(label: Label, referral: Label, request: Request, desk: AtDesk, session: ReadDb) -> Response:
    """Ask what the organisation said about the quality of the referral, how it was said and by whom."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    return _quality_form(request, session, case, _summary(session, case, referral))


@router.post("/quality", name="quality_by_hand")
def record_quality(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Record it on behalf of the organisation. What is missing is asked for again, with what was typed."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    form = request.state.form
    try:
        by_hand.record_quality(session, desk, label, referral, form.get("quality", []), _contact_note(request))
    except Invalid as error:
        return _quality_form(request, session, case, _summary(session, case, referral), error.errors, form)
    return _to_case(label, "quality_recorded")


@router.post("/sheet", name="hand_over_sheet")
def open_sheet(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Open the sheet for the organisation, in its language: exactly what it may read now. Writes an audit entry."""
    language = field_value(request.state.form, "language")
    sheet = by_hand.open_sheet(session, desk, label, referral)
    if language not in LANGUAGES:
        raise NotFound
    back, reader = f"/desk/cases/{label}", reader_language.words(request)
    return raw_page(hand_over_sheet.render(sheet, language, desk.keys, packs, desk.now, back=back, reader=reader))


@router.post("/link", name="make_link")
def make_link(
    label: Label, referral: Label, request: Request, desk: AtDesk, made: Prepared, settings: Config, packs: Packs,
    session: Db,
) -> Response:  # fmt: skip
    """Make a link with a code, and mail it or show it. The code is shown on this page; both are in no address and no log."""
    by_mail = field_value(request.state.form, "send") == "mail"
    moved = by_link.send(session, desk, label, referral, submitted_version(request), made, by_mail=by_mail)
    slug = _summary(
        session, team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id), referral
    ).service_key.split("/", 1)[0]
    address = f"{settings.base_url}/partner/link/{language_of_centre(packs, slug)}/{made.token}"
    return _link_page(request, label, moved.label, made.code, "" if by_mail else address, is_new=True)


@router.post("/link/code", name="show_link_code")
def show_code(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Show the code of the open link again. Writes an audit entry."""
    return _link_page(request, label, referral, by_link.tell_code_again(session, desk, label, referral))


@router.post("/link/end", name="end_link")
def end_link(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """End the link immediately."""
    by_link.revoke(session, desk, label, referral)
    return _after(request, desk, session, packs, label, "link_ended")


@router.post("/account", name="give_to_account")
def give_to_account(
    label: Label, referral: Label, request: Request, desk: AtDesk, session: Db, packs: Packs
) -> Response:
    """Let an organisation that has an account by now answer there."""
    by_link.give_to_account(session, desk, label, referral, submitted_version(request))
    return _after(request, desk, session, packs, label, "given_to_account")


def _link_page(
    request: Request, label: str, referral: str, code: str, address: str = "", *, is_new: bool = False
) -> Response:
    return staff_pages.page(
        request, "desk/link_made.html", case_label=label, referral=referral, code=codes.grouped(code), address=address,
        is_new=is_new,
    )  # fmt: skip


def _answer_form(
    request: Request,
    case: Case,
    summary: ReferralSummary,
    verb: ReferralVerb,
    errors: Sequence[FieldError] = (),
    typed: Any = None,
) -> Response:
    return staff_pages.page(
        request,
        "desk/by_hand_answer.html",
        status=422 if errors else 200,
        case=case,
        summary=summary,
        verb=verb,
        heading=by_hand_view.ANSWERS[verb],
        choices=by_hand_view.choices(verb),
        needs=needs_of(summary.referral, case) if by_hand_view.choices(verb)["outcome"] else (),
        needs_day=verb in DAY_REQUIRED,
        errors={error["pointer"].removeprefix("/"): error["detail"] for error in errors},
        typed=typed or {},
    )


def _quality_form(
    request: Request,
    session: Session,
    case: Case,
    summary: ReferralSummary,
    errors: Sequence[FieldError] = (),
    typed: Any = None,
) -> Response:
    return staff_pages.page(
        request,
        "desk/by_hand_quality.html",
        status=422 if errors else 200,
        case=case,
        summary=summary,
        chosen=typed.get("quality", [])
        if typed
        else quality.of_referrals(session, [summary.referral.id]).get(summary.referral.id, []),
        errors={error["pointer"].removeprefix("/"): error["detail"] for error in errors},
        typed=typed or {},
    )


def _contact_note(request: Request) -> by_hand.SpokenContact:
    return by_hand.SpokenContact(field_value(request.state.form, "how"), field_value(request.state.form, "whom"))


def _answer(verb: ReferralVerb) -> ReferralVerb:
    """The verb, if it is an answer of an organisation. Raises Conflict."""
    if verb not in by_hand_view.ANSWERS:
        raise Conflict("An organisation has no such answer.")
    return verb


def _summary(session: Any, case: Case, referral_label: str) -> ReferralSummary:
    summaries = [summary for summary in summaries_of(session, case.id) if summary.referral.label == referral_label]
    if not summaries:
        raise NotFound("There is no such referral.")
    return summaries[0]


def _to_case(label: str, done: str) -> Response:
    return staff_pages.redirect(f"/desk/cases/{label}?done={done}")


def _after(request: Request, desk: Desk, session: Session, packs: Directory, label: str, done: str) -> Response:
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    return case_screen.after(request, desk, session, packs, case, done)
