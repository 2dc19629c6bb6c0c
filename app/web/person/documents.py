"""The person's documents: adding photos and PDFs, looking at them, and taking them back.

A file goes from the network straight into the converting process; what is stored are sealed pictures of its pages. No transaction
is open while a file is received or converted.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app.cases.person_access import OpenedCase, TooManyChanges
from app.casework import documents, filing
from app.core.dependencies import Brake, Db, Keys, Now
from app.core.errors import Conflict, FilesTooLarge, NotFound, Unavailable
from app.core.i18n import N_, translator
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.core.storage_brake import StorageBrake
from app.core.vocabulary import complete
from app.directory.packs import Directory as Packs
from app.documents import file_counts, storage
from app.documents.conversion import Conversion, Converters
from app.documents.limits import DocumentLimits, Refusal
from app.documents.models import Document as Entry
from app.partners import organisations
from app.settings import Settings
from app.web.components import csrf, document_pages
from app.web.components.document_pages import document_limits
from app.web.components.forms import FormPart
from app.web.components.rendering import page
from app.web.person import centre_cards, visits
from app.web.person.dependencies import AGAIN, ENDED, Again, Config, Cookie, Directory, Form, Lang, anyone

router = APIRouter(dependencies=[Depends(anyone)])

_FORM_FIELDS: Final = 65_536
_UPLOAD_SECONDS: Final = 1800.0
"""The longest that one form may take to arrive: 15 MB over the slowest mobile network."""
_OWN_FORM_SECONDS: Final = 60.0
ADDED: Final = "added"
KEPT: Final = "kept"
ONLY_PICTURES: Final = "only_pictures"
FULL: Final = "full"
BUSY: Final = "busy"
TOO_MANY: Final = "too_many"
NO_ROOM: Final = "no_room"
LATE: Final = "late"
NONE_CHOSEN: Final = "none"
TOO_MUCH: Final = "too_much"
OUTCOMES: Final = complete({*Refusal, ADDED, KEPT, ONLY_PICTURES, FULL, BUSY, TOO_MANY}, {
    "added": N_("It was added."),
    "kept": N_("It was added, and the file itself is kept too."),
    "only_pictures": N_("It was added as pictures. Only a PDF with an electronic signature is kept as it is."),
    "not_accepted": N_("It was not added: it is not a photo or PDF that we can read."),
    "encrypted": N_("It was not added: it is protected by a password. Please save it without a password, or photograph the pages."),
    "too_many_pages": N_("It was not added: it has too many pages. Please send only the pages that matter."),
    "too_big": N_("It was not added: it is too large."),
    "damaged": N_("It was not added: the file is damaged or did not arrive completely. Please try again, or take a new photo."),
    "too_slow": N_("It was not added: reading it took too long. Please photograph the pages instead."),
    "full": N_("It was not added: there is no room for more documents. You can delete one that is no longer needed."),
    "busy": N_("It was not added: very many files are arriving at the moment. Please try again in a minute."),
    "too_many": N_("It was not added: very many changes were made to this request today. Please come back tomorrow."),
})  # fmt: skip
"""What became of one file."""
NO_ROOM_WORDS: Final = N_("We have no room for documents at the moment. Please try again in a few hours.")
_LATE_WORDS: Final = N_("This page was open for a long time, and nothing was added. Please choose the files again.")
_TOO_MUCH: Final = N_(
    "The files are too large together: at most {size} MB. Please choose fewer files, and add the others afterwards."
)
NONE: Final = N_("Please choose a photo or a PDF first.")
_BY: Final = complete(("person", "desk", "partner"), {
    "person": N_("You added it on {day}."),
    "desk": N_("Your coordinator added it on {day}."),
    "partner": N_("{centre} added it on {day}."),
})  # fmt: skip
_SANDBOXED: Final = {"content-security-policy": "default-src 'none'; sandbox"}


def largest_form(settings: Settings) -> int:
    """The largest size of a form with files, in bytes: one file more than a case may have, so that the page can name it."""
    return (settings.documents_per_case + 1) * settings.document_bytes + _FORM_FIELDS


@router.get("/case/documents")
def show_documents(
    lang: Lang,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
    again: Again = "",
) -> Response:
    """Show the documents of the request, and the form to add some.

    `again`: files were sent, and the result of each is shown; or a document was deleted, which is said.
    """
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    results = (visits.kept(session, cookie, now, "documents") if again else None) or {}
    words, limits = translator(lang), document_limits(settings)
    problem = words.text(
        {LATE: _LATE_WORDS, NO_ROOM: NO_ROOM_WORDS, NONE_CHOSEN: NONE, TOO_MUCH: _TOO_MUCH}.get(
            results.get("problem", ""), ""
        ),
        size=largest_form(settings) // 1_000_000,
    )
    entries = storage.of_case(session, opened.case.id)
    centres = organisations.names(session, [entry.organisation_id for entry in entries if entry.organisation_id])
    left = storage.room(session, opened.case.id, limits)
    return page(
        "person/documents.html",
        lang,
        documents=[
            (
                entry,
                words.text(
                    _BY[entry.author],
                    day=words.date(entry.created_at.date()),
                    centre=centre_cards.readable_name(centres[entry.organisation_id], directory, words)
                    if entry.organisation_id
                    else "",
                ),
            )
            for entry in entries
        ],
        outcomes=[(number, code, OUTCOMES[code]) for number, code in results.get("files", ()) if code in OUTCOMES],
        problem=problem,
        is_removed=bool(results.get("is_removed")),
        is_open=documents.takes_documents(opened.case),
        limits=limits,
        left=left,
        megabytes=limits.file.bytes // 1_000_000,
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case/documents",
    )


@router.post("/case/documents")
async def add_documents(
    lang: Lang,
    request: Request,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    settings: Config,
    brake: Brake,
    directory: Directory,
) -> Response:
    """Take the files of a form one after the other. Each is stored by itself, and the next page says with what result."""
    parts = csrf.receive_parts(request)
    transactions = request.app.state.transactions
    limits = document_limits(settings)
    async with transactions.open(write=True) as session:
        ready = await run_sync(_prepared, session, cookie, keys, now, brake, limits)
    if ready is None or cookie is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    upload = _Upload(request, cookie, now, keys, directory, limits, request.app.state.converters, *ready)
    with anyio.move_on_after(_UPLOAD_SECONDS) as time_limit:
        try:
            await upload.take(parts)
        except FilesTooLarge:  # its size was not announced
            upload.problem = TOO_MUCH
    if time_limit.cancelled_caught:
        raise Unavailable("The files took too long to arrive. What was shown as added is safe.")
    results = {"problem": upload.problem, "files": upload.outcomes}
    async with transactions.open(write=True) as session:
        await run_sync(lambda: visits.keep(session, cookie, now, settings.draft_idle, documents=results))
        seen = [
            (format_name, code) for (_number, code), format_name in zip(upload.outcomes, upload.formats, strict=True)
        ]
        await run_sync(file_counts.add, session, seen, now)
    return RedirectResponse(f"/{lang}/case/documents?{AGAIN}", 303)


def _prepared(
    session: Session, cookie: str | None, keys: KeyRing, now: datetime, brake: StorageBrake, limits: DocumentLimits
) -> tuple[UUID, bytes, storage.DocumentRoom, str, bool] | None:
    """The case and its key, how much it can take, why nothing can be added, and whether files are kept as they are; None: the visit
    has ended. The brake on storage is off for urgent cases, but not for files of 15 MB beside their pictures.
    """
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return None
    is_full = brake.is_on(session)
    stopped = is_full and not filing.is_urgent(opened.case.urgency)
    room = storage.room(session, opened.case.id, limits)
    return opened.case.id, opened.person_key, room, NO_ROOM if stopped else "", not is_full


@dataclass
class _Upload:
    """The files of one form. `outcomes`: the result for each, by its position in the form; `formats`: what each is."""

    request: Request
    cookie: str
    now: datetime
    keys: KeyRing
    directory: Packs
    limits: DocumentLimits
    converters: Converters
    case_id: UUID
    person_key: bytes
    room: storage.DocumentRoom
    problem: str
    keeps_files: bool

    def __post_init__(self) -> None:
        self.outcomes: list[tuple[int, str]] = []
        self.formats: list[str] = []
        self._number = 0
        self._token = ""
        self._digest = hashlib.sha256()
        self._keeps = False
        self._size = 0
        self._fits = True
        self._conversion: Conversion | None = None

    async def take(self, parts: AsyncIterator[FormPart]) -> None:
        """Read the form to its end. The token comes before the files; without it none of them is taken."""
        async with AsyncExitStack() as processes:
            async for part in parts:
                if part.value is not None:
                    self._keeps |= part.name == "keep" and part.value == "yes"
                    if part.name == "csrf" and csrf.is_valid(
                        self.keys, part.value, self.now, csrf.of_visit(self.cookie)
                    ):
                        self._token = part.value
                elif part.content is None:
                    await self._end_of_file()
                elif part.content:
                    await self._some_of_file(part.content, processes)
        if not self._number and not self.problem:
            self.problem = NONE_CHOSEN if self._token else LATE

    async def _some_of_file(self, content: bytes, processes: AsyncExitStack) -> None:
        if not self._token:
            self.problem = self.problem or LATE
        self._digest.update(content)
        if self.problem or not self.room.is_left:
            self._size += len(content)
            return
        if not self._size:
            self._conversion, self._fits = await self._process(processes), True
        self._size += len(content)
        if self._conversion is not None and self._fits:
            try:
                self._fits = await self._conversion.feed(content)
            except Unavailable:
                self._conversion = None

    async def _process(self, processes: AsyncExitStack) -> Conversion | None:
        """The process that converted the previous file, or a new one. None: too many are alive, or it does not start."""
        if self._conversion is not None and self._conversion.is_running:
            return self._conversion
        await processes.aclose()
        whose = hashlib.sha256(self.cookie.encode()).digest()
        with anyio.move_on_after(_OWN_FORM_SECONDS):  # a second click waits for the first
            while self.converters.works_for(whose):
                await anyio.sleep(0.1)
        try:
            return await processes.enter_async_context(
                self.converters.open(replace(self.limits.file, pages=self.room.pages), whose)
            )
        except Unavailable:
            return None

    async def _end_of_file(self) -> None:
        size, self._size = self._size, 0
        digest, self._digest = self._digest.digest(), hashlib.sha256()
        if not size:
            return  # an empty field
        self._number += 1
        if self.problem:
            return
        document_id = self._document_id(digest)
        outcome = await self._outcome(document_id)
        if outcome in {FULL, BUSY} and await self._has(document_id):
            outcome = ADDED
        self.outcomes.append((self._number, outcome))
        self.formats.append(self._conversion.format_name if self._conversion is not None else "")

    def _document_id(self, digest: bytes) -> UUID:
        """The id of this file in this form: a second click, or the same photo chosen twice, gives the same one."""
        name = b"pristan/upload" + self._token.encode() + digest
        return UUID(bytes=hmac.digest(self.person_key, name, "sha256")[:16], version=4)

    async def _has(self, document_id: UUID) -> bool:
        async with self.request.app.state.transactions.open(write=False) as session:
            return await run_sync(self._is_stored, session, document_id)

    def _is_stored(self, session: Session, document_id: UUID) -> bool:
        opened = visits.case_of_visit(session, self.cookie, self.keys, self.now)
        return opened is not None and any(entry.id == document_id for entry in storage.of_case(session, opened.case.id))

    async def _outcome(self, document_id: UUID) -> str:
        if not self.room.is_left:
            return FULL
        if self._conversion is None:
            return BUSY
        try:
            pages = await self._conversion.pages()
            if isinstance(pages, Refusal):
                return pages.value
            if len(pages) > self.room.pages:
                return Refusal.TOO_MANY_PAGES.value
            keeps = self._keeps
            original = await self._original(self._conversion, document_id, len(pages)) if keeps else None
        except Unavailable:
            return BUSY
        async with self.request.app.state.transactions.open(write=True) as session:
            return await run_sync(self._store, session, document_id, pages, original)

    async def _original(self, conversion: Conversion, document_id: UUID, pages: int) -> storage.SealedFile | None:
        """A PDF itself, sealed piece by piece as the converting process gives it back; None: the file is no PDF.

        Raises ConverterFailed.
        """
        if not (self.keeps_files and conversion.is_signed_pdf):
            return None
        key = storage.document_key(self.person_key, document_id)
        count, sealed = conversion.original_pieces, list[bytes]()
        async for piece in conversion.original():
            sealed.append(storage.seal_piece(key, document_id, self.case_id, pages, piece, len(sealed) + 1, count))
        return storage.SealedFile(self.case_id, document_id, pages, sealed)

    def _store(
        self, session: Session, document_id: UUID, pages: Sequence[bytes], original: storage.SealedFile | None
    ) -> str:
        opened = visits.case_of_visit(session, self.cookie, self.keys, self.now, lock=True)
        if opened is None:
            return FULL
        if any(entry.id == document_id for entry in storage.of_case(session, opened.case.id)):
            return self._added(original)
        try:
            documents.add_by_person(
                session,
                opened,
                document_id,
                pages,
                self.limits,
                self.now,
                original,
                keys=self.keys,
                directory=self.directory,
            )
        except TooManyChanges:
            return TOO_MANY
        except Conflict:
            return FULL
        self.room = storage.DocumentRoom(self.room.files - 1, self.room.pages - len(pages))
        return self._added(original)

    def _added(self, original: storage.SealedFile | None) -> str:
        if not self._keeps:
            return ADDED
        return KEPT if original else ONLY_PICTURES


Document = Annotated[UUID, Path()]


@router.get("/case/documents/{document:id}")
def show_document(lang: Lang, document: Document, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    """The pages of one document, one below the other."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    entries = storage.of_case(session, opened.case.id)
    at = _position(entries, document)
    return page(
        "person/document.html",
        lang,
        document=entries[at],
        place=at + 1,
        count=len(entries),
        earlier=entries[at - 1].id if at else None,
        later=entries[at + 1].id if at + 1 < len(entries) else None,
        here="case/documents",
    )


