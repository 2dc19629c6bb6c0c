"""One case: what is known, what to do next, and every act of the desk on it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.cases import case_presence, duplicate_detection, queue, states
from app.cases.models import Case, Part
from app.cases.sealed_parts import OpenedPart
from app.cases.states import CaseVerb
from app.casework import case_closing, case_merges, case_ownership, correspondence, desk_referrals, sealed_access, undo
from app.casework.coordinator import Desk
from app.casework.eligibility import eligibility_of
from app.casework.unavailability import unavailability_of
from app.core.dependencies import Db, ReadDb
from app.core.errors import FieldError, Invalid, NotFound
from app.referrals.commands import TransitionInput
from app.referrals.referral_summaries import summaries_of
from app.referrals.states import LIVE, State, Verb, allowed_actions
from app.web.account.policies import AtDesk, Packs, field, number
from app.web.components import (
    path_convertors,  # noqa: F401  registers them
    staff_pages,
)
from app.web.desk import case_followup, case_view, queue_url, saved_replies

router = APIRouter(prefix="/desk/cases/{label}")

Label = Annotated[str, Path(max_length=12)]
Listed = Annotated[str, Query(max_length=400, alias="list")]
_STEPS = (Verb.WITHDRAW, Verb.ANSWER, Verb.REOPEN, Verb.VOID)
_RENEWED_AFTER = timedelta(minutes=1)
_MOST_REMEMBERED = 1_000


async def _noted(label: Label, request: Request, desk: AtDesk) -> None:
    """Tell colleagues that this member has the case on the screen: once a minute, in a short write of its own.

    How lately it was noted is remembered by the process only to spare writes; what is said stands in the database.
    """
    state = request.app.state
    if not hasattr(state, "noted_openings"):
        state.noted_openings = {}
    lately: dict[tuple[UUID, str], datetime] = state.noted_openings
    key = (desk.who.member_id, label)
    if key in lately and timedelta(0) <= desk.now - lately[key] < _RENEWED_AFTER:
        return
    async with state.transactions.open(write=True) as session:
        await run_sync(case_presence.record, session, desk.team_id, label, desk.who.member_id, desk.now)
    if len(lately) >= _MOST_REMEMBERED:
        lately.clear()
    lately[key] = desk.now


@router.get("", name="case", dependencies=[Depends(_noted)])
def show_case(label: Label, request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    """The case with its sealed parts closed."""
    return _case_page(request, desk, session, packs, queue.by_label(session, desk.team_id, label))


@router.post("/show", name="show_words")
def show_words(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Open story, what happened, conversation and notes on this one page. It is noted, and nothing else is written."""
    case, opened = sealed_access.open_case(session, desk, label)
    return _case_page(request, desk, session, packs, case, opened=opened)


