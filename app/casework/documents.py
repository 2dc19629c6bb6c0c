"""Documents of a case: the person adds and deletes them; coordinators and members of organisations open them, audited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.audit.models import AuditEntry
from app.cases import access_control, person_access, restriction, rewrapping, sealed_parts, team_cases
from app.cases.access_control import READS_PER_DAY, SAME_READING, AuditedReader
from app.cases.models import Case
from app.cases.person_access import OpenedCase
from app.cases.unread_letters import of_column
from app.casework import centre_documents, corrections, partner_access, person_actions, person_news, sealed_access
from app.casework.coordinator import Desk, locked_case, record_audit, record_change
from app.core.clock import to_the_hour
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, NotFound
from app.core.i18n import translator
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.packs import Directory
from app.documents import storage
from app.documents.limits import DocumentLimits
from app.documents.models import Document
from app.intake import wording
from app.messaging import person_texts
from app.messaging.kinds import NoticeKind
from app.referrals.models import Referral
from app.staff import read_quotas
from app.staff.sessions import SignedIn
from app.tasks import service as tasks
from app.tasks.service import TaskKind

PAGES_AT_ONCE: Final = 5
"""How many pages one opening shows. Each is a line of the audit."""

NO_LETTER: Final = "none"
"""What a reader enters who has found no letter that sets a date."""


@dataclass(frozen=True, slots=True)
class OpenedPages:
    """Some pages of a document, decrypted: JPEG pictures by page number.

    `place`: which document of the case it is, from 1, of `count`; `earlier` and `later`: those beside it.
    """

    document: Document
    place: int
    count: int
    earlier: UUID | None
    later: UUID | None
    pages: Sequence[tuple[int, bytes]]

    @property
    def before(self) -> int | None:
        """The first page of the pages before these."""
        first = self.pages[0][0]
        return max(first - PAGES_AT_ONCE, 1) if first > 1 else None

    @property
    def after(self) -> int | None:
        """The first page of the pages after these."""
        last = self.pages[-1][0]
        return last + 1 if last < self.document.pages else None


def takes_documents(case: Case) -> bool:
    """Whether the person can add documents, which is possible while the request is open."""
    return case.closed_at is None


def merged_with_documents(session: Session, case: Case, me: UUID) -> Sequence[str]:
    """Labels of the cases that are merged with this one and have documents: each case keeps its own, under its own key.

    Without those that are restricted to others than `me`.
    """
    query = (
        sa.select(Case.label)
        .where(
            Case.team_id == case.team_id,
            sa.or_(Case.merged_into_id == case.id, Case.id == case.merged_into_id),
            sa.exists().where(Document.case_id == Case.id),
            sa.not_(restriction.hidden_from(me)),
        )
        .order_by(Case.label)
    )
    return session.scalars(query).all()


def add_by_person(
    session: Session,
    opened: OpenedCase,
    document_id: UUID,
    pages: Sequence[bytes],
    limits: DocumentLimits,
    now: datetime,
    original: storage.SealedFile | None = None,
    *,
    keys: KeyRing,
    directory: Directory,
) -> Document:
    """Seal and store one file of the person's; coordinators and organisations at work learn of it as of a message.

    Unless kind and day of a letter are known, the case counts as one with a letter of which they are not, until somebody has
    read the document.

    `original`: the file itself, sealed with `storage.document_key` of this case, if it is kept. The caller holds
    the case's row lock. Raises Conflict, DocumentsFull, TooManyChanges.
    """
    case = opened.case
    if not takes_documents(case):
        raise Conflict("Nothing can be added to this request any more.", state=case.state)
    person_access.count_change(session, case, now)
    document = storage.add_with_key(
        session,
        storage.document_key(opened.person_key, document_id),
        case.id,
        pages,
        limits,
        author="person",
        now=now,
        organisation_id=None,
        document_id=document_id,
        original=original,
    )
    case.person_wrote, case.updated_at = True, to_the_hour(now)
    case.version += 1
    audit.record_by_person(session, case.id, "case:document_added", now)
    person_actions.tell_who_works(session, case.id, now)
    person_news.tell_team(session, case, now)
    if corrections.expect_letter(session, opened, keys=keys, directory=directory, now=now):
        tasks.hasten(session, TaskKind.READ_DOCUMENT, case, now=to_the_hour(now))
    tasks.open_task(session, TaskKind.READ_DOCUMENT, case, now=to_the_hour(now))
    centre_documents.answered(session, case.id)
    session.flush()
    return document


def remove_by_person(session: Session, opened: OpenedCase, document_id: UUID, now: datetime) -> None:
    """Delete a document that the person added. The caller holds the case's row lock. Raises NotFound: another's, or none."""
    document = storage.find(session, opened.case.id, document_id)
    if document.author != "person":
        raise NotFound("There is no such document.")
    storage.remove(session, document)
    opened.case.version += 1
    opened.case.updated_at = to_the_hour(now)
    audit.record_by_person(session, opened.case.id, "case:document_removed", now)
    if not any(entry.author == "person" for entry in storage.of_case(session, opened.case.id)):
        tasks.end_tasks_of_kind(session, TaskKind.READ_DOCUMENT, opened.case.id, to_the_hour(now))
        unread = of_column(opened.case.unread_letter)
        opened.case.unread_letter = unread.seen().value if unread else None
    session.flush()


def open_at_desk(session: Session, desk: Desk, label: str, document_id: UUID, first: int) -> tuple[Case, OpenedPages]:
    """Some pages, from `first` on, with the team's key; counted and audited.

    Raises NotFound, NotAllowed (no key), Conflict, QuotaReached.
    """
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    document = storage.find(session, case.id, document_id)
    reader = AuditedReader.member(desk.actor.kind.value, desk.member.member_id, desk.reads_a_day)
    access_control.authorize_read(session, desk.keys, reader, case.id, desk.now, documents_of=case.id)
    record_audit(session, desk, case, "case:document_opened", {"document": document.id.hex, "page": first})
    key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    rewrapping.rewrap_opened(session, desk.keys, case.id, key)
    return case, pages_of(session, key, case, document, first)


@dataclass(frozen=True, slots=True)
class OriginalFile:
    """The untouched file of a document, to be read piece by piece with its key. It may be dangerous to open."""

    document: Document
    key: bytes = field(repr=False)


def open_original_at_desk(session: Session, desk: Desk, label: str, document_id: UUID) -> OriginalFile:
    """The untouched file with the team's key; counted and audited, as page 0 of the document.

    Raises NotFound (also when it was not kept), NotAllowed (no key), QuotaReached.
    """
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    document = _with_original(session, case.id, document_id)
    reader = AuditedReader.member(desk.actor.kind.value, desk.member.member_id, desk.reads_a_day)
    access_control.authorize_read(session, desk.keys, reader, case.id, desk.now, documents_of=case.id)
    codes = {"document": document.id.hex, "page": storage.ORIGINAL}
    record_audit(session, desk, case, "case:document_opened", codes)
    key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    rewrapping.rewrap_opened(session, desk.keys, case.id, key)
    return OriginalFile(document, storage.document_key(key, document.id))


def still_opens_at_desk(session: Session, desk: Desk, label: str) -> bool:
    """Whether the coordinator may go on reading what they have begun to read."""
    try:
        case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
        sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    except (NotFound, NotAllowed, Conflict):
        return False
    return True


def own_original(session: Session, opened: OpenedCase, document_id: UUID) -> OriginalFile:
    """The untouched file for the person who sent it. Raises NotFound."""
    document = _with_original(session, opened.case.id, document_id)
    return OriginalFile(document, storage.document_key(opened.person_key, document.id))


def original_for_organisation(session: Session, case: Case, data_key: bytes, document_id: UUID) -> OriginalFile:
    """The untouched file for an organisation, decrypted with the case's key. The caller has counted and audited it.

    Raises NotFound.
    """
    document = _with_original(session, case.id, document_id)
    return OriginalFile(document, storage.document_key(data_key, document.id))


def _with_original(session: Session, case_id: UUID, document_id: UUID) -> Document:
    document = storage.find(session, case_id, document_id)
    if not document.original_pieces:
        raise NotFound("The file itself was not kept.")
    return document


def send_to_person(
    session: Session, desk: Desk, label: str, pages: Sequence[bytes], limits: DocumentLimits
) -> Document:
    """Seal and store a document for the person, such as a translation; they are told in their thread and by a notice.

    Raises NotFound, NotAllowed (no key), Conflict (the case is closed), DocumentsFull.
    """
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    if not takes_documents(case):
        raise Conflict("Nothing can be added to this case any more.", state=case.state)
    key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    document = storage.add(session, key, case.id, pages, limits, author="desk", now=desk.now)
    text = translator(case.language).text(person_texts.DOCUMENT_SENT)
    person_access.add_message(
        session, case, key, text,
        author="desk", now=desk.now, actor_id=desk.member.member_id.hex, document_id=document.id,
    )  # fmt: skip
    messaging.notify_person(session, NoticeKind.MESSAGE, about_id=case.id, case_id=case.id, now=desk.now)
    record_change(session, desk, case, "case:document_sent", {"document": document.id.hex, "pages": len(pages)})
    return document


def take_back_from_person(session: Session, desk: Desk, label: str, document_id: UUID) -> None:
    """Delete a document that the team sent, for example a wrong one. Raises NotFound: another's, or none."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    document = storage.find(session, case.id, document_id)
    if document.author != "desk":
        raise NotFound("There is no such document.")
    storage.remove(session, document)
    record_change(session, desk, case, "case:document_taken_back", {"document": document_id.hex})


