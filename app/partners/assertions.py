"""Signed client assertions (RFC 7523, `private_key_jwt`): read, checked against the clock, verified. Pure.

Only Ed25519 (`EdDSA`, or by its newer name `Ed25519`) and ES256 are taken; the algorithm is the registered key's, never the
token's choice.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app.core import strict_json
from app.core.errors import BadRequest

LONGEST: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=30)
"""How far a client's clock may be off."""
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_KINDS: Final = {"EdDSA": "EdDSA", "Ed25519": "EdDSA", "ES256": "ES256"}
_FURTHEST: Final = 253_402_300_799


class BadAssertion(ValueError):
    """Not a token that we take. Holds no word of it."""


class BadJwk(ValueError):
    """Not a public key that we take; the message says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A client's registered public key: `kind` is EdDSA or ES256, `raw` as in the table."""

    kind: str
    kid: str | None
    raw: bytes

    def verifies(self, signature: bytes, signed: bytes) -> bool:
        """Whether this 64-byte signature is of these bytes by this key."""
        try:
            if self.kind == "EdDSA":
                Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, signed)
                return True
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), self.raw)
            point.verify(encode_dss_signature(r, s), signed, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a token says of itself; nothing of it is proven before `PublicKey.verifies`."""

    client_id: str
    kind: str
    kid: str | None
    audiences: frozenset[str]
    expires_at: datetime
    begins_at: datetime | None
    jti: str
    signed: bytes
    signature: bytes

    @property
    def once_id(self) -> bytes:
        """By what a second use of the same token is known."""
        return hashlib.sha256(f"{len(self.client_id)}:{self.client_id}{self.jti}".encode()).digest()

    def check(self, audiences: Collection[str], now: datetime) -> None:
        """Raises BadAssertion unless it is for us alone and is valid now, for at most five minutes."""
        if not self.audiences or not self.audiences <= set(audiences):
            raise BadAssertion("audience")
        if not now < self.expires_at <= now + LONGEST + LEEWAY:
            raise BadAssertion("expiry")
        if self.begins_at is not None and self.begins_at > now + LEEWAY:
            raise BadAssertion("not yet valid")


def read(text: str) -> Assertion:
    """Raises BadAssertion."""
    if len(text) > 4096 or not _TEXT.fullmatch(text):
        raise BadAssertion("form")
    head, body, signature = text.split(".")
    header, claims = _object(head), _object(body)
    kind = _KINDS.get(_text(header, "alg"))
    kid = header.get("kid")
    if kind is None or "crit" in header or not (kid is None or isinstance(kid, str)):
        raise BadAssertion("header")
    if _text(claims, "iss") != _text(claims, "sub"):
        raise BadAssertion("issuer")
    begins = [_moment(claims, name) for name in ("nbf", "iat") if name in claims]
    return Assertion(
        client_id=_text(claims, "sub"),
        kind=kind,
        kid=kid,
        audiences=_audiences(claims.get("aud")),
        expires_at=_moment(claims, "exp"),
        begins_at=max(begins, default=None),
        jti=_text(claims, "jti"),
        signed=f"{head}.{body}".encode(),
        signature=_bytes(signature),
    )


def public_keys(document: Mapping[str, Any]) -> list[PublicKey]:
    """The keys of a JWK or of a JWK Set, at most two. Raises BadJwk; a private key is refused, whatever it is for."""
    entries = document.get("keys", [document])
    if not isinstance(entries, list) or not 1 <= len(entries) <= 2:
        raise BadJwk("give one key, or a set of at most two")
    return [_public_key(entry) for entry in entries]


def _public_key(jwk: Any) -> PublicKey:
    if not isinstance(jwk, dict) or "d" in jwk or "k" in jwk:
        raise BadJwk("give the public half only")
    kid = jwk.get("kid")
    if not (kid is None or (isinstance(kid, str) and 0 < len(kid) <= 64)):
        raise BadJwk("kid is a text of at most 64 characters")
    try:
        if (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519"):
            raw = _bytes(jwk["x"])
            Ed25519PublicKey.from_public_bytes(raw)
            return PublicKey("EdDSA", kid, raw)
        if (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256"):
            raw = b"\x04" + _bytes(jwk["x"]) + _bytes(jwk["y"])
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)
            return PublicKey("ES256", kid, raw)
    except (KeyError, TypeError, ValueError) as error:
        raise BadJwk("the key can not be read") from error
    raise BadJwk("the key is to be Ed25519 (OKP) or P-256 (EC)")


def _object(part: str) -> dict[str, Any]:
    try:
        document = strict_json.loads(_bytes(part))
    except BadRequest:
        raise BadAssertion("json") from None
    if not isinstance(document, dict):
        raise BadAssertion("json")
    return document


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 256:
        raise BadAssertion(name)
    return value


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _FURTHEST:
        raise BadAssertion(name)
    return datetime.fromtimestamp(value, UTC)


def _audiences(value: Any) -> frozenset[str]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise BadAssertion("audience")
    return frozenset(given)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadAssertion("base64url") from None
