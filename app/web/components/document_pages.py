"""What the person's, the desk's and the partner's pages share about documents: their limits, and pictures inside a page."""

import base64
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.casework.documents import OpenedPages
from app.documents.limits import DocumentLimits, FileLimits
from app.documents.models import Document
from app.intake.questions import FormFields
from app.partners import organisations
from app.settings import Settings
from app.web.components.forms import field_value


def document_limits(settings: Settings) -> DocumentLimits:
    """The limits of an installation."""
    file = FileLimits(bytes=settings.document_bytes, pages=settings.document_pages_per_case)
    return DocumentLimits(settings.documents_per_case, settings.document_pages_per_case, file)


def embedded(pages: Sequence[tuple[int, bytes]]) -> list[tuple[int, Markup]]:
    """Pictures as addresses that contain them, by page number: opening them needs no second request, which nobody would audit."""
    return [
        (number, Markup("data:image/jpeg;base64," + base64.b64encode(content).decode()))  # noqa: S704  our own encoder's
        for number, content in pages
    ]


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
