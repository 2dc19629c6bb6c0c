"""The untouched file of an electronically signed PDF: kept only if the person says so."""

import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.api import schemas
from app.audit.models import AuditEntry
from app.casework import by_link, partner_access
from app.client import CaseKey, PartnerClient, opened_key, opened_original
from app.core.sealing import CannotOpen
from app.documents import storage
from app.documents.limits import DocumentLimits
from app.documents.models import Document, DocumentPiece
from app.links import codes
from app.partners.organisations import Organisation
from app.referrals.models import Referral
from tests.api.test_partner_api_documents import audited, fetch, piece
from tests.support import hostile_files
from tests.support.desk import Browser, Page, StaffSite
from tests.support.hostile_files import CANARY
from tests.support.partners import MINE, Network
from tests.support.serving import BASE, SyncTransport
from tests.web import test_partner_link as links
from tests.web.test_desk_case import referral_of, referred
from tests.web.test_documents import KIND, documents, form, person

SIGNED = hostile_files.one_page(b"(%s)" % CANARY.encode()) + b"%" + CANARY.encode() * 20_000 + b" /ByteRange [0 1 2 3]"
"""A PDF of some pieces that says it is signed; what comes after its end is of no page."""
WARNING = "nobody has made it harmless, and it may be dangerous to open"


def token_of(page: Page) -> dict[str, str]:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found
    return {"csrf": found[1]}


def keep(browser: Browser, *files: bytes) -> Page:
    """Send files with the tick that a PDF is signed."""
    token = token_of(browser.get("/en/case/documents"))["csrf"]
    tick = b'------x\r\nContent-Disposition: form-data; name="keep"\r\n\r\nyes\r\n'
    answer = browser.send(
        "POST", "/en/case/documents", content=tick + form(token, *files), headers={"content-type": KIND}
    )
    assert answer.status == 303, answer.text
    return browser.get(answer.location)


def saved(page: Page) -> bytes:
    assert page.response.headers["content-type"] == "application/octet-stream"
    assert page.response.headers["content-disposition"] == 'attachment; filename="signed-document.pdf"'
    assert "sandbox" in page.response.headers["content-security-policy"]
    assert page.response.headers["cache-control"] == "no-store"
    assert page.response.headers["x-content-type-options"] == "nosniff"
    return page.response.content


