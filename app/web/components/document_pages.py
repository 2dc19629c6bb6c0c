"""Shared by the document pages of the person, the desk and the partner: limits, and pictures inside a page."""

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from markupsafe import Markup
from sqlalchemy.orm import Session

from app.casework.documents import OpenedPages, OriginalFile
from app.core.dependencies import Transactions
from app.core.errors import Conflict, NotFound
from app.core.sealing import CannotOpen
from app.documents import storage
from app.documents.limits import DocumentLimits, FileLimits
from app.documents.models import Document
from app.documents.storage import ORIGINAL_PIECE
from app.intake.questions import FormFields
from app.partners import organisations
from app.settings import Settings
from app.web.components.forms import field_value


def document_limits(settings: Settings) -> DocumentLimits:
    """The limits of an installation."""
    file = FileLimits(bytes=settings.document_bytes, pages=settings.document_pages_per_case)
    return DocumentLimits(settings.documents_per_case, settings.document_pages_per_case, file)


def embedded(pages: Sequence[tuple[int, bytes]]) -> list[tuple[int, Markup]]:
    """Pictures as `data:` addresses, by page number: showing them needs no second request, which would not be audited."""
    return [
        (number, Markup("data:image/jpeg;base64," + base64.b64encode(content).decode()))  # noqa: S704  our own encoder's
        for number, content in pages
    ]


def download(
    request: Request, session: Session, file: OriginalFile, still: Callable[[Session], bool] = lambda _session: True
) -> Response:
    """The untouched file as a download, never shown: piece by piece, each but the first in a transaction of its own.

    It ends early if the document is taken back meanwhile. `still`: asked first in each transaction, whether they may go on; where
    the database shows a case to its number alone, it also says whose number it is. Raises Conflict: this key does not open it.
    """
    transactions: Transactions = request.app.state.transactions
    document = file.document
    try:
        first, last = (
            storage.open_original_piece(session, file.key, document, number) for number in (1, document.original_pieces)
        )
    except CannotOpen:
        raise Conflict("This document cannot be opened with this key.") from None

    async def pieces() -> AsyncIterator[bytes]:
        yield first
        for number in range(2, document.original_pieces + 1):
            read = partial(_piece, file.key, document, number, still)
            yield await transactions.run(read, write=False)

    return StreamingResponse(
        pieces(),
        media_type="application/octet-stream",
        headers={
            "content-length": str((document.original_pieces - 1) * ORIGINAL_PIECE + len(last)),
            "content-disposition": 'attachment; filename="signed-document.pdf"',
            "content-security-policy": "default-src 'none'; sandbox",
        },
    )


def _piece(key: bytes, document: Document, number: int, still: Callable[[Session], bool], session: Session) -> bytes:
    if not still(session):
        raise NotFound
    return storage.open_original_piece(session, key, document, number)


def listed(session: Session, documents: Sequence[Document]) -> list[tuple[Document, str]]:
    """Documents with the name of the organisation that added them; "" for others."""
    names = organisations.names(session, [entry.organisation_id for entry in documents if entry.organisation_id])
    return [(entry, names[entry.organisation_id] if entry.organisation_id else "") for entry in documents]


def first_page(form: FormFields) -> int:
    """The page from which on the form asks for pages; 1 if it names none."""
    text = field_value(form, "page")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1


def opened_context(opened: OpenedPages) -> dict[str, Any]:
    """The context of `staff/document.html`, but for where its list is."""
    return {"opened": opened, "pictures": embedded(opened.pages)}


def to_remove(
    session: Session, case_id: UUID, document_id: UUID, author: str, organisation_id: UUID | None
) -> dict[str, Any]:
    """The context of `staff/document_remove.html`, but for where its list is. Raises NotFound: another's, or none."""
    for place, entry in enumerate(storage.of_case(session, case_id), 1):
        if entry.id == document_id and (entry.author, entry.organisation_id) == (author, organisation_id):
            return {"document": entry, "place": place}
    raise NotFound("There is no such document.")
