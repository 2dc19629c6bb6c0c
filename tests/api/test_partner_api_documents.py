"""The documents of an accepted referral by the API: sealed pieces, opened by the organisation's key, counted, audited."""

import os
from collections.abc import Callable
from datetime import UTC
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from app.api import schemas
from app.audit.models import AuditEntry
from app.casework import openings
from app.client import CaseKey, PartnerClient, opened_key, opened_pages
from app.client.decryption import base64url
from app.core.sealing import CannotOpen
from app.documents import storage
from app.documents.limits import DocumentLimits
from app.referrals.models import Referral
from app.referrals.states import ReferralVerb
from app.staff import read_quotas
from tests.api.test_partner_api_hand_over import register
from tests.api.test_partner_docs import API, sample
from tests.support import javascript
from tests.support.partners import MINE, OTHER, Network
from tests.support.serving import BASE, SyncTransport


def page(size: int) -> bytes:
    return b"\xff\xd8\xff" + os.urandom(size - 3)


PAGES = [page(150_000), page(65_535), *(page(300) for _ in range(5))]
"""Pages of 3 pieces, 1 piece (a full one), and five of 1: so 9 pieces."""


def accepted(network: Network, seed: bytes | None = None) -> str:
    """An accepted referral whose case has one document of seven pages."""
    referral = network.offer()
    network.act(referral, "accept")
    key = opened_key(network.get(f"/v1/referrals/{referral}/sealed").json(), seed or network.clients[MINE].pair.seed)
    with network.database.begin() as session:
        storage.add(session, key.key, UUID(key.case_id), PAGES, DocumentLimits(), author="person", now=network.now)
    return referral


