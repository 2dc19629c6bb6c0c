"""The case page: what is known, the next step, and every action of the desk on the case."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.cases import case_presence, duplicate_detection, emergency_alerts, needs, queue, states
from app.cases.models import Case, Part
from app.cases.need_states import ASKABLE
from app.cases.sealed_parts import OpenedPart
from app.cases.states import CaseVerb
from app.casework import (
    by_hand,
    case_closing,
    case_merges,
    case_ownership,
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
from app.core.errors import FieldError, Invalid, NotFound
from app.referrals.commands import TransitionInput
from app.referrals.referral_summaries import summaries_of
from app.referrals.states import LIVE, State, Verb, allowed_actions
from app.referrals.ways import BY_COORDINATOR, way_of
from app.web.account.policies import AtDesk, Packs, submitted_version
from app.web.components import (
    date_fields,
    path_convertors,  # noqa: F401  registers them
    staff_pages,
    time_format,
)
from app.web.components.forms import field_value
from app.web.desk import by_hand_view, case_followup, case_view, queue_url, saved_replies
from app.webhooks import reachability

router = APIRouter(prefix="/desk/cases/{label}")

Label = Annotated[str, Path(max_length=12)]
ListQuery = Annotated[str, Query(max_length=400, alias="list")]
_STEPS = (Verb.WITHDRAW, Verb.ANSWER, Verb.REOPEN, Verb.VOID)
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
        await run_sync(emergency_alerts.opened, session, desk.team_id, label)
    if len(recorded) >= _MOST_RECORDED_VIEWS:
        recorded.clear()
    recorded[key] = desk.now


@router.get("", name="case", dependencies=[Depends(_record_view)])
def show_case(label: Label, request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    """Show the case without decrypting its sealed parts."""
    return _case_page(request, desk, session, packs, queue.by_label(session, desk.team_id, label))


@router.post("/show", name="show_words")
def show_sealed_parts(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Show the page with story, persecution, conversation and notes decrypted. Writes an audit entry and nothing else."""
    case, opened = sealed_access.open_case(session, desk, label)
    return _case_page(request, desk, session, packs, case, opened=opened)


@router.post("/contact", name="show_contact")
def show_contact(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Show the page with the contact details decrypted, for a stated purpose. Writes an audit entry."""
    case, contact = sealed_access.open_contact(session, desk, label, field_value(request.state.form, "purpose"))
    return _case_page(request, desk, session, packs, case, contact=contact)


@router.post("/take", name="take_case")
def take_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    case = case_ownership.take(session, desk, label, submitted_version(request))
    return redirect_after(request, case, "taken")


@router.post("/assign", name="assign_case")
def assign_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    member = field_value(request.state.form, "member")
    case = case_ownership.assign(session, desk, label, submitted_version(request), chosen_member(member))
    return redirect_after(request, case, "assigned", decided=case.owner_id != desk.member.member_id)


@router.post("/snooze", name="snooze_case")
def snooze_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Snooze the case until a day; an empty day ends the snooze."""
    until = date_fields.read(request.state.form, "until", today=desk.now.date())
    case = case_ownership.snooze(session, desk, label, submitted_version(request), until)
    return redirect_after(request, case, "snoozed" if until else "woken", decided=until is not None)


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
    case = queue.by_label(session, desk.team_id, label)
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
        entry=entry,
        eligibility=eligibility,
        needs=askable,
        chosen=needs_to_ask(needs.states_of(rows), entry.service.needs, None, case.state) if askable else [],
        away=unavailability_of(session, case, entry.key, desk.now.date()),
        first=packs.service(first) if first not in {None, entry.key} else None,
        deadline=case_view.deadline(case, facts, packs, desk.now),
        list_query=valid_list_query(list_query),
        untold=eligibility.connected and not _is_notified(session, desk, eligibility.organisation_id),
    )


def _is_notified(session: Session, desk: Desk, organisation_id: UUID) -> bool:
    """Whether the organisation hears of an offer without a call."""
    return bool(reachability.notified(session, [organisation_id], desk.now))


@router.post("/refer", name="refer_case")
def refer_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
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
    if how and referral.state == State.OFFERED and way_of(referral.way) in BY_COORDINATOR:
        contact = by_hand.SpokenContact(how, field_value(request.state.form, "whom"))
        by_hand.record_asked(session, desk, label, referral.label, referral.version, contact)
    if not (way_of(referral.way) in BY_COORDINATOR or _is_notified(session, desk, referral.organisation_id)):
        desk_referrals.remind_to_tell(session, desk, case, referral)
    if referral.state == State.AWAITING_CONSENT:
        done = "asked"
    else:
        done = "offered" if way_of(referral.way) not in BY_COORDINATOR else "to_be_asked"
    return redirect_after(request, case, done, decided=True)


