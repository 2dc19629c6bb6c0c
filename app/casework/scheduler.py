"""Timed work on referrals: reminders, escalation, expiry, and the offer to the next-best after an end without help.

`due` lists the referrals, and `tick` handles one of them in a transaction of its own. If the process is killed in between,
nothing was done; a second call does nothing more, because the due time has moved on in the same transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import messaging
from app.cases import appointments
from app.cases.models import Case
from app.casework import auto_offer, referral_actions
from app.casework.auto_offer import AutoOfferContext
from app.messaging.kinds import NoticeKind
from app.referrals import deadline_storage, deadlines, queries
from app.referrals.deadlines import DueAction
from app.referrals.models import Referral
from app.referrals.states import FAILED, NOT_OFFERED, ReferralState
from app.referrals.ways import BY_COORDINATOR, way_of
from app.tasks import service as tasks
from app.tasks.service import TaskKind


def due(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    """Up to `limit` referrals whose due time has come. Takes no lock."""
    return queries.due(session, now, limit)


def tick(session: Session, referral_id: UUID, *, now: datetime, context: AutoOfferContext) -> bool:
    """Do what is due on this referral. False: nothing is due any more, or another transaction holds its case."""
    claimed = queries.claim_due(session, referral_id, now)
    if claimed is None:
        return False
    referral, case = claimed
    state = ReferralState(referral.state)
    if state in FAILED:
        referral.due_at = None
        session.flush()
        auto_offer.offer_to_next(session, case, now=now, context=context, follows=referral.id)
        return True
    agreed = appointments.agreed_until(session, referral.id) if state is ReferralState.ACCEPTED else None
    if agreed and agreed > now and (referral.deadline_on is None or agreed.date() <= referral.deadline_on):
        referral.due_at = agreed  # the first contact is the agreed time
        session.flush()
        return True
    steps, times = deadlines.take_due(
        deadline_storage.deadlines_of(referral), now, deadline_storage.terms_of(referral, case)
    )
    if DueAction.EXPIRE in steps:
        referral_actions.expire(session, referral, case, now=now)
        return True
    deadline_storage.store_deadlines(referral, times)
    session.flush()
    for step in steps:
        _tell(session, referral, case, step, now)
        _open_task(session, referral, case, step, now)
    if DueAction.ASK_OTHERS in steps:
        auto_offer.offer_to_next(session, case, now=now, context=context)
    return True


_TELLS_ORGANISATION: Final = {
    DueAction.REMIND: NoticeKind.OFFER_REMINDER,
    DueAction.REMIND_AGAIN: NoticeKind.OFFER_REMINDER,
}
_TELLS_TEAM: Final = {
    DueAction.NOT_ACKNOWLEDGED: NoticeKind.OFFER_NOT_ACKNOWLEDGED,
    DueAction.ESCALATE: NoticeKind.OFFER_OVERDUE,
    DueAction.NEAR_DEADLINE: NoticeKind.OFFER_WAITS_FOR_OPENING,
    DueAction.NOT_ANSWERED: NoticeKind.QUESTION_NOT_ANSWERED,
}


def _tell(session: Session, referral: Referral, case: Case, step: DueAction, now: datetime) -> None:
    state = ReferralState(referral.state)
    if step is DueAction.NOT_ACKNOWLEDGED and state is not ReferralState.OFFERED:
        return
    review = NoticeKind(f"look_at_{state}") if step is DueAction.REVIEW else None
    for_organisation = review or _TELLS_ORGANISATION.get(step)
    if for_organisation and state not in NOT_OFFERED and way_of(referral.way) not in BY_COORDINATOR:
        to = referral.organisation_id
        messaging.queue(session, for_organisation, about_id=referral.id, organisation_id=to, now=now)
    for_team = review or _TELLS_TEAM.get(step)
    if for_team:
        messaging.queue(session, for_team, about_id=referral.id, team_id=case.team_id, now=now)


_BY_STEP: Final = {
    DueAction.NOT_ACKNOWLEDGED: TaskKind.OVERDUE,
    DueAction.ESCALATE: TaskKind.OVERDUE,
    DueAction.NOT_ANSWERED: TaskKind.QUESTION,
    DueAction.NEAR_DEADLINE: TaskKind.CLOSED,
}
_LOOKED_AT: Final = {
    ReferralState.DRAFT: TaskKind.CONSENT_WAITS,
    ReferralState.AWAITING_CONSENT: TaskKind.CONSENT_WAITS,
    ReferralState.ACCEPTED: TaskKind.FIRST_CONTACT,
}


def _open_task(session: Session, referral: Referral, case: Case, step: DueAction, now: datetime) -> None:
    """Open a task for something that only a member of the team can decide."""
    state = ReferralState(referral.state)
    kind = _LOOKED_AT.get(state, TaskKind.PROGRESS) if step is DueAction.REVIEW else _BY_STEP.get(step)
    if kind is None or (step is DueAction.NOT_ACKNOWLEDGED and state is not ReferralState.OFFERED):
        return
    tasks.open_task(session, kind, case, referral=referral, now=now)
    if kind is TaskKind.FIRST_CONTACT:
        messaging.notify_person(session, NoticeKind.FIRST_CONTACT_ASKED, about_id=referral.id, case_id=case.id, now=now)