def listed(network: Network, referral: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer of /sealed and its only document."""
    sealed = network.get(f"/v1/referrals/{referral}/sealed").json()
    schemas.Sealed.model_validate(sealed)
    (document,) = sealed["documents"]
    return sealed, document


def piece(network: Network, referral: str, document: dict[str, Any], number: object, who: str = MINE) -> httpx.Response:
    return network.get(f"/v1/referrals/{referral}/documents/{document['id']}/pieces/{number}", who=who)


def fetch(network: Network, referral: str, document: dict[str, Any]) -> Callable[[int], dict[str, Any]]:
    return lambda number: piece(network, referral, document, number).json()


def audited(network: Network) -> list[dict[str, Any]]:
    with network.database.begin(write=False) as session:
        query = sa.select(AuditEntry.codes).where(AuditEntry.action == "referral:document_opened")
        return list(session.scalars(query.order_by(AuditEntry.seq)))


def test_the_client_puts_the_pages_together(network: Network) -> None:
    referral, program = accepted(network), network.clients[MINE]
    _sealed, document = listed(network, referral)
    assert document == {
        "id": document["id"],
        "author": "person",
        "pages": 7,
        "pieces": 9,
        "created_at": "2026-11-24T10:00:00.000Z",
    }
    with httpx.Client(transport=SyncTransport(network.http)) as http:
        client = PartnerClient(BASE, program.client_id, program.secret, private_key=program.pair.seed, http=http)
        found = list(client.documents(referral))
    assert [(entry.document, entry.page, entry.pages) for entry in found] == [
        (document["id"], number, 7) for number in range(1, 8)
    ]
    assert [entry.content for entry in found] == PAGES
    assert "content" not in repr(found[0])
    first = piece(network, referral, document, 1)
    schemas.DocumentPieceOut.model_validate(first.json())
    assert '"reads";q=1200' in first.headers["RateLimit-Policy"]
    assert first.headers["Cache-Control"] == "no-store"


def test_the_samples_of_the_page_put_them_together(network: Network) -> None:
    private = X25519PrivateKey.generate()
    register(network, private.public_key().public_bytes_raw())
    referral = accepted(network, private.private_bytes_raw())
    sealed, document = listed(network, referral)
    ask, raw = fetch(network, referral, document), private.private_bytes_raw()
    assert list(sample(API)["open_document"](sealed, raw, document, ask)) == PAGES
    given = {
        "document": sealed,
        "private_key": base64url(raw),
        "jwks": network.get("/.well-known/jwks.json").json(),
        "pieces": [ask(number) for number in range(1, 10)],
    }
    assert javascript.run("open-sealed.mjs", given)["pages"] == [base64url(content) for content in PAGES]


def test_five_pages_are_one_opening_even_without_the_first_piece(network: Network) -> None:
    referral = accepted(network)
    _sealed, document = listed(network, referral)

    def reads() -> int:
        with network.database.begin(write=False) as session:
            return read_quotas.used(session, read_quotas.client_key(network.clients[MINE].client_id), network.now)

    before = reads()
    for number in range(1, 10):
        assert piece(network, referral, document, number).status_code == 200
    codes = {"document": UUID(document["id"]).hex, "client": network.clients[MINE].client_id}
    assert audited(network) == [{**codes, "page": 1}, {**codes, "page": 6}]
    assert reads() - before == 1, "within an hour all documents of a case are one opening"
    network.later(hours=2)
    network.tokens.clear()
    piece(network, referral, document, 2)
    piece(network, referral, document, 3)
    assert audited(network)[2:] == [{**codes, "page": 1}]
    with network.database.begin(write=False) as session:
        case_id = session.get_one(Referral, UUID(referral)).case_id
        assert "their_document" in {entry.what for entry in openings.of_case(session, case_id, UTC)}


def test_a_used_up_day_gives_no_further_page(network: Network) -> None:
    referral = accepted(network)
    _sealed, document = listed(network, referral)
    with network.database.begin() as session:
        key = read_quotas.client_key(network.clients[MINE].client_id)
        session.execute(sa.update(read_quotas.ReadCount).where(read_quotas.ReadCount.reader == key).values(count=10**6))
    refused = piece(network, referral, document, 1)
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:pristan:problem:daily-reads-used-up")
    assert piece(network, referral, document, 2).status_code == 429
    assert audited(network) == []


def test_nobody_else_gets_a_piece_and_nobody_after_the_end(network: Network) -> None:
    referral = accepted(network)
    _sealed, document = listed(network, referral)
    assert piece(network, referral, document, 1, OTHER).status_code == 404
    assert piece(network, referral, {"id": str(uuid4())}, 1).status_code == 404
    assert piece(network, accepted(network), document, 1).status_code == 404
    assert piece(network, referral, document, 10).status_code == 404
    assert [piece(network, referral, document, number).status_code for number in (0, -1, "x", 10**9)] == [422] * 4
    offered = network.offer()
    assert piece(network, offered, document, 1).status_code == 409
    network.desk(referral, ReferralVerb.WITHDRAW, reason="no_longer_needed")
    assert piece(network, referral, document, 1).status_code == 409
    assert audited(network) == []


@pytest.mark.parametrize("change", ["order", "missing", "other_case", "other_key", "cut", "not_jpeg"])
def test_what_is_not_whole_is_not_opened(change: str) -> None:
    key, identity = CaseKey(str(uuid4()), os.urandom(32)), uuid4()
    document = {"id": str(identity), "pages": 2, "pieces": 3}
    pieces = sealed_pieces(key, identity, [page(70_000), page(300)] if change != "not_jpeg" else [b"<svg>", page(9)])
    if change == "order":
        pieces[0], pieces[1] = pieces[1], pieces[0]
    elif change == "missing":
        pieces[0] = {**pieces[0], "pieces": 1}
    elif change == "other_case":
        key = CaseKey(str(uuid4()), key.key)
    elif change == "other_key":
        key = CaseKey(key.case_id, os.urandom(32))
    elif change == "cut":
        document["pages"] = 1
    with pytest.raises(CannotOpen):
        list(opened_pages(document, key, lambda number: pieces[number - 1]))


def test_whole_pieces_are_opened() -> None:
    key, identity = CaseKey(str(uuid4()), os.urandom(32)), uuid4()
    contents = [page(70_000), page(300)]
    pieces = sealed_pieces(key, identity, contents)
    document = {"id": str(identity), "pages": 2, "pieces": 3}
    assert [found.content for found in opened_pages(document, key, lambda number: pieces[number - 1])] == contents


def sealed_pieces(key: CaseKey, identity: UUID, pages: list[bytes]) -> list[dict[str, Any]]:
    """What the service answers for these pages, made by its own storage."""
    document = storage.Document(id=identity, case_id=UUID(key.case_id), pages=len(pages))
    found = []
    for number, content in enumerate(pages, 1):
        rows = storage._sealed(storage.document_key(key.key, identity), document, number, content)
        for place, row in enumerate(rows, 1):
            aad = storage.piece_aad(identity, document.case_id, number, len(pages), place, len(rows))
            found.append(
                {"page": number, "pieces": len(rows), "aad": base64url(aad), "ciphertext": base64url(row["ciphertext"])}
            )
    return found