def _position(entries: Sequence[Entry], document: UUID) -> int:
    """Which document of the case it is, from 0. Raises NotFound."""
    at = next((at for at, entry in enumerate(entries) if entry.id == document), None)
    if at is None:
        raise NotFound("There is no such document.")
    return at


@router.get("/case/documents/{document:id}/{number:int}")
def show_page(
    lang: Lang,  # noqa: ARG001 — of the address
    document: Document,
    number: int,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    session: Db,
) -> Response:
    """The picture of one page."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        raise NotFound
    return _picture(session, opened, document, number)


def _picture(session: Session, opened: OpenedCase, document: UUID, number: int) -> Response:
    entry = storage.find(session, opened.case.id, document)
    try:
        content: Any = storage.open_page(session, opened.person_key, entry, number)
    except CannotOpen:  # a program sealed it with a key that is not this case's
        raise NotFound("This page cannot be opened.") from None
    return Response(content, media_type="image/jpeg", headers=_SANDBOXED)


@router.post("/case/documents/{document:id}/original")
def save_original(
    request: Request, lang: Lang, document: Document, form: Form, cookie: Cookie, now: Now, keys: Keys, session: Db
) -> Response:
    """The untouched file of one's own document, to save it."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return visits.nothing_changed(lang, session, cookie, now)
    file = documents.own_original(session, opened, document)
    return document_pages.download(
        request, session, file, still=lambda later: visits.case_of_visit(later, cookie, keys, now) is not None
    )


@router.get("/case/documents/{document:id}/remove")
def ask_to_remove(lang: Lang, document: Document, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    """Ask once before a document of one's own is deleted. Changes nothing."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    entries = storage.of_case(session, opened.case.id)
    at = _position(entries, document)
    if entries[at].author != "person":
        raise NotFound("There is no such document.")
    return page(
        "person/document_remove.html",
        lang,
        document=entries[at],
        place=at + 1,
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case/documents",
    )


@router.post("/case/documents/{document:id}/remove")
def remove_document(
    lang: Lang, document: Document, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db
) -> Response:
    """Delete a document of one's own."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return visits.nothing_changed(lang, session, cookie, now)
    documents.remove_by_person(session, opened, document, now)
    if cookie is not None:
        visits.keep(session, cookie, now, settings.draft_idle, documents={"is_removed": True})
    return RedirectResponse(f"/{lang}/case/documents?{AGAIN}", 303)
