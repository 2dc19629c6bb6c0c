"""Who has opened a case, as the person may read it: from the audit log, to the day, by role or organisation, never by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.partners.organisations import Organisation
from app.referrals.models import Referral

OPENINGS: Final = {
    "case:words_opened": "words",
    "case:contact_opened": "contact",
    "case:compared": "contact",
    "referral:sealed_opened": "everything",
    "referral:sealed_read": "everything",
    "referral:sheet_opened": "sheet",
    "case:opened_by_code": "code",
    "case:document_opened_by_code": "code_document",
    "case:document_opened": "document",
    "referral:document_opened": "their_document",
    "referral:opened_by_link": "link",
}
"""Each audited action that opens a sealed part, and what it opens. A test compares it with the code that opens parts."""
OF_OTHERS: Final = frozenset({"referral:thread_opened", "referral:thread_read", "case:times_opened"})
"""Openings of what a team and an organisation wrote to each other, or of times that they offered: neither the person's words nor
their contact.
"""


@dataclass(frozen=True, slots=True)
class Opening:
    """One day on which somebody opened a part. `organisation`: its name; "" for a coordinator.

    `what`: words, contact or everything.
    """

    day: date
    organisation: str
    what: str


def of_case(session: Session, case_id: UUID, zone: tzinfo) -> Sequence[Opening]:
    """The openings of a case, newest first, each once a day in the time zone `zone`. The person's own are not among them."""
    referrals = session.execute(
        sa.select(Referral.id, Organisation.name)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(Referral.case_id == case_id)
    ).all()
    organisations = {referral_id.hex: name for referral_id, name in referrals}
    entries = session.execute(
        sa.select(AuditEntry.at, AuditEntry.subject_id, AuditEntry.action)
        .where(AuditEntry.subject_id.in_([case_id.hex, *organisations]), AuditEntry.action.in_([*OPENINGS]))
        .order_by((AuditEntry.seq < 0).desc(), AuditEntry.seq.desc())  # what waits for its place is the newest
    )
    openings = [
        Opening(at.astimezone(zone).date(), organisations.get(subject_id, ""), OPENINGS[action])
        for at, subject_id, action in entries
    ]
    return list(dict.fromkeys(openings))
