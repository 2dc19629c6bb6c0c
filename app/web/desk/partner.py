"""The partner's page: for a centre without developers. The same commands as the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.core.edge import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid, NotAllowed, NotFound
from app.core.keyring import KeyRing
from app.intake.vault import Opened
from app.referrals import opening, pulls, service
from app.referrals.pulls import Wanted
from app.referrals.reasons import DAY_REQUIRED, OUTCOME_REQUIRED, OUTCOMES, REASON_REQUIRED, reasons_for
from app.referrals.service import ActorRef, Said
from app.referrals.states import ASKED, OPENED, SEEN_BY_PARTNER, Actor, State, Verb, allowed_actions
from app.staff.sessions import SignedIn
from app.web.desk import pages
from app.web.desk.deps import Config, Member, Packs, field, number

router = APIRouter(prefix="/partner")

Label = Annotated[str, Path(max_length=14)]
_LISTED = 100
_WAITING = frozenset(ASKED)
_AT_WORK = frozenset(OPENED) - {State.COMPLETED}
_SHELVES = (_WAITING, _AT_WORK, SEEN_BY_PARTNER - _WAITING - _AT_WORK)


@dataclass(frozen=True, slots=True)
class Action:
    """One step the partner may take now, with the codes it needs."""

    verb: str
    reasons: Sequence[str]
    outcomes: Sequence[str]
    needs_day: bool


@router.get("/", name="offers")
def show_offers(request: Request, who: Member, session: ReadDb) -> Response:
    """What waits for an answer, what is under way, what has ended."""
    organisation_id = _organisation(who)
    shelves = []
    for states in _SHELVES:
        wanted = Wanted(states=tuple(sorted(state.value for state in states)))
        rows = pulls.page(session, organisation_id, wanted, after=None, limit=_LISTED)
        shelves.append(sorted(rows, key=lambda row: (row.decide_by or row.contact_by or row.updated_at, row.id)))
    return pages.page(request, "partner/offers.html", asked=shelves[0], working=shelves[1], ended=shelves[2])


@router.get("/referrals/{label}", name="offer")
def show_offer(label: Label, request: Request, who: Member, session: ReadDb, keys: Keys, packs: Packs) -> Response:
    """The card, and what may be done now. The sealed parts stay closed."""
    return _offer_page(request, who, session, keys, packs, label)


@router.post("/referrals/{label}/show", name="show_sealed")
def show_sealed(
    label: Label, request: Request, who: Member, session: Db, keys: Keys, packs: Packs, config: Config, now: Now
) -> Response:
    """Open the sealed parts on this one page. It is noted."""
    opened = opening.open_parts(session, keys, who, label, now, config.reads_a_day)
    return _offer_page(request, who, session, keys, packs, label, opened=opened)


@router.post("/referrals/{label}/{verb}", name="answer_offer")
def answer_offer(
    label: Label, verb: Annotated[str, Path(max_length=20)], request: Request, who: Member, session: Db, now: Now
) -> Response:
    """Take one step. A second person who is late learns what the state is now."""
    if verb not in set(Verb):
        raise NotFound
    organisation_id = _organisation(who)
    referral_id = opening.by_label(session, organisation_id, label)
    said = Said(field(request, "reason") or None, field(request, "outcome") or None, _day(field(request, "until")))
    by = ActorRef(Actor.PARTNER, who.member_id, organisation_id)
    version = number(request, "version")
    service.advance(session, referral_id, Verb(verb), by=by, now=now, expected_version=version, said=said)
    return pages.to(f"/partner/referrals/{label}?done=done")


def _offer_page(
    request: Request,
    who: SignedIn,
    session: Session,
    keys: KeyRing,
    packs: Any,
    label: str,
    opened: Sequence[Opened] | None = None,
) -> Response:
    organisation_id = _organisation(who)
    row = pulls.one(session, organisation_id, opening.by_label(session, organisation_id, label))
    if row is None:
        raise NotFound("There is no such referral.")
    state = State(row.state)
    return pages.page(
        request,
        "partner/offer.html",
        row=row,
        card=pulls.unlocked_card(keys, row),
        actions=[_action(Verb(verb)) for verb in allowed_actions(state, by=Actor.PARTNER)],
        may_open=state in OPENED,
        parts=_in_order(opened, packs) if opened is not None else None,
    )


def _action(verb: Verb) -> Action:
    reasons = reasons_for(verb) if verb in REASON_REQUIRED else []
    outcomes = list(OUTCOMES) if verb in OUTCOME_REQUIRED else []
    return Action(verb.value, reasons, outcomes, verb in DAY_REQUIRED)


def _in_order(opened: Sequence[Opened], packs: Any) -> dict[str, Any]:
    labels = {entry.code: entry.label for entry in packs.persecution}
    by_part = {one.part.value: one.content for one in opened if one.part != "thread"}
    return {
        "contact": by_part.get("contact"),
        "story": by_part.get("story"),
        "happened": [labels.get(code, code) for code in (by_part.get("happened") or {}).get("codes", ())],
        "thread": [one for one in opened if one.part == "thread"],
    }


def _organisation(who: SignedIn) -> UUID:
    if who.organisation_id is None:
        raise NotAllowed("This is for members of an organisation.")
    return who.organisation_id


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid([FieldError(pointer="/until", code="not_a_day", detail="Write the day as YYYY-MM-DD.")]) from None
