"""Opening what is sealed to an organisation, with the private key that never left it.

The wrap is HPKE (RFC 9180, base mode; X-Wing, HKDF-SHA256, AES-256-GCM) and holds the case's 32-byte key; each part is
AES-256-GCM-SIV under a key derived from it. `docs/partner-api.md` has it byte by byte.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from app.core import sealing
from app.core.sealing import CannotOpen, KeyPair


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """One part in plain words: `contact`, `story`, `happened`, or one line of the `thread`. The repr shows no word."""

    part: str
    seq: int
    author: str
    content: dict[str, Any]

    def __repr__(self) -> str:
        return f"OpenedPart({self.part}, {self.seq})"


def opened(document: dict[str, Any], private_key: bytes) -> list[OpenedPart]:
    """The parts of an answer of `/v1/referrals/{id}/sealed`, in its order.

    Raises CannotOpen: not your key, changed bytes, or parts of another case put in; ValueError for no 32-byte key.
    """
    pair = KeyPair.from_seed(private_key)
    try:
        info, wrap = from_base64url(document["info"]), from_base64url(document["wrap"])
        case_id = _case_of(info)
        data_key = pair.open(wrap, info)
        return [_open(part, data_key, case_id) for part in document["parts"]]
    except (KeyError, TypeError) as error:
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
