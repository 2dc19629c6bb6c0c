"""The person's actions on their own case: write a message, answer a question, agree or refuse that an organisation reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases import person_access, sealed_parts, transitions
from app.cases.models import Case, WrapFor
from app.cases.person_access import OpenedCase
from app.cases.sealed_parts import Recipient
from app.casework import conflict_screening, person_news, referral_actions, unread_messages
from app.casework.unread_messages import Author
from app.core import keyholders
from app.core.clock import to_the_hour
from app.core.errors import Conflict, NotFound
from app.core.keyring import KeyRing
from app.messaging.kinds import NoticeKind
from app.partners.organisations import Organisation
from app.referrals import queries
from app.referrals.actors import ActorRef
from app.referrals.models import Referral
from app.referrals.states import AT_WORK, ReferralActor, ReferralState, ReferralVerb
from app.referrals.ways import BY_COORDINATOR, way_of
from app.tasks import service as tasks
from app.tasks.service import TaskKind


@dataclass(frozen=True, slots=True)
class PersonReferral:
    """A referral as the person sees it: without the partner's refusals, reasons and deadlines.

    `question`: a code. `needs`: what it is for; None: all needs. `way`: how the organisation is asked; None: its account.
    `asks_document`: it is at work and asks for photos of a letter.
    """

    id: UUID
    label: str
    organisation: str
    slug: str
    state: str
    respond_by: datetime | None
    question: str | None
    needs: Sequence[str] | None
    way: str | None
    asks_document: bool


def referrals_of(session: Session, case_id: UUID) -> Sequence[PersonReferral]:
    """The referrals of the case, as the person may see them, oldest first."""
    rows = session.execute(
        sa.select(
            Referral.id,
            Referral.label,
            Organisation.name,
            Organisation.slug,
            Referral.state,
            Referral.decide_by,
            Referral.question,
            Referral.needs,
            Referral.way,
            sa.and_(Referral.asks_document, Referral.state.in_([state.value for state in AT_WORK])),
        )
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(Referral.case_id == case_id)
        .order_by(Referral.created_at, Referral.label)
    )
    return [PersonReferral(*tuple(row)) for row in rows]


def write_message(session: Session, opened: OpenedCase, text: str, *, now: datetime) -> None:
    """Add a message; it also answers partners' questions, and organisations at work on the case are notified.

    After the case has ended it is in no view of the queue, so it leaves a task. Raises Invalid, TooManyChanges, Conflict (there are
    too many messages).

    The message that the person wrote last is not added again: a form that is sent five times is one message. The caller holds
    the case's row lock.
    """
    written = person_access.thread(session, opened)
    if written and written[-1].author == "person" and written[-1].content["text"] == text.strip():
        return
    person_access.count_change(session, opened.case, now)
    person_access.add_message(
        session, opened.case, opened.person_key, text, author="person", now=now, actor_id=opened.case.id.hex
    )
    asked = session.scalars(
        sa.select(Referral.id).where(
            Referral.case_id == opened.case.id, Referral.state == ReferralState.INFO_REQUESTED.value
        )
    ).all()
    for referral_id in asked:
        referral_actions.advance(session, referral_id, ReferralVerb.ANSWER, by=ActorRef(ReferralActor.PERSON), now=now)
    tell_who_works(session, opened.case.id, now)
    person_news.tell_team(session, opened.case, now)
    if opened.case.closed_at is not None:
        tasks.open_task(session, TaskKind.WROTE_AFTER_END, opened.case, now=to_the_hour(now))


def tell_who_works(session: Session, case_id: UUID, now: datetime) -> None:
    """Notify the organisations at work on the case that the person has written or added something."""
    case = session.get_one(Case, case_id)
    for referral in queries.lock_live_referrals(session, case_id, AT_WORK):
        to, at = referral.organisation_id, to_the_hour(now)
        if way_of(referral.way) in BY_COORDINATOR:  # nobody there is notified by the service
            tasks.open_task(session, TaskKind.TELL_CENTRE, case, referral=referral, now=at)
        else:
            messaging.queue(session, NoticeKind.PERSON_WROTE, about_id=referral.id, organisation_id=to, now=at)
            unread_messages.note(session, referral, case, Author.PERSON, at)


def answer_consent(
    session: Session, opened: OpenedCase, label: str, *, yes: bool, keys: KeyRing, now: datetime
) -> None:
    """Record the person's answer. Yes: the organisation gets the case's key and an offer; one without an account may be asked.

    No: the referral ends. With a conflict of interest the referral ends as well, without a reason. Raises NotFound (no such
    question), Conflict (the organisation has no key yet).
    """
    referral = session.scalars(
        sa.select(Referral).where(
            Referral.label == label,
            Referral.case_id == opened.case.id,
            Referral.state == ReferralState.AWAITING_CONSENT.value,
        )
    ).one_or_none()
    if referral is None:
        raise NotFound("There is no such question.")
    case = transitions.locked(session, opened.case.id)
    if yes:
        person_news.tell_team(session, case, now)
        if conflict_screening.is_hit(session, keys, case, opened.person_key, referral.organisation_id):
            conflict_screening.exclude(session, case, referral.organisation_id, now)
            return
        if way_of(referral.way) in BY_COORDINATOR:
            sealed_parts.agree(session, opened.case.id, referral.organisation_id)
        else:
            grant_access(session, keys, opened.case.id, opened.person_key, referral.organisation_id)
    referral_actions.advance(
        session,
        referral.id,
        ReferralVerb.CONSENT if yes else ReferralVerb.REFUSE,
        by=ActorRef(ReferralActor.PERSON),
        now=now,
    )


def grant_access(session: Session, keys: KeyRing, case_id: UUID, person_key: bytes, organisation_id: UUID) -> None:
    """Seal the case's key to an organisation the person has agreed to. Raises Conflict when it has no key of its own."""
    key = keyholders.active_key(session, organisation_id)
    if key is None:
        raise Conflict("This organisation is not connected yet and cannot receive cases.")
    recipient = Recipient(WrapFor.ORGANISATION, organisation_id, key.public_key, key.id)
    sealed_parts.grant(session, keys, case_id, sealed_parts.PERSON, person_key, [recipient])
