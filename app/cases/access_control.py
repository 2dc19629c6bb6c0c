"""What stands before every opening of sealed parts, whoever opens them: the day's quota, and the alarm of the decoys.

It writes in the transaction of the reading itself: no count and no alarm, no read.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases import honeytokens
from app.core.keyring import KeyRing
from app.staff import read_quotas

READS_PER_DAY: Final = 100


@dataclass(frozen=True, slots=True)
class AuditedReader:
    """Who is about to open something: as the audit names them, by which name their reads are counted, and how many a day."""

    kind: str
    id: str
    counted_as: str
    limit: int

    @classmethod
    def member(cls, kind: str, member_id: UUID, limit: int) -> "AuditedReader":
        return cls(kind, member_id.hex, read_quotas.member(member_id), limit)

    @classmethod
    def client(cls, client_id: str, organisation_id: UUID, limit: int) -> "AuditedReader":
        return cls("partner", organisation_id.hex, read_quotas.client(client_id), limit)


def authorize_read(session: Session, keys: KeyRing, reader: AuditedReader, case_id: UUID, now: datetime) -> None:
    """Count the read; raise the alarm when the case is a decoy. The reader sees no difference. Raises QuotaReached."""
    read_quotas.count(session, reader.counted_as, now, limit=reader.limit)
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
    messaging.queue(session, "alarm_honeytoken_read", about_id=uuid4(), now=now)