@router.post("/contact", name="show_contact")
def show_contact(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Open how the person may be reached, for a purpose. It is noted."""
    case, contact = sealed_access.open_contact(session, desk, label, field(request, "purpose"))
    return _case_page(request, desk, session, packs, case, contact=contact)


@router.post("/take", name="take_case")
def take_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    case = case_ownership.take(session, desk, label, number(request, "version"))
    return back(request, case, "taken")


@router.post("/assign", name="assign_case")
def assign_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    member = field(request, "member")
    case = case_ownership.assign(session, desk, label, number(request, "version"), chosen_member(member))
    return back(request, case, "assigned", decided=case.owner_id != desk.who.member_id)


@router.post("/snooze", name="snooze_case")
def snooze_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Until a day; an empty day wakes it."""
    until = chosen_day(field(request, "until"))
    case = case_ownership.snooze(session, desk, label, number(request, "version"), until)
    return back(request, case, "snoozed" if until else "woken", decided=until is not None)


@router.get("/refer", name="refer_form")
def refer_form(
    label: Label,
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    packs: Packs,
    service: Annotated[str, Query(max_length=130)] = "",
    listed: Listed = "",
) -> Response:
    """The last look before referring: exactly what goes to whom, and when."""
    case = queue.by_label(session, desk.team_id, label)
    entry = packs.service(service)
    if entry is None or case.country not in entry.countries:
        raise NotFound("This service does not exist.")
    facts = sealed_access.facts_of(desk.keys, case)
    put = summaries_of(session, case.id)
    slug = entry.organisation.id
    standing = eligibility_of(session, case, facts, [slug], [one.referral for one in put]).of(slug)
    return staff_pages.page(
        request,
        "desk/refer.html",
        case=case,
        entry=entry,
        standing=standing,
        away=unavailability_of(session, case, entry.key, desk.now.date()),
        rows=case_view.facts_in_words(facts, case, staff_pages.reader(request)),
        deadline=case_view.deadline(facts, packs, desk.now),
        listed=carried(listed),
    )


@router.post("/refer", name="refer_case")
def refer_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Offer it, or ask the person first: whichever the consent says at this moment."""
    despite = field(request, "despite") == "yes"
    service = field(request, "service")
    referral = desk_referrals.refer(session, desk, label, number(request, "version"), service, despite=despite)
    case = session.get_one(Case, referral.case_id)
    return back(request, case, "asked" if referral.state == State.AWAITING_CONSENT else "offered", decided=True)


@router.post("/referrals/{referral}/{verb:referral_verb}", name="step_referral")
def step_referral(
    label: Label,
    referral: Label,
    verb: Annotated[str, Path(max_length=20)],
    request: Request,
    desk: AtDesk,
    session: Db,
) -> Response:
    """Withdraw, answer, reopen, or (seniors) mark as entered in error."""
    if verb not in _STEPS:
        raise NotFound
    payload = TransitionInput(reason=field(request, "reason") or None)
    stepped = desk_referrals.move_referral(
        session, desk, label, referral, number(request, "version"), Verb(verb), payload
    )
    return back(request, session.get_one(Case, stepped.case_id), "stepped")


@router.get("/ask", name="ask_form")
def ask_form(
    label: Label,
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    question: Annotated[str, Query(max_length=24)] = "letter_date",
    listed: Listed = "",
) -> Response:
    """A question in the person's language, to be read, changed and sent. Nothing is sent by looking at it."""
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
        listed=carried(listed),
    )


