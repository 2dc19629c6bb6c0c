"""Client assertions as a partner's program makes them: two keys, their public JWKs, and signed tokens."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ED = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwk_of(private: Any, **more: Any) -> dict[str, Any]:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(private.public_key().public_bytes_raw()), **more}
    numbers = private.public_key().public_numbers()
    x, y = (b64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, **more}


def token(private: Any = ED, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token that holds, but for what is given. `name=None` leaves a claim out."""
    alg = "EdDSA" if private is ED else "ES256"
    body: dict[str, Any] = {
        "iss": "a-client", "sub": "a-client", "aud": "https://pristan.test", "jti": "once",
        "exp": int((NOW + timedelta(minutes=2)).timestamp()), **claims,
    }  # fmt: skip
    body = {name: value for name, value in body.items() if value is not None}
    signed = f"{b64(json.dumps({'alg': alg, **(header or {})}).encode())}.{b64(json.dumps(body).encode())}"
    if private is ED:
        return f"{signed}.{b64(ED.sign(signed.encode()))}"
    r, s = decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
