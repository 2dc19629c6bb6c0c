"""The case page: what is known, the next step, and every action of the desk on the case."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.cases import case_presence, emergency_alerts, needs, restriction, short_labels, team_cases
from app.cases.models import Case
from app.cases.need_states import ASKABLE
from app.cases.restriction import RestrictedCase
from app.cases.states import CaseVerb
from app.casework import (
    by_hand,
    case_closing,
    case_merges,
    case_ownership,
    comparisons,
    correspondence,
    desk_referrals,
    sealed_access,
    undo,
)
from app.casework.coordinator import Desk
from app.casework.eligibility import eligibility_of
from app.casework.referral_actions import needs_to_ask
from app.casework.unavailability import unavailability_of
from app.core.dependencies import Db, ReadDb
from app.core.errors import AppError, FieldError, Invalid, NotFound
from app.core.i18n import N_
from app.directory.packs import Directory
from app.intake import wording
from app.referrals.commands import TransitionInput
from app.referrals.referral_summaries import summaries_of
from app.referrals.states import ReferralState, ReferralVerb
from app.referrals.ways import BY_COORDINATOR, way_of
from app.web.account.policies import AtDesk, Packs, submitted_version
from app.web.components import (
    date_fields,
    path_convertors,  # noqa: F401  registers them
    reader_language,
    staff_pages,
)
from app.web.components.forms import field_value
from app.web.desk import case_form, case_screen, case_view, comparing, queue_url, saved_replies
from app.web.desk.case_form import TypedInput
from app.webhooks import reachability

router = APIRouter(prefix="/desk/cases/{label}")

Label = Annotated[str, Path(max_length=12)]
ListQuery = Annotated[str, Query(max_length=400, alias="list")]
_SIGN_OUT: Final = "/desk/sign-out"
_ELSEWHERE: Final = {
    "replies": "/desk/replies",
    _SIGN_OUT: _SIGN_OUT,
    **{address: address for address in staff_pages.IN_THE_HEAD},
}
"""Pages that are not below a case and that its page leads to."""
_BELOW: Final = re.compile(
    r"documents|appointments|runs|referrals/[A-Z0-9-]{1,12}/(?:thread|quality|said/[a-z_]{1,24})"
)
"""The pages below the address of a case."""
_RECORD_EVERY = timedelta(minutes=1)
_MOST_RECORDED_VIEWS = 1_000


async def _record_view(label: Label, request: Request, desk: AtDesk) -> None:
    """Record that this member is viewing the case, so that colleagues see it: once a minute, in a short transaction of its own.

    The process remembers when it last recorded a view only to save writes; colleagues read the record in the database.
    """
    state = request.app.state
    if not hasattr(state, "recorded_views"):
        state.recorded_views = {}
    recorded: dict[tuple[UUID, str], datetime] = state.recorded_views
    key = (desk.member.member_id, label)
    if key in recorded and timedelta(0) <= desk.now - recorded[key] < _RECORD_EVERY:
        return
    async with state.transactions.open(write=True) as session:
        await run_sync(case_presence.record, session, desk.team_id, label, desk.member.member_id, desk.now)
        await run_sync(emergency_alerts.opened, session, desk.team_id, label, desk.member.member_id)
    if len(recorded) >= _MOST_RECORDED_VIEWS:
        recorded.clear()
    recorded[key] = desk.now


@router.get("", name="case", dependencies=[Depends(_record_view), comparing.THIS_CASE])
def show_case(label: Label, request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    """Show the case without decrypting its sealed parts. A label in another way of writing leads to its own address."""
    written = short_labels.of_text(label)
    if written is not None and written != label:
        return staff_pages.redirect(
            queue_url.case_path(written, case_screen.valid_list_query(request.query_params.get("list", "")))
        )
    try:
        case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    except RestrictedCase:
        case = team_cases.outline(session, desk.team_id, label)
        return _outline_page(request, case, able=len(restriction.named(session, case.id)))
    return case_screen.case_page(request, desk, session, packs, case)


def _outline_page(request: Request, case: Case, *, able: int) -> Response:
    """What is shown of a restricted case to a member of the team who is not named: that it is there, and how urgent it is.

    `able`: how many members can open it; who they are is not shown.
    """
    return staff_pages.page(
        request, "desk/restricted.html", status=403, label=case.label, urgency=case.urgency, state=case.state,
        due_on=None if case.closed_at else case.due_on, waiting_since=case.waiting_since, able=able,
    )  # fmt: skip


@router.post("/show", name="show_words")
def show_sealed_parts(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Show the page with story, persecution, conversation and notes decrypted. Writes an audit entry and nothing else."""
    case, opened = sealed_access.open_case(session, desk, label)
    comparisons.compare_restricted(session, desk, case)
    typed = case_form.read(request.state.form)
    contact = None
    if "contact" in typed.opened and (purpose := typed.fields.get("purpose", "")) in sealed_access.PURPOSES:
        contact = sealed_access.open_contact(session, desk, label, purpose)[1]
    return case_screen.case_page(request, desk, session, packs, case, typed=typed, opened=opened, contact=contact)


