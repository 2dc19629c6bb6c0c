"""The conversation with the team about one referral, as sealed pieces: the partner's program opens and seals them itself."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from app import audit
from app.api import schemas
from app.api.dependencies import (
    Acts,
    Config,
    for_organisation,
    no_such_referral,
    parse_id,
    require_content_type,
)
from app.api.faults import Faults
from app.api.openapi_components import json_body, signed_in, success
from app.api.referrals import ReferralId
from app.cases import access_control
from app.cases.access_control import AuditedReader
from app.casework import referral_threads, unread_messages
from app.casework.unread_messages import Author
from app.core import sealing, strict_json
from app.core.dependencies import Body, Db, Keys, Now
from app.core.errors import Conflict, NotFound
from app.partners.oauth_clients import Caller
from app.referrals import queries, threads
from app.referrals.threads import MAX_CIPHERTEXT, Reader, SealedMessage

router = APIRouter(tags=["Referrals"])

PATH: Final = "/v1/referrals/{referral_id}/messages"
_MOST_WRAP: Final = 4_096
_ID: Final = "3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10"
_EXAMPLE: Final = {
    "id": _ID,
    "ciphertext": "q" * 120,
    "keys": [{"owner": _ID, "key_id": _ID, "wrap": "q" * 160}],
}


@router.get(
    PATH,
    operation_id="listMessages",
    response_model=schemas.Messages,
    response_description="The messages, oldest first, each sealed to your organisation, and the keys to seal an answer to.",
    responses={200: success(), **signed_in(404, 409, 429)},
)
def list_messages(
    caller: Annotated[Caller, Depends(Acts("referrals:contact"))],
    session: Db,
    keys: Keys,
    config: Config,
    now: Now,
    referral_id: ReferralId,
) -> JSONResponse:
    """What the coordinators and your organisation wrote to each other about a referral, from the offer on.

    The person does not read it. Only your private key opens it. Each read is recorded in the audit log.
    """
    partner = for_organisation(caller)
    try:
        referral, case = queries.locked(session, parse_id(referral_id), partner.organisation_id)
    except NotFound:
        raise no_such_referral() from None
    if not threads.may_talk(referral):
        raise Conflict("This referral has ended; its conversation is closed.", state=referral.state)
    reader = AuditedReader.client(partner.client_id, partner.organisation_id, config.client_reads_per_day)
    access_control.authorize_read(session, keys, reader, case.id, now)
    audit.record(
        session,
        actor_kind="partner",
        actor_id=partner.organisation_id.hex,
        action="referral:thread_read",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"client": partner.client_id},
        now=now,
    )
    messages = threads.sealed_messages(session, keys, referral.id, partner.organisation_id)
    unread_messages.read(session, referral.id, Author.DESK, now)
    return JSONResponse(
        {
            "referral": str(referral.id),
            "seal_to": [_reader(reader) for reader in threads.readers(session, case, referral).values()],
            "messages": [
                {
                    "id": str(message.id),
                    "seq": message.seq,
                    "author": message.author,
                    "key_id": str(wrap.key_id),
                    "info": _b64(threads.message_info(referral.id, message.id, wrap.kind, wrap.owner_id)),
                    "wrap": _b64(sealed),
                    "aad": _b64(threads.message_aad(referral.id, message.id, message.author)),
                    "ciphertext": _b64(message.ciphertext),
                }
                for message, wrap, sealed in messages
            ],
        }
    )


def _reader(reader: Reader) -> dict[str, Any]:
    return {
        "kind": reader.kind.value,
        "owner": str(reader.owner_id),
        "key_id": str(reader.key_id),
        "hpke": {"kem": sealing.kem_of(reader.public_key), "kdf": 1, "aead": 2},
        "public_key": _b64(reader.public_key),
    }


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class PostedMessage:
    """A message that a program sealed, and by owner the key that it sealed the message's key to."""

    message: SealedMessage
    sealed_to: dict[UUID, UUID]


async def read_message(request: Request, body: Body) -> PostedMessage:
    """The message of a request. Raises UnsupportedType, BadRequest, Invalid with every fault; nothing of the input is repeated."""
    require_content_type("application/json", request)
    faults = Faults()
    document = faults.object(strict_json.loads(body), ("id", "ciphertext", "keys"))
    wrapped = document.get("keys")
    if not isinstance(wrapped, list) or not 1 <= len(wrapped) <= 2:
        code = "not_a_list" if "keys" in document else "required"
        faults.add("/keys", code, "Send the message's key, sealed to the team and to your organisation.")
        wrapped = []
    wraps: dict[UUID, bytes] = {}
    sealed_to: dict[UUID, UUID] = {}
    for position, one in enumerate(wrapped):
        place = f"/keys/{position}"
        entry = faults.object(one, ("owner", "key_id", "wrap"), place)
        if isinstance(one, dict):
            owner = faults.id(place, entry, "owner")
            sealed_to[owner] = faults.id(place, entry, "key_id")
            wraps[owner] = faults.octets(place, entry, "wrap", _MOST_WRAP)
    ciphertext = faults.octets("", document, "ciphertext", MAX_CIPHERTEXT)
    message = SealedMessage(faults.id("", document, "id"), ciphertext, wraps)
    faults.refuse()
    return PostedMessage(message, sealed_to)


@router.post(
    PATH,
    operation_id="postMessage",
    response_model=schemas.PostedMessage,
    response_description="The message is stored; or it was stored already.",
    responses={200: success(), **signed_in(400, 404, 409, 415)},
    openapi_extra=json_body(schemas.NewMessage, example=_EXAMPLE),
)
def post_message(
    *,
    caller: Annotated[Caller, Depends(Acts("referrals:write"))],
    posted: Annotated[PostedMessage, Depends(read_message)],
    session: Db,
    keys: Keys,
    config: Config,
    now: Now,
    referral_id: ReferralId,
) -> JSONResponse:
    """Write to the team. Seal the message yourself, with the keys of `seal_to`; you choose its id, a new UUID.

    The same id again changes nothing and gets the same answer. In the sandbox a message is checked and not kept.
    """
    partner = for_organisation(caller)
    try:
        if caller.sandbox:
            referral, _case = queries.locked(session, parse_id(referral_id), partner.organisation_id)
            seq = threads.last_seq(session, referral.id) + 1
        else:
            seq = referral_threads.post_sealed(
                session,
                keys,
                partner.organisation_id,
                parse_id(referral_id),
                posted.message,
                posted.sealed_to,
                now=now,
                limit=config.conversation_messages,
            )
    except NotFound:
        raise no_such_referral() from None
    return JSONResponse({"id": str(posted.message.id), "seq": seq})
