"""What came back with a backup: who can sign in, although they may have been deactivated since, and the entry in the audit log."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.audit.models import AuditEntry
from app.partners.models import OAuthClient
from app.staff.models import Member


@dataclass(frozen=True, slots=True)
class Restored:
    """`until`: the last moment that the backup knows of, None if it has none. `members`: names with roles; `programs`: ids."""

    until: datetime | None
    members: tuple[str, ...]
    programs: tuple[str, ...]


def note(session: Session, now: datetime) -> Restored:
    """Look through a database that was just restored, and record the restore in the audit log, so that staff see it too."""
    until = session.scalar(sa.select(sa.func.max(AuditEntry.at)))
    members = session.execute(sa.select(Member.name, Member.role).where(Member.active).order_by(Member.name)).all()
    programs = session.scalars(sa.select(OAuthClient.id).where(OAuthClient.active).order_by(OAuthClient.id)).all()
    audit.record(
        session, actor_kind="console", actor_id="-", action="recovery:restored", subject_kind="database", subject_id="-",
        codes={"members": len(members), "programs": len(programs)}, now=now,
    )  # fmt: skip
    return Restored(until, tuple(f"{row.name} ({row.role})" for row in members), tuple(programs))
