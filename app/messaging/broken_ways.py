"""Counts refused and returned notices by address; an address is broken when the failure is final or frequent."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.messaging.models import MemberNotices, PartnerNotices

BROKEN_AFTER: Final = 3
"""So many refusals that may pass, such as a full mailbox, without a notice that has arrived."""
BOUNCE_COUNTS: Final = timedelta(days=7)
"""How long a returned mail counts: until then it means nothing that our own mail server takes the next one."""
_MOST: Final = 30_000


def of_organisation(
    session: Session, organisation_id: UUID, now: datetime, *, permanent: bool, bounced: bool = False
) -> bool:
    """Count a refusal by an organisation's address. True: it counts as broken from now on."""
    return _count(session.get(PartnerNotices, organisation_id, with_for_update=True), now, permanent, bounced)


def of_member(session: Session, member_id: UUID, now: datetime, *, permanent: bool, bounced: bool = False) -> bool:
    """Count a refusal by a member's address. True: it counts as broken from now on."""
    return _count(session.get(MemberNotices, member_id, with_for_update=True), now, permanent, bounced)


def _count(row: PartnerNotices | MemberNotices | None, now: datetime, permanent: bool, bounced: bool) -> bool:
    if row is None or row.address is None:
        return False
    row.refusals = min((row.refusals or 0) + 1, _MOST)
    if bounced:
        row.bounced_at = now
    if row.failed_at is None and (permanent or row.refusals >= BROKEN_AFTER):
        row.failed_at = now
        return True
    return False


def reached(row: PartnerNotices | MemberNotices | None, now: datetime) -> None:
    """A notice was taken: the address works (again), unless its mails came back lately."""
    if row is None or (row.bounced_at is not None and now - row.bounced_at < BOUNCE_COUNTS):
        return
    if row.failed_at is not None or row.refusals or row.bounced_at is not None:
        row.failed_at = row.refusals = row.bounced_at = None
