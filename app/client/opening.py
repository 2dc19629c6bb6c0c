"""Opening what is sealed to an organisation, with the private key that never left it.

The wrap is HPKE (RFC 9180, base mode; X-Wing or X25519, HKDF-SHA256, AES-256-GCM) and holds the case's 32-byte key; each
part is AES-256-GCM-SIV under a key derived from it. The service has signed the whole. `docs/partner-api.md` has it byte by byte.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.core import sealing
from app.core.sealing import CannotOpen


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """One part in plain words: `contact`, `story`, `happened`, or one line of the `thread`. The repr shows no word."""

    part: str
    seq: int
    author: str
    content: dict[str, Any]

    def __repr__(self) -> str:
        return f"OpenedPart({self.part}, {self.seq})"


def opened(
    document: dict[str, Any], private_key: bytes, *, signers: Mapping[str, bytes] | None = None
) -> list[OpenedPart]:
    """The parts of an answer of `/v1/referrals/{id}/sealed`, in its order.

    `signers`: the service's public keys by `kid`, to check who handed it over; None leaves that out.
    Raises CannotOpen: not your key, changed bytes, parts of another case put in, or not signed by the service;
    ValueError for no 32-byte key.
    """
    try:
        if signers is not None:
            verify(document, signers)
        info, wrap = from_base64url(document["info"]), from_base64url(document["wrap"])
        case_id = _case_of(info)
        kem = document.get("hpke", {}).get("kem", sealing.X_WING)
        data_key = sealing.open_sealed(kem, private_key, wrap, info)
        return [_open(part, data_key, case_id) for part in document["parts"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotOpen from error


def verify(document: dict[str, Any], signers: Mapping[str, bytes]) -> None:
    """Raises CannotOpen unless one of these keys (32 bytes, by `kid`) signed the document as it stands."""
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
    """What the service signs: the document's texts in this order, each behind its length."""
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
    """The keys of `/.well-known/jwks.json`, by `kid`. Raises CannotOpen for what is none."""
    try:
        return {key["kid"]: from_base64url(key["x"]) for key in jwks["keys"] if key.get("crv") == "Ed25519"}
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotOpen from error


def _open(part: dict[str, Any], data_key: bytes, case_id: str) -> OpenedPart:
    name, aad = part["part"], from_base64url(part["aad"])
    if aad != sealing.context("sealed_parts", part["id"], f"{case_id}:{name}", str(part["version"])):
        raise CannotOpen
    key = sealing.derive(data_key, f"pristan/part:{name}")
    plain = sealing.unpad(sealing.decrypt(key, from_base64url(part["ciphertext"]), aad))
    try:
        return OpenedPart(name, part["seq"], part["author"], json.loads(plain))
    except ValueError as error:
        raise CannotOpen from error


def _case_of(info: bytes) -> str:
    """The case that the wrap says it belongs to. Raises CannotOpen unless it is a case key made for an organisation."""
    purpose, which, case_id, kind, *_rest = _texts(info) + [""] * 4
    if (purpose, which, kind) != ("pristan/case-key", "person", "organisation"):
        raise CannotOpen
    return case_id


def _texts(context: bytes) -> list[str]:
    """Undo `sealing.context`: each text stands behind its length in four bytes."""
    found, at = [], 0
    while at < len(context):
        length = int.from_bytes(context[at : at + 4], "big")
        found.append(context[at + 4 : at + 4 + length].decode("utf-8", "replace"))
        at += 4 + length
    return found


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Raises CannotOpen for what is no base64url."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CannotOpen from error
