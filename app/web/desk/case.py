"""One case: what is known, what to do next, and every act of the desk on it."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.core.edge import Db, ReadDb
from app.core.errors import FieldError, Invalid, NotFound
from app.intake import queue, states
from app.intake.models import Case, Part
from app.intake.states import CaseVerb
from app.intake.vault import Opened
from app.referrals import desk as verbs
from app.referrals import tasks
from app.referrals.desk import Desk
from app.referrals.service import Said
from app.referrals.states import LIVE, State, Verb, allowed_actions
from app.web.desk import known, life, pages
from app.web.desk.deps import AtDesk, Packs, field, number

router = APIRouter(prefix="/desk/cases/{label}")

Label = Annotated[str, Path(max_length=12)]
_STEPS = (Verb.WITHDRAW, Verb.ANSWER, Verb.REOPEN, Verb.VOID)


@router.get("", name="case")
def show_case(label: Label, request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    """The case with its sealed parts closed."""
    return _case_page(request, desk, session, packs, queue.by_label(session, desk.team_id, label))


@router.post("/show", name="show_words")
def show_words(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Open story, what happened, conversation and notes on this one page. It is noted, and nothing else is written."""
    case, opened = verbs.read(session, desk, label)
    return _case_page(request, desk, session, packs, case, opened=opened)


