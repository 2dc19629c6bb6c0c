"""Signed client assertions (RFC 7523, `private_key_jwt`): read, checked against the clock, verified. Pure.

Only Ed25519 (`EdDSA`, or by its newer name `Ed25519`) and ES256 are taken; the algorithm is the registered key's, never the
token's choice.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import CompactSignature, JWSRegistry
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from app.core import strict_json
from app.core.errors import BadRequest

LONGEST: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=30)
"""How far a client's clock may be off."""
_LONGEST_TEXT: Final = 4096
_LONGEST_NAME: Final = 256
_LENGTH: Final = 43
"""Characters of 32 bytes in base64url."""
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_ALGORITHMS: Final = {"EdDSA": ("EdDSA", "Ed25519"), "ES256": ("ES256",)}
"""The names in a token's header that a registered key of this kind may stand behind."""


class BadAssertion(ValueError):
    """Not a token that we take. Holds no word of it."""


class BadJwk(ValueError):
    """Not a public key that we take; the message says why."""


class _Registry(JWSRegistry):
    """These algorithms and no other. `EdDSA`, the older name that RFC 9864 deprecates, is read as Ed25519 and never as Ed448."""

    algorithms = {  # noqa: RUF012  as the library declares it
        "EdDSA": JWSRegistry.algorithms["Ed25519"],
        "Ed25519": JWSRegistry.algorithms["Ed25519"],
        "ES256": JWSRegistry.algorithms["ES256"],
    }
    max_header_length = _LONGEST_TEXT


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a token says of itself; nothing of it is proven before `PublicKey.verifies`."""

    client_id: str
    kind: str
    kid: str | None
    expires_at: datetime
    jti: str
    token: CompactSignature

    @property
    def once_id(self) -> bytes:
        """By what a second use of the same token is known."""
        return hashlib.sha256(f"{len(self.client_id)}:{self.client_id}{self.jti}".encode()).digest()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A client's registered public key: `kind` is EdDSA or ES256, `raw` as in the table."""

    kind: str
    kid: str | None
    raw: bytes

    def verifies(self, assertion: Assertion) -> bool:
        """Whether the token is signed by this key, with an algorithm of this key's kind."""
        registry = _Registry(algorithms=_ALGORITHMS[self.kind], strict_check_header=False)
        key: OKPKey | ECKey
        if self.kind == "EdDSA":
            key = OKPKey.import_key(Ed25519PublicKey.from_public_bytes(self.raw))
        else:
            key = ECKey.import_key(EllipticCurvePublicKey.from_encoded_point(SECP256R1(), self.raw))
        try:
            return jws.validate_compact(assertion.token, key, registry=registry)
        except JoseError:
            return False


def read(text: str, audiences: Collection[str], now: datetime) -> Assertion:
    """The token's content, once it is for us alone and valid now, for at most five minutes. The signature is not looked at.

    Raises BadAssertion.
    """
    if len(text) > _LONGEST_TEXT or not _TEXT.fullmatch(text):
        raise BadAssertion("form")
    header, claims = (_object(part) for part in text.split(".")[:2])
    kind = next((kind for kind, names in _ALGORITHMS.items() if header.get("alg") in names), None)
    kid = header.get("kid")
    if kind is None or "crit" in header or not (kid is None or isinstance(kid, str)):
        raise BadAssertion("header")
    try:
        _check(claims, audiences, now)
        token = jws.extract_compact(text.encode(), registry=_Registry())
    except JoseError as error:
        raise BadAssertion(error.error) from None
    return Assertion(
        client_id=claims["sub"],
        kind=kind,
        kid=kid,
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        jti=claims["jti"],
        token=token,
    )


def _check(claims: dict[str, Any], audiences: Collection[str], now: datetime) -> None:
    """Raises JoseError where RFC 7519 is broken, and BadAssertion where we ask for more: for us alone, and for a short time."""
    JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(LEEWAY.total_seconds()),
        iss={"essential": True},
        sub={"essential": True},
        aud={"essential": True},
        exp={"essential": True},
        jti={"essential": True},
    ).validate(claims)
    if claims["iss"] != claims["sub"] or max(len(claims["sub"]), len(claims["jti"])) > _LONGEST_NAME:
        raise BadAssertion("issuer")
    given = {claims["aud"]} if isinstance(claims["aud"], str) else set(claims["aud"])
    if not given <= set(audiences):
        raise BadAssertion("audience")
    if not now.timestamp() < claims["exp"] <= (now + LONGEST + LEEWAY).timestamp():
        raise BadAssertion("expiry")


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
            edwards = OKPKey.import_key(_only(jwk, "x")).public_key
            return PublicKey("EdDSA", kid, edwards.public_bytes(Encoding.Raw, PublicFormat.Raw))
        if (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256"):
            point = ECKey.import_key(_only(jwk, "x", "y")).public_key
            return PublicKey("ES256", kid, point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    except (JoseError, ValueError) as error:
        raise BadJwk("the key can not be read") from error
    raise BadJwk("the key is to be Ed25519 (OKP) or P-256 (EC)")


def _only(jwk: Mapping[str, Any], *numbers: str) -> dict[str, Any]:
    """The key itself, without what else a JWK may say. Its numbers have 32 bytes each (RFC 7518 §6.2.1.2, RFC 8037 §2)."""
    if any(not isinstance(jwk.get(name), str) or len(jwk[name]) != _LENGTH for name in numbers):
        raise ValueError("length")
    return {name: jwk[name] for name in ("kty", "crv", *numbers)}


def _object(part: str) -> dict[str, Any]:
    """Read strictly before the library sees it: of two claims of one name it would take the last."""
    try:
        document = strict_json.loads(urlsafe_b64decode(part.encode()))
    except (BadRequest, ValueError):
        raise BadAssertion("json") from None
    if not isinstance(document, dict):
        raise BadAssertion("json")
    return document
