"""Documents that a program sends to the person: made harmless here, sealed with a key that it gives, taken back, asked for."""

from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.api import schemas
from app.audit.models import AuditEntry
from app.client import CaseKey, PartnerClient, opened_key
from app.client.decryption import base64url
from app.client.documents import document_key
from app.documents import storage
from app.documents.models import Document
from app.referrals.models import Referral
from tests.support import hostile_files
from tests.support.partners import MINE, OTHER, Network
from tests.support.serving import BASE, SyncTransport


def at_work(network: Network) -> tuple[str, CaseKey]:
    referral = network.offer()
    network.act(referral, "accept")
    document = network.get(f"/v1/referrals/{referral}/sealed").json()
    return referral, opened_key(document, network.clients[MINE].pair.seed)


def post(
    network: Network, referral: str, content: bytes, *, document: str = "", key: str = "", who: str = MINE,
    kind: str = "application/octet-stream",
) -> httpx.Response:  # fmt: skip
    headers = {"Document-Key": key or base64url(bytes(32)), "Content-Type": kind}
    path = f"/v1/documents?referral={referral}&document={document or uuid4()}"
    return network.call("POST", path, who=who, headers=headers, content=content)


def stored(network: Network) -> list[Document]:
    with network.database.begin(write=False) as session:
        return list(session.scalars(sa.select(Document)))


def test_a_program_sends_a_document_that_the_person_opens(network: Network) -> None:
    referral, key = at_work(network)
    program = network.clients[MINE]
    http = httpx.Client(transport=SyncTransport(network.http))
    client = PartnerClient(BASE, program.client_id, program.secret, private_key=program.pair.seed, http=http)
    sent, identity = hostile_files.telling_photo(), str(uuid4())
    assert client.send_document(referral, sent, document_id=identity) == identity
    assert client.send_document(referral, sent, document_id=identity) == identity, "the same again changes nothing"
    (document,) = stored(network)
    assert (str(document.id), document.author, document.pages) == (identity, "partner", 1)
    with network.database.begin(write=False) as session:
        page = storage.open_page(session, key.key, document, 1)
        case_id = session.get_one(Referral, UUID(referral)).case_id
    assert page.startswith(hostile_files.START_OF_A_PAGE)
    assert hostile_files.CANARY.encode() not in page
    assert document.case_id == case_id
    (opened,) = list(client.documents(referral))
    assert opened.content == page
    client.ask_for_document(referral)
    client.ask_for_document(referral)
    with network.database.begin(write=False) as session:
        assert session.get_one(Referral, UUID(referral)).asks_document
    client.take_back_document(referral, identity)
    assert stored(network) == []
    with network.database.begin(write=False) as session:
        query = sa.select(AuditEntry.action).where(AuditEntry.action.like("referral:document%"))
        assert list(session.scalars(query.order_by(AuditEntry.seq))) == [
            "referral:document_sent", "referral:document_opened", "referral:document_asked",
            "referral:document_taken_back",
        ]  # fmt: skip
    http.close()


def test_what_is_no_document_is_refused_and_nothing_is_stored(network: Network) -> None:
    referral, _key = at_work(network)
    photo = hostile_files.one_page(b"(x)")
    for content, code in ((b"MZ" + bytes(40), "not_accepted"), (hostile_files.encrypted_pdf(), "encrypted")):
        answer = post(network, referral, content)
        assert answer.status_code == 422
        schemas.Problem.model_validate(answer.json())
        assert answer.json()["errors"][0]["code"] == code
    assert post(network, referral, b"").status_code == 400
    assert post(network, referral, photo, kind="image/jpeg").status_code == 415
    assert post(network, referral, photo, key="short").status_code == 422
    assert post(network, referral, photo, document="no-uuid").status_code == 422
    for other in (str(uuid4()), "x"):
        assert post(network, other, photo).status_code == 404
    assert post(network, referral, photo, who=OTHER).status_code == 404
    assert network.call("POST", f"/v1/documents?referral={referral}", content=photo).status_code == 422
    assert stored(network) == []


def test_only_while_the_organisation_works_on_it_and_only_its_own(network: Network) -> None:
    waiting = network.offer()
    assert post(network, waiting, hostile_files.one_page(b"(x)")).status_code == 409
    assert network.call("POST", f"/v1/referrals/{waiting}/documents/ask").status_code == 409
    referral, key = at_work(network)
    with network.database.begin() as session:
        limits = storage.DocumentLimits()
        case_id = session.get_one(Referral, UUID(referral)).case_id
        theirs = storage.add(session, key.key, case_id, [b"\xff\xd8\xff"], limits, author="person", now=network.now).id
    for path in (f"/v1/referrals/{referral}/documents/{theirs}", f"/v1/referrals/{referral}/documents/{uuid4()}"):
        assert network.call("DELETE", path).status_code == 404
    taken = post(network, referral, hostile_files.one_page(b"(x)"), document=str(theirs))
    assert taken.status_code == 409
    assert [document.id for document in stored(network)] == [theirs]


def test_a_wrong_key_opens_nothing_and_breaks_no_page(network: Network) -> None:
    referral, key = at_work(network)
    assert post(network, referral, hostile_files.one_page(b"(x)"), key=base64url(b"\1" * 32)).status_code == 200
    (document,) = stored(network)
    assert document_key(key, str(document.id)) != b"\1" * 32
    with network.database.begin(write=False) as session, pytest.raises(storage.sealing.CannotOpen):
        storage.open_page(session, key.key, document, 1)