@router.post("/contact", name="show_contact")
def show_contact(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Open how the person may be reached, for a purpose. It is noted."""
    case, contact = verbs.contact(session, desk, label, field(request, "purpose"))
    return _case_page(request, desk, session, packs, case, contact=contact)


@router.post("/take", name="take_case")
def take_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    verbs.take(session, desk, label, number(request, "version"))
    return _back(label, "taken")


@router.post("/assign", name="assign_case")
def assign_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    member = field(request, "member")
    verbs.assign(session, desk, label, number(request, "version"), _member(member) if member else None)
    return _back(label, "assigned")


@router.post("/snooze", name="snooze_case")
def snooze_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Until a day; an empty day wakes it."""
    until = _day(field(request, "until"))
    verbs.snooze(session, desk, label, number(request, "version"), until)
    return _back(label, "snoozed" if until else "woken")


@router.get("/refer", name="refer_form")
def refer_form(
    label: Label,
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    packs: Packs,
    service: Annotated[str, Query(max_length=130)] = "",
) -> Response:
    """The last look before referring: exactly what goes to whom, and when."""
    case = queue.by_label(session, desk.team_id, label)
    entry = packs.service(service)
    if entry is None or case.country not in entry.countries:
        raise NotFound("There is no such service.")
    facts = verbs.facts_of(desk.keys, case)
    put = verbs.referrals(session, case.id)
    slug = entry.organisation.id
    standing = verbs.standings(session, case, facts, [slug], [one.referral for one in put]).of(slug)
    return pages.page(
        request,
        "desk/refer.html",
        case=case,
        entry=entry,
        standing=standing,
        rows=known.facts_in_words(facts, case, pages.reader(request)),
        deadline=known.deadline(facts, packs, desk.now),
    )


@router.post("/refer", name="refer_case")
def refer_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    """Offer it, or ask the person first: whichever the consent says at this moment."""
    referral = verbs.refer(session, desk, label, number(request, "version"), field(request, "service"))
    return _back(label, "asked" if referral.state == State.AWAITING_CONSENT else "offered")


@router.post("/referrals/{referral}/{verb}", name="step_referral")
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
    said = Said(reason=field(request, "reason") or None)
    verbs.step(session, desk, label, referral, number(request, "version"), Verb(verb), said)
    return _back(label, "stepped")


@router.post("/message", name="send_message")
def send_message(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    verbs.message(session, desk, label, number(request, "version"), field(request, "text"))
    return _back(label, "sent")


@router.post("/note", name="add_note")
def add_note(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    verbs.note(session, desk, label, number(request, "version"), field(request, "text"))
    return _back(label, "noted")


@router.post("/close", name="close_case")
def close_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    verb = field(request, "verb")
    if verb not in set(verbs.ENDS):
        raise Invalid([FieldError(pointer="/verb", code="required", detail="Choose how the case ends.")])
    verbs.close(session, desk, label, number(request, "version"), CaseVerb(verb))
    return _back(label, "unmet" if verb == CaseVerb.UNMET else "closed")


@router.post("/reopen", name="reopen_case")
def reopen_case(label: Label, request: Request, desk: AtDesk, session: Db) -> Response:
    verbs.reopen(session, desk, label, number(request, "version"))
    return _back(label, "reopened")


def _case_page(
    request: Request,
    desk: Desk,
    session: Session,
    packs: Any,
    case: Case,
    *,
    opened: Sequence[Opened] | None = None,
    contact: Opened | None = None,
) -> Response:
    """Eleven statements, whatever the case has; opening its parts adds the grants, the wraps and the parts."""
    reader = pages.reader(request)
    facts = verbs.facts_of(desk.keys, case)
    put = verbs.referrals(session, case.id)
    actor = desk.actor.kind
    colleagues = verbs.colleagues(session, desk.team_id)
    allowed = states.allowed(states.CaseState(case.state), by=actor.value)
    around = life.gathered(session, desk, packs, case, put)
    request.state.open_tasks = around.beside.open_tasks
    live = any(State(one.referral.state) in LIVE for one in put)
    return pages.page(
        request,
        "desk/case.html",
        case=case,
        owner=next((member.name for member in colleagues if member.id == case.owner_id), None),
        mine=case.owner_id == desk.who.member_id,
        colleagues=colleagues,
        facts=known.facts_in_words(facts, case, reader),
        consent=known.consent_in_words(facts, packs) if facts else [],
        deadline=known.deadline(facts, packs, desk.now),
        step=known.next_step(session, desk.keys, packs, reader, case, facts, put),
        put=[
            (one, [verb for verb in allowed_actions(State(one.referral.state), by=actor) if verb in _STEPS])
            for one in put
        ],
        live=live,
        life=around,
        task_rules=tasks.RULES,
        timeline=known.timeline(session, case, put),
        sealed=known.sealed_counts(session, case),
        opened=_by_part(opened, packs) if opened is not None else None,
        contact=contact.content if contact else None,
        ends=[verb.value for verb in verbs.ENDS if _may_end(verb, allowed, live=live)],
        may_reopen=CaseVerb.REOPEN.value in allowed,
        may_take=case.closed_at is None,
        purposes=verbs.PURPOSES,
        withdraw_reasons=verbs.withdraw_reasons(),
        emergency=packs.emergency(case.country) if case.tier == "emergency" else (),
        safety=packs.country(case.country).safety if packs.has_country(case.country) else (),
    )


def _may_end(verb: CaseVerb, allowed: Sequence[str], *, live: bool) -> bool:
    """Ending withdraws what is live first, and a new case is taken before it is called helped."""
    if live:
        return True
    return verb.value in allowed or (verb is CaseVerb.HELP and CaseVerb.TAKE.value in allowed)


def _by_part(opened: Sequence[Opened], packs: Any) -> dict[str, Any]:
    labels = {entry.code: entry.label for entry in packs.persecution}
    found: dict[str, list[Opened]] = {part.value: [] for part in Part}
    for one in opened:
        found[one.part.value].append(one)
    return {
        "story": found["story"][0].content if found["story"] else None,
        "happened": [labels.get(code, code) for one in found["happened"] for code in one.content.get("codes", ())],
        "thread": found["thread"],
        "note": found["note"],
    }


def _back(label: str, done: str) -> Response:
    return pages.to(f"/desk/cases/{label}?done={done}")


def _member(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid([FieldError(pointer="/member", code="unknown_code", detail="Choose a colleague.")]) from None


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid([FieldError(pointer="/until", code="not_a_day", detail="Write the day as YYYY-MM-DD.")]) from None