@router.post("/message", name="send_message")
def send_message(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    case = correspondence.message(session, desk, label, number(request, "version"), field(request, "text"))
    return back(request, case, "sent")


@router.post("/note", name="add_note")
def add_note(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    case = correspondence.note(session, desk, label, number(request, "version"), field(request, "text"))
    return back(request, case, "noted")


@router.post("/close", name="close_case")
def close_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    verb = field(request, "verb")
    if verb not in set(case_closing.ENDS):
        raise Invalid([FieldError(pointer="/verb", code="required", detail="Choose the outcome of the case.")])
    case = case_closing.close(session, desk, label, number(request, "version"), CaseVerb(verb))
    return back(request, case, "unmet" if verb == CaseVerb.UNMET else "closed", decided=True)


@router.post("/reopen", name="reopen_case")
def reopen_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    case = case_closing.reopen(session, desk, label, number(request, "version"))
    return back(request, case, "reopened")


@router.post("/undo", name="undo_act")
def undo_act(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Take one's own last act back, while nothing else has happened."""
    case = undo.undo(session, desk, label, number(request, "version"))
    return back(request, case, "undone")


@router.post("/compare", name="compare_case")
def compare_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Look for cases with the same contact or name, as they are given today. It is noted; nothing of them is shown."""
    return back(request, case_merges.compare(session, desk, label), "compared")


@router.post("/merge", name="merge_case")
def merge_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """The same person: let the other case go on."""
    other = case_merges.merge(session, desk, label, number(request, "version"), field(request, "into")[:12])
    return back(request, other, "merged")


@router.post("/unmerge", name="unmerge_case")
def unmerge_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    return back(request, case_merges.unmerge(session, desk, label, number(request, "version")), "unmerged")


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
    """Eleven statements with the sign-in, whatever the case has, and once a minute one to note that it was opened.

    Opening its parts adds the grants, the wraps and the parts.
    """
    reader = staff_pages.reader(request)
    facts = sealed_access.facts_of(desk.keys, case)
    put = summaries_of(session, case.id)
    actor = desk.actor.kind
    colleagues = case_ownership.colleagues(session, desk.team_id, case_id=case.id, now=desk.now)
    alike = duplicate_detection.possible_duplicates(session, case)
    inside = case_view.inside(session, case)
    listed = carried(request.query_params.get("list") or field_if_posted(request, "list"))
    allowed = states.allowed(states.CaseState(case.state), by=actor.value)
    around = case_followup.gathered(session, desk, packs, case, put)
    request.state.open_tasks = around.beside.open_tasks
    live = any(State(one.referral.state) in LIVE for one in put)
    return staff_pages.page(
        request,
        "desk/case.html",
        case=case,
        owner=next((member.name for member in colleagues if member.id == case.owner_id), None),
        mine=case.owner_id == desk.who.member_id,
        colleagues=colleagues,
        facts=case_view.facts_in_words(facts, case, reader),
        consent=case_view.consent_in_words(facts, packs) if facts else [],
        deadline=case_view.deadline(facts, packs, desk.now),
        step=case_view.next_step(session, desk.keys, packs, reader, case, facts, put, inside.holders),
        put=[
            (one, [verb for verb in allowed_actions(State(one.referral.state), by=actor) if verb in _STEPS])
            for one in put
        ],
        live=live,
        life=around,
        timeline=case_view.timeline(session, case, put, {member.id: member.name for member in colleagues}),
        others=[one for one in colleagues if one.opened_at and one.id != desk.who.member_id],
        alike=alike,
        merged_into=next((one.label for one in alike if one.link == "into"), None),
        questions=saved_replies.QUESTIONS,
        listed=listed,
        sealed=inside.counts,
        opened=_by_part(opened, packs) if opened is not None else None,
        contact=contact.content if contact else None,
        ends=[verb.value for verb in case_closing.ENDS if _may_end(verb, allowed, live=live)],
        may_reopen=CaseVerb.REOPEN.value in allowed,
        may_take=case.closed_at is None,
        purposes=sealed_access.PURPOSES,
        withdraw_reasons=desk_referrals.withdraw_reasons(),
        emergency=packs.emergency(case.country) if case.urgency == "emergency" else (),
        safety=packs.country(case.country).safety if packs.has_country(case.country) else (),
    )


def _may_end(verb: CaseVerb, allowed: Sequence[str], *, live: bool) -> bool:
    """Ending withdraws what is live first, and a new case is taken before it is called helped."""
    if live:
        return True
    return verb.value in allowed or (verb is CaseVerb.HELP and CaseVerb.TAKE.value in allowed)


def _by_part(opened: Sequence[OpenedPart], packs: Any) -> dict[str, Any]:
    labels = {entry.code: entry.label for entry in packs.persecution}
    found: dict[str, list[OpenedPart]] = {part.value: [] for part in Part}
    for one in opened:
        found[one.part.value].append(one)
    return {
        "story": found["story"][0].content if found["story"] else None,
        "happened": [labels.get(code, code) for one in found["happened"] for code in one.content.get("codes", ())],
        "thread": found["thread"],
        "note": found["note"],
    }


def carried(query: str) -> str:
    """The list that the coordinator came from, if it is one of ours: where to go on after a decision."""
    listing = queue_url.read(query)
    return listing.query if listing else ""


def field_if_posted(request: Request, name: str) -> str:
    return field(request, name) if request.method == "POST" else ""


def back(request: Request, case: Case, done: str, *, decided: bool = False) -> Response:
    """To the case; after a decision, when it was opened from a list, to the next one of that list."""
    listed = carried(field(request, "list"))
    told = {"done": done, "v": str(case.version) if done in staff_pages.UNDOABLE else ""}
    if decided and listed:
        return staff_pages.to(staff_pages.with_news("/desk/next", but=case.label, list=listed, was=case.label, **told))
    return staff_pages.to(queue_url.case_path(case.label, listed, **told))


def chosen_member(text: str) -> UUID | None:
    """A colleague, or nobody. Raises Invalid."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise Invalid([FieldError(pointer="/member", code="unknown_code", detail="Choose a colleague.")]) from None


def chosen_day(text: str) -> date | None:
    """A day, or none. Raises Invalid."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid([FieldError(pointer="/until", code="not_a_day", detail="Write the day as YYYY-MM-DD.")]) from None
