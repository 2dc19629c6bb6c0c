"""Idempotency-Key: an action is carried out once, and a repeated request gets the first answer again."""

from collections.abc import Callable
from datetime import datetime

from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.api.dependencies import etag
from app.core.keyring import KeyRing
from app.intake import idempotency
from app.intake.idempotency import StoredResponse
from app.settings import Settings


def answer(
    session: Session,
    keys: KeyRing,
    config: Settings,
    now: datetime,
    *,
    who: str,
    key: str,
    payload: bytes,
    act: Callable[[], StoredResponse],
) -> JSONResponse:
    """The answer of `act`, or the stored one of its first run; with an ETag if the body has a version.

    Raises PayloadMismatch (422), RequestInProgress (409).
    """
    reply = idempotency.run_once(session, keys, who, key, payload, act, now=now, ttl=config.reply_ttl)
    headers = {"ETag": etag(reply.body["version"])} if "version" in reply.body else {}
    if reply.replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(reply.body, status_code=reply.status, headers=headers)