def enter_letter(
    session: Session, desk: Desk, directory: Directory, label: str, version: int, kind: str, received_on: date | None
) -> Case:
    """Enter what a letter is about and when it came, as somebody of the team has read it; the person is told in their thread.

    `kind`: an event of the country's deadlines, `unknown`, or `NO_LETTER`, which has no day. Deadline, urgency and matches are
    worked out again. Ends the task to read it. Raises StaleCase, Conflict, Invalid, NotAllowed.
    """
    case = locked_case(session, desk, label, version)
    opened = OpenedCase(case, sealed_access.data_key(session, desk, case, sealed_parts.PERSON))
    if kind == NO_LETTER:
        if received_on:  # perhaps the line below or above was meant, and the deadline would be lost
            detail = "There is no day of a letter if there is no letter."
            raise Invalid([FieldError(pointer="/letter/received_on", code="contradicts", detail=detail)])
        corrections.drop_letter(session, opened, keys=desk.keys, directory=directory, now=desk.now)
        said = person_texts.NO_LETTER
    else:
        corrections.enter_letter(session, opened, kind, received_on, keys=desk.keys, directory=directory, now=desk.now)
        is_known = kind != "unknown" and received_on is not None
        said = person_texts.LETTER_READ if is_known else person_texts.LETTER_UNCLEAR
    reworded = wording.of_facts(sealed_access.facts_of(desk.keys, case))
    text = translator(case.language).reworded(reworded).text(said)
    person_access.add_message(
        session, case, opened.person_key, text, author="desk", now=desk.now, actor_id=desk.member.member_id.hex
    )
    messaging.notify_person(session, NoticeKind.MESSAGE, about_id=case.id, case_id=case.id, now=desk.now)
    tasks.end_tasks_of_kind(session, TaskKind.READ_DOCUMENT, case.id, desk.now)
    record_change(session, desk, case, "case:letter_entered")
    return case


