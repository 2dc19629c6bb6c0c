"""The sealed part of an accepted referral, encrypted to the organisation's own key, and the pieces of its documents."""

from base64 import urlsafe_b64encode
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app import audit
from app.api import openapi_examples, sandbox_errors, schemas, signatures
from app.api.dependencies import Acts, Config, Partner, for_organisation, format_instant, no_such_referral, parse_id
from app.api.openapi_components import ref, signed_in, success
from app.api.referral_documents import ACTIONS
from app.api.referrals import ReferralId
from app.cases import access_control, sealed_parts
from app.cases.access_control import AuditedReader
from app.cases.intake_storage import INTAKE_PARTS
from app.cases.models import Case, CaseWrap, PartKind
from app.casework import documents, partner_access
from app.core import keyholders, sealing
from app.core.dependencies import Db, Keys, Now
from app.core.errors import Conflict, Gone, NotFound
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.documents import storage
from app.partners.oauth_clients import Caller
from app.referrals import queries
from app.referrals.models import Referral
from app.referrals.states import ReferralState

router = APIRouter(tags=["Referrals"])

MOST_PIECES: Final = 100_000
"""No document has as many; a larger number is refused unread."""
ALG: Final = "HPKE+HKDF-SHA256+AES-256-GCM-SIV"
_PARTS: Final = (*INTAKE_PARTS, PartKind.THREAD)


class NotOpenYet(Conflict):
    slug, title = "not-open-yet", "This opens after acceptance"


@router.get(
    "/v1/referrals/{referral_id}/sealed",
    operation_id="getSealed",
    response_model=schemas.Sealed,
    response_description="The sealed parts.",
    responses={
        200: success(openapi_examples.SEALED),
        **signed_in(404, 429),
        409: ref("responses", "NotOpenYet"),
        410: ref("responses", "Erased"),
    },
)
def read_sealed(
    caller: Annotated[Caller, Depends(Acts("referrals:contact"))],
    session: Db,
    keys: Keys,
    config: Config,
    now: Now,
    referral_id: ReferralId,
) -> JSONResponse:
    """The sealed part of a referral that you accepted: contact, story, what happened, the thread, and a list of the documents.

    Only your private key opens it, and our signature proves that it comes from us. Each read is recorded in the audit log in
    the same transaction, or it is not answered.
    """
    partner = for_organisation(caller)
    sandbox_errors.open_sealed(session, caller, parse_id(referral_id))
    referral, case = _opened(session, partner, parse_id(referral_id))
    case_id = case.id
    wrap, sealed = _wrap(session, keys, case_id, partner)
    reader = AuditedReader.client(partner.client_id, partner.organisation_id, config.client_reads_per_day)
    access_control.authorize_read(session, keys, reader, case_id, now)
    rows = sealed_parts.parts(session, case_id, _PARTS)
    partner_access.mark_opened(session, referral, now)
    audit.record(
        session,
        actor_kind="partner",
        actor_id=partner.organisation_id.hex,
        action="referral:sealed_read",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"client": partner.client_id, "version": referral.version},
        now=now,
    )
    sealed_to = keyholders.by_id(session, wrap.key_id) if wrap.key_id else None
    kem = sealing.kem_of(sealed_to.public_key) if sealed_to else sealing.X_WING
    document = {
        "referral": str(referral.id),
        "case": case.label,
        "key_id": str(wrap.key_id),
        "alg": ALG,
        "hpke": {"kem": kem, "kdf": 1, "aead": 2},
        "info": _b64(sealed_parts.wrap_info(case_id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version)),
        "wrap": _b64(sealed),
        "parts": [
            {
                "id": str(row.id),
                "part": row.part,
                "seq": row.seq,
                "author": row.author,
                "version": row.version,
                "aad": _b64(sealed_parts.part_aad(row.id, case_id, row.part, row.version)),
                "ciphertext": _b64(row.ciphertext),
            }
            for row in rows
        ],
        **_documents(session, case_id),
    }
    return JSONResponse(
        sandbox_errors.flip_signed_bit(session, caller, referral.id, signatures.signed(keys, document, now))
    )


