"""Documents of a referral behind a link with a code: an organisation without an account opens, sends and asks for them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.cases import access_control
from app.cases.models import Case
from app.casework import by_link, centre_documents, documents, partner_access
from app.casework.documents import OpenedPages, OriginalFile
from app.core.errors import Conflict, NotFound
from app.core.keyring import KeyRing
from app.documents import storage
from app.documents.limits import DocumentLimits
from app.links.models import ReferralLink
from app.referrals.models import Referral


def open_pages(
    session: Session, keys: KeyRing, cookie: str, document_id: UUID, first: int, now: datetime
) -> OpenedPages | None:
    """Some pages, from `first` on, after acceptance; counted and audited. None: the visit or its link has ended.

    Raises NotFound, Conflict (not accepted), QuotaReached (the link opens no more today), Frozen.
    """
    found = _openable(session, keys, cookie, now)
    if found is None:
        return None
    link, referral, case, data_key = found
    document = storage.find(session, case.id, document_id)
    if not 1 <= first <= document.pages:
        raise NotFound("The document has no such page.")
    _record_opening(session, keys, link, referral, case, document.id, first, now)
    return documents.pages_of(session, data_key, case, document, first)


def open_original(
    session: Session, keys: KeyRing, cookie: str, document_id: UUID, now: datetime
) -> OriginalFile | None:
    """The untouched file, after acceptance; counted and audited as page 0 of the document. None: the visit or its link has ended.

    Raises NotFound, Conflict (not accepted), QuotaReached, Frozen.
    """
    found = _openable(session, keys, cookie, now)
    if found is None:
        return None
    link, referral, case, data_key = found
    file = documents.original_for_organisation(session, case, data_key, document_id)
    _record_opening(session, keys, link, referral, case, file.document.id, storage.ORIGINAL, now)
    return file


def _openable(
    session: Session, keys: KeyRing, cookie: str, now: datetime
) -> tuple[ReferralLink, Referral, Case, bytes] | None:
    """The link of the visit, its referral and case, and the case's key. None: the visit or its link has ended. Raises Conflict."""
    link = by_link.visited(session, cookie, now)
    data_key = by_link.key_of_visit(keys, link, cookie) if link is not None else None
    if link is None or data_key is None:
        return None
    referral, case = _rows(session, link)
    if not partner_access.may_open(referral):
        raise Conflict("The documents open once you have accepted.", state=referral.state)
    return link, referral, case, data_key


def _record_opening(
    session: Session,
    keys: KeyRing,
    link: ReferralLink,
    referral: Referral,
    case: Case,
    document_id: UUID,
    page: int,
    now: datetime,
) -> None:
    access_control.authorize_read(session, keys, by_link.reader_of(link), case.id, now, documents_of=referral.id)
    partner_access.mark_opened(session, referral, now)
    audit.record(
        session,
        actor_kind="partner",
        actor_id=link.id.hex,
        action="referral:document_opened",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"document": document_id.hex, "page": page},
        now=now,
    )


def send(
    session: Session, keys: KeyRing, cookie: str, pages: Sequence[bytes], limits: DocumentLimits, now: datetime
) -> bool:
    """Send the person a document. False: the visit or its link has ended. Raises Conflict, DocumentsFull, Frozen."""
    link = by_link.visited(session, cookie, now)
    data_key = by_link.key_of_visit(keys, link, cookie) if link is not None else None
    if link is None or data_key is None:
        return False
    referral, case = _rows(session, link)
    centre_documents.send(session, referral, case, data_key, pages, limits, who=link.id, now=now)
    return True


def take_back(session: Session, cookie: str, document_id: UUID, now: datetime) -> bool:
    """Delete a document that the organisation sent. False: the visit or its link has ended. Raises NotFound, Conflict, Frozen."""
    link = by_link.visited(session, cookie, now)
    if link is None:
        return False
    centre_documents.take_back(session, _rows(session, link)[0], document_id, who=link.id, now=now)
    return True


def ask(session: Session, cookie: str, now: datetime) -> bool:
    """Ask the person for photos of a letter. False: the visit or its link has ended. Raises Conflict, Frozen."""
    link = by_link.visited(session, cookie, now)
    if link is None:
        return False
    centre_documents.ask(session, *_rows(session, link), who=link.id, now=now)
    return True


def _rows(session: Session, link: ReferralLink) -> tuple[Referral, Case]:
    referral = session.get_one(Referral, link.referral_id)
    return referral, session.get_one(Case, referral.case_id)
