"""Documents that a partner's program sends to the person, takes back, and asks for.

The file goes through the converting process like every other, so that the person opens pictures and never the file. The program
gives the key of this one document, which it derives from the case's key; the server seals the pages with it and forgets it. It
learns nothing else of the case.
"""

import base64
import binascii
from typing import Annotated, Any, Final
from uuid import UUID

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.api import schemas
from app.api.dependencies import (
    Acts,
    Config,
    Partner,
    for_organisation,
    invalid,
    no_such_referral,
    parse_id,
    require_content_type,
)
from app.api.openapi_components import signed_in, success
from app.api.referrals import ReferralId
from app.cases.models import Case
from app.casework import centre_documents, filing
from app.core.dependencies import Brake, Db, Now
from app.core.errors import BadRequest, NotFound, Unavailable
from app.documents.conversion import Converters
from app.documents.limits import DocumentLimits, FileLimits, Refusal
from app.partners.oauth_clients import Caller
from app.referrals import queries
from app.referrals.models import Referral
from app.settings import Settings

router = APIRouter(tags=["Referrals"])

PATH: Final = "/v1/documents"
"""Without the referral, which is a parameter: the limit of a body is known by its path."""
_TYPE: Final = "application/octet-stream"
_SECONDS: Final = 1800.0
_KEY_BYTES: Final = 32
_REFUSED: Final = {
    Refusal.NOT_ACCEPTED: "This is not a photo (JPEG, PNG, HEIC, WebP) or a PDF.",
    Refusal.ENCRYPTED: "The file is protected by a password.",
    Refusal.TOO_MANY_PAGES: "The file has too many pages.",
    Refusal.TOO_BIG: "The file is too large.",
    Refusal.DAMAGED: "The file is damaged or did not arrive completely.",
    Refusal.TOO_SLOW: "Reading the file took too long.",
}
_EXAMPLE: Final[dict[str, Any]] = {"id": "5b7d0c1e-2f3a-4b4c-8d5e-6f7a8b9c0d1e", "pages": 2}
_BODY: Final = {
    "requestBody": {"required": True, "content": {_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}
_ID: Final = {"format": "uuid"}

ReferralParameter = Annotated[str, Query(max_length=36, description="The referral's id.", json_schema_extra=_ID)]
DocumentParameter = Annotated[
    str,
    Query(max_length=36, description="A new UUID of yours. The same one again changes nothing.", json_schema_extra=_ID),
]
DocumentKey = Annotated[
    str,
    Header(
        alias="Document-Key",
        max_length=64,
        description="The document's key: 32 bytes in base64url, by HKDF from the case's key for `pristan/document:` and its id.",
    ),
]


def body_limits(settings: Settings) -> dict[str, int]:
    """Body limits in bytes of the path that takes a file. One twice as large as allowed is read, so that the answer says why."""
    return {PATH: 2 * settings.document_bytes}


@router.post(
    PATH,
    operation_id="sendDocument",
    response_model=schemas.SentDocument,
    response_description="The document is stored, as pictures of its pages; or it was stored already.",
    responses={200: success(_EXAMPLE), **signed_in(400, 404, 409, 415)},
    openapi_extra=_BODY,
)
async def send_document(
    request: Request,
    caller: Annotated[Caller, Depends(Acts("referrals:write"))],
    config: Config,
    brake: Brake,
    now: Now,
    referral: ReferralParameter,
    document: DocumentParameter,
    document_key: DocumentKey,
) -> JSONResponse:
    """Send the person a photo or PDF while you work on the referral: a translation, a power of attorney to sign.

    Pictures of its pages are made, sealed with the key that you give, and the file is thrown away. The person is told. All
    organisations together can use half of the request's room. In the sandbox the file is checked and not kept.
    """
    partner, key = for_organisation(caller), _key(document_key)
    referral_id, document_id = parse_id(referral), _document_id(document)
    require_content_type(_TYPE, request)
    limits = _limits(config)
    transactions = request.app.state.transactions

    def known(session: Session) -> dict[str, Any] | None:
        row, case = _rows(session, partner, referral_id)
        if not filing.is_urgent(row.urgency) and not caller.sandbox:
            brake.check(session)
        stored = centre_documents.sent_before(session, row, case, document_id, limits)
        return _told(stored.id, stored.pages) if stored is not None else None

    def store(session: Session) -> dict[str, Any]:
        row, case = _rows(session, partner, referral_id)
        stored = centre_documents.send_sealed(session, row, case, key, document_id, pages, limits, now)
        return _told(stored.id, stored.pages)

    async with transactions.open(write=True) as session:
        told = await run_sync(known, session)
    if told is None:
        pages = await _pages(request, limits.file)
        if caller.sandbox:
            return JSONResponse(_told(document_id, len(pages)))
        async with transactions.open(write=True) as session:
            told = await run_sync(store, session)
    return JSONResponse(told)


@router.delete(
    "/v1/referrals/{referral_id}/documents/{document_id}",
    operation_id="takeBackDocument",
    status_code=204,
    response_class=Response,
    response_description="The document is deleted.",
    responses={**signed_in(404, 409)},
)
def take_back_document(
    caller: Annotated[Caller, Depends(Acts("referrals:write"))],
    session: Db,
    now: Now,
    referral_id: ReferralId,
    document_id: Annotated[str, Path(description="The id that you chose.", json_schema_extra=_ID)],
) -> Response:
    """Delete a document that your organisation sent."""
    partner = for_organisation(caller)
    row, _case = _rows(session, partner, parse_id(referral_id))
    centre_documents.take_back(session, row, parse_id(document_id), who=partner.organisation_id, now=now)
    return Response(status_code=204)


@router.post(
    "/v1/referrals/{referral_id}/documents/ask",
    operation_id="askForDocument",
    status_code=204,
    response_class=Response,
    response_description="The person reads on their page that you ask for photos of a letter, until they add some.",
    responses={**signed_in(404, 409)},
)
def ask_for_document(
    caller: Annotated[Caller, Depends(Acts("referrals:write"))], session: Db, now: Now, referral_id: ReferralId
) -> Response:
    """Ask the person for photos of a letter while you work on the referral. Asking again changes nothing."""
    partner = for_organisation(caller)
    row, case = _rows(session, partner, parse_id(referral_id))
    if not caller.sandbox:
        centre_documents.ask(session, row, case, who=partner.organisation_id, now=now)
    return Response(status_code=204)


def _rows(session: Session, partner: Partner, referral_id: UUID) -> tuple[Referral, Case]:
    try:
        return queries.locked(session, referral_id, partner.organisation_id)
    except NotFound:
        raise no_such_referral() from None


async def _pages(request: Request, limits: FileLimits) -> list[bytes]:
    """The pages of the file in the body. Raises Invalid (refused), BadRequest (no file), Unavailable."""
    converters: Converters = request.app.state.converters
    size, fits = 0, True
    with anyio.move_on_after(_SECONDS):
        async with converters.open(limits) as conversion:
            async for piece in request.stream():
                size += len(piece)
                fits = fits and (not piece or await conversion.feed(piece))
            if not size:
                raise BadRequest("Send the file as the body.")
            pages = await conversion.pages()
            if isinstance(pages, Refusal):
                raise invalid("/body", pages.value, _REFUSED[pages])
            return pages
    raise Unavailable("The file took too long to arrive. Nothing was stored.")


def _limits(settings: Settings) -> DocumentLimits:
    file = FileLimits(bytes=settings.document_bytes, pages=settings.document_pages_per_case)
    return DocumentLimits(settings.documents_per_case, settings.document_pages_per_case, file)


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise invalid("/Document-Key", "not_bytes", "This is to be 32 bytes in base64url.")
    return key


def _document_id(text: str) -> UUID:
    try:
        if len(text) == 36:
            return UUID(text)
    except ValueError:
        pass
    raise invalid("/query/document", "not_an_id", "This is to be a UUID.")


def _told(document_id: UUID, pages: int) -> dict[str, Any]:
    return {"id": str(document_id), "pages": pages}