def open_by_partner(
    session: Session,
    keys: KeyRing,
    member: SignedIn,
    label: str,
    document_id: UUID,
    first: int,
    now: datetime,
    reads_a_day: int = READS_PER_DAY,
) -> OpenedPages:
    """Some pages, from `first` on, with the organisation's key, after acceptance; counted and audited.

    Raises NotFound, Conflict (not accepted), NotAllowed (no key), QuotaReached.
    """
    case, document, key = _opened_by_partner(session, keys, member, label, document_id, first, now, reads_a_day)
    return pages_of(session, key, case, document, first)


def open_original_by_partner(
    session: Session,
    keys: KeyRing,
    member: SignedIn,
    label: str,
    document_id: UUID,
    now: datetime,
    reads_a_day: int = READS_PER_DAY,
) -> OriginalFile:
    """The untouched file with the organisation's key, after acceptance; counted and audited as page 0 of the document.

    Raises NotFound, Conflict (not accepted), NotAllowed (no key), QuotaReached.
    """
    case, document, key = _opened_by_partner(
        session, keys, member, label, document_id, storage.ORIGINAL, now, reads_a_day
    )
    return original_for_organisation(session, case, key, document.id)


def _opened_by_partner(
    session: Session,
    keys: KeyRing,
    member: SignedIn,
    label: str,
    document_id: UUID,
    page: int,
    now: datetime,
    reads_a_day: int,
) -> tuple[Case, Document, bytes]:
    """The case, the document and the case's key, for pages from `page` on or the untouched file; counted and audited."""
    referral_id = partner_access.referral_id_of(session, partner_access.organisation_of(member), label)
    case_id = session.get_one(Referral, referral_id).case_id
    find = _with_original if page == storage.ORIGINAL else storage.find
    document = find(session, case_id, document_id)
    referral, case, key = partner_access.opened_referral(session, keys, member, label)
    partner_access.mark_opened(session, referral, now)
    reader = AuditedReader.member("partner", member.member_id, reads_a_day)
    access_control.authorize_read(session, keys, reader, case.id, now, documents_of=referral.id)
    audit.record(
        session,
        actor_kind="partner",
        actor_id=member.member_id.hex,
        action="referral:document_opened",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"document": document.id.hex, "page": page},
        now=now,
    )
    rewrapping.rewrap_opened(session, keys, case.id, key, to=member.keys_of(session))
    return case, document, key


