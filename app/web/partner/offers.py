"""The partner's list of referrals, one referral, and the answers to it."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from app.casework import partner_access, quality_answers, referral_actions, referral_threads
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import Invalid, NotAllowed
from app.referrals import partner_queries, threads, unanswered_messages
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.states import MAY_OPEN, UNDECIDED, VISIBLE_TO_PARTNER, ReferralActor, ReferralState, ReferralVerb
from app.staff.sessions import SignedIn
from app.web.account.policies import Config, Member, Packs, submitted_version
from app.web.components import (
    date_fields,
    path_convertors,  # noqa: F401  registers them
    reader_language,
    staff_pages,
    time_format,
)
from app.web.components.forms import field_value
from app.web.partner import offer_page

router = APIRouter(prefix="/partner")

Label = Annotated[str, Path(max_length=14)]
_LISTED = 100
_WAITING = frozenset(UNDECIDED)
_AT_WORK = frozenset(MAY_OPEN) - {ReferralState.COMPLETED}
_ENDED = VISIBLE_TO_PARTNER - _WAITING - _AT_WORK


@router.get("/", name="offers")
def show_offers(request: Request, member: Member, session: ReadDb, packs: Packs, now: Now) -> Response:
    """Show the referrals that wait for an answer, are under way, or have ended."""
    organisation_id = organisation_of(member)
    counts, times = partner_queries.counts(session, organisation_id), reader_language.times(request)
    return staff_pages.page(
        request,
        "partner/offers.html",
        asked=partner_queries.soonest(session, organisation_id, _WAITING, _LISTED),
        working=partner_queries.soonest(session, organisation_id, _AT_WORK, _LISTED),
        ended=partner_queries.latest(session, organisation_id, _ENDED, _LISTED),
        totals=[sum(counts[state] for state in states) for states in (_WAITING, _AT_WORK, _ENDED)],
        wrote=unanswered_messages.awaiting_reply(session, organisation_id),
        by=lambda moment, country: times.respond_by(moment, now, time_format.zone_of(packs, country)),
    )


@router.get("/referrals/{label}", name="offer")
def show_offer(label: Label, request: Request, member: Member, session: ReadDb, keys: Keys, packs: Packs) -> Response:
    """Show the card and the possible answers, without decrypting the sealed parts."""
    return offer_page.page(request, session, keys, packs, label, organisation_of(member))


@router.post("/referrals/{label}/{verb:referral_verb}", name="answer_offer")
def answer_offer(
    label: Label,
    verb: Annotated[str, Path(max_length=20)],
    request: Request,
    member: Member,
    session: Db,
    keys: Keys,
    packs: Packs,
    config: Config,
    now: Now,
) -> Response:
    """Apply one answer. On a conflict the caller learns the present state; missing choices are asked for again."""
    organisation_id = organisation_of(member)
    referral_id = partner_access.referral_id_of(session, organisation_id, label)
    by = ActorRef(ReferralActor.PARTNER, member.member_id, organisation_id)
    version = submitted_version(request)
    text = field_value(request.state.form, "text").strip() if verb == ReferralVerb.ASK_INFO else ""
    try:
        if text:
            threads.check_text(text)
        referral_actions.advance(
            session,
            referral_id,
            ReferralVerb(verb),
            by=by,
            now=now,
            expected_version=version,
            payload=_payload(request, now.date()),
        )
        if text:
            referral_threads.write_by_partner(
                session,
                keys,
                organisation_id,
                referral_id,
                member.member_id,
                text,
                f"ask_info:{version}",
                now=now,
                limit=config.conversation_messages,
            )
    except Invalid as error:
        refused = offer_page.RefusedAnswer(
            field_value(request.state.form, "answer") or verb, error.errors, request.state.form
        )
        return offer_page.page(request, session, keys, packs, label, organisation_id, refused=refused)
    return staff_pages.redirect(f"/partner/referrals/{label}?done=recorded")


@router.post("/referrals/{label}/quality", name="say_quality")
def say_quality(
    label: Label,
    request: Request,
    member: Member,
    session: Db,
    keys: Keys,
    packs: Packs,
    config: Config,
    now: Now,
) -> Response:
    """Answer about the quality of an accepted request: codes, and words to the team alone."""
    organisation_id, form = organisation_of(member), request.state.form
    try:
        quality_answers.say_in_words(
            session,
            keys,
            organisation_id,
            partner_access.referral_id_of(session, organisation_id, label),
            form.get("quality", []),
            field_value(form, "text"),
            field_value(form, "once"),
            who=member.member_id,
            now=now,
            limit=config.conversation_messages,
        )
    except Invalid as error:
        refused = offer_page.RefusedAnswer("quality", error.errors, form)
        return offer_page.page(request, session, keys, packs, label, organisation_id, refused=refused)
    return staff_pages.redirect(f"/partner/referrals/{label}?done=quality")


def organisation_of(member: SignedIn) -> UUID:
    """The member's organisation. Raises NotAllowed."""
    if member.organisation_id is None:
        raise NotAllowed("Only members of an organisation can use this page.")
    return member.organisation_id


def _payload(request: Request, today: date) -> TransitionInput:
    """The choices in the form. Raises Invalid."""
    codes: dict[str, Any] = {
        name: field_value(request.state.form, name) or None for name in ("reason", "outcome", "question")
    }
    return TransitionInput(
        **codes,
        until=date_fields.read(request.state.form, "until", today=today),
        work_done=tuple(dict.fromkeys(request.state.form.get("work_done", []))),
        deadline_on=date_fields.read(request.state.form, "deadline_on", today=today),
        outcomes=_outcomes(request),
    )


def _outcomes(request: Request) -> dict[str, str]:
    """The outcomes of single needs, from fields like `outcome_<need>`. An empty field means that the outcome of the request
    applies.
    """
    names = [name for name in request.state.form if name.startswith("outcome_")]
    return {name.removeprefix("outcome_"): value for name in names if (value := field_value(request.state.form, name))}
