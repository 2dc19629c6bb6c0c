"""Signatures of Standard Webhooks: `v1` (HMAC-SHA256 with a shared secret), `v1a` (Ed25519 with a key pair of the endpoint)."""

import hashlib
import hmac
import os
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SHARED: Final = "v1"
PUBLIC: Final = "v1a"
KINDS: Final = (SHARED, PUBLIC)
SECRET_BYTES: Final = 32


def new_secret() -> bytes:
    """32 random bytes: the shared secret, or the Ed25519 seed."""
    return os.urandom(SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """The secret in the format that receivers' libraries expect."""
    return "whsec_" + b64encode(secret).decode()


def shown_public_key(secret: bytes) -> str:
    return "whpk_" + b64encode(Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()).decode()


def headers(message_id: str, at: datetime, body: bytes, kind: str, secrets: Iterable[bytes]) -> dict[str, str]:
    """The three headers of Standard Webhooks, with one signature for each secret, newest first."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"{kind},{_signature(kind, secret, signed)}" for secret in secrets),
    }


def _signature(kind: str, secret: bytes, signed: bytes) -> str:
    if kind == SHARED:
        return b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    return b64encode(Ed25519PrivateKey.from_private_bytes(secret).sign(signed)).decode()
