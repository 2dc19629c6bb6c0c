"""Hashes that show whether a stored address is still the one that a mail went to, in case that mail comes back.

Such a mark is a SHA-256 of the encrypted address as it is stored, with its random nonce: it tells nothing about the address, not
even with the key file whether it is a guessed one. Saving the settings again and rotating the keys change it. Then nobody knows
where the mail went, and no address suffers for it.
"""

import hashlib
import hmac

from sqlalchemy.orm import Session

from app.messaging.channels import NoticeWay
from app.messaging.models import MemberNotices, OutboxMessage, PartnerNotices, PersonNotices


def mark_of(row: PartnerNotices | MemberNotices | PersonNotices | None) -> bytes | None:
    """The mark of the address in this row; None: it holds none to which mails go."""
    if row is None or (isinstance(row, MemberNotices) and row.way != NoticeWay.EMAIL):
        return None
    encrypted = row.how if isinstance(row, PersonNotices) else row.address
    return hashlib.sha256(encrypted).digest() if encrypted is not None else None


def is_still_stored(session: Session, message: OutboxMessage) -> bool:
    """Whether the recipient's address is the one that this message went to by mail. Locks the row with the address."""
    row: PartnerNotices | MemberNotices | PersonNotices | None = None
    if message.case_id is not None:
        row = session.get(PersonNotices, message.case_id, with_for_update=True)
    elif message.member_id is not None:
        row = session.get(MemberNotices, message.member_id, with_for_update=True)
    elif message.organisation_id is not None:
        row = session.get(PartnerNotices, message.organisation_id, with_for_update=True)
    mark = mark_of(row)
    return mark is not None and message.address_mark is not None and hmac.compare_digest(mark, message.address_mark)
