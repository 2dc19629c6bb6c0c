"""Documents of a case at the desk: which there are, and their pages, opened on request."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from app.cases import queue
from app.casework import documents
from app.core.dependencies import Db, ReadDb
from app.documents import storage
from app.web.account.policies import AtDesk
from app.web.components import document_pages, staff_pages

router = APIRouter(prefix="/desk/cases/{label}/documents")

Label = Annotated[str, Path(max_length=14)]
BACK: Final = "/desk/cases/{label}/documents"


@router.get("", name="case_documents")
def show_documents(label: Label, request: Request, desk: AtDesk, session: ReadDb) -> Response:
    """List the documents, without opening any."""
    case = queue.by_label(session, desk.team_id, label)
    return staff_pages.page(
        request,
        "desk/documents.html",
        label=case.label,
        documents=document_pages.listed(session, storage.of_case(session, case.id)),
    )


@router.post("/{document:id}", name="open_case_document")
def open_document(label: Label, document: UUID, request: Request, desk: AtDesk, session: Db) -> Response:
    """Show some pages of a document decrypted. Counts as an opening, and writes an audit entry."""
    first = document_pages.first_page(request.state.form)
    _case, opened = documents.open_at_desk(session, desk, label, document, first)
    return staff_pages.page(
        request, "staff/document.html", here=BACK.format(label=label), **document_pages.opened_context(opened)
    )
