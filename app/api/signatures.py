"""The service's signatures of sealed parts, and the public keys to verify them with."""

import base64
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api.dependencies import anyone, format_instant
from app.api.open_addresses import OPEN
from app.api.openapi_components import PUBLIC, ref
from app.api.schemas import PublicKeys
from app.client.decryption import signed_bytes
from app.core import signing
from app.core.dependencies import Keys
from app.core.keyring import KeyRing

router = APIRouter(dependencies=[Depends(anyone)], tags=["Referrals"])


@router.get(
    "/.well-known/jwks.json",
    operation_id="getSigningKeys",
    response_model=PublicKeys,
    response_description="The keys, the newest first.",
    responses={200: {"headers": PUBLIC}, 422: ref("responses", "Invalid")},
)
async def signing_keys(keys: Keys) -> JSONResponse:
    """The public keys (Ed25519) with which we sign sealed parts. Fetch them again when you meet an unknown `kid`."""
    return JSONResponse(signing.jwks(keys), headers={**OPEN, "Cache-Control": "public, max-age=3600"})


def signed(keys: KeyRing, document: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The document with its signature. `signed_bytes` of the client defines the order of what is signed."""
    signature = {"kid": signing.current_kid(keys), "alg": signing.ALG, "signed_at": format_instant(now)}
    value = signing.sign(keys, signed_bytes({**document, "signature": signature}))
    return {
        **document,
        "signature": {**signature, "value": base64.urlsafe_b64encode(value).decode().rstrip("=")},
    }