@router.post("/referrals/{referral}/{verb:referral_verb}", name="step_referral")
def move_referral(
    label: Label,
    referral: Label,
    verb: Annotated[str, Path(max_length=20)],
    request: Request,
    desk: AtDesk,
    session: Db,
) -> Response:
    """Withdraw, answer or reopen a referral, or (seniors) mark it as entered in error."""
    if verb not in _STEPS:
        raise NotFound
    payload = TransitionInput(reason=field_value(request.state.form, "reason") or None)
    referral_after = desk_referrals.move_referral(
        session, desk, label, referral, submitted_version(request), Verb(verb), payload
    )
    return redirect_after(request, session.get_one(Case, referral_after.case_id), "stepped")


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
    case = queue.by_label(session, desk.team_id, label)
    if question not in saved_replies.QUESTIONS:
        raise NotFound("This question does not exist.")
    return staff_pages.page(
        request,
        "desk/ask.html",
        case=case,
        question=question,
        questions=saved_replies.QUESTIONS,
        text=saved_replies.text(question, case.language),
        list_query=valid_list_query(list_query),
    )


@router.post("/message", name="send_message")
def send_message(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    case = correspondence.message(
        session, desk, label, submitted_version(request), field_value(request.state.form, "text")
    )
    return redirect_after(request, case, "sent")


@router.post("/note", name="add_note")
def add_note(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    case = correspondence.note(
        session, desk, label, submitted_version(request), field_value(request.state.form, "text")
    )
    return redirect_after(request, case, "noted")


@router.post("/close", name="close_case")
def close_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    verb, ends = field_value(request.state.form, "verb"), _ends_of_needs(request)
    if verb not in set(case_closing.ENDS) and not ends:
        raise Invalid([FieldError(pointer="/verb", code="required", detail="Choose the outcome of the case.")])
    chosen = CaseVerb(verb) if verb in set(case_closing.ENDS) else None
    case = case_closing.close(session, desk, label, submitted_version(request), chosen, ends)
    return redirect_after(request, case, "unmet" if case.closed_at is None else "closed", decided=True)


def _ends_of_needs(request: Request) -> dict[str, str]:
    """The end of each need as it was chosen on the page, in fields like `end_<need>`."""
    names = [name for name in request.state.form if name.startswith("end_")]
    return {name.removeprefix("end_"): value for name in names if (value := field_value(request.state.form, name))}


@router.post("/needs/{need}/end", name="end_need")
def end_need(
    label: Label, need: Annotated[str, Path(max_length=64)], request: Request, desk: AtDesk, session: Db
) -> Response:
    """Name the end of one need; the case goes on with the others."""
    end = field_value(request.state.form, "end")
    case = case_closing.end_need(session, desk, label, submitted_version(request), need, end)
    return redirect_after(request, case, "need_ended" if case.closed_at is None else "closed")


@router.post("/reopen", name="reopen_case")
def reopen_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    case = case_closing.reopen(session, desk, label, submitted_version(request))
    return redirect_after(request, case, "reopened")


@router.post("/undo", name="undo_act")
def undo_act(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Undo the member's own last action, if nothing else has happened since."""
    case = undo.undo(session, desk, label, submitted_version(request))
    return redirect_after(request, case, "undone")


@router.post("/compare", name="compare_case")
def compare_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Search for cases with the same contact or name, as they are today. Writes an audit entry; shows none of the values."""
    return redirect_after(request, case_merges.compare(session, desk, label), "compared")


@router.post("/merge", name="merge_case")
def merge_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Merge this case into another of the same person; the other continues."""
    other = case_merges.merge(
        session, desk, label, submitted_version(request), field_value(request.state.form, "into")[:12]
    )
    return redirect_after(request, other, "merged")


@router.post("/unmerge", name="unmerge_case")
def unmerge_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    return redirect_after(request, case_merges.unmerge(session, desk, label, submitted_version(request)), "unmerged")


def _case_page(
    request: Request,
    desk: Desk,
    session: Session,
    packs: Any,
    case: Case,
    *,
    opened: Sequence[OpenedPart] | None = None,
    contact: OpenedPart | None = None,
) -> Response:
    """Render the page. Eleven statements with the sign-in, whatever the case contains, and one more a minute for the presence.

    Decrypting the parts adds statements for the grants, the wrapped keys and the parts.
    """
    code_names = staff_pages.code_names(request)
    facts = sealed_access.facts_of(desk.keys, case)
    summaries = summaries_of(session, case.id)
    actor = desk.actor.kind
    colleagues = case_ownership.colleagues(session, desk.team_id, case_id=case.id, now=desk.now)
    duplicates = duplicate_detection.possible_duplicates(session, case)
    contents = case_view.case_contents(session, case)
    list_query = valid_list_query(request.query_params.get("list") or _posted_field(request, "list"))
    allowed_verbs = states.allowed(states.CaseState(case.state), by=actor.value)
    followup = case_followup.load_followup(session, desk, packs, case, summaries)
    request.state.open_tasks, request.state.reach = followup.sidebar.open_tasks, followup.sidebar.reach
    live = any(State(summary.referral.state) in LIVE for summary in summaries)
    zone = time_format.zone_of(packs, case.country)
    return staff_pages.page(
        request,
        "desk/case.html",
        case=case,
        owner=next((member.name for member in colleagues if member.id == case.owner_id), None),
        mine=case.owner_id == desk.member.member_id,
        colleagues=colleagues,
        facts=case_view.facts_in_words(facts, case, code_names),
        consent=case_view.consent_in_words(facts, packs) if facts else [],
        deadline=case_view.deadline(case, facts, packs, desk.now),
        step=case_view.next_step(session, desk.keys, packs, code_names, case, facts, summaries, contents.holders),
        summaries=[
            (summary, [verb for verb in allowed_actions(State(summary.referral.state), by=actor) if verb in _STEPS])
            for summary in summaries
        ],
        zone=zone,
        by=lambda moment: time_format.respond_by(moment, desk.now, zone),
        live=live,
        messages=contents.messages,
        appointments=contents.appointments,
        documents=contents.documents,
        answer_words=by_hand_view.ANSWERS,
        by_hand=by_hand_view.of_case(session, desk, packs, case, summaries, names_open=opened is not None),
        needs=case_view.needs_in_words(case, contents, summaries),
        followup=followup,
        timeline=case_view.timeline(session, case, summaries, {member.id: member.name for member in colleagues}),
        viewers=[member for member in colleagues if member.opened_at and member.id != desk.member.member_id],
        duplicates=duplicates,
        merged_into=next((duplicate.label for duplicate in duplicates if duplicate.link == "into"), None),
        questions=saved_replies.QUESTIONS,
        list_query=list_query,
        sealed=contents.counts,
        opened=_parts_by_kind(opened, packs) if opened is not None else None,
        contact=contact.content if contact else None,
        ends=[verb.value for verb in case_closing.ENDS if _can_close(verb, allowed_verbs, live=live)],
        may_reopen=CaseVerb.REOPEN.value in allowed_verbs,
        may_take=case.closed_at is None,
        purposes=sealed_access.PURPOSES,
        withdraw_reasons=desk_referrals.withdraw_reasons(),
        emergency=packs.urgent_contacts(case.country, case.needs) if case.urgency == "emergency" else (),
    )


def _can_close(verb: CaseVerb, allowed: Sequence[str], *, live: bool) -> bool:
    """Whether the case can be closed this way: closing first withdraws live referrals, and takes a new case before it is helped."""
    if live:
        return True
    return verb.value in allowed or (verb is CaseVerb.HELP and CaseVerb.TAKE.value in allowed)


def _parts_by_kind(opened: Sequence[OpenedPart], packs: Any) -> dict[str, Any]:
    labels = {entry.code: entry.label for entry in packs.persecution}
    parts: dict[str, list[OpenedPart]] = {kind.value: [] for kind in Part}
    for part in opened:
        parts[part.part.value].append(part)
    return {
        "story": parts["story"][0].content if parts["story"] else None,
        "happened": [labels.get(code, code) for part in parts["happened"] for code in part.content.get("codes", ())],
        "thread": parts["thread"],
        "note": parts["note"],
    }


def valid_list_query(query: str) -> str:
    """The query of the list that the coordinator came from; empty unless it is valid. After a decision they go on in it."""
    listing = queue_url.read(query)
    return listing.query if listing else ""


def _posted_field(request: Request, name: str) -> str:
    return field_value(request.state.form, name) if request.method == "POST" else ""


def redirect_after(request: Request, case: Case, done: str, *, decided: bool = False) -> Response:
    """Redirect to the case; after a decision on a case opened from a list, to the next case of that list."""
    list_query = valid_list_query(field_value(request.state.form, "list"))
    message_codes = {"done": done, "v": str(case.version) if done in staff_pages.UNDOABLE else ""}
    if decided and list_query:
        return staff_pages.redirect(
            staff_pages.with_message("/desk/next", but=case.label, list=list_query, was=case.label, **message_codes)
        )
    return staff_pages.redirect(queue_url.case_path(case.label, list_query, **message_codes))


def chosen_member(text: str) -> UUID | None:
    """The id of the chosen member; None if empty. Raises Invalid."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise Invalid([FieldError(pointer="/member", code="unknown_code", detail="Choose a colleague.")]) from None