def sealed_piece_for_client(
    session: Session,
    keys: KeyRing,
    client_id: str,
    referral: Referral,
    case: Case,
    document_id: UUID,
    number: int,
    now: datetime,
    reads_a_day: int = READS_PER_DAY,
) -> tuple[Document, storage.SealedPiece]:
    """A piece of a document for an organisation's program, which has the key to it; counted and audited as on the page.

    The first piece of each `PAGES_AT_ONCE` pages, and of the untouched file, is an opening, and so is any other whose opening was
    not within the last hour. All openings of a case's documents within an hour count once for the daily limit. The caller holds
    the rows of the referral and the case, and has checked that it may be opened. Raises NotFound, QuotaReached.
    """
    document = storage.find(session, case.id, document_id)
    piece = storage.sealed_piece(session, document, number)
    first = (piece.page - 1) // PAGES_AT_ONCE * PAGES_AT_ONCE + 1 if piece.page else storage.ORIGINAL
    codes = {"document": document.id.hex, "page": first, "client": client_id}
    begins = (piece.page, piece.piece) == (first, 1)
    lately = _opened_lately(session, referral, now)
    if begins or codes not in lately:
        partner_access.mark_opened(session, referral, now)
        reader = AuditedReader.client(client_id, referral.organisation_id, reads_a_day)
        if not any(earlier.get("client") == client_id for earlier in lately):
            read_quotas.count(session, reader.quota_key, now, limit=reader.daily_limit)
        access_control.raise_alarm(session, keys, reader, case.id, now)
        audit.record(
            session,
            actor_kind="partner",
            actor_id=referral.organisation_id.hex,
            action="referral:document_opened",
            subject_kind="referral",
            subject_id=referral.id,
            codes=codes,
            now=now,
        )
    return document, piece


def _opened_lately(session: Session, referral: Referral, now: datetime) -> Sequence[Mapping[str, object]]:
    """The codes of the openings of documents that the audit has within the last hour."""
    query = sa.select(AuditEntry.codes).where(
        AuditEntry.subject_id == referral.id.hex,
        AuditEntry.action == "referral:document_opened",
        AuditEntry.at > now - SAME_READING,
    )
    return session.scalars(query).all()


def pages_of(session: Session, data_key: bytes, case: Case, document: Document, first: int) -> OpenedPages:
    """Some pages of a document, from `first` on, decrypted. The caller has counted and audited it. Raises NotFound, Conflict."""
    return pages_with_key(session, storage.document_key(data_key, document.id), case, document, first)


def pages_with_key(session: Session, key: bytes, case: Case, document: Document, first: int) -> OpenedPages:
    """Some pages of a document, decrypted with the document's own key. Raises NotFound, Conflict."""
    numbers = range(first, min(first + PAGES_AT_ONCE, document.pages + 1))
    if first < 1 or not numbers:
        raise NotFound("The document has no such page.")
    try:
        pages = [(number, storage.open_page_with(session, key, document, number)) for number in numbers]
    except CannotOpen:
        raise Conflict("This document cannot be opened with this key.", state=case.state) from None
    ids = [entry.id for entry in storage.of_case(session, case.id)]
    at = ids.index(document.id)
    return OpenedPages(
        document,
        at + 1,
        len(ids),
        ids[at - 1] if at else None,
        ids[at + 1] if at + 1 < len(ids) else None,
        pages,
    )
