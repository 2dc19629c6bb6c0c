"""Decryption of the parts of a case that are encrypted to an organisation, with the organisation's private key.

The wrap is HPKE (RFC 9180, base mode; X-Wing or X25519, HKDF-SHA256, AES-256-GCM) and contains the case's 32-byte key;
each part is AES-256-GCM-SIV under a key derived from it. The service signs the document. `docs/partner-api.md` specifies
the format byte by byte.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.core import sealing
from app.core.sealing import CannotOpen


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """A decrypted part: `contact`, `story`, `happened`, or one message of the `thread`. The repr shows no content."""

    part: str
    seq: int
    author: str
    content: dict[str, Any]

    def __repr__(self) -> str:
        return f"OpenedPart({self.part}, {self.seq})"


def opened(
    document: dict[str, Any], private_key: bytes, *, signers: Mapping[str, bytes] | None = None
) -> list[OpenedPart]:
    """Decrypt the parts of a response of `/v1/referrals/{id}/sealed`, in the order of the response.

    `signers`: the service's public keys by `kid`, to check the signature; None skips this check.
    Raises CannotOpen (another key, changed bytes, parts of another case, no valid signature of the service), or
    ValueError if the private key does not have 32 bytes.
    """
    case_key = opened_key(document, private_key, signers=signers)
    try:
        return [_decrypt_part(part, case_key.key, case_key.case_id) for part in document["parts"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotOpen from error


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The 32-byte key of a case, which opens its parts and the pieces of its documents. The repr does not show it."""

    case_id: str
    key: bytes = field(repr=False)


def opened_key(document: dict[str, Any], private_key: bytes, *, signers: Mapping[str, bytes] | None = None) -> CaseKey:
    """The case's key from a response of `/v1/referrals/{id}/sealed`. Raises what `opened` raises."""
    try:
        if signers is not None:
            verify(document, signers)
        info, wrap = from_base64url(document["info"]), from_base64url(document["wrap"])
        kem = document.get("hpke", {}).get("kem", sealing.X_WING)
        return CaseKey(_case_id(info), sealing.open_sealed(kem, private_key, wrap, info))
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotOpen from error


def verify(document: dict[str, Any], signers: Mapping[str, bytes]) -> None:
    """Raises CannotOpen unless the document has a valid signature by one of these keys (32 bytes each, by `kid`)."""
    signature = document["signature"]
    public = signers.get(signature["kid"])
    if public is None:
        raise CannotOpen
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(from_base64url(signature["value"]), signed_bytes(document))
    except (InvalidSignature, ValueError) as error:
        raise CannotOpen from error


def signed_bytes(document: dict[str, Any]) -> bytes:
    """The bytes that the service signs: texts of the document in this order, each preceded by its length."""
    signature = document["signature"]
    texts = [
        "pristan/hand-over", signature["kid"], signature["signed_at"], document["referral"], document["case"],
        document["key_id"], document["info"], document["wrap"],
    ]  # fmt: skip
    for part in document["parts"]:
        texts += [part["id"], part["part"], str(part["seq"]), part["author"], str(part["version"])]
        texts += [part["aad"], part["ciphertext"]]
    return sealing.context(*texts)


def signers_of(jwks: Mapping[str, Any]) -> dict[str, bytes]:
    """The Ed25519 keys of `/.well-known/jwks.json`, by `kid`. Raises CannotOpen for an invalid document."""
    try:
        return {key["kid"]: from_base64url(key["x"]) for key in jwks["keys"] if key.get("crv") == "Ed25519"}
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotOpen from error


def _decrypt_part(part: dict[str, Any], data_key: bytes, case_id: str) -> OpenedPart:
    name, aad = part["part"], from_base64url(part["aad"])
    if aad != sealing.context("sealed_parts", part["id"], f"{case_id}:{name}", str(part["version"])):
        raise CannotOpen
    key = sealing.derive(data_key, f"pristan/part:{name}")
    plaintext = sealing.unpad(sealing.decrypt(key, from_base64url(part["ciphertext"]), aad))
    try:
        return OpenedPart(name, part["seq"], part["author"], json.loads(plaintext))
    except ValueError as error:
        raise CannotOpen from error


def _case_id(info: bytes) -> str:
    """The id of the case that the wrap belongs to. Raises CannotOpen unless the wrap is a case key for an organisation."""
    purpose, subject, case_id, kind, *_rest = _split_context(info) + [""] * 4
    if (purpose, subject, kind) != ("pristan/case-key", "person", "organisation"):
        raise CannotOpen
    return case_id


def _split_context(context: bytes) -> list[str]:
    """The texts of a `sealing.context`: each is preceded by its length in four bytes, big-endian."""
    texts, position = [], 0
    while position < len(context):
        length = int.from_bytes(context[position : position + 4], "big")
        texts.append(context[position + 4 : position + 4 + length].decode("utf-8", "replace"))
        position += 4 + length
    return texts


def base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Decode base64url with or without padding. Raises CannotOpen if it is not valid."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CannotOpen from error
