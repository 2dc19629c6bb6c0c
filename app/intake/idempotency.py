"""Idempotency of a submission: a repeated request acts once and gets the same response. For Idempotency-Key and form tokens.

The response may contain a receipt number, so it is encrypted with a key derived from what only the sender has: their key and
their payload. The row alone does not decrypt it, even with the server's key file.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core import bulk, sealing
from app.core.clock import to_the_hour
from app.core.errors import Conflict, FieldError, Invalid
from app.core.key_file import FormerKeys
from app.core.keyring import KeyRing
from app.core.upsert import insert_if_absent
from app.intake.models import SealedResponse

FORM_TTL: Final = timedelta(hours=24)
"""How long the same form sent again gets the same number: as long as its token is good."""
_LOCK_NOT_AVAILABLE: Final = "55P03"


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A status and a JSON document. `replayed`: it was stored by an earlier request."""

    status: int
    body: dict[str, Any]
    replayed: bool = False
    case_id: UUID | None = None


class PayloadMismatch(Invalid):
    """The key was used before with another payload."""

    slug, title = "idempotency-key-reused", "This key was used for another request"


class RequestInProgress(Conflict):
    """The first request with this key is still running after the longest wait for its lock."""

    slug, title = "request-in-progress", "The first request with this key is still under way"


def run_once(
    session: Session,
    keys: KeyRing,
    caller: str,
    key: str,
    payload: bytes,
    act: Callable[[], StoredResponse],
    *,
    now: datetime,
    ttl: timedelta,
) -> StoredResponse:
    """Run `act` for the first request of `who` with this `key`; return the stored response for a repeated one.

    Of two simultaneous requests, the second waits for the first one's transaction and then reads its response.
    Raises PayloadMismatch (422), RequestInProgress (409): the first request takes longer than the longest wait for a lock.
    """
    for former in keys.former():  # of a root secret that was replaced since the first request
        request_id = former.mac("reply-id", caller.encode(), key.encode())
        if session.get(SealedResponse, request_id) is not None:
            return _replay(session, former, request_id, key, payload)
    request_id = keys.mac("reply-id", caller.encode(), key.encode())
    fingerprint = _fingerprint(keys, request_id, payload)
    if not _first(session, request_id, fingerprint, to_the_hour(now) + ttl):
        return _replay(session, keys, request_id, key, payload)
    reply = act()
    sealed = sealing.encrypt(
        _reply_key(keys, key, payload), sealing.pad(json.dumps(reply.body).encode()), sealing.context(request_id.hex())
    )
    session.connection().execute(
        _ANSWERED, {"asked": request_id, "status": reply.status, "reply": sealed, "filed": reply.case_id}
    )
    return reply


def is_known(session: Session, keys: KeyRing, caller: str, key: str) -> bool:
    """Whether a request with this key was answered, and its answer is still stored. Writes nothing."""
    marks = keys.macs("reply-id", caller.encode(), key.encode())
    return session.scalar(sa.select(sa.exists().where(SealedResponse.request_id.in_(marks)))) is True


def stored(session: Session, keys: KeyRing, caller: str, key: str) -> StoredResponse | None:
    """The stored response to the request with this key and without a payload; None if there is none, or no longer."""
    rings: list[KeyRing | FormerKeys] = [*keys.former(), keys]
    for ring in rings:
        request_id = ring.mac("reply-id", caller.encode(), key.encode())
        if session.get(SealedResponse, request_id) is not None:
            return _replay(session, ring, request_id, key, b"")
    return None


_REPLIES: Final = cast("sa.Table", SealedResponse.__table__)
_ANSWERED: Final = (
    sa.update(_REPLIES)
    .where(_REPLIES.c.request_id == sa.bindparam("asked", type_=sa.LargeBinary()))
    .values(
        status=sa.bindparam("status", type_=sa.SmallInteger()),
        reply=sa.bindparam("reply", type_=sa.LargeBinary()),
        case_id=sa.bindparam("filed", type_=sa.Uuid()),
    )
)


def _first(session: Session, request_id: bytes, fingerprint: bytes, expires_at: datetime) -> bool:
    asked = {"request_id": request_id, "fingerprint": fingerprint, "expires_at": expires_at}
    try:
        return insert_if_absent(session, SealedResponse, asked, key=("request_id",))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise _under_way() from None
        raise


def _replay(
    session: Session, keys: KeyRing | FormerKeys, request_id: bytes, key: str, payload: bytes
) -> StoredResponse:
    row = session.get_one(SealedResponse, request_id, populate_existing=True)
    if row.fingerprint != _fingerprint(keys, request_id, payload):
        error = FieldError(pointer="", code="other_payload", detail="Use a new Idempotency-Key for a new request.")
        raise PayloadMismatch([error])
    if row.reply is None or row.status is None:
        raise _under_way()
    plain = sealing.decrypt(_reply_key(keys, key, payload), row.reply, sealing.context(request_id.hex()))
    return StoredResponse(row.status, json.loads(sealing.unpad(plain)), replayed=True)


def _under_way() -> RequestInProgress:
    return RequestInProgress("Ask again in a moment, with the same key.", headers={"Retry-After": "2"})


def _fingerprint(keys: KeyRing | FormerKeys, request_id: bytes, payload: bytes) -> bytes:
    return keys.mac("reply-payload", request_id, payload)


def _reply_key(keys: KeyRing | FormerKeys, key: str, payload: bytes) -> bytes:
    return sealing.derive(key.encode() + b"\0" + payload, "reply-key", salt=keys.derive("reply-salt"))


def forget(session: Session, case_id: UUID) -> None:
    """Delete the stored response that holds the number of this case."""
    session.execute(sa.delete(SealedResponse).where(SealedResponse.case_id == case_id))


def drop_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    return bulk.delete_some(session, SealedResponse, SealedResponse.expires_at <= now, limit)
