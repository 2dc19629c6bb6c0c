"""Documents on the page behind a link with a code: to open, send, ask for and take back."""

from collections.abc import Callable
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.casework import by_link, filing, link_documents
from app.casework.documents import OpenedPages, OriginalFile
from app.core.dependencies import Brake, Db
from app.core.errors import Conflict, NotFound, TooMany
from app.core.i18n import LANGUAGES
from app.core.storage_brake import StorageFull
from app.documents.storage import DocumentsFull
from app.settings import Settings
from app.web.account.policies import anyone, anyone_with_file
from app.web.components import csrf, document_pages, forms, uploads
from app.web.components.rendering import page
from app.web.partner import link_page, link_words
from app.web.partner.link_page import PREFIX, LinkGone, Visit, Visiting
from app.web.person import documents as person_documents
from app.web.person.dependencies import Config, Form

_PATH: Final = "/documents"
router = APIRouter(prefix=PREFIX + "{lang}" + _PATH)
Document = Annotated[UUID, Path()]
_Opened = TypeVar("_Opened", OpenedPages, OriginalFile)


def body_limits(settings: Settings) -> dict[str, int]:
    """Body limits in bytes of the paths that take a file."""
    return dict.fromkeys((f"{PREFIX}{lang}{_PATH}" for lang in LANGUAGES), uploads.largest_form(settings))


async def _visit_with_document(request: Request, visit: Visiting) -> Visit:
    """The visit of a form with a document; its pages are in `request.state.pages`. The token is checked before the file is read."""
    request.state.form, request.state.pages = {}, None
    if forms.is_multipart(request):
        await uploads.receive_document(request, lambda: visit.knows(request.state.form))
    else:
        request.state.form = await csrf.receive(request)
    visit.check_form(request.state.form)
    return visit


VisitingWithDocument = Annotated[Visit, Depends(_visit_with_document)]


@router.post("", dependencies=[Depends(anyone_with_file)])
def send_document(
    request: Request, visit: VisitingWithDocument, session: Db, settings: Config, brake: Brake
) -> Response:
    """Send the person a document. If it is refused, the page is shown again and says why."""
    pages = request.state.pages
    linked = link_page.look(session, visit)
    uploads.count(request, session, visit.now)
    if isinstance(pages, str) or pages is None:
        why = person_documents.OUTCOMES[pages] if pages else person_documents.NONE
        return link_page.show(session, visit, settings, linked, error=why, status=422, opened="document")
    try:
        if not filing.is_urgent(linked.row.urgency):
            brake.check(session)
        limits = document_pages.document_limits(settings)
        is_sent = link_documents.send(session, visit.keys, visit.cookie, pages, limits, visit.now)
    except StorageFull:
        why = person_documents.NO_ROOM_WORDS
        return link_page.show(session, visit, settings, linked, error=why, status=503, opened="document")
    except DocumentsFull:
        why = person_documents.OUTCOMES[person_documents.FULL]
        return link_page.show(session, visit, settings, linked, error=why, status=422, opened="document")
    except Conflict:
        return link_page.show(session, visit, settings, linked, error=link_words.CHANGED, status=409)
    return _done(visit, "sent", done=is_sent)


@router.post("/ask", dependencies=[Depends(anyone)])
def ask_for_document(form: Form, visit: Visiting, session: Db) -> Response:
    """Ask the person for photos of a letter."""
    visit.check_form(form)
    return _done(visit, "asked", done=link_documents.ask(session, visit.cookie, visit.now))


@router.post("/{document:id}/remove", dependencies=[Depends(anyone)])
def take_back_document(document: Document, form: Form, visit: Visiting, session: Db) -> Response:
    """Delete a document that the organisation sent."""
    visit.check_form(form)
    return _done(visit, "removed", done=link_documents.take_back(session, visit.cookie, document, visit.now))


@router.post("/{document:id}", dependencies=[Depends(anyone)])
def open_document(document: Document, form: Form, visit: Visiting, settings: Config, session: Db) -> Response:
    """Show some pages of a document on this page alone. Writes an audit entry."""
    visit.check_form(form)
    first = document_pages.first_page(form)
    opened = _opened(
        session,
        visit,
        settings,
        lambda: link_documents.open_pages(session, visit.keys, visit.cookie, document, first, visit.now),
    )
    if isinstance(opened, Response):
        return opened
    return page(
        link_page.TEMPLATE,
        visit.lang,
        mode="document",
        message=link_words.DOCUMENT,
        label="",
        error="",
        paths=None,
        csrf=csrf.new_token(visit.keys, visit.now, csrf.of_visit(visit.cookie)),
        **document_pages.opened_context(opened),
    )


@router.post("/{document:id}/original", dependencies=[Depends(anyone)])
def save_original(
    document: Document, form: Form, request: Request, visit: Visiting, settings: Config, session: Db
) -> Response:
    """The untouched file of a document that is electronically signed. Writes an audit entry."""
    visit.check_form(form)
    file = _opened(
        session,
        visit,
        settings,
        lambda: link_documents.open_original(session, visit.keys, visit.cookie, document, visit.now),
    )
    if isinstance(file, Response):
        return file
    clock = request.app.state.clock
    return document_pages.download(
        request, session, file, still=lambda later: by_link.still_opens(later, visit.keys, visit.cookie, clock())
    )


def _opened(
    session: Session, visit: Visit, settings: Settings, work: Callable[[], _Opened | None]
) -> _Opened | Response:
    """The opened content, or the page that says why nothing was opened. Raises LinkGone."""
    try:
        opened = work()
    except (Conflict, NotFound):
        linked = link_page.look(session, visit)
        return link_page.show(session, visit, settings, linked, error=link_words.CHANGED, status=409)
    except TooMany:
        linked = link_page.look(session, visit)
        return link_page.show(session, visit, settings, linked, error=link_words.USED_UP, status=429)
    if opened is None:
        raise LinkGone
    return opened


def _done(visit: Visit, what: str, *, done: bool) -> Response:
    if not done:
        raise LinkGone
    return RedirectResponse(f"{PREFIX}{visit.lang}?done={what}", 303)
