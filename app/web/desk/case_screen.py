"""Responses with the case page: the page itself, and the response after an action on it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from functools import wraps
from types import MappingProxyType
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.cases import duplicate_detection, restriction, states, team_cases
from app.cases.models import Case, PartKind
from app.cases.need_states import NeedState
from app.cases.sealed_parts import OpenedPart
from app.cases.states import CaseVerb
from app.casework import (
    announced_documents,
    case_clocks,
    case_closing,
    case_ownership,
    desk_referrals,
    next_actions,
    restrictions,
    sealed_access,
)
from app.casework.case_clocks import ListedReferral
from app.casework.case_sidebar import CaseSidebar
from app.casework.coordinator import Desk
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, TooMany
from app.core.i18n import Translator
from app.directory.packs import Directory
from app.matching import runs
from app.referrals.queries import needs_of
from app.referrals.referral_summaries import ReferralSummary, summaries_of
from app.referrals.states import LIVE, ReferralState, ReferralVerb, allowed_actions
from app.web.components import reader_language, staff_pages, time_format
from app.web.components.forms import field_value
from app.web.desk import by_hand_view, case_form, case_view, comparing, followup_view, queue_url, saved_replies
from app.web.desk.case_clock_view import Clocks
from app.web.desk.case_form import TypedInput

STEPS = (ReferralVerb.WITHDRAW, ReferralVerb.ANSWER, ReferralVerb.REOPEN, ReferralVerb.VOID)
NOTHING = TypedInput()


def case_page(
    request: Request,
    desk: Desk,
    session: Session,
    packs: Any,
    case: Case,
    *,
    typed: TypedInput = NOTHING,
    opened: Sequence[OpenedPart] | None = None,
    contact: OpenedPart | None = None,
    errors: Sequence[FieldError] = (),
    meaning: str = "",
    leaving: str = "",
) -> Response:
    """Render the page. Eleven statements with the sign-in, whatever the case contains, and one more a minute for the presence.

    Decrypting the parts adds statements for the grants, the wrapped keys and the parts.
    """
    code_names = staff_pages.code_names(request)
    facts = sealed_access.facts_of(desk.keys, case)
    summaries = summaries_of(session, case.id)
    actor = desk.actor.kind
    colleagues = case_ownership.colleagues(session, desk.team_id, case_id=case.id, now=desk.now)
    restricted_to = restriction.named(session, case.id) if case.restricted else []
    duplicates = duplicate_detection.possible_duplicates(session, case, me=desk.member.member_id)
    contents = case_view.case_contents(session, case)
    list_query = valid_list_query(request.query_params.get("list") or _posted_field(request, "list"))
    allowed_verbs = states.allowed(states.CaseState(case.state), by=actor.value)
    followup = followup_view.load_followup(session, desk, packs, case, summaries)
    request.state.open_tasks, request.state.reach = followup.sidebar.open_tasks, followup.sidebar.reach
    live = any(ReferralState(summary.referral.state) in LIVE for summary in summaries)
    zone = time_format.zone_of(packs, case.country)
    hands = by_hand_view.of_case(session, desk, packs, case, summaries, names_open=opened is not None)
    step = case_view.next_step(session, desk.keys, packs, code_names, case, facts, summaries, contents.holders)
    needs = case_view.needs_in_words(case, contents, summaries)
    merged_into = next((duplicate.label for duplicate in duplicates if duplicate.link == "into"), None)
    words, times = reader_language.words(request), reader_language.times(request)
    clocks = Clocks(packs, desk.now, times)
    standing = _standing(
        desk, case, summaries, hands, step, needs, followup.sidebar, clocks, is_merged=bool(merged_into)
    )
    offers = [one.offer for one in standing.live]
    uncovered = standing.uncovered
    entries = [
        (summary, [verb for verb in allowed_actions(ReferralState(summary.referral.state), by=actor) if verb in STEPS])
        for summary in summaries
    ]
    return staff_pages.page(
        request,
        "desk/case.html",
        status=422 if errors else 200,
        case=case,
        typed=typed.fields,
        errors={error["pointer"].removeprefix("/"): error["detail"] for error in errors},
        reopen=[*(["words"] if opened is not None else []), *(["contact"] if contact else [])],
        clock=None if case.closed_at is not None else clocks.of_case(case, offers),
        ends_at=None
        if case.closed_at is not None
        else case_clocks.next_clock(case, offers, desk.now, clocks.zone(case.country)).at,
        next_action=next_actions.next_of(standing),
        clocks={offer.label: clocks.of_offer(offer, case.country) for offer in offers},
        left=lambda at: times.hours_and_minutes(abs(at - desk.now)),
        local=lambda at: times.local_moment(at, zone),
        owner=next((member.name for member in colleagues if member.id == case.owner_id), None),
        mine=case.owner_id == desk.member.member_id,
        colleagues=restricted_to if case.restricted else colleagues,
        nameable=colleagues,
        restricted_to=restricted_to,
        may_restrict=case.restricted or restrictions.may_restrict(desk, case),
        facts=case_view.facts_in_words(facts, case, code_names, words),
        consent=case_view.consent_in_words(facts, packs, words) if facts else [],
        deadline=case_view.deadline(case, facts, packs, desk.now, words),
        if_missed=case_view.row_if_missed(facts, case, packs),
        step=step,
        uncovered=uncovered,
        under_way=[entry for entry in entries if ReferralState(entry[0].referral.state) in LIVE],
        ended=[entry for entry in entries if ReferralState(entry[0].referral.state) not in LIVE],
        step_names={service.service: service.name for service in step.candidates},
        today=runs.local_date(packs, case.country, desk.now),
        meaning=meaning,
        leaving=leaving,
        snooze_days=[runs.local_date(packs, case.country, desk.now) + timedelta(days=days) for days in (1, 7)],
        zone=zone,
        by=lambda moment: times.respond_by(moment, desk.now, zone),
        live=live,
        messages=contents.messages,
        appointments=contents.appointments,
        documents=contents.documents,
        answer_words=by_hand_view.ANSWERS,
        by_hand=hands,
        needs=needs,
        followup=followup,
        timeline=case_view.timeline(session, case, summaries, {member.id: member.name for member in colleagues}),
        viewers=[member for member in colleagues if member.opened_at and member.id != desk.member.member_id],
        duplicates=duplicates,
        comparing_is_behind=case.compared_with is None or comparing.is_behind(request),
        merged_into=merged_into,
        questions=saved_replies.QUESTIONS,
        list_query=list_query,
        sealed=contents.counts,
        opened=_parts_by_kind(announced_documents.with_deleted(session, case.id, opened), packs, words)
        if opened is not None
        else None,
        contact=contact.content if contact else None,
        ends=[verb.value for verb in case_closing.ENDS if _can_close(verb, allowed_verbs, live=live)],
        may_reopen=CaseVerb.REOPEN.value in allowed_verbs,
        may_take=case.closed_at is None,
        undo_task=undo_task(request),
        purposes=sealed_access.PURPOSES,
        withdraw_reasons=desk_referrals.withdraw_reasons(),
        emergency=packs.urgent_contacts(case.country, case.needs) if case.urgency == "emergency" else (),
    )


def _standing(
    desk: Desk,
    case: Case,
    summaries: Sequence[ReferralSummary],
    hands: Mapping[UUID, by_hand_view.ByHand],
    step: case_view.NextStep,
    needs: Sequence[case_view.CaseNeedView],
    sidebar: CaseSidebar,
    clocks: Clocks,
    *,
    is_merged: bool,
) -> next_actions.Situation:
    """The facts that the head of the page is computed from."""
    live = []
    for summary in summaries:
        if ReferralState(summary.referral.state) not in LIVE:
            continue
        hand = hands.get(summary.referral.id)
        to_ask = hand is not None and hand.may_ask and not hand.is_asked and hand.link is None
        live.append(next_actions.LiveReferral(_offer(summary), hand is not None, to_ask))
    asked = {
        need for summary in summaries if summary.referral.state in LIVE for need in needs_of(summary.referral, case)
    }
    return next_actions.Situation(
        is_closed=case.closed_at is not None,
        is_merged=is_merged,
        person_wrote=case.person_wrote,
        has_owner=case.owner_id is not None,
        uncovered=any(NeedState(need.state) is NeedState.OPEN and need.code not in asked for need in needs),
        live=live,
        best=next((service.service for service in step.candidates if service.can_be_asked), ""),
        has_tasks=bool(sidebar.tasks),
        now=desk.now,
        zone=clocks.zone(case.country),
    )


def _offer(summary: ReferralSummary) -> ListedReferral:
    """A live referral in the form that the clocks take."""
    referral = summary.referral
    return ListedReferral(
        label=referral.label,
        state=ReferralState(referral.state),
        organisation=summary.organisation,
        offered_at=referral.offered_at,
        acknowledge_by=referral.acknowledge_by,
        decide_by=referral.decide_by,
        expires_at=referral.expires_at,
        contact_by=referral.contact_by,
        review_on=referral.review_on,
        due_at=referral.due_at,
        paused_at=referral.paused_at,
    )


def _can_close(verb: CaseVerb, allowed: Sequence[str], *, live: bool) -> bool:
    """Whether the case can be closed this way: closing first withdraws live referrals, and takes a new case into review before it
    is marked as helped.
    """
    if live:
        return True
    return verb.value in allowed or (verb is CaseVerb.HELP and CaseVerb.TAKE.value in allowed)


def _parts_by_kind(opened: Sequence[OpenedPart], packs: Any, words: Translator) -> dict[str, Any]:
    labels = {entry.code: entry.label for entry in packs.persecution}
    parts: dict[str, list[OpenedPart]] = {kind.value: [] for kind in PartKind}
    for part in opened:
        parts[part.part.value].append(part)
    return {
        "story": parts["story"][0].content if parts["story"] else None,
        "happened": [
            words.text(labels[code]) if code in labels else code
            for part in parts["happened"]
            for code in part.content.get("codes", ())
        ],
        "thread": parts["thread"],
        "note": parts["note"],
    }


def valid_list_query(query: str) -> str:
    """The query of the list that the coordinator came from; empty unless it is valid.

    After a decision they continue in that list.
    """
    listing = queue_url.read(query)
    return listing.query if listing else ""


def _posted_field(request: Request, name: str) -> str:
    return field_value(request.state.form, name) if request.method == "POST" else ""


def after(
    request: Request,
    _desk: Desk,
    _session: Session,
    _packs: Directory,
    case: Case,
    done: str,
    *,
    own: Collection[str] = (),
    decided: bool = False,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """The response to an action: a redirect to the case, or to the same page with other typed text and open parts.

    `own`: the fields that the action has used. In the second case the browser sends the same form once more, to `keep_typed`,
    which saves nothing: so reloading the page does not repeat the action. Parts that were open are opened again there,
    which is audited like every opening.
    """
    typed = case_form.read(request.state.form, but=own)
    if not typed.is_unsent and (decided or not typed.opened):
        return redirect_after(request, case, done, decided=decided, more=more)
    here = field_value(request.state.form, "page")[:12] or case.label  # a merge goes on in the other case
    message = {"done": done, "v": str(case.version), "was": case.label if case.label != here else "", **more}
    return RedirectResponse(
        staff_pages.with_message(f"/desk/cases/{here}/typed", **message, used=" ".join(own)), status_code=307
    )


def with_open_parts(
    request: Request,
    desk: Desk,
    session: Session,
    packs: Directory,
    case: Case,
    typed: TypedInput,
    errors: Sequence[FieldError] = (),
    meaning: str = "",
    leaving: str = "",
) -> Response:
    """The page with the typed text, and with the parts that were open opened again if the reader may still open them."""
    opened, contact = None, None
    try:
        with session.begin_nested():
            if "words" in typed.opened:
                opened = sealed_access.open_case(session, desk, case.label)[1]
            if "contact" in typed.opened:
                purpose = typed.fields.get("purpose", "")
                contact = sealed_access.open_contact(session, desk, case.label, purpose)[1]
    except (Conflict, Invalid, NotAllowed, TooMany):
        opened, contact = None, None
    return case_page(
        request, desk, session, packs, case,
        typed=typed, opened=opened, contact=contact, errors=errors, meaning=meaning, leaving=leaving,
    )  # fmt: skip


def errors_on_page(handler: Callable[..., Response]) -> Callable[..., Response]:
    """Make an action of the case page show what is wrong on the page itself, at its field, with all that was typed.

    Everything that the action wrote before it refused is rolled back. The handler takes label, request, desk, session and packs.
    """

    @wraps(handler)
    def answer(**given: Any) -> Response:
        try:
            return handler(**given)
        except Invalid as error:
            session, desk, request = given["session"], given["desk"], given["request"]
            session.rollback()
            here = field_value(request.state.form, "page")[:12] or given["label"]
            case = team_cases.by_label(session, desk.team_id, here, me=desk.member.member_id)
            typed = case_form.read({**request.state.form, "of": [""]})
            return with_open_parts(request, desk, session, given["packs"], case, typed, error.errors)

    return answer


def undo_task(request: Request) -> UUID | None:
    """The task that was just marked as done, as the address or this request says."""
    found: UUID | None = getattr(request.state, "undo_task", None)
    if found is None and request.query_params.get("done") == "done":
        try:
            return UUID(request.query_params.get("task", ""))
        except ValueError:
            return None
    return found


def redirect_after(
    request: Request,
    case: Case,
    done: str,
    *,
    decided: bool = False,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """Redirect to the case; after a decision on a case opened from a list, to the next case of that list."""
    list_query = valid_list_query(field_value(request.state.form, "list"))
    message_codes = {"done": done, "v": str(case.version) if done in staff_pages.UNDOABLE else "", **more}
    if decided and list_query:
        return staff_pages.redirect(
            staff_pages.with_message("/desk/next", but=case.label, list=list_query, was=case.label, **message_codes)
        )
    return staff_pages.redirect(queue_url.case_path(case.label, list_query, **message_codes))
