"""The partner's page: for a centre without developers. The same commands as the API, in plain words."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from app.casework import partner_access, referral_actions
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid, NotAllowed
from app.referrals import partner_queries, unanswered_messages
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.states import MAY_OPEN, UNDECIDED, VISIBLE_TO_PARTNER, Actor, State, Verb
from app.staff.sessions import SignedIn
from app.web.account.policies import Member, Packs, field, number
from app.web.components import (
    path_convertors,  # noqa: F401  registers them
    staff_pages,
    time_format,
)
from app.web.partner import offer_page

router = APIRouter(prefix="/partner")

Label = Annotated[str, Path(max_length=14)]
_LISTED = 100
_WAITING = frozenset(UNDECIDED)
_AT_WORK = frozenset(MAY_OPEN) - {State.COMPLETED}
_ENDED = VISIBLE_TO_PARTNER - _WAITING - _AT_WORK


@router.get("/", name="offers")
def show_offers(request: Request, who: Member, session: ReadDb, packs: Packs, now: Now) -> Response:
    """What waits for an answer, what is under way, what has ended."""
    organisation_id = organisation_of(who)
    counts = partner_queries.counts(session, organisation_id)
    return staff_pages.page(
        request,
        "partner/offers.html",
        asked=partner_queries.soonest(session, organisation_id, _WAITING, _LISTED),
        working=partner_queries.soonest(session, organisation_id, _AT_WORK, _LISTED),
        ended=partner_queries.latest(session, organisation_id, _ENDED, _LISTED),
        how_many=[sum(counts[state] for state in states) for states in (_WAITING, _AT_WORK, _ENDED)],
        wrote=unanswered_messages.awaiting_reply(session, organisation_id),
        by=lambda moment, country: time_format.by(moment, now, time_format.zone_of(packs, country)),
    )


@router.get("/referrals/{label}", name="offer")
def show_offer(label: Label, request: Request, who: Member, session: ReadDb, keys: Keys, packs: Packs) -> Response:
    """The card, and what may be done now. The sealed parts stay closed."""
    return offer_page.page(request, session, keys, packs, label, organisation_of(who))


@router.post("/referrals/{label}/{verb:referral_verb}", name="answer_offer")
def answer_offer(
    label: Label,
    verb: Annotated[str, Path(max_length=20)],
    request: Request,
    who: Member,
    session: Db,
    keys: Keys,
    packs: Packs,
    now: Now,
) -> Response:
    """Take one step. A second person who is late learns what the state is now; what was not chosen is asked for again."""
    organisation_id = organisation_of(who)
    referral_id = partner_access.referral_id_of(session, organisation_id, label)
    by = ActorRef(Actor.PARTNER, who.member_id, organisation_id)
    version = number(request, "version")
    try:
        referral_actions.advance(
            session, referral_id, Verb(verb), by=by, now=now, expected_version=version, payload=_payload(request)
        )
    except Invalid as refused:
        wrong = offer_page.Wrong(field(request, "answer") or verb, refused.errors)
        return offer_page.page(request, session, keys, packs, label, organisation_id, wrong=wrong)
    return staff_pages.redirect(f"/partner/referrals/{label}?done=done")


def organisation_of(who: SignedIn) -> UUID:
    """Raises NotAllowed."""
    if who.organisation_id is None:
        raise NotAllowed("Only members of an organisation can use this page.")
    return who.organisation_id


def _payload(request: Request) -> TransitionInput:
    """What was chosen in the form. Raises Invalid."""
    chosen: dict[str, Any] = {name: field(request, name) or None for name in ("reason", "outcome", "question")}
    return TransitionInput(
        **chosen,
        until=_day(field(request, "until")),
        work_done=tuple(dict.fromkeys(request.state.typed.get("work_done", []))),
        deadline_on=_day(field(request, "deadline_on"), "/deadline_on"),
    )


def _day(text: str, pointer: str = "/until") -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid([FieldError(pointer=pointer, code="not_a_day", detail="Write the day as YYYY-MM-DD.")]) from None
