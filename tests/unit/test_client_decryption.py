"""The sealed part opens with the client, and with nothing but the primitives that the documentation names."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV

from app.cases import sealed_parts
from app.cases.models import Part
from app.client import opened
from app.client.decryption import base64url, from_base64url
from app.core import sealing
from app.core.sealing import CannotOpen, KeyPair

STORY = {"story": "Мне нужна помощь", "for_whom": "self"}


@dataclass
class HandOver:
    """What a partner has: its key, and the document of /sealed."""

    pair: KeyPair
    case_id: UUID
    document: dict[str, Any]


def hand_over(pair: KeyPair | None = None, case_id: UUID | None = None) -> HandOver:
    pair, case_id = pair or KeyPair.generate(), case_id or uuid4()
    data_key, organisation_id = sealed_parts.new_key(), uuid4()
    info = sealed_parts.wrap_info(case_id, sealed_parts.PERSON, "organisation", organisation_id, 1)
    rows = [
        sealed_parts.part_row(data_key, case_id, Part.STORY, STORY),
        sealed_parts.part_row(data_key, case_id, Part.THREAD, {"text": "Добрый день"}, seq=1, author="desk"),
    ]
    parts = [
        {
            "id": str(row["id"]),
            "part": row["part"],
            "seq": row["seq"],
            "author": row["author"],
            "version": row["version"],
            "aad": base64url(sealed_parts.part_aad(row["id"], case_id, row["part"], row["version"])),
            "ciphertext": base64url(row["ciphertext"]),
        }
        for row in rows
    ]
    wrap = sealing.seal_to(pair.public, data_key, info)
    document = {"info": base64url(info), "wrap": base64url(wrap), "parts": parts}
    return HandOver(pair, case_id, document)


def test_the_client_opens_every_part_in_order():
    given = hand_over()
    story, line = opened(given.document, given.pair.seed)
    assert (story.part, story.seq, story.author, story.content) == ("story", 1, "person", STORY)
    assert (line.part, line.author, line.content) == ("thread", "desk", {"text": "Добрый день"})
    assert "Мне" not in repr(story)


def test_another_key_opens_nothing():
    with pytest.raises(CannotOpen):
        opened(hand_over().document, KeyPair.generate().seed)


def test_parts_of_another_case_are_refused():
    pair = KeyPair.generate()
    mine, other = hand_over(pair), hand_over(pair)
    mine.document["parts"] = other.document["parts"]
    with pytest.raises(CannotOpen):
        opened(mine.document, pair.seed)


def test_a_part_that_claims_to_be_another_is_refused():
    given = hand_over()
    given.document["parts"][0]["part"] = "contact"
    with pytest.raises(CannotOpen):
        opened(given.document, given.pair.seed)


@pytest.mark.parametrize("field", ["info", "wrap"])
@pytest.mark.parametrize("value", ["", "AAAA", "not base64!", "_" * 4000])
def test_a_damaged_hand_over_can_not_be_opened(field, value):
    given = hand_over()
    given.document[field] = value
    with pytest.raises(CannotOpen):
        opened(given.document, given.pair.seed)


@pytest.mark.parametrize("document", [{}, {"info": ""}, {"info": "AAAA", "wrap": "AAAA", "parts": None}])
def test_what_is_no_hand_over_can_not_be_opened(document):
    with pytest.raises(CannotOpen):
        opened(document, KeyPair.generate().seed)


def test_it_opens_by_hand_as_the_documentation_says():
    """RFC 9180 base mode and X-Wing, written out: nobody needs our code to open what is theirs."""
    given = hand_over()
    info, wrap = from_base64url(given.document["info"]), from_base64url(given.document["wrap"])
    assert len(wrap) == 1120 + 32 + 16
    shared = xwing_decapsulate(given.pair.seed, wrap[:1120])
    data_key = hpke_base_open(shared, info, wrap[1120:])
    part = given.document["parts"][0]
    key = hkdf_expand(hmac.digest(bytes(32), data_key, "sha256"), b"pristan/part:" + part["part"].encode(), 32)
    blob = from_base64url(part["ciphertext"])
    padded = AESGCMSIV(key).decrypt(blob[:12], blob[12:], from_base64url(part["aad"]))
    assert json.loads(padded.rstrip(b"\0").removesuffix(b"\x80")) == STORY


def xwing_decapsulate(seed: bytes, enc: bytes) -> bytes:
    expanded = hashlib.shake_256(seed).digest(96)
    kem_key = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    curve_key = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
    first = kem_key.decapsulate(enc[:1088])
    second = curve_key.exchange(x25519.X25519PublicKey.from_public_bytes(enc[1088:]))
    return hashlib.sha3_256(
        first + second + enc[1088:] + curve_key.public_key().public_bytes_raw() + b"\\.//^\\"
    ).digest()


def hkdf_expand(key: bytes, info: bytes, length: int) -> bytes:
    assert length <= 32
    return hmac.digest(key, info + b"\x01", "sha256")[:length]


def hpke_base_open(shared: bytes, info: bytes, sealed: bytes) -> bytes:
    suite = b"HPKE" + (0x647A).to_bytes(2, "big") + (1).to_bytes(2, "big") + (2).to_bytes(2, "big")

    def extract(salt: bytes, label: bytes, material: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, "sha256")

    def expand(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
        return hkdf_expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context, length)

    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    key, nonce = expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, sealed, b"")
