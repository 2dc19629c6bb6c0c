"""Withdraw a request, erase it, export all of its data, and delete what is due."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases import (
    appointments,
    case_presence,
    duplicate_detection,
    emergency_alerts,
    intake_storage,
    needs,
    person_access,
    sealed_parts,
    shown_numbers,
    transitions,
    undo,
)
from app.cases.models import Case, PartKind
from app.cases.person_access import OpenedCase
from app.cases.states import CaseVerb
from app.casework import households, openings, shown_codes, unread_messages
from app.casework import referral_actions as referrals
from app.conflicts import service as conflicts
from app.core.keyring import KeyRing
from app.documents import storage as documents
from app.intake import idempotency
from app.links import service as links
from app.matching import runs
from app.messaging import outbox, recipients, telegram_links
from app.privacy.retention import DEFAULT_PERIODS, DeletionTimes, RetentionPeriods, deletion_times
from app.referrals import centre_contacts, personal_data, threads
from app.tasks import service as tasks


def withdraw(session: Session, case: Case, *, now: datetime) -> None:
    """Withdraw a case for the person: end every live referral, and delete every organisation's wrap of the case's key."""
    referrals.withdraw_by_person(session, case.id, now=now)
    sealed_parts.destroy_wraps(session, case.id, sealed_parts.organisations_agreed(session, case.id))
    threads.destroy_for(session, case.id, threads.organisations_with_wrap(session, case.id))
    conflicts.drop_traces(session, case.id)  # whoever were asked again would be compared with the contact first
    appointments.end_live(session, case.id, every=True)
    shown_codes.forget(session, case.id)
    transitions.move(session, case, CaseVerb.WITHDRAW, actor_kind="person", actor_id=None, now=now)
    referrals.end_tasks(session, case.id, now)


def erase(session: Session, case: Case, *, actor_kind: str, now: datetime) -> None:
    """Delete every key, sealed part and fact of the case; only codes that identify nobody stay.

    Afterwards the number behaves like one that never existed. The case in an older backup becomes unreadable once the epoch key has
    been rotated.
    """
    shown_numbers.hold(session, case.id)
    referrals.withdraw_by_person(session, case.id, now=now)
    documents.forget(session, case.id)
    sealed_parts.destroy(session, case.id)
    threads.destroy(session, case.id)
    unread_messages.forget(session, case.id)
    appointments.forget(session, case.id)
    runs.forget(session, case.id)
    duplicate_detection.delete_fingerprints(session, case.id)
    case_presence.forget(session, case.id)
    emergency_alerts.forget(session, case.id)
    undo.forget(session, case.id)
    conflicts.forget(session, case.id)
    recipients.forget(session, case.id)
    households.forget(session, case.id)
    personal_data.forget(session, case.id)
    centre_contacts.forget(session, case.id)
    links.forget(session, case.id)
    shown_codes.forget(session, case.id)
    referrals.end_tasks(session, case.id, now)
    tasks.end_undelivered_notices(session, case.id, now)
    outbox.forget(session, case.id, personal_data.referral_ids(session, case.id))
    idempotency.forget(session, case.id)
    case.receipt_id = case.facts = case.last_safe_day = case.owner_id = case.referral_status = case.merged_into_id = (
        None
    )
    case.needs, case.languages, case.restricted, case.unread_letter, case.compared_with = [], [], False, None, None
    transitions.move(session, case, CaseVerb.ERASE, actor_kind=actor_kind, actor_id=None, now=now)
    case.forget_at = None
    audit.record(
        session,
        actor_kind=actor_kind,
        actor_id="-",
        action="case:erased",
        subject_kind="case",
        subject_id=case.id,
        now=now,
    )
    session.flush()


def export(session: Session, opened: OpenedCase, keys: KeyRing, *, team_conversations: bool = False) -> dict[str, Any]:
    """All data about the person in readable form: codes, facts, their own words, the thread, referrals and their states.

    `team_conversations`: the law of this installation requires that it includes what team and organisations wrote to each other,
    and what an organisation answered about the quality of a referral.
    """
    case = opened.case
    return {
        "case": {
            "label": case.label,
            "state": case.state,
            **intake_storage.plain_columns_of(case),
            "urgency": case.urgency,
            "last_safe_day": case.last_safe_day.isoformat() if case.last_safe_day else None,
            "deadline_certainty": case.deadline_certainty,
            "waiting_since": case.waiting_since.isoformat(),
        },
        "facts": sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts) if case.facts else {},
        "parts": [
            {"part": part.part, "by": part.author, **part.content} for part in person_access.all_parts(session, opened)
        ],
        "needs": [
            {"need": row.need, "state": row.state, **({"outcome": row.outcome} if row.outcome else {})}
            for row in needs.of_case(session, case).values()
        ],
        "referrals": personal_data.export(session, case.id, said_to_team=team_conversations),
        "opened": [
            {"day": entry.day.isoformat(), "by": entry.organisation or "coordinator", "what": entry.what}
            for entry in openings.of_case(session, case.id, UTC)
        ],
        "documents": documents.export(session, case.id),
        **_telegram(session, keys, case.id),
        "appointments": appointments.export(session, case.id, opened.person_key),
        **({"team_conversations": threads.export(session, case.id, opened.person_key)} if team_conversations else {}),
    }


def _telegram(session: Session, keys: KeyRing, case_id: UUID) -> dict[str, Any]:
    """The chat to which notices go, if the person has connected one; every other address is in the contact."""
    chat = telegram_links.chat_of(session, keys, case_id)
    return {"telegram": {"chat": chat}} if chat else {}


def forget_due(session: Session, *, now: datetime, limit: int, periods: RetentionPeriods = DEFAULT_PERIODS) -> int:
    """Delete the data that is due, for up to `limit` cases: first the contact details, later everything. Safe to repeat.

    `Case.forget_at` is when to look at the case next: at its end, then when its contact details are due, then when the rest is.
    Returns the number of cases of which something was deleted.
    """
    wanted = (
        sa.select(Case)
        .where(Case.forget_at <= now, Case.state != "erased")
        .order_by(Case.forget_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return sum(
        _forget_of(session, case, deletion_times(session, case, periods), now) for case in session.scalars(wanted).all()
    )


def _forget_of(session: Session, case: Case, times: DeletionTimes, now: datetime) -> bool:
    if times.all <= now:
        erase(session, case, actor_kind="clock", now=now)
        return True
    if times.contact > now:
        case.forget_at = times.contact
        session.flush()
        return False
    sealed_parts.destroy_part(session, case.id, PartKind.CONTACT)
    duplicate_detection.delete_fingerprints(session, case.id)
    conflicts.forget_traces(session, case.id)
    recipients.forget(session, case.id)
    case.forget_at = times.all
    session.flush()
    return True