@router.post("/contact", name="show_contact")
@case_screen.errors_on_page
def show_contact(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Show the page with the contact details decrypted, for a stated purpose. Writes an audit entry."""
    case, contact = sealed_access.open_contact(session, desk, label, field_value(request.state.form, "purpose"))
    comparisons.compare_restricted(session, desk, case)
    typed = case_form.read(request.state.form)
    opened = sealed_access.open_case(session, desk, label)[1] if "words" in typed.opened else None
    return case_screen.case_page(request, desk, session, packs, case, typed=typed, opened=opened, contact=contact)


@router.post("/typed", name="keep_typed")
def keep_typed(
    label: Label,
    request: Request,
    desk: AtDesk,
    session: Db,
    packs: Packs,
    used: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the page with what is typed on it; saves nothing.

    Pressing Enter in a field leads here, and so does an action with other text on the page. `used`: the fields of the action
    that was done, whose text is not shown again.
    """
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    typed = case_form.read(request.state.form, but=used.split())
    return case_screen.with_open_parts(request, desk, session, packs, case, typed)


@router.post("/go", name="leave_case")
@case_screen.errors_on_page
def leave_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Go to another page, or sign out. With text that is not sent yet, show this page again, and ask.

    Another page then opens in a new tab; signing out has a button that says that the text is lost.
    """
    form = request.state.form
    target = _target(label, field_value(form, "to"), case_screen.valid_list_query(field_value(form, "list")))
    typed = case_form.read(form)
    if not typed.is_unsent:
        return RedirectResponse(target, 307) if target == _SIGN_OUT else staff_pages.redirect(target)
    try:
        case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    except (RestrictedCase, NotFound) as error:
        return _unsaved_page(request, label, typed, target, error)
    return case_screen.with_open_parts(request, desk, session, packs, case, typed, leaving=target)


def _unsaved_page(request: Request, label: str, typed: TypedInput, target: str, error: AppError) -> Response:
    """What was typed for a case that this member can open no more, to be copied; and the way to where they wanted to go."""
    texts = [text for name in case_form.WORDS if (text := typed.fields.get(name, ""))]
    return staff_pages.page(
        request, "desk/unsaved.html", status=error.status, label=label, detail=error.detail, texts=texts, target=target,
    )  # fmt: skip


def _target(label: str, to: str, list_query: str) -> str:
    """The address of a page that the case page leads to. Raises Invalid."""
    if to == "list":
        return f"/desk/?{list_query}"
    if to == "next":
        return staff_pages.with_message("/desk/next", but=label, list=list_query)
    if to in _ELSEWHERE:
        return _ELSEWHERE[to]
    if to.startswith("case/") and (other := short_labels.of_text(to.removeprefix("case/"))):
        return f"/desk/cases/{other}"
    if _BELOW.fullmatch(to) is None:
        raise Invalid([FieldError(pointer="/to", code="unknown_code", detail="This page does not exist.")])
    if to.endswith("/thread") and list_query:
        return staff_pages.with_message(f"/desk/cases/{label}/{to}", list=list_query)
    return f"/desk/cases/{label}/{to}"


@router.post("/take", name="take_case")
def take_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    case = case_ownership.take(session, desk, label, submitted_version(request))
    return case_screen.after(request, desk, session, packs, case, "taken")


@router.post("/assign", name="assign_case")
@case_screen.errors_on_page
def assign_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    member = field_value(request.state.form, "member")
    case = case_ownership.assign(session, desk, label, submitted_version(request), chosen_member(member))
    others = case.owner_id != desk.member.member_id
    return case_screen.after(request, desk, session, packs, case, "assigned", own=case_form.OWNER, decided=others)


@router.post("/snooze", name="snooze_case")
@case_screen.errors_on_page
def snooze_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Snooze the case until a day; an empty day ends the snooze."""
    until = date_fields.read(request.state.form, "until", today=desk.now.date())
    case = case_ownership.snooze(session, desk, label, submitted_version(request), until)
    done = "snoozed" if until else "woken"
    return case_screen.after(request, desk, session, packs, case, done, own=case_form.SNOOZE, decided=until is not None)


@router.get("/refer", name="refer_form")
def refer_form(
    label: Label,
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    packs: Packs,
    service: Annotated[str, Query(max_length=130)] = "",
    list_query: ListQuery = "",
) -> Response:
    """Show what would be sent to the organisation, and when, before the case is referred."""
    return _refer_page(request, desk, session, packs, label, service, list_query)


@router.post("/refer/look", name="refer_look")
def look_before_referring(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Show the page before referring; it carries the text typed on the case page until the case is referred. Saves nothing."""
    form = request.state.form
    return _refer_page(
        request, desk, session, packs, label, field_value(form, "service")[:130], field_value(form, "list")
    )


def _refer_page(
    request: Request, desk: Desk, session: Session, packs: Directory, label: str, service: str, list_query: str
) -> Response:
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    entry = packs.service(service)
    if entry is None or not packs.serves(entry, case.country):
        raise NotFound("This service does not exist.")
    facts = sealed_access.facts_of(desk.keys, case)
    summaries = summaries_of(session, case.id)
    slug = entry.organisation.id
    rows = needs.of_case(session, case)
    askable = needs.in_states(rows, ASKABLE)
    eligibility = eligibility_of(session, case, facts, [slug], [summary.referral for summary in summaries]).of(slug)
    first = desk_referrals.first_suggestion(session, desk, case)
    return staff_pages.page(
        request,
        "desk/refer.html",
        case=case,
        typed=case_form.read(request.state.form if request.method == "POST" else {}),
        entry=entry,
        eligibility=eligibility,
        needs=askable,
        chosen=needs_to_ask(needs.states_of(rows), entry.service.needs, None, case.state) if askable else [],
        away=unavailability_of(session, case, entry.key, desk.now.date()),
        first=packs.service(first) if first not in {None, entry.key} else None,
        deadline=case_view.deadline(case, facts, packs, desk.now, reader_language.words(request)),
        list_query=case_screen.valid_list_query(list_query),
        untold=eligibility.connected and not _is_notified(session, desk, eligibility.organisation_id),
    )


def _is_notified(session: Session, desk: Desk, organisation_id: UUID) -> bool:
    """Whether the organisation is notified of an offer without a call."""
    return bool(reachability.notified(session, [organisation_id], desk.now))


@router.post("/refer", name="refer_case")
def refer_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Offer the case, or ask the person first, as their present consent requires."""
    again = field_value(request.state.form, "again") == "yes"
    despite_absence = field_value(request.state.form, "despite") == "yes"
    service = field_value(request.state.form, "service")
    wanted = request.state.form.get("need", []) if field_value(request.state.form, "needs") == "chosen" else None
    referral = desk_referrals.refer(
        session,
        desk,
        label,
        submitted_version(request),
        service,
        despite=despite_absence,
        again=again,
        wanted=wanted,
        why=field_value(request.state.form, "why"),
    )
    case = session.get_one(Case, referral.case_id)
    how = field_value(request.state.form, "how")
    if how and referral.state == ReferralState.OFFERED and way_of(referral.way) in BY_COORDINATOR:
        contact = by_hand.SpokenContact(how, field_value(request.state.form, "whom"))
        by_hand.record_asked(session, desk, label, referral.label, referral.version, contact)
    if not (way_of(referral.way) in BY_COORDINATOR or _is_notified(session, desk, referral.organisation_id)):
        if referral.state == ReferralState.OFFERED and field_value(request.state.form, "by_hand") != "yes":
            detail = N_(
                "Nobody there is told by the service. Tick that you tell them yourself, or refer the case to another organisation."
            )
            raise Invalid([FieldError(pointer="/by_hand", code="required", detail=detail)])
        desk_referrals.remind_to_tell(session, desk, case, referral)
    if referral.state == ReferralState.AWAITING_CONSENT:
        done = "asked"
    else:
        done = "offered" if way_of(referral.way) not in BY_COORDINATOR else "to_be_asked"
    return case_screen.after(request, desk, session, packs, case, done, decided=True)


@router.post("/referrals/{referral}/{verb:referral_verb}", name="step_referral")
@case_screen.errors_on_page
def move_referral(
    label: Label,
    referral: Label,
    verb: Annotated[str, Path(max_length=20)],
    request: Request,
    desk: AtDesk,
    session: Db,
    packs: Packs,
) -> Response:
    """Withdraw, answer or reopen a referral, or (seniors) mark it as entered in error."""
    if verb not in case_screen.STEPS:
        raise NotFound
    payload = TransitionInput(reason=field_value(request.state.form, "reason") or None)
    referral_after = desk_referrals.move_referral(
        session, desk, label, referral, submitted_version(request), ReferralVerb(verb), payload
    )
    return case_screen.after(request, desk, session, packs, session.get_one(Case, referral_after.case_id), "stepped")


def _reworded(desk: Desk, case: Case) -> Mapping[str, str]:
    """The sentences that say "you", reworded to say "the person" where somebody else asks for them."""
    return wording.of_facts(sealed_access.facts_of(desk.keys, case))


@router.get("/ask", name="ask_form")
def ask_form(
    label: Label,
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    question: Annotated[str, Query(max_length=24)] = "letter_date",
    list_query: ListQuery = "",
) -> Response:
    """Show a saved question in the person's language, to be edited and sent. This page sends nothing."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    if question not in saved_replies.QUESTIONS:
        raise NotFound("This question does not exist.")
    return staff_pages.page(
        request,
        "desk/ask.html",
        case=case,
        question=question,
        questions=saved_replies.QUESTIONS,
        text=saved_replies.text(question, case.language, _reworded(desk, case)),
        list_query=case_screen.valid_list_query(list_query),
    )


@router.post("/insert", name="insert_reply")
def insert_reply(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Add a saved question to the message that is being written, in the person's language. Sends nothing."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    text, meaning = saved_replies.in_two_languages(
        session,
        desk.team_id,
        field_value(request.state.form, "saved"),
        case.language,
        _reworded(desk, case),
        reader_language.of(request),
    )
    typed = case_form.read(request.state.form).with_text(text)
    return case_screen.with_open_parts(request, desk, session, packs, case, typed, meaning=meaning)


@router.post("/message", name="send_message")
@case_screen.errors_on_page
def send_message(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    case = correspondence.message(
        session, desk, label, submitted_version(request), field_value(request.state.form, "text")
    )
    return case_screen.after(request, desk, session, packs, case, "sent", own=case_form.MESSAGE)


@router.post("/note", name="add_note")
@case_screen.errors_on_page
def add_note(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    form = request.state.form
    text = field_value(form, "note" if "note" in form else "text")
    try:
        case = correspondence.note(session, desk, label, submitted_version(request), text)
    except Invalid as error:
        raise Invalid([{**one, "pointer": "/note"} for one in error.errors]) from None
    return case_screen.after(request, desk, session, packs, case, "noted", own=case_form.NOTE)


@router.post("/close", name="close_case")
@case_screen.errors_on_page
def close_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    verb, ends = field_value(request.state.form, "verb"), _ends_of_needs(request)
    if verb not in set(case_closing.ENDS) and not ends:
        raise Invalid([FieldError(pointer="/verb", code="required", detail="Choose the outcome of the case.")])
    chosen = CaseVerb(verb) if verb in set(case_closing.ENDS) else None
    case = case_closing.close(session, desk, label, submitted_version(request), chosen, ends)
    done = "unmet" if case.closed_at is None else "closed"
    return case_screen.after(request, desk, session, packs, case, done, own=case_form.CLOSE, decided=True)


def _ends_of_needs(request: Request) -> dict[str, str]:
    """The end of each need as it was chosen on the page, in fields like `end_<need>`."""
    names = [name for name in request.state.form if name.startswith("end_")]
    return {name.removeprefix("end_"): value for name in names if (value := field_value(request.state.form, name))}


@router.post("/needs/{need}/end", name="end_need")
@case_screen.errors_on_page
def end_need(
    label: Label, need: Annotated[str, Path(max_length=64)], request: Request, desk: AtDesk, session: Db, packs: Packs
) -> Response:
    """Name the end of one need; the case goes on with the others."""
    end = field_value(request.state.form, "end")
    case = case_closing.end_need(session, desk, label, submitted_version(request), need, end)
    return case_screen.after(request, desk, session, packs, case, "need_ended" if case.closed_at is None else "closed")


@router.post("/reopen", name="reopen_case")
def reopen_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    case = case_closing.reopen(session, desk, label, submitted_version(request))
    return case_screen.after(request, desk, session, packs, case, "reopened")


@router.post("/undo", name="undo_act")
def undo_act(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Undo the member's own last action, if nothing else has happened since."""
    case = undo.undo(session, desk, label, submitted_version(request))
    return case_screen.after(request, desk, session, packs, case, "undone")


@router.post("/compare", name="compare_case")
def compare_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Search for cases with the same contact or name, by their present values. Writes an audit entry; shows none of the values."""
    return case_screen.after(request, desk, session, packs, case_merges.compare(session, desk, label), "compared")


@router.post("/merge", name="merge_case")
@case_screen.errors_on_page
def merge_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Merge this case into another of the same person; the other continues."""
    other = case_merges.merge(
        session, desk, label, submitted_version(request), field_value(request.state.form, "into")[:12]
    )
    return case_screen.after(request, desk, session, packs, other, "merged", own=case_form.MERGE)


@router.post("/unmerge", name="unmerge_case")
def unmerge_case(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    case = case_merges.unmerge(session, desk, label, submitted_version(request))
    return case_screen.after(request, desk, session, packs, case, "unmerged")


def chosen_member(text: str) -> UUID | None:
    """The id of the chosen member; None if empty. Raises Invalid."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise Invalid([FieldError(pointer="/member", code="unknown_code", detail="Choose a colleague.")]) from None
