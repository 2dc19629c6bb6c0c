"""The service's own signature (Ed25519), by which a partner verifies that a hand-over comes from this service.

Each epoch has its own signing key: after a rotation the new one signs, and the public keys of all epochs that are still in the key
file stay published. It is derived from the root secret, so it is in no table and no backup.
"""

import base64
import hashlib
import json
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.keyring import KeyRing

ALG: Final = "Ed25519"


def current_kid(keys: KeyRing) -> str:
    return _kid(_public(keys, keys.current))


def sign(keys: KeyRing, data: bytes) -> bytes:
    """The signature (64 bytes) by the key of the current epoch."""
    return _private(keys, keys.current).sign(data)


def jwks(keys: KeyRing) -> dict[str, Any]:
    """The public keys as a JSON Web Key Set (RFC 7517), newest first."""
    public = [_public(keys, epoch) for epoch in sorted(keys.since, reverse=True)]
    return {"keys": [{**_jwk(key), "kid": _kid(key), "alg": ALG, "use": "sig"} for key in public]}


def _private(keys: KeyRing, epoch: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keys.derive(f"signature:{epoch}"))


def _public(keys: KeyRing, epoch: int) -> bytes:
    return _private(keys, epoch).public_key().public_bytes_raw()


def _jwk(public: bytes) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _b64(public)}


def _kid(public: bytes) -> str:
    """The JWK thumbprint (RFC 7638): the hash of the key's required members as JSON, sorted, without spaces."""
    return _b64(hashlib.sha256(json.dumps(_jwk(public), sort_keys=True, separators=(",", ":")).encode()).digest())


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