@router.get(
    "/v1/referrals/{referral_id}/documents/{document_id}/pieces/{number}",
    operation_id="getDocumentPiece",
    response_model=schemas.DocumentPieceOut,
    response_description="The piece, sealed.",
    responses={
        200: success(openapi_examples.DOCUMENT_PIECE),
        **signed_in(404, 429),
        409: ref("responses", "NotOpenYet"),
        410: ref("responses", "Erased"),
    },
)
def read_piece(
    caller: Annotated[Caller, Depends(Acts("referrals:contact", quota="reads"))],
    session: Db,
    keys: Keys,
    config: Config,
    now: Now,
    referral_id: ReferralId,
    document_id: Annotated[
        str, Path(description="The document's id, from `documents`.", json_schema_extra={"format": "uuid"})
    ],
    number: Annotated[
        int,
        Path(
            ge=1,
            le=MOST_PIECES,
            description="Which piece, counted from 1 through all pages, and then through the untouched file.",
        ),
    ],
) -> JSONResponse:
    """One piece of a document of a referral that you accepted: at most 64 KiB of a page's picture.

    The key that `wrap` of the sealed part contains opens it. Put the pieces of a page together, in order, and you have a JPEG
    picture. After the pieces of the pages come those of the untouched file, as page 0, if `original_pieces` says that it was kept:
    somebody signed it electronically, and it may be dangerous to open. Five pages, or the file, count
    as one read of the day and as one entry of the audit log, written in the same transaction.
    """
    partner = for_organisation(caller)
    sandbox_errors.open_sealed(session, caller, parse_id(referral_id))
    referral, case = _opened(session, partner, parse_id(referral_id))
    _wrap(session, keys, case.id, partner)
    document, piece = documents.sealed_piece_for_client(
        session,
        keys,
        partner.client_id,
        referral,
        case,
        parse_id(document_id),
        number,
        now,
        config.client_reads_per_day,
    )
    aad = storage.piece_aad(document.id, case.id, piece.page, document.pages, piece.piece, piece.pieces)
    return JSONResponse(
        {
            "document": str(document.id),
            "page": piece.page,
            "pages": document.pages,
            "piece": piece.piece,
            "pieces": piece.pieces,
            "aad": _b64(aad),
            "ciphertext": _b64(piece.ciphertext),
        }
    )


def _documents(session: Session, case_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """The list of the case's documents; nothing without any."""
    pieces = storage.count_pieces(session, case_id)
    listed: list[dict[str, Any]] = [
        {
            "id": str(document.id),
            "author": document.author,
            "pages": document.pages,
            "pieces": pieces[document.id],
            "created_at": format_instant(document.created_at),
            **({"original_pieces": document.original_pieces} if document.original_pieces else {}),
        }
        for document in storage.of_case(session, case_id)
    ]
    return {"documents": listed} if listed else {}


def _wrap(session: Session, keys: KeyRing, case_id: UUID, partner: Partner) -> tuple[CaseWrap, bytes]:
    """The case's key as it is sealed to this organisation. Raises Gone."""
    try:
        return sealed_parts.sealed_data_key(session, keys, case_id, sealed_parts.PERSON, partner.organisation_id)
    except (NotFound, CannotOpen):
        raise Gone("The person has had this erased, or it is no longer kept.") from None


def _opened(session: Session, partner: Partner, referral_id: UUID) -> tuple[Referral, Case]:
    """The referral and its case, with their rows locked, so that no transition closes it in the meantime. Raises NotFound,
    NotOpenYet.
    """
    try:
        referral, case = queries.locked(session, referral_id, partner.organisation_id)
    except NotFound:
        raise no_such_referral() from None
    if not partner_access.may_open(referral):
        state = ReferralState(referral.state)
        raise NotOpenYet("It opens with acceptance.", state=state, allowed_actions=ACTIONS[state])
    return referral, case


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
