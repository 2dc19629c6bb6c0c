"""Documents of an accepted referral on the partner's page: their pages, opened on request, and sending one to the person."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework import centre_documents, documents, filing, partner_access
from app.core.dependencies import Brake, Db, Keys, Now, ReadDb
from app.core.errors import Conflict, FieldError, Invalid
from app.documents import storage
from app.documents.storage import DocumentsFull
from app.referrals.models import Referral
from app.staff.sessions import SignedIn
from app.web.account import uploads
from app.web.account.policies import Config, Member, still_signed_in
from app.web.account.uploads import MemberWithDocument
from app.web.components import document_pages, staff_pages
from app.web.components.forms import field_value
from app.web.components.uploads import NOT_SENT, count
from app.web.partner.offers import Label, organisation_of

_OF_ONE: Final = "/partner/referrals/{label}/documents"
router = APIRouter()


@router.get(_OF_ONE, name="offer_documents")
def show_documents(label: Label, request: Request, member: Member, session: ReadDb, config: Config) -> Response:
    """List the documents, without opening any. Raises NotFound, Conflict (not accepted)."""
    return _page(request, session, config, member, label)


def _page(
    request: Request, session: Session, config: Config, member: SignedIn, label: str, not_sent: str = ""
) -> Response:
    organisation_id = organisation_of(member)
    referral = session.get_one(Referral, partner_access.referral_id_of(session, organisation_id, label))
    if not partner_access.may_open(referral):
        raise Conflict("The documents open once you have accepted.", state=referral.state)
    case = session.get_one(Case, referral.case_id)
    limits = document_pages.document_limits(config)
    return staff_pages.page(
        request,
        "partner/documents.html",
        status=422 if not_sent else 200,
        label=referral.label,
        documents=[(entry, "") for entry in storage.of_case(session, case.id)],
        mine=organisation_id,
        sends=centre_documents.may_send(referral, case),
        left=storage.room(session, case.id, limits, author="partner"),
        megabytes=limits.file.bytes // 1_000_000,
        asks=referral.asks_document,
        may_add=storage.room(session, case.id, limits).is_left,
        send_to=uploads.OF_PARTNER,
        not_sent=not_sent,
    )


@router.post(uploads.OF_PARTNER, name="send_offer_document")
def send_document(
    request: Request, member: MemberWithDocument, session: Db, keys: Keys, config: Config, brake: Brake, now: Now
) -> Response:
    """Send the person a document. If it is refused, the page is shown again and says why."""
    label, pages = field_value(request.state.form, "to_referral"), request.state.pages
    if not label:
        raise Invalid([FieldError(pointer="/to_referral", code="required", detail="The form names no request.")])
    referral = session.get_one(Referral, partner_access.referral_id_of(session, organisation_of(member), label))
    count(request, session, now)
    if isinstance(pages, str) or pages is None:
        return _page(request, session, config, member, label, NOT_SENT[pages or "none"])
    if not filing.is_urgent(referral.urgency):
        brake.check(session)
    try:
        limits = document_pages.document_limits(config)
        centre_documents.send_by_member(session, keys, member, label, pages, limits, now)
    except DocumentsFull:
        return _page(request, session, config, member, label, NOT_SENT["full"])
    return staff_pages.redirect(f"{_OF_ONE.format(label=label)}?done=document_sent")


@router.post(_OF_ONE + "/ask", name="ask_for_document")
def ask_for_document(label: Label, member: Member, session: Db, now: Now) -> Response:
    """Ask the person for photos of a letter."""
    centre_documents.ask_by_member(session, member, label, now)
    return staff_pages.redirect(f"{_OF_ONE.format(label=label)}?done=document_asked")


@router.get(_OF_ONE + "/{document:id}/remove", name="ask_to_take_back_offer_document")
def ask_to_take_back(label: Label, document: UUID, request: Request, member: Member, session: ReadDb) -> Response:
    """Ask once before a document that the organisation sent is deleted. Changes nothing."""
    organisation_id = organisation_of(member)
    referral = session.get_one(Referral, partner_access.referral_id_of(session, organisation_id, label))
    context = document_pages.to_remove(session, referral.case_id, document, "partner", organisation_id)
    if not partner_access.may_open(referral):
        raise Conflict("The documents open once you have accepted.", state=referral.state)
    return staff_pages.page(request, "staff/document_remove.html", here=_OF_ONE.format(label=label), **context)


@router.post(_OF_ONE + "/{document:id}/remove", name="take_back_offer_document")
def take_back_document(label: Label, document: UUID, member: Member, session: Db, now: Now) -> Response:
    """Delete a document that the organisation sent."""
    centre_documents.take_back_by_member(session, member, label, document, now)
    return staff_pages.redirect(f"{_OF_ONE.format(label=label)}?done=document_taken_back")


@router.post(_OF_ONE + "/{document:id}/original", name="save_offer_original")
def save_original(
    label: Label, document: UUID, request: Request, member: Member, session: Db, keys: Keys, config: Config, now: Now
) -> Response:
    """The untouched file of a document that is electronically signed. Counts as an opening, and writes an audit entry."""
    file = documents.open_original_by_partner(session, keys, member, label, document, now, config.member_reads_per_day)
    return document_pages.download(
        request,
        session,
        file,
        still=lambda later: still_signed_in(request, later) and partner_access.still_opens(later, keys, member, label),
    )


@router.post(_OF_ONE + "/{document:id}", name="open_offer_document")
def open_document(
    label: Label, document: UUID, request: Request, member: Member, session: Db, keys: Keys, config: Config, now: Now
) -> Response:
    """Show some pages of a document decrypted. Counts as an opening, and writes an audit entry."""
    opened = documents.open_by_partner(
        session,
        keys,
        member,
        label,
        document,
        document_pages.first_page(request.state.form),
        now,
        config.member_reads_per_day,
    )
    return staff_pages.page(
        request,
        "staff/document.html",
        here=_OF_ONE.format(label=label),
        letter=None,
        **document_pages.opened_context(opened),
    )
