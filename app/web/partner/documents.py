"""Documents of an accepted referral on the partner's page: which there are, and their pages, opened on request."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.casework import documents, partner_access
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import Conflict
from app.documents import storage
from app.referrals.models import Referral
from app.web.account.policies import Config, Member
from app.web.components import document_pages, staff_pages
from app.web.partner.offers import Label, organisation_of

router = APIRouter(prefix="/partner/referrals/{label}/documents")
BACK: Final = "/partner/referrals/{label}/documents"


@router.get("", name="offer_documents")
def show_documents(label: Label, request: Request, member: Member, session: ReadDb) -> Response:
    """List the documents, without opening any. Raises NotFound, Conflict (not accepted)."""
    referral = session.get_one(Referral, partner_access.referral_id_of(session, organisation_of(member), label))
    if not partner_access.may_open(referral):
        raise Conflict("The documents open once you have accepted.", state=referral.state)
    return staff_pages.page(
        request,
        "partner/documents.html",
        label=referral.label,
        documents=document_pages.listed(session, storage.of_case(session, referral.case_id)),
    )


@router.post("/{document:id}", name="open_offer_document")
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
        request, "staff/document.html", here=BACK.format(label=label), **document_pages.opened_context(opened)
    )
