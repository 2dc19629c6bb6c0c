"""Opening and sealing messages of the conversation between the team and an organisation, with the organisation's private key.

Each message is AES-256-GCM-SIV under a key of its own, which is sealed with HPKE to the team and to the organisation.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from app.client.decryption import base64url, from_base64url
from app.core import sealing
from app.core.sealing import CannotOpen


@dataclass(frozen=True, slots=True)
class OpenedMessage:
    """A decrypted message; `author` is desk or partner. The repr shows no content."""

    id: str
    seq: int
    author: str
    text: str
    at: datetime

    def __repr__(self) -> str:
        return f"OpenedMessage({self.seq})"


def opened_messages(document: dict[str, Any], private_key: bytes) -> list[OpenedMessage]:
    """Decrypt the messages of a response of `/v1/referrals/{id}/messages`, in order.

    Raises CannotOpen (another key, changed bytes, a message of another referral), or ValueError if the private key does not
    have 32 bytes.
    """
    try:
        kems = {reader["key_id"]: reader["hpke"]["kem"] for reader in document["seal_to"]}
        return [
            _opened(document["referral"], message, private_key, kems.get(message["key_id"], sealing.X_WING))
            for message in document["messages"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotOpen from error


def _opened(referral: str, message: dict[str, Any], private_key: bytes, kem: int) -> OpenedMessage:
    aad = _aad(referral, message["id"], message["author"])
    if from_base64url(message["aad"]) != aad:
        raise CannotOpen
    info = from_base64url(message["info"])
    if not info.startswith(sealing.context("pristan/message-key", referral, message["id"], "organisation")):
        raise CannotOpen
    key = sealing.open_sealed(kem, private_key, from_base64url(message["wrap"]), info)
    plain = sealing.unpad(sealing.decrypt(key, from_base64url(message["ciphertext"]), aad))
    try:
        content = json.loads(plain)
        at = datetime.fromisoformat(content["at"])
        return OpenedMessage(message["id"], message["seq"], message["author"], content["text"], at)
    except ValueError as error:
        raise CannotOpen from error


def sealed_message(document: dict[str, Any], text: str, now: datetime, message_id: str | None = None) -> dict[str, Any]:
    """The body for `POST /v1/referrals/{id}/messages`: `text`, sealed to the keys that the response `document` names.

    Choose and store `message_id` (a new UUID) before the call if you may have to repeat it. Raises CannotOpen for a response
    that names no keys.
    """
    identity, key = message_id or str(uuid4()), os.urandom(32)
    content = {"text": text, "at": now.isoformat(timespec="seconds")}
    plain = sealing.pad(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    try:
        referral = document["referral"]
        return {
            "id": identity,
            "ciphertext": base64url(sealing.encrypt(key, plain, _aad(referral, identity, "partner"))),
            "keys": [
                {
                    "owner": reader["owner"],
                    "key_id": reader["key_id"],
                    "wrap": base64url(
                        sealing.seal_to(
                            from_base64url(reader["public_key"]),
                            key,
                            sealing.context("pristan/message-key", referral, identity, reader["kind"], reader["owner"]),
                        )
                    ),
                }
                for reader in document["seal_to"]
            ],
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotOpen from error


def _aad(referral: str, message_id: str, author: str) -> bytes:
    return sealing.context("referral_messages", referral, message_id, author)
