"""Documents that an organisation sends to the person, and its request for photos of a letter.

Only an organisation that has accepted sends or asks: it holds the case's key, or its link or its program does. What it sends is
sealed like what the person adds, and has the same readers. Its request is a plain code of the referral, until the person adds
something.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases import person_access
from app.cases.models import Case
from app.casework import partner_access
from app.core.errors import Conflict, NotFound
from app.core.i18n import translator
from app.core.keyring import KeyRing
from app.documents import storage
from app.documents.limits import DocumentLimits
from app.documents.models import Document
from app.documents.storage import DocumentsFull
from app.messaging import person_texts
from app.messaging.kinds import NoticeKind
from app.referrals import queries
from app.referrals.models import Referral
from app.referrals.states import AT_WORK, ReferralState
from app.staff.sessions import SignedIn


def may_send(referral: Referral, case: Case) -> bool:
    """Whether the organisation of this referral can send the person a document, and ask for one."""
    return ReferralState(referral.state) in AT_WORK and case.closed_at is None


def send_by_member(
    session: Session,
    keys: KeyRing,
    member: SignedIn,
    label: str,
    pages: Sequence[bytes],
    limits: DocumentLimits,
    now: datetime,
) -> Document:
    """Send the person a document from the partner's page. Raises NotFound, NotAllowed (no key), Conflict, DocumentsFull."""
    referral, case, key = partner_access.opened_referral(session, keys, member, label)
    return send(session, referral, case, key, pages, limits, who=member.member_id, now=now)


def send(
    session: Session,
    referral: Referral,
    case: Case,
    person_key: bytes,
    pages: Sequence[bytes],
    limits: DocumentLimits,
    *,
    who: UUID,
    now: datetime,
) -> Document:
    """Seal and store a document for the person; they are told in their conversation and by a notice. `who`: for the audit log.

    The caller holds the rows of the referral and the case. Raises Conflict (the organisation is not at work on it, or it is
    closed), DocumentsFull.
    """
    _check(referral, case)
    document = storage.add(
        session, person_key, case.id, pages, limits, author="partner", organisation_id=referral.organisation_id, now=now
    )
    text = translator(case.language).text(person_texts.DOCUMENT_SENT)
    person_access.add_message(
        session, case, person_key, text,
        author="partner", now=now, actor_id=who.hex, organisation_id=referral.organisation_id, document_id=document.id,
    )  # fmt: skip
    after_sending(session, referral, document, who, now)
    return document


def sent_before(
    session: Session, referral: Referral, case: Case, document_id: UUID, limits: DocumentLimits
) -> Document | None:
    """The document that the organisation sent under this id before; None: there is none, and there is room for a new one.

    The caller holds the rows. Raises Conflict (it is not at work on it, or the id is taken), DocumentsFull.
    """
    _check(referral, case)
    known = session.get(Document, document_id)
    if known is not None:
        if (known.case_id, known.organisation_id) != (case.id, referral.organisation_id):
            raise Conflict("This id is taken. Choose another one.", state=referral.state)
        return known
    if not storage.room(session, case.id, limits, author="partner").is_left:
        raise DocumentsFull
    return None


def send_sealed(
    session: Session,
    referral: Referral,
    case: Case,
    key: bytes,
    document_id: UUID,
    pages: Sequence[bytes],
    limits: DocumentLimits,
    now: datetime,
) -> Document:
    """`send` for a program, which gives the document's own key and its id; the person is told by a notice.

    The same id again changes nothing. A key that is not the one of the case and this document opens nothing for anybody. The caller
    holds the rows. Raises as `sent_before`.
    """
    known = sent_before(session, referral, case, document_id, limits)
    if known is not None:
        return known
    document = storage.add_with_key(
        session, key, case.id, pages, limits,
        author="partner", organisation_id=referral.organisation_id, now=now, document_id=document_id,
    )  # fmt: skip
    after_sending(session, referral, document, referral.organisation_id, now)
    return document


def after_sending(session: Session, referral: Referral, document: Document, who: UUID, now: datetime) -> None:
    """Queue the notice about a stored document, and audit it."""
    messaging.notify_person(session, NoticeKind.MESSAGE, about_id=referral.case_id, case_id=referral.case_id, now=now)
    codes = {"document": document.id.hex, "pages": document.pages}
    _record(session, referral, "referral:document_sent", who, now, codes)


def take_back_by_member(session: Session, member: SignedIn, label: str, document_id: UUID, now: datetime) -> None:
    """Delete a document that the organisation sent, from the partner's page. Raises NotFound."""
    organisation_id = partner_access.organisation_of(member)
    referral_id = partner_access.referral_id_of(session, organisation_id, label)
    referral, _case = queries.locked(session, referral_id, organisation_id)
    take_back(session, referral, document_id, who=member.member_id, now=now)


def take_back(session: Session, referral: Referral, document_id: UUID, *, who: UUID, now: datetime) -> None:
    """Delete a document that the organisation of this referral sent, while it may open the case.

    The caller holds the rows. Raises NotFound: another's, or none; Conflict.
    """
    document = storage.find(session, referral.case_id, document_id)
    if document.organisation_id != referral.organisation_id:
        raise NotFound("There is no such document.")
    if not partner_access.may_open(referral):
        raise Conflict("The documents open once you have accepted.", state=referral.state)
    storage.remove(session, document)
    _record(session, referral, "referral:document_taken_back", who, now, {"document": document_id.hex})


def ask_by_member(session: Session, member: SignedIn, label: str, now: datetime) -> None:
    """Ask the person for photos of a letter, from the partner's page. Raises NotFound, Conflict."""
    organisation_id = partner_access.organisation_of(member)
    referral_id = partner_access.referral_id_of(session, organisation_id, label)
    referral, case = queries.locked(session, referral_id, organisation_id)
    ask(session, referral, case, who=member.member_id, now=now)


def ask(session: Session, referral: Referral, case: Case, *, who: UUID, now: datetime) -> None:
    """Ask the person for photos of a letter; asking again changes nothing. The caller holds the rows. Raises Conflict."""
    _check(referral, case)
    if referral.asks_document:
        return
    referral.asks_document = True
    messaging.notify_person(session, NoticeKind.MESSAGE, about_id=case.id, case_id=case.id, now=now)
    _record(session, referral, "referral:document_asked", who, now, {})


def answered(session: Session, case_id: UUID) -> None:
    """End all requests for a document, because the person has added one. The caller holds the case's row."""
    session.execute(
        sa.update(Referral)
        .where(Referral.case_id == case_id, Referral.asks_document.is_(True))
        .values(asks_document=False)
    )


def _check(referral: Referral, case: Case) -> None:
    if not may_send(referral, case):
        raise Conflict("Documents are sent and asked for while you work on the request.", state=referral.state)


def _record(
    session: Session, referral: Referral, action: str, who: UUID, now: datetime, codes: dict[str, object]
) -> None:
    audit.record(
        session, actor_kind="partner", actor_id=who.hex, action=action, subject_kind="referral",
        subject_id=referral.id, codes=codes, now=now,
    )  # fmt: skip
