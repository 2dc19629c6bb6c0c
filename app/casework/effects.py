"""What follows from a step: every end that is no success leaves an owned next step; a success ends what was asked of others."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import sealed_parts, transitions
from app.cases.models import Case
from app.cases.states import CaseState, CaseVerb
from app.conflicts import service as conflicts
from app.directory.models import ServiceRow
from app.referrals import queries
from app.referrals.commands import CLOCK, ActorRef, Said
from app.referrals.models import Referral
from app.referrals.reasons import CONSEQUENCES, FOLLOWS, UNNAMED_QUESTION, AfterOutcome, Consequence
from app.referrals.states import FAILED, LIVE, OPENED, WITH_PARTNER, Move, State, Verb
from app.tasks import service as tasks
from app.tasks.service import TaskKind

Withdraw = Callable[[Session, Referral, Case, str, datetime], None]
"""Takes back, for a reason, what another was asked: a step of its own, so whoever takes steps hands it in."""

FULL_FOR: Final = timedelta(days=14)
"""How long a service counts as full after it declined for want of a free place."""
_TAKES_UP: Final = frozenset({State.AWAITING_CONSENT, State.OFFERED, State.ACCEPTED, State.IN_PROGRESS})
"""In these states somebody was asked, or is at work: nobody has to look for them any more."""
_LEAVES: Final = {
    Consequence.REVIEW_RULE: TaskKind.REVIEW_RULE,
    Consequence.CHECK_CHANNEL: TaskKind.CHECK_CHANNEL,
    Consequence.MERGE: TaskKind.MERGE,
}


def follow_up(
    session: Session,
    referral: Referral,
    case: Case,
    move: Move,
    by: ActorRef,
    said: Said,
    now: datetime,
    *,
    withdraw: Withdraw,
) -> None:
    """The case, its tasks and the other referrals, as the step leaves them. Both rows are locked."""
    if move.target in _TAKES_UP:
        tasks.offered(session, case.id, now)
    if move.target is State.OFFERED:
        if CaseState(case.state) is not CaseState.REFERRED:
            _move_case(session, case, CaseVerb.REFER, by, now)
    elif move.target is State.ACCEPTED:
        _withdraw_others(session, referral, case, now, withdraw)
        _keep_only_readers(session, case)
    elif move.target is State.INFO_REQUESTED and referral.question == UNNAMED_QUESTION:
        tasks.open_task(session, TaskKind.QUESTION, case, referral=referral, now=now)
    elif move.target is State.COMPLETED:
        _completed(session, referral, case, by, now, withdraw)
    elif move.verb is Verb.REOPEN:
        if CaseState(case.state) in {CaseState.HELPED, CaseState.ADVISED}:
            _move_case(session, case, CaseVerb.REOPEN, by, now)
        if CaseState(case.state) is not CaseState.REFERRED:
            _move_case(session, case, CaseVerb.REFER, CLOCK, now)
    elif move.target in FAILED:
        if said.deadline_on is not None:
            _deadline_known(case, said.deadline_on)
        _failed(session, referral, case, move, by, now)
        _leave_next_step(session, referral, case, move, now)


def _completed(
    session: Session, referral: Referral, case: Case, by: ActorRef, now: datetime, withdraw: Withdraw
) -> None:
    """The last one at work closes the case, unless its outcome is no help: then the desk goes on."""
    if queries.live_of_case(session, case.id, WITH_PARTNER) or CaseState(case.state) is not CaseState.REFERRED:
        return
    follows = FOLLOWS.get(referral.outcome or "", AfterOutcome.DESK)
    if follows is AfterOutcome.DESK:
        _return(session, case, by, now)
        tasks.open_task(session, TaskKind.FIND_NEXT, case, now=now)
        return
    for draft in queries.live_of_case(session, case.id):
        withdraw(session, draft, case, "no_longer_needed", now)
    _move_case(session, case, CaseVerb.ADVISE if follows is AfterOutcome.ADVISED else CaseVerb.HELP, by, now)


def _failed(session: Session, referral: Referral, case: Case, move: Move, by: ActorRef, now: datetime) -> None:
    conflict = referral.reason == "conflict"
    if conflict:
        conflicts.take_from(session, case.id, referral.organisation_id, now)
    refused = move.target in {State.CLIENT_DECLINED, State.HANDED_BACK}
    if conflict or refused or (move.verb is Verb.VOID and move.source in OPENED):
        sealed_parts.destroy_wraps(session, case.id, [referral.organisation_id])
    if CONSEQUENCES.get(referral.reason or "") is Consequence.FULL:
        _count_as_full(session, referral.service_id, now)
    state = CaseState(case.state)
    if state is CaseState.REFERRED and not queries.live_of_case(session, case.id, WITH_PARTNER):
        _return(session, case, by, now)
    elif move.source is State.COMPLETED and state in {CaseState.HELPED, CaseState.ADVISED}:
        _move_case(session, case, CaseVerb.REOPEN, by, now)


def _leave_next_step(session: Session, referral: Referral, case: Case, move: Move, now: datetime) -> None:
    """Somebody owns what comes next: what the reason asks for, and who is asked when nobody is."""
    if case.closed_at is not None:
        return
    left = _LEAVES.get(CONSEQUENCES.get(referral.reason or "", Consequence.NEXT))
    if left is not None:
        tasks.open_task(session, left, case, referral=referral, now=now)
    if move.verb is Verb.HAND_BACK:
        tasks.open_task(session, TaskKind.HANDED_BACK, case, referral=referral, now=now)
    elif not queries.live_of_case(session, case.id):
        tasks.open_task(session, TaskKind.FIND_NEXT, case, now=now)


def _deadline_known(case: Case, deadline_on: date) -> None:
    """A deadline that a partner knows binds what comes next, unless an earlier one does already."""
    if case.last_safe_day is None or deadline_on < case.last_safe_day:
        case.last_safe_day, case.deadline_certainty = deadline_on, "sourced-high"
    case.due_on = min(case.due_on, deadline_on)


def _return(session: Session, case: Case, by: ActorRef, now: datetime) -> None:
    """Back to the desk, and awake: somebody there owns what comes next."""
    _move_case(session, case, CaseVerb.RETURN, by, now)
    case.snoozed_until = None


def _count_as_full(session: Session, service_id: UUID, now: datetime) -> None:
    session.execute(
        sa.update(ServiceRow)
        .where(ServiceRow.id == service_id)
        .values(capacity="full", capacity_until=(now + FULL_FOR).date(), updated_at=now)
    )


def _move_case(session: Session, case: Case, verb: CaseVerb, by: ActorRef, now: datetime) -> None:
    transitions.move(session, case, verb, actor_kind=by.kind.value, actor_id=by.id, now=now)
    if case.closed_at is not None:
        tasks.case_ended(session, case.id, now)


def _withdraw_others(session: Session, accepted: Referral, case: Case, now: datetime, withdraw: Withdraw) -> None:
    """What others were asked is over. Who is at work on the case already stays at work."""
    for other in queries.live_of_case(session, case.id, LIVE - OPENED):
        if other.id != accepted.id:
            withdraw(session, other, case, "taken_elsewhere", now)


def _keep_only_readers(session: Session, case: Case) -> None:
    """On acceptance: only organisations that have accepted go on holding a key."""
    readers = queries.organisations_in(session, case.id, OPENED)
    sealed_parts.destroy_wraps(session, case.id, sealed_parts.holders(session, case.id) - readers)
