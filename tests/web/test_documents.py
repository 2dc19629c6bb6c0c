"""Photos and PDFs: added on the page with the number, sealed, read at the desk and by the centre, taken back."""

import io
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from app.audit.models import AuditEntry
from app.cases import person_access
from app.cases.models import Case
from app.casework import corrections
from app.core.db import Database
from app.core.sealing import CannotOpen
from app.directory.packs import load_packs
from app.documents import file_counts, storage
from app.documents.limits import DocumentLimits
from app.documents.models import Document, DocumentPiece
from app.intake.receipts import Receipt
from app.intake.schemas import Intake
from app.privacy import service as privacy
from app.tasks.models import Task
from tests.support import hostile_files
from tests.support.desk import Browser, Page, StaffSite, intake, running
from tests.support.hostile_files import CANARY
from tests.web.test_desk_case import referral_of, referred

KIND = "multipart/form-data; boundary=----x"


def form(csrf: str, *files: bytes, name: str = f"{CANARY}.jpg") -> bytes:
    """The body that a browser sends: the token, then each file under its name."""
    parts = [b'------x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + csrf.encode() + b"\r\n"]
    for content in files:
        head = f'------x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + b"------x--\r\n"


def person(office: StaffSite, receipt: Receipt) -> Browser:
    browser = office.browser()
    browser.submit(browser.get("/en/return"), "/en/return", number=receipt.grouped())
    return browser


def send(browser: Browser, *files: bytes, csrf: str | None = None) -> Page:
    """Send files from the page of documents, and the page that follows."""
    token = (
        csrf
        if csrf is not None
        else re.search(r'name="csrf" value="([^"]+)"', browser.get("/en/case/documents").text)[1]
    )
    answer = browser.send("POST", "/en/case/documents", content=form(token, *files), headers={"content-type": KIND})
    assert answer.status == 303, answer.text
    return browser.get(answer.location)


def documents(office: StaffSite) -> Sequence[Document]:
    with office.database.begin(write=False) as session:
        return session.scalars(sa.select(Document).order_by(Document.pages)).all()


def test_a_person_adds_photos_and_a_pdf_looks_at_them_and_takes_one_back(office: StaffSite) -> None:
    _label, receipt = office.file(language="en")
    browser = person(office, receipt)
    page = send(
        browser, hostile_files.telling_photo(), hostile_files.many_pages(3), hostile_files.encrypted_pdf(), b"MZ"
    )
    assert "File 1: It was added." in page.words()
    assert "File 2: It was added." in page.words()
    assert "File 3: It was not added: it is protected by a password." in page.words()
    assert "File 4: It was not added: it is not a photo or PDF that we can read." in page.words()
    assert "We keep only pictures of the pages, encrypted." in page.words()
    photo, letter = documents(office)
    assert (photo.pages, letter.pages, photo.author) == (1, 3, "person")
    assert "There are 2 documents." in browser.get("/en/case").words()
    assert f"/en/case/documents/{letter.id}/3" in browser.get(f"/en/case/documents/{letter.id}").text
    picture = browser.get(f"/en/case/documents/{photo.id}/1").response
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert picture.headers["cache-control"] == "no-store"
    assert Image.open(io.BytesIO(picture.content)).size == (40, 60)
    assert browser.get(f"/en/case/documents/{photo.id}/2").status == 404
    other = person(office, office.file(language="en")[1])
    assert other.get(f"/en/case/documents/{photo.id}/1").status == 404
    browser.submit(browser.get(f"/en/case/documents/{letter.id}/remove"), f"/en/case/documents/{letter.id}/remove")
    assert [entry.id for entry in documents(office)] == [photo.id]
    with office.database.begin(write=False) as session:
        assert set(session.scalars(sa.select(DocumentPiece.document_id))) == {photo.id}


def test_limits_a_foreign_form_and_a_form_without_files(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    browser = person(office, receipt)
    assert "Please choose a photo or a PDF first." in send(browser).words()
    assert documents(office) == []
    send(browser, hostile_files.many_pages(2), csrf="another")
    assert documents(office) == []
    with office.database.begin() as session:
        case = office.case(label)
        for _file in range(9):
            session.add(Document(case_id=case.id, author="desk", pages=4, created_at=office.time.at))
    page = send(browser, hostile_files.many_pages(5), hostile_files.many_pages(4), hostile_files.many_pages(1))
    words = page.words()
    assert "File 1: It was not added: it has too many pages." in words
    assert "File 2: It was added." in words
    assert "File 3: It was not added: there is no room for more documents." in words
    assert 'type="file"' not in page.text
    crossed = browser.send(
        "POST", "/en/case/documents", content=form("x"), headers={"content-type": KIND, "sec-fetch-site": "cross-site"}
    )
    assert crossed.status == 403
    assert (
        browser.send("POST", "/en/case/documents", content=b"x", headers={"content-type": "text/plain"}).status == 400
    )


def test_nothing_of_a_file_is_found_on_disk_in_logs_or_in_temp(
    office: StaffSite, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    _label, receipt = office.file(language="en")
    big = hostile_files.telling_photo() + CANARY.encode() * 100_000  # a spooling parser would write it to disk
    send(person(office, receipt), big, hostile_files.one_page(b"(%s)" % CANARY.encode()))
    assert len(documents(office)) == 2
    assert list(temporary.iterdir()) == []
    output = capfd.readouterr()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    with office.database.begin(write=False) as session:
        for table in (Document.__table__, DocumentPiece.__table__, AuditEntry.__table__):
            for row in session.execute(sa.select(table)):
                written += [value if isinstance(value, bytes) else repr(value).encode() for value in row]
    assert CANARY.encode() not in b"".join(written) + (output.out + output.err).encode()
    assert hostile_files.START_OF_A_PAGE not in b"".join(written), "no page lies there in plain"


def test_pieces_are_bound_to_their_place_and_their_sizes_tell_little(database: Database, office: StaffSite) -> None:
    label, _receipt = office.file(language="en")
    case_id, key, limits = office.case(label).id, bytes(32), DocumentLimits()
    contents = [bytes([number]) * (150_000 + number) for number in (1, 2)]
    with database.begin() as session:
        document = storage.add(session, key, case_id, contents, limits, author="person", now=office.time.at)
        assert [storage.open_page(session, key, document, number) for number in (1, 2)] == contents
        pieces = session.scalars(sa.select(DocumentPiece).order_by(DocumentPiece.page, DocumentPiece.piece)).all()
        assert [len(piece.ciphertext) - 28 for piece in pieces] == [65536, 65536, 32768] * 2
        with pytest.raises(CannotOpen):
            storage.open_page(session, bytes(31) + b"\1", document, 1)
        pieces[0].ciphertext, pieces[3].ciphertext = pieces[3].ciphertext, pieces[0].ciphertext
        session.flush()
        with pytest.raises(CannotOpen):
            storage.open_page(session, key, document, 1)
        pieces[0].ciphertext, pieces[3].ciphertext = pieces[3].ciphertext, pieces[0].ciphertext
        session.delete(pieces[2])
        session.flush()
        with pytest.raises(CannotOpen):
            storage.open_page(session, key, document, 1)
        case = session.get_one(Case, case_id)
        privacy.erase(session, case, actor_kind="person", now=office.time.at)
        assert not session.scalar(sa.select(sa.func.count()).select_from(DocumentPiece))
        assert not session.scalar(sa.select(sa.func.count()).select_from(Document))


def test_desk_and_centre_read_pages_with_limits_audit_and_the_persons_knowledge(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    browser = person(office, receipt)
    send(browser, hostile_files.many_pages(7))
    (document,) = documents(office)
    vera = office.as_("vera")
    desk_path = f"/desk/cases/{label}/documents"
    assert "1 document" in vera.get(f"/desk/cases/{label}").words()
    listed = vera.get(desk_path)
    assert "Document 1 · 7 pages · from the person" in listed.words()
    assert "data:image" not in listed.text
    first = vera.submit(listed, f"{desk_path}/{document.id}")
    assert first.text.count("data:image/jpeg;base64,") == 5
    second = vera.post(f"{desk_path}/{document.id}", {**first.form(f"{desk_path}/{document.id}"), "page": "6"})
    assert re.findall(r"Page (\d) of 7", second.words()) == ["6", "7"]
    assert (
        vera.post(f"{desk_path}/{document.id}", {**first.form(f"{desk_path}/{document.id}"), "page": "8"}).status == 404
    )
    assert office.as_("outsider").get(desk_path).status == 404
    assert referred(office, label, vera).status == 303
    path = f"/partner/referrals/{referral_of(office, label).label}"
    partner = office.as_("partner")
    assert partner.get(f"{path}/documents").status == 409
    assert partner.submit(partner.get(path), f"{path}/accept").status == 303
    assert "1 document" in partner.get(path).words()
    opened = partner.submit(partner.get(f"{path}/documents"), f"{path}/documents/{document.id}")
    assert opened.text.count("data:image/jpeg;base64,") == 5
    assert office.as_("other-partner").get(f"{path}/documents").status == 404
    with office.database.begin(write=False) as session:
        actions = session.execute(
            sa.select(AuditEntry.action, AuditEntry.codes)
            .where(AuditEntry.action.like("%document_opened"))
            .order_by(AuditEntry.seq)
        ).all()
    assert [(action, codes["page"]) for action, codes in actions] == [
        ("case:document_opened", 1),
        ("case:document_opened", 6),
        ("referral:document_opened", 1),
    ]
    words = browser.get("/en/case").words()
    assert "A coordinator opened a document of yours." in words
    assert re.search(r"\S+ opened a document of yours.", words.replace("A coordinator opened", ""))
    browser.submit(browser.get(f"/en/case/documents/{document.id}/remove"), f"/en/case/documents/{document.id}/remove")
    assert vera.post(f"{desk_path}/{document.id}", first.form(f"{desk_path}/{document.id}")).status == 404


def test_a_photographed_letter_is_a_task_until_somebody_has_read_it(office: StaffSite) -> None:
    label, receipt = office.file(language="en", how_soon="none", letter={"kind": "unknown"})
    browser = person(office, receipt)
    send(browser, hostile_files.many_pages(1))
    vera, path = office.as_("vera"), f"/desk/cases/{label}/documents"
    task = "The person added a document: read it, and enter what a letter is about and its date"
    assert task in vera.get("/desk/tasks").words()
    action = f"{path}/letter"
    refused = vera.submit(vera.get(path), action, kind="pl-nothing", received_on="23 11 2026")
    assert refused.status == 422
    assert "23" in refused.text
    assert vera.submit(refused, action, kind="", received_on="23 11 2026").status == 422
    before = office.case(label)
    kind = next(row.event for row in load_packs().deadlines("PL") if row.letter_kind)
    entered = vera.submit(vera.get(path), action, kind=kind, received_on="23 11 2026")
    assert entered.status == 303
    after = office.case(label)
    assert after.last_safe_day is not None
    assert before.deadline_certainty == "assumed"
    assert after.deadline_certainty != "assumed"
    assert after.due_on <= before.due_on
    assert after.version > before.version
    assert task not in vera.get("/desk/tasks").words()
    words = browser.get("/en/case").words()
    assert "We have read your letter and entered what it is about and its date." in words
    send(browser, hostile_files.many_pages(1))
    assert task in vera.get("/desk/tasks").words()
    for entry in documents(office):
        browser.submit(browser.get(f"/en/case/documents/{entry.id}/remove"), f"/en/case/documents/{entry.id}/remove")
    assert task not in vera.get("/desk/tasks").words()


def test_a_reader_who_finds_no_day_does_not_move_the_deadline_back(office: StaffSite) -> None:
    kind = next(row.event for row in load_packs().deadlines("PL") if row.letter_kind)
    label, receipt = office.file(language="en", letter={"kind": kind, "received_on": "2026-11-20"})
    browser = person(office, receipt)
    send(browser, hostile_files.many_pages(1))
    vera, path = office.as_("vera"), f"/desk/cases/{label}/documents"
    before = office.case(label)
    assert vera.submit(vera.get(path), f"{path}/letter", kind=kind).status == 303
    after = office.case(label)
    assert (after.last_safe_day, after.deadline_certainty) == (before.last_safe_day, before.deadline_certainty)
    assert after.urgency_rank <= before.urgency_rank
    words = browser.get("/en/case").words()
    assert "What it is about or its date is not certain yet." in words
    assert "We have read your letter" not in words


def test_one_opening_within_an_hour_covers_the_documents_of_a_case_and_no_other(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(database, tmp_path / "var", member_reads_per_day=2) as office:
        (label, receipt), (other, theirs) = office.file(language="en"), office.file(language="en")
        send(person(office, receipt), hostile_files.many_pages(7), hostile_files.many_pages(1))
        send(person(office, theirs), hostile_files.one_page(b"(x)"))
        second, first = [entry for entry in documents(office) if entry.case_id == office.case(label).id]
        (third,) = [entry for entry in documents(office) if entry.case_id == office.case(other).id]
        vera, path = office.as_("vera"), f"/desk/cases/{label}/documents"
        page = vera.submit(vera.get(path), f"{path}/{first.id}")
        csrf = page.form(f"{path}/letter")["csrf"]
        assert vera.post(f"{path}/{first.id}", {"csrf": csrf, "page": "6"}).status == 200
        assert vera.post(f"{path}/{second.id}", {"csrf": csrf}).status == 200
        with office.database.begin(write=False) as session:
            opened = sa.select(sa.func.count()).where(AuditEntry.action == "case:document_opened")
            assert session.scalar(opened) == 3, "each is a line of the audit"
        case = vera.get(f"/desk/cases/{label}")
        assert vera.submit(case, f"/desk/cases/{label}/show").status == 200, "documents do not open the words uncounted"
        assert vera.submit(case, f"/desk/cases/{label}/show").status == 200
        there = f"/desk/cases/{other}/documents"
        refused = vera.submit(vera.get(there), f"{there}/{third.id}")
        assert refused.status == 429
        assert "data:image" not in refused.text
        monkeypatch.setattr("app.cases.access_control.SAME_READING", timedelta(0))
        assert vera.post(f"{path}/{second.id}", {"csrf": csrf}).status == 429


def test_a_reader_leafs_through_all_documents_and_enters_the_letter_beside_its_picture(office: StaffSite) -> None:
    label, receipt = office.file(language="en", how_soon="none", letter={"kind": "unknown"})
    send(person(office, receipt), *(hostile_files.many_pages(number) for number in (6, 1, 2)))
    (second, third, first) = documents(office)
    vera, path = office.as_("vera"), f"/desk/cases/{label}/documents"
    page = vera.submit(vera.get(path), f"{path}/{first.id}")
    letter = f"{path}/letter"
    assert "Document 1 of 3" in page.words()
    assert "Previous document" not in page.words()
    kind = next(row.event for row in load_packs().deadlines("PL") if row.letter_kind)
    typed = {**page.form(letter), "kind": kind, "received_on": "23", "received_on_month": "11"}
    page = vera.post(f"{path}/{first.id}", {**typed, "page": "6"})
    assert "Page 6 of 6" in page.words()
    page = vera.post(f"{path}/{second.id}", {**page.form(letter)})
    assert "Document 2 of 3" in page.words()
    page = vera.post(f"{path}/{third.id}", page.form(letter))
    assert "Next document" not in page.words()
    assert "Previous document" in page.words()
    kept = page.form(letter)
    assert (kept["kind"], kept["received_on"], kept["received_on_month"]) == (kind, "23", "11")
    wrong = vera.post(letter, {**kept, "received_on_month": "13", "received_on_year": "2026"})
    assert wrong.status == 422
    assert wrong.text.count("data:image/jpeg;base64,") == 2, "the picture stays beside the fields"
    assert "Nothing was saved." in wrong.words()
    entered = vera.post(letter, {**wrong.form(letter), "received_on_month": "11"})
    assert entered.status == 303
    assert office.case(label).deadline_certainty != "assumed"


def test_a_photo_instead_of_an_answer_makes_the_case_careful_until_it_is_read(office: StaffSite) -> None:
    label, receipt = office.file(language="en", how_soon="none", needs=["residence_permit"])
    before = office.case(label)
    assert (before.urgency, before.last_safe_day) == ("normal", None)
    browser = person(office, receipt)
    send(browser, hostile_files.one_page(b"(x)"))
    careful = office.case(label)
    assert (careful.urgency, careful.deadline_certainty) == ("urgent", "assumed")
    assert careful.last_safe_day == office.time.at.date() + timedelta(days=5)
    assert careful.due_on < before.due_on
    with office.database.begin(write=False) as session:
        task = session.scalars(sa.select(Task).where(Task.kind == "read_document")).one()
        assert task.due_at - office.time.at <= timedelta(hours=12)
    vera, path = office.as_("vera"), f"/desk/cases/{label}/documents"
    assert "letter not read yet" in vera.get("/desk/").words()
    why = "The person added a document that may be a letter, and nobody has read it yet."
    assert why in vera.get(f"/desk/cases/{label}").words()
    mine = "It may be a letter with a deadline. We count with this careful day until a coordinator has read it."
    assert mine in browser.get("/en/case").words()
    letter = f"{path}/letter"
    assert vera.submit(vera.get(path), letter, kind="unknown").status == 303
    unclear = office.case(label)
    assert (unclear.urgency, unclear.last_safe_day) == (careful.urgency, careful.last_safe_day)
    assert (
        "It is still not known whether a letter sets a deadline, or which." in vera.get(f"/desk/cases/{label}").words()
    )
    assert "is not certain yet. Until it is, we count with this careful day." in browser.get("/en/case").words()
    refused = vera.submit(vera.get(path), letter, kind="none", received_on="23 11 2026")
    assert refused.status == 422, "a day is typed: perhaps another line of the list was meant"
    assert "“No letter” and a day contradict each other." in refused.words()
    assert office.case(label).last_safe_day == careful.last_safe_day
    assert vera.submit(vera.get(path), letter, kind="none").status == 303
    after = office.case(label)
    assert (after.urgency, after.last_safe_day, after.unread_letter) == ("normal", None, None)
    assert "found no letter with a deadline in it" in browser.get("/en/case").words()
    send(browser, hostile_files.one_page(b"(y)"))
    assert office.case(label).urgency == "urgent", "each further one may be the letter"
    kind = next(row.event for row in load_packs().deadlines("PL") if row.letter_kind)
    assert vera.submit(vera.get(path), letter, kind=kind, received_on="23 11 2026").status == 303
    known = office.case(label)
    assert known.deadline_certainty != "assumed"
    assert known.unread_letter is None
    send(browser, hostile_files.one_page(b"(z)"))
    assert office.case(label).last_safe_day == known.last_safe_day, "what has been read stays"


def test_a_letter_of_which_the_person_has_spoken_stays_when_the_documents_are_others(office: StaffSite) -> None:
    label, receipt = office.file(language="en", how_soon="none", letter={"kind": "unknown"})
    before = office.case(label)
    send(person(office, receipt), hostile_files.one_page(b"(x)"))
    vera, path = office.as_("vera"), f"/desk/cases/{label}/documents"
    assert "about their letter" in vera.get(f"/desk/cases/{label}").words()
    assert vera.submit(vera.get(path), f"{path}/letter", kind="none").status == 303
    after = office.case(label)
    assert (after.last_safe_day, after.urgency) == (before.last_safe_day, before.urgency)
    assert "added a document about their letter" not in vera.get(f"/desk/cases/{label}").words()


def test_the_person_cannot_answer_a_photographed_letter_away_before_it_is_read(office: StaffSite) -> None:
    label, receipt = office.file(language="en", how_soon="none", needs=["status"])
    browser = person(office, receipt)
    send(browser, hostile_files.one_page(b"(x)"))
    careful = office.case(label)
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at)
        assert opened is not None
        answers = Intake.model_validate(intake(language="en", how_soon="none", needs=["status"]))
        corrections.correct(session, opened, answers, keys=office.keys, directory=load_packs(), now=office.time.at)
    after = office.case(label)
    assert (after.last_safe_day, after.urgency) == (careful.last_safe_day, "urgent")
    for entry in documents(office):
        browser.submit(browser.get(f"/en/case/documents/{entry.id}/remove"), f"/en/case/documents/{entry.id}/remove")
    assert office.case(label).unread_letter == "photo_seen"


def desk_form(page: Page, label: str, *files: bytes, **changed: str) -> dict[str, object]:
    """The form that sends a document, as a browser would send it, with these files."""
    fields = {**page.form("/desk/documents"), "to_case": label, **changed}
    fields.pop("file", None)
    parts = [
        f'------x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'------x\r\nContent-Disposition: form-data; name="file"; filename="{CANARY}.pdf"\r\n\r\n'.encode()
    parts += [head + content + b"\r\n" for content in files or (b"",)]
    return {"content": b"".join(parts) + b"------x--\r\n", "headers": {"content-type": KIND}}


def test_a_coordinator_sends_the_person_a_document_and_takes_a_wrong_one_back(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    vera, path = office.as_("vera"), f"/desk/cases/{label}/documents"
    page = vera.get(path)
    assert "Send the person a document" in page.words()
    sent = vera.send(
        "POST", "/desk/documents", **desk_form(page, label, hostile_files.many_pages(2), hostile_files.many_pages(1))
    )
    assert sent.status == 303, sent.text
    (document,) = documents(office)
    assert (document.author, document.pages, document.organisation_id) == ("desk", 2, None)
    assert "Document 1 · 2 pages · from the team" in vera.get(path).words()
    browser = person(office, receipt)
    assert "We have added a document for you." in browser.get("/en/case").words()
    assert "There is 1 document." in browser.get("/en/case").words()
    sure = vera.get(f"{path}/{document.id}/remove")
    assert "It is deleted for everybody: for the person, for the team and for the organisations." in sure.words()
    assert documents(office) != []
    listed = browser.get("/en/case/documents")
    assert "Your coordinator added it on" in listed.words()
    assert f"/en/case/documents/{document.id}/remove" not in listed.text
    picture = browser.get(f"/en/case/documents/{document.id}/2").response
    assert picture.content.startswith(hostile_files.START_OF_A_PAGE)
    outsider = office.as_("outsider")
    assert outsider.post(f"{path}/{document.id}/remove", page.form("/desk/documents")).status in {404, 409}
    assert [entry.id for entry in documents(office)] == [document.id]
    assert vera.submit(vera.get(f"{path}/{document.id}/remove"), f"{path}/{document.id}/remove").status == 303
    assert documents(office) == []
    shown = vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show").words()
    assert "on this page.The document has been deleted." in shown
    words = browser.get("/en/case").words()
    assert "We have added a document for you." not in words
    assert "A document was added for you here. It has been deleted since." in words
    with office.database.begin(write=False) as session:
        query = sa.select(AuditEntry.action).where(AuditEntry.action.like("case:document%"))
        actions = session.scalars(query.order_by(AuditEntry.seq)).all()
        assert list(actions) == ["case:document_sent", "case:document_taken_back"]
        assert not session.scalar(sa.select(sa.func.count()).select_from(DocumentPiece))


def test_what_the_desk_cannot_send_is_refused_in_words_and_what_the_person_added_stays(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    send(person(office, receipt), hostile_files.many_pages(1))
    (theirs,) = documents(office)
    vera, path = office.as_("vera"), f"/desk/cases/{label}/documents"
    page = vera.get(path)
    assert f"{path}/{theirs.id}/remove" not in page.text
    assert vera.post(f"{path}/{theirs.id}/remove", page.form("/desk/documents")).status == 404
    for content, words in (
        (b"", "Choose a photo or a PDF first."),
        (b"MZ", "It is not a photo or PDF that we can read."),
        (hostile_files.encrypted_pdf(), "It is protected by a password."),
        (b"\xff\xd8\xff" + bytes(15_000_001), "It is too large."),
        (hostile_files.many_pages(40), "There is no room for this document"),
    ):
        refused = vera.send("POST", "/desk/documents", **desk_form(page, label, content))
        assert (refused.status, words in refused.words()) == (422, True), words
    whole = hostile_files.many_pages(1)
    assert vera.send("POST", "/desk/documents", **desk_form(page, label, whole, csrf="another")).status != 303
    assert office.as_("outsider").send("POST", "/desk/documents", **desk_form(page, label, whole)).status != 303
    assert office.as_("partner").send("POST", "/desk/documents", **desk_form(page, label, whole)).status == 403
    assert office.browser().send("POST", "/desk/documents", **desk_form(page, label, whole)).status != 200
    assert [entry.id for entry in documents(office)] == [theirs.id]


def test_documents_stay_in_their_case_when_it_is_merged_and_the_other_leads_to_them(office: StaffSite) -> None:
    first, receipt = office.file(language="en")
    second, theirs = office.file(language="en")
    send(person(office, receipt), hostile_files.many_pages(1))
    send(person(office, office.file(language="en")[1]), hostile_files.many_pages(1))
    vera = office.as_("vera")
    assert "merged case" not in vera.get(f"/desk/cases/{second}/documents").words()
    with office.database.begin() as session:
        session.execute(sa.update(Case).where(Case.label == first).values(merged_into_id=office.case(second).id))
    page = vera.get(f"/desk/cases/{second}/documents")
    assert f"The same person's documents in a merged case: {first}" in page.words()
    assert page.text.count(f'href="/desk/cases/{first}/documents"') == 1
    assert "merged case" not in vera.get(f"/desk/cases/{first}/documents").words(), "the other has none"
    assert "1 page" in person(office, receipt).get("/en/case/documents").words()
    assert "There are no documents yet." in person(office, theirs).get("/en/case/documents").words()


def test_the_same_form_sent_twice_adds_each_file_once_and_a_new_form_adds_it_again(office: StaffSite) -> None:
    browser = person(office, office.file(language="en")[1])
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get("/en/case/documents").text)[1]
    photo = hostile_files.telling_photo()
    for _click in range(2):
        page = send(browser, photo, photo, csrf=token)
        assert page.words().count("It was added.") == 2
        assert len(documents(office)) == 1
    send(browser, photo)
    assert len(documents(office)) == 2, "whoever opens the page again means it"


def test_refused_files_are_counted_by_format_and_reason_for_the_operator(office: StaffSite) -> None:
    browser = person(office, office.file(language="en")[1])
    send(
        browser,
        hostile_files.telling_photo(),
        hostile_files.encrypted_pdf(),
        hostile_files.encrypted_pdf() + b" ",
        b"MZ",
    )
    with office.database.begin(write=False) as session:
        counted = file_counts.of_month(session, f"{office.time.at:%Y-%m}")
    assert counted == [("JPEG", 1, []), ("PDF", 0, [("encrypted", 2)]), ("", 0, [("not_accepted", 1)])]
    words = office.as_("admin").get("/desk/operations").words()
    assert "0 read, 2 refused" in words
    assert "2 × It is protected by a password." in words


def test_a_full_or_closed_request_says_why_there_is_no_form_and_invites_nobody(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    browser = person(office, receipt)
    with office.database.begin() as session:
        case = session.get_one(Case, office.case(label).id)
        for _file in range(10):
            session.add(Document(case_id=case.id, author="person", pages=1, created_at=office.time.at))
    words = browser.get("/en/case/documents").words()
    assert "A request can have 10 files with 40 pages, and this one has no more room." in words
    assert "Add or look at documents" not in browser.get("/en/case").words()
    assert "Look at documents" in browser.get("/en/case").words()
    with office.database.begin() as session:
        case = session.get_one(Case, case.id)
        case.state, case.closed_at = "advised", office.time.at
    assert "This request is closed, so nothing can be added to it." in browser.get("/en/case/documents").words()
    assert "Look at documents" in browser.get("/en/case").words()


def test_too_much_at_once_and_a_page_open_too_long_speak_of_files(office: StaffSite) -> None:
    browser = person(office, office.file(language="en")[1])
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get("/en/case/documents").text)[1]
    answer = browser.send(
        "POST", "/en/case/documents", content=form(token, b"x"),
        headers={"content-type": KIND, "content-length": "200000000"},
    )  # fmt: skip
    assert answer.status == 413
    assert "The files are too large together: at most 165 MB. Nothing has been added." in answer.words()
    assert 'href="/en/case/documents"' in answer.text
    late = send(browser, hostile_files.one_page(b"(x)"), csrf="1.x.y")
    assert "nothing was added. Please choose the files again." in late.words()
    assert "still here" not in late.words()
    vera = office.as_("vera")
    refused = vera.send(
        "POST", "/desk/documents", content=b"x", headers={"content-type": KIND, "content-length": "90000000"}
    )
    assert (refused.status, "The file is too large." in refused.words()) == (413, True)
    case = vera.get(f"/desk/cases/{office.file(language='en')[0]}/documents")
    old = vera.send("POST", "/desk/documents", **desk_form(case, "X", hostile_files.one_page(b"(x)"), csrf="1.x.y"))
    assert "The file was not kept. Open the page again, and choose the file again." in old.words()


def test_the_copy_names_each_document_and_where_its_pages_are_saved(office: StaffSite) -> None:
    browser = person(office, office.file(language="en")[1])
    send(browser, hostile_files.many_pages(2))
    (document,) = documents(office)
    page = browser.get("/en/case/copy")
    assert "Document 1, 2 pages" in page.words()
    copy = json.loads(browser.submit(page, "/en/case/export").text)
    (entry,) = copy["documents"]
    assert (entry["number"], entry["pages"], entry["by"], entry["signed_file_kept"]) == (1, 2, "person", False)
    assert [at.partition("/en/")[2] for at in entry["pictures"]] == [
        f"case/documents/{document.id}/{n}" for n in (1, 2)
    ]
    assert "save the picture of each page" in copy["how_to_save_documents"]


def test_deleting_ones_own_document_is_asked_once(office: StaffSite) -> None:
    browser = person(office, office.file(language="en")[1])
    send(browser, hostile_files.many_pages(2))
    (document,) = documents(office)
    action = f"/en/case/documents/{document.id}/remove"
    assert f'<form method="post" action="{action}"' not in browser.get("/en/case/documents").text
    page = browser.get(action)
    assert "It cannot be brought back." in page.words()
    assert len(documents(office)) == 1
    assert person(office, office.file(language="en")[1]).get(action).status == 404
    done = browser.get(browser.submit(page, action).location).words()
    assert documents(office) == []
    assert "The document was deleted." in done
    assert "The document was deleted." not in browser.get("/en/case/documents").words()
