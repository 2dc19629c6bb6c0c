"""Preconditions of a referral's moves: one check for each precondition that the table in `states` names."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import needs, sealed_parts
from app.cases.models import Case
from app.cases.need_states import ASKABLE, NeedState
from app.cases.states import CaseState
from app.conflicts import service as conflicts
from app.core.errors import Conflict, NotAllowed
from app.core.i18n import Translatable
from app.partners.organisations import Organisation
from app.referrals import deadlines, queries
from app.referrals.models import Referral
from app.referrals.states import (
    LIVE,
    MovePrecondition,
    ReferralActor,
    ReferralMove,
    ReferralState,
    ReferralVerb,
    allowed_actions,
    next_move,
)

MOST_MOVES: Final = 300
"""Each move adds an event, a line of the feed and an audit entry, and these outlive the case."""


def check_may_be_asked(session: Session, case_id: UUID, organisation: Organisation, now: datetime) -> None:
    """Raises Conflict. Its message does not say why an organisation is excluded."""
    if organisation.kind == "authority":
        raise Conflict("An authority is never asked.")
    if organisation.retired_at is not None:
        raise Conflict("This organisation is no longer in the directory.")
    if organisation.paused_until is not None and organisation.paused_until > now:
        raise _takes_no_cases()
    if organisation.slug in queries.excluded_organisations(session, case_id):
        raise Conflict("This organisation is not available for this case.")
    if organisation.slug in conflicts.excluded(session, case_id):
        raise _takes_no_cases()


def _takes_no_cases() -> Conflict:
    """The same message for a paused organisation and for a conflict of interest, so that they cannot be told apart."""
    return Conflict("This organisation takes no new cases at present.")


def check_length(referral: Referral, move: ReferralMove, by: ReferralActor) -> None:
    """Raises Conflict when a partner moves a referral back and forth more than `MOST_MOVES` times. It can still be ended."""
    if by is ReferralActor.PARTNER and move.target in LIVE and referral.version > MOST_MOVES:
        raise Conflict(
            Translatable("This referral has {most} steps already. Write to the coordinator.", most=MOST_MOVES)
        )


def _case_open(_session: Session, _referral: Referral, case: Case, _now: datetime) -> None:
    if case.closed_at is not None:
        raise Conflict("The case is closed.")


def _may_be_asked(session: Session, referral: Referral, case: Case, now: datetime) -> None:
    check_may_be_asked(session, case.id, session.get_one(Organisation, referral.organisation_id), now)


def _consent(session: Session, referral: Referral, case: Case, _now: datetime) -> None:
    organisation = session.get_one(Organisation, referral.organisation_id)
    if organisation.id not in sealed_parts.organisations_agreed(
        session, case.id
    ) or organisation.slug in conflicts.excluded(session, case.id):
        raise Conflict(
            "The person has not agreed that this organisation may read the case, or has taken the consent back."
        )


def _pause_left(_session: Session, referral: Referral, _case: Case, _now: datetime) -> None:
    if referral.pauses >= deadlines.MAX_PAUSES:
        raise Conflict("The deadlines were paused twice already: decide with what is known.")


def _completed_recently(_session: Session, referral: Referral, _case: Case, now: datetime) -> None:
    if referral.completed_at is None or now - referral.completed_at > deadlines.REOPEN_WITHIN:
        raise Conflict("It was completed more than 90 days ago.")


def _not_erased(_session: Session, _referral: Referral, case: Case, _now: datetime) -> None:
    if CaseState(case.state) in {CaseState.WITHDRAWN, CaseState.ERASED}:
        raise Conflict("The person has withdrawn the case or had it erased.")


def _no_other_live(session: Session, referral: Referral, case: Case, _now: datetime) -> None:
    if queries.is_asked(session, case.id, referral.organisation_id):
        raise Conflict("There is a newer referral of this case to the same organisation.")


def _just_now(_session: Session, referral: Referral, _case: Case, now: datetime) -> None:
    if now - referral.updated_at > deadlines.UNDO_WITHIN:
        raise Conflict("It was done more than 30 minutes ago and cannot be undone any more.")


def _unread(_session: Session, referral: Referral, _case: Case, _now: datetime) -> None:
    if referral.read_at is not None:
        raise Conflict("The encrypted parts were opened: it cannot be undone any more.")


def _not_undone(session: Session, referral: Referral, _case: Case, _now: datetime) -> None:
    if any(
        event.verb in {ReferralVerb.UNDO_ACCEPT, ReferralVerb.UNDO_WITHDRAW}
        for event in queries.events(session, referral.id)
    ):
        raise Conflict("It was undone once already.")


def _not_taken(_session: Session, referral: Referral, _case: Case, _now: datetime) -> None:
    if referral.offered_at is None or referral.reason == "taken_elsewhere":
        raise Conflict("It was not withdrawn by the desk after an offer: there is nothing to undo.")


def _needs_free(session: Session, referral: Referral, case: Case, _now: datetime) -> None:
    """An offer is repeated only if all of its needs are still waiting; work resumes only if at least one need is not with
    another organisation.
    """
    rows = needs.of_case(session, case)
    named = {need: rows[need] for need in queries.needs_of(referral, case) if need in rows}
    states = {NeedState(row.state) for row in named.values()}
    having = {row.referral_id for row in named.values() if row.state == NeedState.WITH_CENTRE} - {referral.id}
    free = states <= ASKABLE if referral.completed_at is None else states - {NeedState.NOT_WANTED}
    if having or (named and not free):
        raise Conflict("Another organisation has the needs that it was asked for, or they have ended.")


_CHECKS: Final[dict[MovePrecondition, Callable[[Session, Referral, Case, datetime], None]]] = {
    MovePrecondition.CASE_OPEN: _case_open,
    MovePrecondition.MAY_BE_ASKED: _may_be_asked,
    MovePrecondition.CONSENT: _consent,
    MovePrecondition.PAUSE_LEFT: _pause_left,
    MovePrecondition.COMPLETED_RECENTLY: _completed_recently,
    MovePrecondition.NOT_ERASED: _not_erased,
    MovePrecondition.NO_OTHER_LIVE: _no_other_live,
    MovePrecondition.JUST_NOW: _just_now,
    MovePrecondition.UNREAD: _unread,
    MovePrecondition.NOT_UNDONE: _not_undone,
    MovePrecondition.NOT_TAKEN: _not_taken,
    MovePrecondition.NEEDS_FREE: _needs_free,
}


def check(session: Session, referral: Referral, case: Case, move: ReferralMove, now: datetime) -> None:
    """Raises Conflict for the first precondition of the move that does not hold."""
    for precondition in move.preconditions:
        _CHECKS[precondition](session, referral, case, now)


def may(
    session: Session, referral: Referral, case: Case, verb: ReferralVerb, *, by: ReferralActor, now: datetime
) -> bool:
    """Whether the table has this move and its preconditions hold now: pages offer only what works."""
    try:
        check(session, referral, case, next_move(ReferralState(referral.state), verb, by=by), now)
    except (Conflict, NotAllowed):
        return False
    return True


def open_to_partner(session: Session, referral_id: UUID, organisation_id: UUID, now: datetime) -> list[ReferralVerb]:
    """The moves that a partner can make now, preconditions included. Takes no lock: the move itself checks again."""
    row = session.execute(
        sa.select(Referral, Case)
        .join(Case, Case.id == Referral.case_id)
        .where(Referral.id == referral_id, Referral.organisation_id == organisation_id)
    ).one()
    verbs = [
        ReferralVerb(verb) for verb in allowed_actions(ReferralState(row.Referral.state), by=ReferralActor.PARTNER)
    ]
    return [verb for verb in verbs if may(session, row.Referral, row.Case, verb, by=ReferralActor.PARTNER, now=now)]
