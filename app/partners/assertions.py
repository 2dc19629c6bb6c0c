"""Signed client assertions (RFC 7523, `private_key_jwt`): parsed, checked against the clock, and verified. Pure.

Only Ed25519 (`alg` is `EdDSA` or, by its newer name, `Ed25519`) and ES256 are accepted. The registered key decides the
algorithm; the token cannot choose another.
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

MAX_LIFETIME: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=30)
"""How far a client's clock may be off."""
_MAX_TOKEN_LENGTH: Final = 4096
_MAX_CLAIM_LENGTH: Final = 256
_COORDINATE_LENGTH: Final = 43
"""In characters of base64url: 32 bytes."""
_COMPACT_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_ALGORITHMS: Final = {"EdDSA": ("EdDSA", "Ed25519"), "ES256": ("ES256",)}
"""For each kind of registered key, the values of `alg` that it verifies."""


class BadAssertion(ValueError):
    """The token is not accepted. The message says which check failed and repeats no part of the token.

    `unproven`: the token, where its form is good and a claim is not. Only its signer may be told which one.
    """

    def __init__(self, reason: str, unproven: "Assertion | None" = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unproven = unproven


class BadJwk(ValueError):
    """The public key is not accepted; the message says why."""


class _Registry(JWSRegistry):
    """The accepted algorithms alone. `EdDSA`, which RFC 9864 deprecates, means Ed25519 here and never Ed448."""

    algorithms = {  # noqa: RUF012  as the library declares it
        "EdDSA": JWSRegistry.algorithms["Ed25519"],
        "Ed25519": JWSRegistry.algorithms["Ed25519"],
        "ES256": JWSRegistry.algorithms["ES256"],
    }
    max_header_length = _MAX_TOKEN_LENGTH


@dataclass(frozen=True, slots=True)
class Assertion:
    """The claims of a token. None of them is proven before `PublicKey.verifies` has returned True."""

    client_id: str
    kind: str
    kid: str | None
    expires_at: datetime
    jti: str
    token: CompactSignature

    @property
    def replay_id(self) -> bytes:
        """Identifies the token by client and `jti`, so that its second use is recognised."""
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
    """Parse a token, and check that it is addressed to these audiences alone and is valid now, for at most `MAX_LIFETIME`.

    Does not verify the signature. Raises BadAssertion.
    """
    if len(text) > _MAX_TOKEN_LENGTH or not _COMPACT_FORM.fullmatch(text):
        raise BadAssertion("form")
    header, claims = (_object(part) for part in text.split(".")[:2])
    kind = next((kind for kind, names in _ALGORITHMS.items() if header.get("alg") in names), None)
    kid = header.get("kid")
    if kind is None or "crit" in header or not (kid is None or isinstance(kid, str)):
        raise BadAssertion("header")
    try:
        token = jws.extract_compact(text.encode(), registry=_Registry())
    except JoseError as error:
        raise BadAssertion(error.error) from None
    try:
        _check(claims, audiences, now)
    except (JoseError, BadAssertion) as error:
        reason = error.error if isinstance(error, JoseError) else error.reason
        subject = claims.get("sub")
        client_id = subject if isinstance(subject, str) and len(subject) <= _MAX_CLAIM_LENGTH else ""
        raise BadAssertion(reason, Assertion(client_id, kind, kid, now, "", token)) from None
    return Assertion(
        client_id=claims["sub"],
        kind=kind,
        kid=kid,
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        jti=claims["jti"],
        token=token,
    )


def _check(claims: dict[str, Any], audiences: Collection[str], now: datetime) -> None:
    """Raises JoseError for what RFC 7519 forbids, BadAssertion for what only this service forbids."""
    JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(LEEWAY.total_seconds()),
        iss={"essential": True},
        sub={"essential": True},
        aud={"essential": True},
        exp={"essential": True},
        jti={"essential": True},
    ).validate(claims)
    if claims["iss"] != claims["sub"] or max(len(claims["sub"]), len(claims["jti"])) > _MAX_CLAIM_LENGTH:
        raise BadAssertion("issuer")
    given = {claims["aud"]} if isinstance(claims["aud"], str) else set(claims["aud"])
    if not given <= set(audiences):
        raise BadAssertion("audience")
    if not now.timestamp() < claims["exp"] <= (now + MAX_LIFETIME + LEEWAY).timestamp():
        raise BadAssertion("expiry")


def public_keys(document: Mapping[str, Any]) -> list[PublicKey]:
    """The keys of a JWK, or of a JWK Set of at most two. Raises BadJwk, for a private key too."""
    entries = document.get("keys", [document])
    if not isinstance(entries, list) or not 1 <= len(entries) <= 2:
        raise BadJwk("give one key, or a set of at most two")
    return [_public_key(entry) for entry in entries]


def _public_key(jwk: Any) -> PublicKey:
    if not isinstance(jwk, dict) or "d" in jwk or "k" in jwk:
        raise BadJwk("give only the public key")
    kid = jwk.get("kid")
    if not (kid is None or (isinstance(kid, str) and 0 < len(kid) <= 64)):
        raise BadJwk("kid is a text of at most 64 characters")
    try:
        if (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519"):
            edwards = OKPKey.import_key(_bare(jwk, "x")).public_key
            return PublicKey("EdDSA", kid, edwards.public_bytes(Encoding.Raw, PublicFormat.Raw))
        if (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256"):
            point = ECKey.import_key(_bare(jwk, "x", "y")).public_key
            return PublicKey("ES256", kid, point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    except (JoseError, ValueError) as error:
        raise BadJwk("the key cannot be read") from error
    raise BadJwk("the key must be Ed25519 (OKP) or P-256 (EC)")


def _bare(jwk: Mapping[str, Any], *coordinates: str) -> dict[str, Any]:
    """The key without its other members, such as `use`. Each coordinate has 32 bytes (RFC 7518 §6.2.1.2, RFC 8037 §2)."""
    if any(not isinstance(jwk.get(name), str) or len(jwk[name]) != _COORDINATE_LENGTH for name in coordinates):
        raise ValueError("length")
    return {name: jwk[name] for name in ("kty", "crv", *coordinates)}


def _object(part: str) -> dict[str, Any]:
    """A part of the token, parsed strictly before the library sees it: the library takes the last of two members of one name."""
    try:
        document = strict_json.loads(urlsafe_b64decode(part.encode()))
    except (BadRequest, ValueError):
        raise BadAssertion("json") from None
    if not isinstance(document, dict):
        raise BadAssertion("json")
    return document
