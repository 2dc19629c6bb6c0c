"""Documents of a case at the desk: the list, and their pages, opened on request."""

from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.cases import team_cases
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
from app.intake.questions import FormFields
from app.web.account import uploads
from app.web.account.policies import AtDesk, Config, Packs, still_signed_in, submitted_version
from app.web.account.uploads import AtDeskWithDocument
from app.web.components import date_fields, document_pages, reader_language, staff_pages
from app.web.components.forms import field_value
from app.web.components.uploads import NOT_SENT, count

router = APIRouter()

Label = Annotated[str, Path(max_length=14)]
_LETTER_UNKNOWN: Final = N_("Unknown")
_NO_LETTER: Final = N_("No letter: nothing in the documents sets a deadline")
BACK: Final = "/desk/cases/{label}/documents"


_LETTER_ERRORS: Final = {
    "unknown_code": N_("Choose what the letter is about from the list."),
    "in_the_future": N_("The letter cannot have come on a day that is still to come."),
    "contradicts": N_("“No letter” and a day contradict each other. Choose what the letter is about, or leave the day empty."),
    "too_long_ago": N_("This day is too long ago for a letter that counts today."),
}  # fmt: skip
"""What the page says of a fault that the schema of an intake finds."""


@router.get("/desk/cases/{label}/documents", name="case_documents")
def show_documents(label: Label, request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    """List the documents, without opening any."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
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
        case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
        beside = _beside(form)
        if beside is not None:
            return _opened(request, session, packs, desk, label, *beside, error.errors)
        return _page(request, session, packs, case, desk, error.errors)
    return staff_pages.redirect(f"/desk/cases/{label}?done=letter_entered")


def _page(
    request: Request,
    session: Session,
    packs: Directory,
    case: Case,
    desk: Desk,
    errors: Sequence[FieldError] = (),
    not_sent: str = "",
) -> Response:
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
        letter=_letter(request, packs, case, request.state.form if errors else {}, errors),
        opened=None,
    )


def _letter(
    request: Request, packs: Directory, case: Case, typed: FormFields, errors: Sequence[FieldError]
) -> dict[str, Any] | None:
    """The context of `desk/parts/letter.html`; None: the case is closed, and nothing can be entered."""
    if case.closed_at is not None:
        return None
    names, words = staff_pages.code_names(request), reader_language.words(request)
    return {
        "kinds": [
            ("unknown", words.text(_LETTER_UNKNOWN)),
            (documents.NO_LETTER, words.text(_NO_LETTER)),
            *((row.event, names.text(row.label or "")) for row in packs.deadlines(case.country) if row.letter_kind),
        ],
        "typed": typed,
        "errors": [_LETTER_ERRORS.get(error["code"], error["detail"]) for error in errors],
    }


def _beside(form: FormFields) -> tuple[UUID, int] | None:
    """The document that was open beside the fields, and its first page that was shown; None: none was."""
    try:
        page = field_value(form, "beside_page")
        return UUID(field_value(form, "beside")), int(page) if page.isascii() and page.isdigit() else 1
    except ValueError:
        return None


def _opened(
    request: Request,
    session: Session,
    packs: Directory,
    desk: Desk,
    label: str,
    document: UUID,
    first: int,
    errors: Sequence[FieldError] = (),
) -> Response:
    """Some pages of a document, with the fields for what the letter says beside them."""
    case, opened = documents.open_at_desk(session, desk, label, document, first)
    return staff_pages.page(
        request,
        "staff/document.html",
        status=422 if errors else 200,
        here=BACK.format(label=label),
        case=case,
        letter=_letter(request, packs, case, request.state.form, errors),
        **document_pages.opened_context(opened),
    )


@router.post(uploads.AT_DESK, name="send_case_document")
def send_document(
    request: Request, desk: AtDeskWithDocument, session: Db, packs: Packs, config: Config, brake: Brake
) -> Response:
    """Send the person a document. If it is refused, the page is shown again and says why."""
    label, pages = field_value(request.state.form, "to_case"), request.state.pages
    if not label:
        raise Invalid([FieldError(pointer="/to_case", code="required", detail="The form names no case.")])
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    count(request, session, desk.now)
    if isinstance(pages, str) or pages is None:
        return _page(request, session, packs, case, desk, not_sent=NOT_SENT[pages or "none"])
    if not filing.is_urgent(case.urgency):
        brake.check(session)
    try:
        documents.send_to_person(session, desk, label, pages, document_pages.document_limits(config))
    except DocumentsFull:
        return _page(request, session, packs, case, desk, not_sent=NOT_SENT["full"])
    return staff_pages.redirect(f"/desk/cases/{label}/documents?done=document_sent")


@router.get("/desk/cases/{label}/documents/{document:id}/remove", name="ask_to_take_back_case_document")
def ask_to_take_back(label: Label, document: UUID, request: Request, desk: AtDesk, session: ReadDb) -> Response:
    """Ask once before a document that the team sent is deleted. Changes nothing."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    context = document_pages.to_remove(session, case.id, document, "desk", None)
    return staff_pages.page(request, "staff/document_remove.html", here=BACK.format(label=label), **context)


@router.post("/desk/cases/{label}/documents/{document:id}/remove", name="take_back_case_document")
def take_back_document(label: Label, document: UUID, desk: AtDesk, session: Db) -> Response:
    """Delete a document that the team sent."""
    documents.take_back_from_person(session, desk, label, document)
    return staff_pages.redirect(f"/desk/cases/{label}/documents?done=document_taken_back")


@router.post("/desk/cases/{label}/documents/{document:id}/original", name="save_case_original")
def save_original(label: Label, document: UUID, request: Request, desk: AtDesk, session: Db) -> Response:
    """The untouched file of a document that is electronically signed. Counts as an opening, and writes an audit entry."""
    file = documents.open_original_at_desk(session, desk, label, document)
    return document_pages.download(
        request,
        session,
        file,
        still=lambda later: still_signed_in(request, later) and documents.still_opens_at_desk(later, desk, label),
    )


@router.post("/desk/cases/{label}/documents/{document:id}", name="open_case_document")
def open_document(label: Label, document: UUID, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Show some pages of a document decrypted. Counts as an opening, and writes an audit entry."""
    return _opened(request, session, packs, desk, label, document, document_pages.first_page(request.state.form))
