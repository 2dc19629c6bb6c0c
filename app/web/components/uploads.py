"""Receiving one photo or PDF in a form: from the network straight into the converting process, as pictures of its pages."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final

import anyio
from fastapi import Request
from sqlalchemy.orm import Session

from app.core.errors import Unavailable
from app.core.i18n import N_
from app.core.vocabulary import complete
from app.documents import file_counts
from app.documents.conversion import Conversion, Converters
from app.documents.limits import Refusal
from app.settings import Settings
from app.web.components import csrf
from app.web.components.document_pages import document_limits

BUSY: Final = "busy"
NOT_SENT: Final = complete({*Refusal, BUSY, "full", "none"}, {
    "not_accepted": N_("It is not a photo or PDF that we can read."),
    "encrypted": N_("It is protected by a password. Save it without a password first."),
    "too_many_pages": N_("It has too many pages."),
    "too_big": N_("It is too large."),
    "damaged": N_("The file is damaged or did not arrive completely."),
    "too_slow": N_("Reading it took too long. Save it in a simpler form, for example as a scan."),
    "busy": N_("Very many files are arriving at the moment. Try again in a minute."),
    "full": N_("There is no room for this document: the case has as many files or pages as it can have."),
    "none": N_("Choose a photo or a PDF first."),
})  # fmt: skip
"""Why a document was not sent to the person, for staff."""
_FORM_FIELDS: Final = 16_384
_UPLOAD_SECONDS: Final = 1800.0


def largest_form(settings: Settings) -> int:
    """The largest size of a form with one file, in bytes.

    A file twice as large as allowed is still read, so that the page can say why it is refused.
    """
    return 2 * settings.document_bytes + _FORM_FIELDS


async def receive_document(request: Request, is_ours: Callable[[], bool]) -> None:
    """Read the fields into `request.state.form`, and the file into `request.state.pages` as JPEG pictures.

    `pages` is the reason why the file is refused (`Refusal`, or `BUSY`), or None without a file. `is_ours`: whether the fields so
    far have a valid token; a file that comes before the token is read and discarded. No file is whole in memory, and none on disk.
    Raises NotAllowed, BadRequest, Unavailable (too slow).
    """
    request.state.form, request.state.pages, request.state.format_name = {}, None, ""
    parts = csrf.receive_parts(request)
    limits = document_limits(request.app.state.settings)
    converters: Converters = request.app.state.converters
    conversion: Conversion | None = None
    size, fits = 0, True
    with anyio.move_on_after(_UPLOAD_SECONDS) as time_limit:
        async with AsyncExitStack() as processes:
            async for part in parts:
                if part.value is not None:
                    request.state.form.setdefault(part.name, []).append(part.value)
                elif request.state.pages is not None or not is_ours():
                    continue  # a further file; or the form is an old one, as is said once it has been read
                elif part.content is None:
                    if conversion is not None and size:
                        try:
                            request.state.pages = await conversion.pages()
                            request.state.format_name = conversion.format_name
                        except Unavailable:
                            request.state.pages = BUSY
                elif part.content:
                    size += len(part.content)
                    try:
                        if conversion is None:
                            conversion = await processes.enter_async_context(converters.open(limits.file))
                        fits = fits and await conversion.feed(part.content)
                    except Unavailable:
                        request.state.pages = BUSY
    if time_limit.cancelled_caught:
        raise Unavailable("The file took too long to arrive. Nothing was stored.")


def count(request: Request, session: Session, now: datetime) -> None:
    """Count the file of this form as converted or refused."""
    pages = request.state.pages
    if pages is not None:
        outcome = pages if isinstance(pages, str) else file_counts.CONVERTED
        file_counts.add(session, [(request.state.format_name, outcome)], now)
