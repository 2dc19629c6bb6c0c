"""Documents of a case at the desk: the list, and their pages, opened on request."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.cases import queue
from app.cases.models import Case
from app.casework import documents, filing
from app.casework.coordinator import Desk
from app.core.dependencies import Brake, Db, ReadDb
from app.core.errors import FieldError, Invalid
from app.core.i18n import N_
from app.core.written_dates import Nearest
from app.directory.packs import Directory
from app.documents import storage
from app.documents.storage import DocumentsFull
from app.web.account import uploads
from app.web.account.policies import AtDesk, Config, Packs, submitted_version
from app.web.account.uploads import AtDeskWithDocument
from app.web.components import date_fields, document_pages, staff_pages
from app.web.components.forms import field_value
from app.web.components.uploads import NOT_SENT

router = APIRouter()

Label = Annotated[str, Path(max_length=14)]
BACK: Final = "/desk/cases/{label}/documents"


_LETTER_ERRORS: Final = {
    "unknown_code": N_("Choose what the letter is about from the list."),
    "in_the_future": N_("The letter cannot have come on a day that is still to come."),
    "too_long_ago": N_("This day is too long ago for a letter that counts today."),
}
"""What the page says of a fault that the schema of an intake finds."""


@router.get("/desk/cases/{label}/documents", name="case_documents")
def show_documents(label: Label, request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    """List the documents, without opening any."""
    case = queue.by_label(session, desk.team_id, label, me=desk.member.member_id)
    return _page(request, session, packs, case, desk)


@router.post("/desk/cases/{label}/documents/letter", name="enter_letter")
def enter_letter(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Enter what a letter is about and when it came. Invalid input is shown again with its errors."""
    form, version = request.state.form, submitted_version(request)
    try:
        kind = field_value(form, "kind")
        if not kind:
            raise Invalid(
                [FieldError(pointer="/letter/kind", code="required", detail="Choose what the letter is about.")]
            )
        received_on = date_fields.read(form, "received_on", today=desk.now.date(), nearest=Nearest.PAST)
        documents.enter_letter(session, desk, packs, label, version, kind, received_on)
    except Invalid as error:
        return _page(
            request,
            session,
            packs,
            queue.by_label(session, desk.team_id, label, me=desk.member.member_id),
            desk,
            error.errors,
        )
    return staff_pages.redirect(f"/desk/cases/{label}?done=done")


def _page(
    request: Request,
    session: Session,
    packs: Directory,
    case: Case,
    desk: Desk,
    errors: Sequence[FieldError] = (),
    not_sent: str = "",
) -> Response:
    names = staff_pages.code_names(request)
    return staff_pages.page(
        request,
        "desk/documents.html",
        status=422 if errors or not_sent else 200,
        not_sent=not_sent,
        sends=documents.takes_documents(case),
        send_to=uploads.AT_DESK,
        case=case,
        documents=document_pages.listed(session, storage.of_case(session, case.id)),
        merged=documents.merged_with_documents(session, case, desk.member.member_id),
        kinds=[
            ("unknown", ""),
            *((row.event, names.text(row.label or "")) for row in packs.deadlines(case.country) if row.letter_kind),
        ],
        typed=request.state.form if errors else {},
        errors=[_LETTER_ERRORS.get(error["code"], error["detail"]) for error in errors],
    )


@router.post(uploads.AT_DESK, name="send_case_document")
def send_document(
    request: Request, desk: AtDeskWithDocument, session: Db, packs: Packs, config: Config, brake: Brake
) -> Response:
    """Send the person a document. If it is refused, the page is shown again and says why."""
    label, pages = field_value(request.state.form, "to_case"), request.state.pages
    if not label:
        raise Invalid([FieldError(pointer="/to_case", code="required", detail="The form names no case.")])
    case = queue.by_label(session, desk.team_id, label, me=desk.member.member_id)
    if isinstance(pages, str) or pages is None:
        return _page(request, session, packs, case, desk, not_sent=NOT_SENT[pages or "none"])
    if not filing.is_urgent(case.urgency):
        brake.check(session)
    try:
        documents.send_to_person(session, desk, label, pages, document_pages.document_limits(config))
    except DocumentsFull:
        return _page(request, session, packs, case, desk, not_sent=NOT_SENT["full"])
    return staff_pages.redirect(f"/desk/cases/{label}/documents?done=document_sent")


@router.post("/desk/cases/{label}/documents/{document:id}/remove", name="take_back_case_document")
def take_back_document(label: Label, document: UUID, desk: AtDesk, session: Db) -> Response:
    """Delete a document that the team sent."""
    documents.take_back_from_person(session, desk, label, document)
    return staff_pages.redirect(f"/desk/cases/{label}/documents?done=document_taken_back")


@router.post("/desk/cases/{label}/documents/{document:id}/original", name="save_case_original")
def save_original(label: Label, document: UUID, request: Request, desk: AtDesk, session: Db) -> Response:
    """The untouched file of a document that is electronically signed. Counts as an opening, and writes an audit entry."""
    file = documents.open_original_at_desk(session, desk, label, document)
    return document_pages.download(request, session, file)


@router.post("/desk/cases/{label}/documents/{document:id}", name="open_case_document")
def open_document(label: Label, document: UUID, request: Request, desk: AtDesk, session: Db) -> Response:
    """Show some pages of a document decrypted. Counts as an opening, and writes an audit entry."""
    first = document_pages.first_page(request.state.form)
    _case, opened = documents.open_at_desk(session, desk, label, document, first)
    return staff_pages.page(
        request, "staff/document.html", here=BACK.format(label=label), **document_pages.opened_context(opened)
    )
