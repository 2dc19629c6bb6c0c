"""The sealed part opens with the client, and with nothing but the primitives that the documentation names."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV

from app.cases import sealed_parts
from app.cases.models import PartKind, SealedPart
from app.client import opened
from app.client.decryption import CaseKey, base64url, from_base64url, opened_key, signers_of
from app.client.documents import document_key, opened_original, opened_pages
from app.client.messages import opened_messages, sealed_message
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
        sealed_parts.part_row(data_key, case_id, PartKind.STORY, STORY),
        sealed_parts.part_row(data_key, case_id, PartKind.THREAD, {"text": "Добрый день"}, seq=1, author="desk"),
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


def test_what_opens_and_is_no_part_is_refused():
    """Sealed with the right key, and yet not JSON."""
    given = hand_over()
    case_key = opened_key(given.document, given.pair.seed)
    part = given.document["parts"][0]
    key = sealing.derive(case_key.key, "pristan/part:story")
    part["ciphertext"] = base64url(sealing.encrypt(key, sealing.pad(b"no json"), from_base64url(part["aad"])))
    with pytest.raises(CannotOpen):
        opened(given.document, given.pair.seed)


@pytest.mark.parametrize("spoiled", [{"parts": None}, {"parts": [{}]}, {"parts": [{"part": "story", "aad": 1}]}])
def test_parts_that_are_no_parts_are_refused(spoiled):
    given = hand_over()
    given.document |= spoiled
    with pytest.raises(CannotOpen):
        opened(given.document, given.pair.seed)


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": [{"crv": "Ed25519"}]}, {"keys": ["x"]}])
def test_what_is_no_set_of_keys_is_refused(document):
    with pytest.raises(CannotOpen):
        signers_of(document)


def test_of_a_set_of_keys_those_that_sign_are_taken():
    keys = {"keys": [{"kid": "a", "crv": "Ed25519", "x": "AAAA"}, {"kid": "b", "crv": "P-256", "x": "AAAA"}]}
    assert signers_of(keys) == {"a": bytes(3)}


def sealed_piece(document: str, key: CaseKey, page: str, piece: str, content: bytes) -> dict[str, Any]:
    aad = sealing.context("document_pieces", document, key.case_id, page, piece, "1")
    sealed = sealing.encrypt(document_key(key, document), sealing.pad(content), aad)
    return {"aad": base64url(aad), "ciphertext": base64url(sealed)}


def test_pages_and_files_that_are_not_whole_are_refused():
    key = CaseKey(str(uuid4()), bytes(32))
    document = {"id": str(uuid4()), "pages": 1, "pieces": 1, "original_pieces": 1}

    def piece(number: int, **changed: Any) -> dict[str, Any]:
        place, content = ("1/1", b"\xff\xd8\xff picture") if number == 1 else ("0/1", b"the file")
        return {
            "pieces": 1,
            **sealed_piece(document["id"], key, place, "1/1", changed.pop("content", content)),
            **changed,
        }

    assert [page.content for page in opened_pages(document, key, piece)] == [b"\xff\xd8\xff picture"]
    assert list(opened_original(document, key, piece)) == [b"the file"]
    for spoiled in (
        lambda number: piece(number, content=b"no picture"),
        lambda number: {**piece(number), "pieces": "many"},
        lambda number: {},
        lambda number: piece(3 - number),
    ):
        with pytest.raises(CannotOpen):
            list(opened_pages(document, key, spoiled))
    with pytest.raises(CannotOpen):
        list(opened_pages({**document, "pieces": 2}, key, piece))
    for spoiled in (lambda number: {}, lambda number: piece(1)):
        with pytest.raises(CannotOpen):
            list(opened_original(document, key, spoiled))
    with pytest.raises(CannotOpen):
        list(opened_original({}, key, piece))


def test_a_conversation_opens_in_its_own_place_alone():
    pair, referral = KeyPair.generate(), str(uuid4())
    reader = {"owner": str(uuid4()), "key_id": "k", "kind": "organisation", "public_key": base64url(pair.public),
              "hpke": {"kem": sealing.X_WING}}  # fmt: skip
    document: dict[str, Any] = {"referral": referral, "seal_to": [reader]}
    sent = sealed_message(document, "hello", datetime(2026, 11, 24, tzinfo=UTC))
    aad = sealing.context("referral_messages", referral, sent["id"], "partner")
    info = sealing.context("pristan/message-key", referral, sent["id"], "organisation", reader["owner"])
    message = {
        "id": sent["id"], "seq": 1, "author": "partner", "key_id": "k", "aad": base64url(aad), "info": base64url(info),
        "wrap": sent["keys"][0]["wrap"], "ciphertext": sent["ciphertext"],
    }  # fmt: skip

    def read(**changed: Any) -> list[Any]:
        return opened_messages({**document, "messages": [{**message, **changed}]}, pair.seed)

    assert [one.text for one in read()] == ["hello"]
    other = sealing.context("referral_messages", str(uuid4()), sent["id"], "partner")
    elsewhere = sealing.context("pristan/message-key", str(uuid4()), sent["id"], "organisation", reader["owner"])
    for changed in ({"aad": base64url(other)}, {"info": base64url(elsewhere)}, {"author": "desk"}, {"wrap": None}):
        with pytest.raises(CannotOpen):
            read(**changed)
    key = bytes(32)
    wrap = base64url(sealing.seal_to(pair.public, key, info))
    for plain in (b"no json", b'{"text": "hello", "at": "soon"}'):
        with pytest.raises(CannotOpen):
            read(wrap=wrap, ciphertext=base64url(sealing.encrypt(key, sealing.pad(plain), aad)))
    with pytest.raises(CannotOpen):
        opened_messages({}, pair.seed)
    with pytest.raises(CannotOpen):
        sealed_message({"referral": referral}, "hello", datetime(2026, 11, 24, tzinfo=UTC))


def test_a_stored_part_that_is_no_json_does_not_open():
    data_key, case_id = sealed_parts.new_key(), uuid4()
    row = sealed_parts.part_row(data_key, case_id, PartKind.STORY, STORY)
    assert sealed_parts.open_part(data_key, SealedPart(**row)).content == STORY
    aad = sealed_parts.part_aad(row["id"], case_id, row["part"], row["version"])
    spoiled = sealing.encrypt(sealed_parts.part_key(data_key, "story"), sealing.pad(b"no json"), aad)
    with pytest.raises(CannotOpen):
        sealed_parts.open_part(data_key, SealedPart(**{**row, "ciphertext": spoiled}))
