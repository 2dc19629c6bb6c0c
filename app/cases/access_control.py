"""The check before sealed parts of a case are opened: the reader's daily quota, and the alarm on honeytoken cases.

It writes in the same transaction as the read, so that no read happens without being counted.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.audit.models import AuditEntry
from app.cases import honeytokens
from app.core.keyring import KeyRing
from app.messaging.kinds import NoticeKind
from app.staff import read_quotas

READS_PER_DAY: Final = 100
SAME_READING: Final = timedelta(hours=1)
_OF_DOCUMENTS: Final = ("case:document_opened", "referral:document_opened")
_COUNTED: Final = ("case:words_opened", "case:contact_opened", "case:times_opened")
"""What the audit log says of a coordinator's openings of a case; each further one has a line of its own there.

Documents are not among them: whoever has opened the pages of one has not been counted for the case's words, nor the other way
round.
"""


@dataclass(frozen=True, slots=True)
class AuditedReader:
    """A reader who is about to open sealed parts: kind and id for the audit log, key and daily limit of their read quota."""

    kind: str
    id: str
    quota_key: str
    daily_limit: int

    @classmethod
    def member(cls, kind: str, member_id: UUID, limit: int) -> "AuditedReader":
        return cls(kind, member_id.hex, read_quotas.member_key(member_id), limit)

    @classmethod
    def client(cls, client_id: str, organisation_id: UUID, limit: int) -> "AuditedReader":
        return cls("partner", organisation_id.hex, read_quotas.client_key(client_id), limit)


def authorize_read(
    session: Session,
    keys: KeyRing,
    reader: AuditedReader,
    case_id: UUID,
    now: datetime,
    *,
    documents_of: UUID | None = None,
) -> None:
    """Count the read against the reader's quota; record an alarm when the case is a honeytoken, which the reader cannot see.

    Parts of the same case that somebody opens again within `SAME_READING` belong to one read, and so do all documents of a case.
    `documents_of`: the case or referral that the audit log names for pages of documents. Raises QuotaReached.
    """
    again = sa.exists().where(
        AuditEntry.subject_id == (documents_of or case_id).hex,
        AuditEntry.actor_id == reader.id,
        AuditEntry.action.in_(_OF_DOCUMENTS if documents_of else _COUNTED),
        AuditEntry.at > now - SAME_READING,
    )
    read_quotas.count(session, reader.quota_key, now, limit=reader.daily_limit, unless=again)
    raise_alarm(session, keys, reader, case_id, now)


def raise_alarm(session: Session, keys: KeyRing, reader: AuditedReader, case_id: UUID, now: datetime) -> None:
    """Record an alarm when the case is a honeytoken, whose keys or parts this reader gets at; they cannot see it."""
    if not honeytokens.is_honeytoken(session, keys, case_id):
        return
    audit.record(
        session,
        actor_kind=reader.kind,
        actor_id=reader.id,
        action="alarm:honeytoken_read",
        subject_kind="case",
        subject_id=case_id,
        now=now,
    )
    messaging.queue(session, NoticeKind.HONEYTOKEN_READ, about_id=uuid4(), now=now)