def test_a_signed_pdf_is_kept_as_it_is_for_those_who_may_read_it(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    browser = person(office, receipt)
    assert browser.get("/en/case/documents").text.index('name="keep"') < browser.get("/en/case/documents").text.index(
        'type="file"'
    ), "a browser sends the tick before the files"
    page = keep(browser, SIGNED, hostile_files.telling_photo())
    assert "File 1: It was added, and the file itself is kept too." in page.words()
    assert "File 2: It was added as pictures. Only a PDF with an electronic signature is kept as it is." in page.words()
    letter, photo = sorted(documents(office), key=lambda entry: -entry.original_pieces)
    assert (letter.original_pieces, letter.pages, photo.original_pieces) == (-(-len(SIGNED) // 65_535), 1, 0)
    own = f"/en/case/documents/{letter.id}/original"
    assert saved(browser.submit(page, own)) == SIGNED
    assert browser.post(f"/en/case/documents/{photo.id}/original", page.form(own)).status == 404
    stranger = person(office, office.file(language="en")[1])
    assert stranger.post(own, token_of(stranger.get("/en/case/documents"))).status == 404
    assert browser.post(own, {"csrf": "1.x.y"}).status != 200
    assert browser.get(f"/en/case/documents/{letter.id}/0").status == 404, "page 0 is no picture"

    vera, desk = office.as_("vera"), f"/desk/cases/{label}/documents"
    listed = vera.get(desk)
    assert listed.words().count(WARNING) == 1
    assert saved(vera.submit(listed, f"{desk}/{letter.id}/original")) == SIGNED
    assert vera.post(f"{desk}/{photo.id}/original", listed.form(f"{desk}/{letter.id}/original")).status == 404
    outsider = office.as_("outsider")
    assert outsider.post(f"{desk}/{letter.id}/original", token_of(outsider.get("/desk/"))).status == 404

    assert referred(office, label, vera).status == 303
    path = f"/partner/referrals/{referral_of(office, label).label}"
    partner = office.as_("partner")
    assert partner.post(f"{path}/documents/{letter.id}/original", token_of(partner.get(path))).status == 409
    assert partner.submit(partner.get(path), f"{path}/accept").status == 303
    offered = partner.get(f"{path}/documents")
    assert WARNING in offered.words()
    assert saved(partner.submit(offered, f"{path}/documents/{letter.id}/original")) == SIGNED
    with office.database.begin(write=False) as session:
        actions = session.execute(
            sa.select(AuditEntry.action, AuditEntry.codes)
            .where(AuditEntry.action.like("%document_opened"))
            .order_by(AuditEntry.seq)
        ).all()
    assert [(action, codes["page"], codes["document"]) for action, codes in actions] == [
        ("case:document_opened", 0, letter.id.hex),
        ("referral:document_opened", 0, letter.id.hex),
    ]
    assert "A coordinator opened a document of yours." in browser.get("/en/case").words()
    browser.submit(browser.get(f"/en/case/documents/{letter.id}/remove"), f"/en/case/documents/{letter.id}/remove")
    with office.database.begin(write=False) as session:
        assert set(session.scalars(sa.select(DocumentPiece.document_id))) == {photo.id}
    assert vera.post(f"{desk}/{letter.id}/original", token_of(vera.get("/desk/"))).status == 404


def test_only_a_pdf_that_says_it_is_signed_is_kept_and_never_a_photo_that_says_so(office: StaffSite) -> None:
    browser = person(office, office.file(language="en")[1])
    photo = hostile_files.telling_photo()
    polyglot = photo[:2] + b"\xff\xfe\x00\x20%PDF-1.7 /ByteRange [0 1 2 3]  " + photo[2:]
    unsigned = hostile_files.one_page(b"(x)")
    page = keep(browser, polyglot, unsigned)
    assert page.words().count("It was added as pictures.") == 2
    assert [entry.original_pieces for entry in documents(office)] == [0, 0]


def test_a_person_whose_visit_ends_gets_no_more_of_the_file(office: StaffSite) -> None:
    """Each piece is read in a transaction of its own, which the database shows the case only to its number."""
    browser = person(office, office.file(language="en")[1])
    page = keep(browser, SIGNED)
    (letter,) = documents(office)
    answer = browser.submit(page, f"/en/case/documents/{letter.id}/original")
    assert len(answer.response.content) == int(answer.response.headers["content-length"]) == len(SIGNED)


def test_who_may_read_no_more_gets_no_further_piece(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    label, receipt = office.file(language="en")
    keep(person(office, receipt), SIGNED)
    (letter,) = documents(office)
    vera, desk = office.as_("vera"), f"/desk/cases/{label}/documents"
    assert referred(office, label, vera).status == 303
    path = f"/partner/referrals/{referral_of(office, label).label}"
    partner = office.as_("partner")
    partner.submit(partner.get(path), f"{path}/accept")
    pages = [
        (vera, vera.get(desk), f"{desk}/{letter.id}/original", "app.casework.documents.still_opens_at_desk"),
        (partner, partner.get(f"{path}/documents"), f"{path}/documents/{letter.id}/original",
         "app.casework.partner_access.still_opens"),
    ]  # fmt: skip
    for browser, page, action, check in pages:
        assert len(browser.submit(page, action).response.content) == len(SIGNED)
        with monkeypatch.context() as patched, suppress(Exception):
            patched.setattr(check, lambda *_args: False)
            assert len(browser.submit(page, action).response.content) < len(SIGNED)
    asked: list[bool] = []
    real = partner_access.still_opens
    monkeypatch.setattr("app.casework.partner_access.still_opens", lambda *args: asked.append(real(*args)) or asked[-1])
    partner.submit(pages[1][1], pages[1][2])
    assert asked.count(True) == letter.original_pieces - 1, "before each piece but the first"
    partner.submit(partner.get(path), f"{path}/hand_back", reason="no_capacity")
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(Referral.state)) == "handed_back"
        assert not by_link.still_opens(session, office.keys, "x", office.time.at)


def test_photos_of_one_form_stay_in_their_order(office: StaffSite) -> None:
    browser = person(office, office.file(language="en")[1])
    keep(browser, *(hostile_files.many_pages(number) for number in (3, 1, 4, 2, 5)))
    with office.database.begin(write=False) as session:
        entries = storage.of_case(session, session.scalars(sa.select(Document.case_id)).first())
        assert [entry.pages for entry in entries] == [3, 1, 4, 2, 5]


def test_without_the_tick_no_file_is_kept_and_with_it_none_is_found_anywhere(
    office: StaffSite, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    browser = person(office, office.file(language="en")[1])
    token = token_of(browser.get("/en/case/documents"))["csrf"]
    browser.send("POST", "/en/case/documents", content=form(token, SIGNED), headers={"content-type": KIND})
    assert [entry.original_pieces for entry in documents(office)] == [0]
    page = keep(browser, SIGNED)
    kept = [entry for entry in documents(office) if entry.original_pieces]
    assert saved(browser.submit(page, f"/en/case/documents/{kept[0].id}/original")) == SIGNED
    assert list(temporary.iterdir()) == []
    output = capfd.readouterr()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    with office.database.begin(write=False) as session:
        sizes = set()
        for row in session.execute(sa.select(DocumentPiece.__table__)):
            written.append(row.ciphertext)
            sizes |= {len(row.ciphertext) - 28} if row.page == 0 else set()
        written += [repr(row).encode() for row in session.execute(sa.select(Document.__table__))]
        written += [repr(row).encode() for row in session.execute(sa.select(AuditEntry.__table__))]
    assert CANARY.encode() not in b"".join(written) + (output.out + output.err).encode()
    assert all(size & (size - 1) == 0 for size in sizes), "sizes are padded"


def test_pieces_are_bound_to_their_place(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    keep(person(office, receipt), SIGNED)
    (letter,) = documents(office)
    with office.database.begin() as session:
        first, second = session.scalars(
            sa.select(DocumentPiece).where(DocumentPiece.page == 0).order_by(DocumentPiece.piece).limit(2)
        )
        first.ciphertext, second.ciphertext = second.ciphertext, first.ciphertext
    vera, path = office.as_("vera"), f"/desk/cases/{label}/documents"
    refused = vera.submit(vera.get(path), f"{path}/{letter.id}/original")
    assert refused.status == 409
    assert CANARY.encode() not in refused.response.content, "what was swapped is not handed out"


def test_behind_a_link_with_a_code(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "_MEMORY_KIB", 8)
    vera, label, receipt = links.referred(office)
    keep(person(office, receipt), SIGNED)
    (letter,) = documents(office)
    browser, page = links.given(office, *links.made(office, vera, label))
    here = f"/partner/link/en/documents/{letter.id}/original"
    assert browser.post(here, token_of(page)).status == 409, "not before the acceptance"
    page = links.said(browser, page, "accept")
    assert WARNING in page.words()
    assert saved(browser.submit(page, here)) == SIGNED
    assert browser.post(here, {"csrf": "1.x.y"}).status == 404
    monkeypatch.setattr("app.links.service.MAX_OPENINGS", 1)
    assert browser.submit(page, here).status == 200, "within an hour it is the same opening"
    monkeypatch.setattr("app.cases.access_control.SAME_READING", timedelta(0))
    assert browser.submit(page, here).status == 429
    with office.database.begin(write=False) as session:
        found = session.scalars(sa.select(AuditEntry.codes).where(AuditEntry.action == "referral:document_opened"))
        assert list(found) == [{"document": letter.id.hex, "page": 0}] * 2
        assert session.scalar(sa.select(sa.func.count()).select_from(Organisation))


def test_an_organisations_program_puts_it_together(network: Network) -> None:
    referral = network.offer()
    network.act(referral, "accept")
    program = network.clients[MINE]
    key = opened_key(network.get(f"/v1/referrals/{referral}/sealed").json(), program.pair.seed)
    document_id = add_signed(network, key)
    sealed = network.get(f"/v1/referrals/{referral}/sealed").json()
    schemas.Sealed.model_validate(sealed)
    (document,) = sealed["documents"]
    assert (document["id"], document["pieces"], document["original_pieces"]) == (document_id, 1, 2)
    with httpx.Client(transport=SyncTransport(network.http)) as http:
        client = PartnerClient(BASE, program.client_id, program.secret, private_key=program.pair.seed, http=http)
        assert b"".join(client.original(referral, document, key)) == FILE
        assert len(list(client.documents(referral))) == 1, "the pages are as before"
    last = piece(network, referral, document, 3)
    schemas.DocumentPieceOut.model_validate(last.json())
    assert (last.json()["page"], last.json()["piece"], last.json()["pieces"]) == (0, 2, 2)
    assert piece(network, referral, document, 4).status_code == 404
    assert [codes["page"] for codes in audited(network)] == [0, 1]
    ask = fetch(network, referral, document)
    with pytest.raises(CannotOpen):
        list(opened_original({**document, "original_pieces": 1}, key, ask))
    with pytest.raises(CannotOpen):
        list(opened_original(document, CaseKey(key.case_id, bytes(31) + b"\1"), ask))
    assert list(opened_original({**document, "original_pieces": None}, key, ask)) == []


FILE = b"%PDF-1.7 made up" + bytes(65_535)


def add_signed(network: Network, key: CaseKey) -> str:
    """A document of one page, with its untouched file."""
    document_id, case_id = uuid4(), UUID(key.case_id)
    own = storage.document_key(key.key, document_id)
    parts = [FILE[:65_535], FILE[65_535:]]
    pieces = [storage.seal_piece(own, document_id, case_id, 1, part, number, 2) for number, part in enumerate(parts, 1)]
    with network.database.begin() as session:
        storage.add_with_key(
            session,
            own,
            case_id,
            [b"\xff\xd8\xff made up"],
            DocumentLimits(),
            author="person",
            now=network.now,
            organisation_id=None,
            document_id=document_id,
            original=storage.SealedFile(case_id, document_id, 1, pieces),
        )
    return str(document_id)
