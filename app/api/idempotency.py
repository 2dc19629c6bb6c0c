"""Idempotency-Key: an action is carried out once, and a repeated request gets the stored response."""

from collections.abc import Callable
from datetime import datetime

from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.api import etags
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
    namespace: str,
    key: str,
    payload: bytes,
    act: Callable[[], StoredResponse],
) -> JSONResponse:
    """The response of `act`, or the stored response of its first run, with an ETag if the body has a version.

    `namespace`: the kind of action and the client, so that keys of different clients do not collide.

    Raises PayloadMismatch (422), RequestInProgress (409).
    """
    response = idempotency.run_once(session, keys, namespace, key, payload, act, now=now, ttl=config.idempotency_ttl)
    headers = {"ETag": etags.of_version(response.body["version"])} if "version" in response.body else {}
    if response.replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(response.body, status_code=response.status, headers=headers)
