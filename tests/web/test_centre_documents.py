"""Documents between an organisation and the person: asked for, sent, opened and taken back, on each way that the two have."""

import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.cases.models import Case
from app.casework import shown_codes
from app.core.db import Database
from app.documents import storage
from app.documents.limits import DocumentLimits
from app.documents.models import Document, DocumentPiece
from app.documents.storage import DocumentsFull
from app.links import codes
from app.partners.organisations import Organisation
from tests.service.test_canaries import DIGITS, LATIN, WORDS, everything_written, found
from tests.support import hostile_files
from tests.support.desk import TWO, Browser, Page, StaffSite, running
from tests.support.hostile_files import CANARY
from tests.web import test_partner_link as links
from tests.web.test_desk_case import referral_of, referred
from tests.web.test_documents import KIND, documents, person, send


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stretching of codes has its real cost elsewhere."""
    monkeypatch.setattr(codes, "_MEMORY_KIB", 8)


def file_form(fields: dict[str, str], content: bytes, name: str = f"{CANARY}.pdf") -> dict[str, object]:
    """A form with one file, as a browser sends it."""
    parts = [
        f'------x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
        if name != "file"
    ]
    head = f'------x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join([*parts, head, content, b"\r\n------x--\r\n"])
    return {"content": body, "headers": {"content-type": KIND}}


def accepted(office: StaffSite) -> tuple[str, Browser, Browser, str]:
    """A case that an organisation with an account has taken: its label, the person, the partner, and the referral's path."""
    label, receipt = office.file(language="en")
    assert referred(office, label, office.as_("vera")).status == 303
    path = f"/partner/referrals/{referral_of(office, label).label}"
    partner = office.as_("partner")
    assert partner.submit(partner.get(path), f"{path}/accept").status == 303
    return label, person(office, receipt), partner, path


def sent_by(partner: Browser, path: str, content: bytes, **changed: str) -> Page:
    page = partner.get(f"{path}/documents")
    return partner.send(
        "POST", "/partner/documents", **file_form({**page.form("/partner/documents"), **changed}, content)
    )


def actions(office: StaffSite) -> list[str]:
    with office.database.begin(write=False) as session:
        query = sa.select(AuditEntry.action).where(AuditEntry.action.like("referral:document%"))
        return list(session.scalars(query.order_by(AuditEntry.seq)))


def test_an_organisation_sends_the_person_a_document_and_takes_it_back(office: StaffSite) -> None:
    label, them, partner, path = accepted(office)
    words = them.get("/en/case").words()
    assert "A centre has taken your case." in words
    assert "The centre has to answer within a fixed time." not in words
    refused = sent_by(partner, path, hostile_files.encrypted_pdf())
    assert refused.status == 422
    assert "Nothing was sent." in refused.words()
    assert "It is protected by a password." in refused.words()
    assert documents(office) == []
    done = sent_by(partner, path, hostile_files.many_pages(2))
    assert done.status == 303, done.text
    (document,) = documents(office)
    organisation_id = referral_of(office, label).organisation_id
    assert (document.author, document.pages, document.organisation_id) == ("partner", 2, organisation_id)
    assert "We have added a document for you." in them.get("/en/case").words()
    listed = them.get("/en/case/documents")
    assert f"/en/case/documents/{document.id}/remove" not in listed.text
    picture = them.get(f"/en/case/documents/{document.id}/2").response
    assert picture.content.startswith(hostile_files.START_OF_A_PAGE)
    vera, desk = office.as_("vera"), f"/desk/cases/{label}/documents"
    assert vera.submit(vera.get(desk), f"{desk}/{document.id}").text.count("data:image/jpeg") == 2
    assert f"{desk}/{document.id}/remove" not in vera.get(desk).text, "it is the organisation's"
    csrf = partner.get(f"{path}/documents").form("/partner/documents")["csrf"]
    other = office.as_("other-partner")
    theirs = other.get("/desk/me").form("/desk/sign-out")["csrf"]
    assert other.post(f"{path}/documents/{document.id}/remove", {"csrf": theirs}).status == 404
    assert other.send("POST", "/partner/documents", **file_form(
        {"csrf": theirs, "to_referral": path.rpartition("/")[2]}, hostile_files.many_pages(1)
    )).status == 404  # fmt: skip
    send(them, hostile_files.many_pages(1))
    (mine,) = [entry for entry in documents(office) if entry.author == "person"]
    assert partner.post(f"{path}/documents/{mine.id}/remove", {"csrf": csrf}).status == 404, "the person's stays"
    assert (
        partner.submit(
            partner.get(f"{path}/documents/{document.id}/remove"), f"{path}/documents/{document.id}/remove"
        ).status
        == 303
    )
    assert [entry.id for entry in documents(office)] == [mine.id]
    them.submit(them.get("/en/case"), "/en/case/message", text="Thank you, I have seen it.")
    shown = partner.submit(partner.get(path), f"{path}/show").words()
    assert "Thank you, I have seen it." in shown
    assert shown.count("The document has been deleted.") == 1
    assert "on this page.The document has been deleted." in shown
    assert actions(office) == ["referral:document_sent", "referral:document_taken_back"]


def test_an_organisation_takes_at_most_half_of_the_room_and_only_while_it_works(
    database: Database, tmp_path: Path
) -> None:
    with running(database, tmp_path / "var", documents_per_case=4, document_pages_per_case=8) as office:
        label, them, partner, path = accepted(office)
        for _time in range(2):
            assert sent_by(partner, path, hostile_files.one_page(b"(x)")).status == 303
        page = partner.get(f"{path}/documents")
        assert "There is no room for another document" in page.words()
        form = {"csrf": partner.get("/desk/me").form("/desk/sign-out")["csrf"], "to_referral": path.rpartition("/")[2]}
        full = partner.send("POST", "/partner/documents", **file_form(form, hostile_files.one_page(b"(x)")))
        assert full.status == 422
        assert len(documents(office)) == 2
        send(them, hostile_files.many_pages(2))
        assert len(documents(office)) == 3, "the person still has theirs"
        partner.submit(partner.get(path), f"{path}/hand_back", reason="no_capacity")
        assert referral_of(office, label).state == "handed_back"
        assert partner.get(f"{path}/documents").status == 409
        late = partner.send("POST", "/partner/documents", **file_form(form, hostile_files.one_page(b"(x)")))
        assert late.status == 409
        assert len(documents(office)) == 3


def test_after_the_work_is_done_documents_are_read_and_no_more_are_sent(office: StaffSite) -> None:
    label, _them, partner, path = accepted(office)
    partner.submit(partner.get(path), f"{path}/complete", outcome="advised")
    assert referral_of(office, label).state == "completed"
    page = partner.get(f"{path}/documents")
    assert page.status == 200
    assert "Send the person a document" not in page.words()
    form = {"csrf": partner.get("/desk/me").form("/desk/sign-out")["csrf"], "to_referral": path.rpartition("/")[2]}
    assert partner.send("POST", "/partner/documents", **file_form(form, hostile_files.one_page(b"(x)"))).status == 409
    assert partner.post(f"{path}/documents/ask", {"csrf": form["csrf"]}).status == 409
    assert documents(office) == []


def test_the_person_reads_who_asks_for_a_letter_until_they_add_one(office: StaffSite) -> None:
    label, them, partner, path = accepted(office)
    page = partner.get(f"{path}/documents")
    assert "Ask for photos of a letter" in page.words()
    assert partner.submit(page, f"{path}/documents/ask").status == 303
    assert partner.submit(page, f"{path}/documents/ask").status == 303, "twice is once"
    assert actions(office) == ["referral:document_asked"]
    assert "You have asked the person for photos of a letter." in partner.get(f"{path}/documents").words()
    words = them.get("/en/case").words()
    assert "asks for photos of all pages of the letter." in words
    assert "You never have to send a document." in words
    send(them, hostile_files.one_page(b"(x)"))
    assert "asks for photos" not in them.get("/en/case").words()
    assert "Ask for photos of a letter" in partner.get(f"{path}/documents").words()
    partner.submit(partner.get(f"{path}/documents"), f"{path}/documents/ask")
    assert "asks for photos" in them.get("/en/case").words()
    partner.submit(partner.get(path), f"{path}/hand_back", reason="no_capacity")
    assert "asks for photos" not in them.get("/en/case").words()
    assert referral_of(office, label).asks_document


def test_another_organisation_is_not_named_to_one_that_works_on_the_same_case(office: StaffSite) -> None:
    label, _them, partner, path = accepted(office)
    with office.database.begin() as session:
        session.add(Document(case_id=office.case(label).id, author="partner", organisation_id=_other(office), pages=1,
                             created_at=office.time.at))  # fmt: skip
    assert "from another organisation" in partner.get(f"{path}/documents").words()
    assert "from another organisation" not in office.as_("vera").get(f"/desk/cases/{label}/documents").words()


def _other(office: StaffSite) -> object:
    with office.database.begin(write=False) as session:
        return session.scalar(sa.select(Organisation.id).where(Organisation.slug == TWO))


def test_behind_a_link_documents_are_opened_sent_and_asked_for(office: StaffSite) -> None:
    vera, label, receipt = links.referred(office)
    them = person(office, receipt)
    send(them, hostile_files.many_pages(7))
    (letter,) = documents(office)
    shown, code = links.made(office, vera, label)
    browser, page = links.given(office, shown, code)
    here = "/partner/link/en/documents"
    assert "Letters and documents" not in page.words()
    csrf = links._csrf(page)
    assert browser.post(f"{here}/{letter.id}", {"csrf": csrf}).status == 409, "before the yes nothing opens"
    assert browser.send("POST", here, **file_form({"csrf": csrf}, hostile_files.one_page(b"(x)"))).status == 409
    page = links.said(browser, page, "accept")
    assert "Document 1, 7 pages" in page.words()
    opened = browser.submit(page, f"{here}/{letter.id}")
    assert opened.text.count("data:image/jpeg;base64,") == 5
    assert re.findall(r"Page (\d) of 7", opened.words()) == ["1", "2", "3", "4", "5"]
    more = browser.post(f"{here}/{letter.id}", {**opened.form(f"{here}/{letter.id}"), "page": "6"})
    assert more.text.count("data:image/jpeg;base64,") == 2
    assert browser.post(f"{here}/{letter.id}", {"csrf": csrf, "page": "8"}).status == 409
    assert "opened a document of yours." in them.get("/en/case").words()
    fields = browser.get("/partner/link/en").form(here)
    refused = browser.send("POST", here, **file_form(fields, hostile_files.encrypted_pdf()))
    assert refused.status == 422
    assert "protected by a password" in refused.words()
    done = browser.send("POST", here, **file_form(fields, hostile_files.many_pages(2)))
    assert done.status == 303, done.text
    page = browser.get(done.location)
    assert "The document was sent." in page.words()
    (sent,) = [entry for entry in documents(office) if entry.author == "partner"]
    assert sent.organisation_id == links.referral_of(office).organisation_id
    assert them.get(f"/en/case/documents/{sent.id}/1").response.content.startswith(hostile_files.START_OF_A_PAGE)
    page = browser.get(browser.submit(page, f"{here}/ask").location)
    assert "The person has been asked for photos of the letter." in page.words()
    assert "asks for photos of all pages" in them.get("/en/case").words()
    assert f"{here}/{letter.id}/remove" not in page.text
    assert browser.submit(page, f"{here}/{sent.id}/remove").status == 303
    assert [entry.id for entry in documents(office)] == [letter.id]
    shown_words = browser.submit(browser.get("/partner/link/en"), "/partner/link/en/words").words()
    assert "on this page.The document was deleted." in shown_words
    stranger = office.browser()
    assert stranger.post(f"{here}/{letter.id}", {"csrf": csrf}).status == 404
    assert stranger.send("POST", here, **file_form({"csrf": csrf}, hostile_files.one_page(b"(x)"))).status == 404
    old = browser.send("POST", here, **file_form({"csrf": "1.x.y"}, hostile_files.one_page(b"(x)")))
    assert old.status == 404
    assert len(documents(office)) == 1


def test_a_link_opens_the_documents_so_often_a_day(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    vera, label, receipt = links.referred(office)
    send(person(office, receipt), hostile_files.one_page(b"(x)"), hostile_files.many_pages(2))
    letter, other = documents(office)
    browser, page = links.given(office, *links.made(office, vera, label))
    page = links.said(browser, page, "accept")
    monkeypatch.setattr("app.links.service.MAX_OPENINGS", 1)
    here = f"/partner/link/en/documents/{letter.id}"
    opened = [browser.submit(page, here) for _time in range(3)]
    assert [answer.status for answer in opened] == [200, 200, 200], "within an hour they are one opening"
    assert "Document 1 of 2" in opened[0].words()
    assert f'formaction="/partner/link/en/documents/{other.id}"' in opened[0].text
    monkeypatch.setattr("app.cases.access_control.SAME_READING", timedelta(0))
    refused = browser.submit(page, here)
    assert refused.status == 429
    assert "as often as is possible on one day" in refused.words()
    assert "data:image" not in refused.text


def code_for(them: Browser, **typed: str) -> str:
    done = them.submit(them.get("/en/case"), "/en/case/code", **typed)
    found = re.search(r"(?:\d{4}\s+){4}\d{4}", them.get(done.location).words())
    assert found
    return found[0]


def shown_with(office: StaffSite, code: str) -> tuple[Browser, Page]:
    browser = office.browser()
    return browser, browser.submit(browser.get("/en/show"), "/en/show", code=code)


def test_the_persons_own_code_shows_documents_only_if_they_say_so(office: StaffSite) -> None:
    _label, receipt = office.file(language="en")
    them = person(office, receipt)
    assert 'name="documents"' not in them.get("/en/case").text, "there is none to show"
    send(them, hostile_files.many_pages(7))
    (letter,) = documents(office)
    _browser, page = shown_with(office, code_for(them))
    assert page.status == 200
    assert "/en/show/document" not in page.text
    code = code_for(them, documents="yes")
    lawyer, page = shown_with(office, code)
    assert "Document 1, 7 pages" in page.words()
    opened = lawyer.submit(page, "/en/show/document")
    assert opened.text.count("data:image/jpeg;base64,") == 5
    more = lawyer.post("/en/show/document", {**opened.form("/en/show/document"), "page": "6"})
    assert re.findall(r"Page (\d) of 7", more.words())[-1] == "7"
    words = them.get("/en/case").words()
    assert "Somebody opened a document of yours with the code that you made." in words
    form = page.form("/en/show/document")
    for changed in ({"ticket": "x"}, {"ticket": form["ticket"][:-8] + "AAAAAAA="}, {"ticket": "é"}, {"document": "x"},
                    {"document": str(letter.id)[:-4] + "0000"}, {"page": "9"}):  # fmt: skip
        wrong = lawyer.post("/en/show/document", {**form, **changed})
        assert wrong.status == 422, changed
        assert "data:image" not in wrong.text
    for _time in range(2):
        assert shown_with(office, code)[1].status == 200
    assert shown_with(office, code)[1].status == 422, "three times, documents or not"
    assert "data:image" in lawyer.submit(page, "/en/show/document").text, "whoever opened it still leafs through"
    office.later(minutes=61)
    assert lawyer.submit(page, "/en/show/document").status == 422
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(DocumentPiece))


def test_what_somebody_opens_with_the_code_uses_up_no_change_of_the_person(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    _label, receipt = office.file(language="en")
    them = person(office, receipt)
    send(them, hostile_files.one_page(b"(x)"))
    code = code_for(them, documents="yes")
    for _time in range(3):
        lawyer, page = shown_with(office, code)
        assert lawyer.submit(page, "/en/show/document").status == 200
    monkeypatch.setattr("app.cases.person_access.MOST_CHANGES_A_DAY", 5)
    them.submit(them.get("/en/case"), "/en/case/message", text="after a document and a code")
    assert "after a document and a code" in them.get("/en/case").words()


def test_a_stopped_code_and_a_document_taken_back_end_the_leafing(office: StaffSite) -> None:
    _label, receipt = office.file(language="en")
    them = person(office, receipt)
    send(them, hostile_files.one_page(b"(x)"))
    lawyer, page = shown_with(office, code_for(them, documents="yes"))
    assert lawyer.submit(page, "/en/show/document").status == 200
    them.submit(them.get("/en/case"), "/en/case/code", stop="yes")
    assert lawyer.submit(page, "/en/show/document").status == 422
    lawyer, page = shown_with(office, code_for(them, documents="yes"))
    (letter,) = documents(office)
    them.submit(them.get(f"/en/case/documents/{letter.id}/remove"), f"/en/case/documents/{letter.id}/remove")
    assert lawyer.submit(page, "/en/show/document").status == 422


def test_a_used_up_code_is_stopped_while_documents_can_still_be_read(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    them = person(office, receipt)
    send(them, hostile_files.one_page(b"(x)"))
    code = code_for(them, documents="yes")
    assert "The code is used up." not in them.get("/en/case").words()
    for _time in range(3):
        lawyer, page = shown_with(office, code)
    assert lawyer.submit(page, "/en/show/document").status == 200
    with office.database.begin() as session:
        case = session.get_one(Case, office.case(label).id)
        case.state, case.closed_at = "advised", office.time.at
    mine = them.get("/en/case")
    assert "The code is used up. Documents can still be opened for up to an hour" in mine.words()
    assert "Make a new code" not in mine.words(), "the request has ended"
    them.submit(mine, "/en/case/code", stop="yes")
    assert lawyer.submit(page, "/en/show/document").status == 422
    assert "Stop this code" not in them.get("/en/case").words()


def test_a_used_up_code_is_gone_from_the_page_when_nothing_can_be_read_with_it(office: StaffSite) -> None:
    label, receipt = office.file(language="en")
    them = person(office, receipt)
    send(them, hostile_files.one_page(b"(x)"))
    code = code_for(them, documents="yes")
    for _time in range(3):
        _lawyer, page = shown_with(office, code)
    assert "The person sees on which days documents were opened." in page.words()
    assert "Each opening is recorded" not in page.words(), "documents are recorded once an hour"
    with office.database.begin(write=False) as session:
        case, lasts = session.get_one(Case, office.case(label).id), shown_codes.LEAFING
        assert shown_codes.of_case(session, case, office.time.at + lasts - timedelta(minutes=1)) is not None
        assert shown_codes.of_case(session, case, office.time.at + 2 * lasts) is None
    (letter,) = documents(office)
    code = code_for(them, documents="yes")
    them.submit(them.get(f"/en/case/documents/{letter.id}/remove"), f"/en/case/documents/{letter.id}/remove")
    for _time in range(3):
        _lawyer, page = shown_with(office, code)
    assert "/en/show/document" not in page.text
    assert "Stop this code" not in them.get("/en/case").words()


def test_organisations_together_never_take_the_persons_room(office: StaffSite) -> None:
    label, _receipt = office.file(language="en")
    case_id, limits = office.case(label).id, DocumentLimits(files=4, pages=8)
    with office.database.begin() as session:
        for author, organisation_id in (("desk", None), ("partner", uuid4()), ("partner", uuid4())):
            assert storage.room(session, case_id, limits, author="partner").is_left, author
            storage.add(session, bytes(32), case_id, [b"x"], limits, author=author, now=office.time.at,
                        organisation_id=organisation_id)  # fmt: skip
        assert not storage.room(session, case_id, limits, author="partner").is_left
        with pytest.raises(DocumentsFull):
            storage.add(session, bytes(32), case_id, [b"x"], limits, author="partner", now=office.time.at,
                        organisation_id=uuid4())  # fmt: skip
        storage.add(session, bytes(32), case_id, [b"x"], limits, author="person", now=office.time.at)


def test_thirty_planted_words_of_a_link_a_code_and_their_documents_are_found_nowhere(
    office: StaffSite, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the story that link and code open, and in names and texts of the files that an organisation sends, by page and by link."""
    text, named = hostile_files.one_page("({})Tj".format(" ".join(LATIN + DIGITS)).encode()), " ".join(WORDS)
    label, _them, partner, path = accepted(office)
    page = partner.get(f"{path}/documents")
    done = partner.send("POST", "/partner/documents", **file_form(page.form("/partner/documents"), text, named))
    assert done.status == 303
    label, receipt = office.file(consent=links.NAMED, language="en", story=" ".join(WORDS))
    vera = office.as_("vera")
    vera.submit(vera.get(f"/desk/cases/{label}/refer?service={links.SERVICE}"), f"/desk/cases/{label}/refer")
    action = f"/desk/cases/{label}/referrals/{referral_of(office, label).label}/link"
    page = vera.submit(vera.get(f"/desk/cases/{label}"), action, send="self")
    code, shown = links.CODE.search(page.words()), re.search(r"/partner/link/\w\w/[\w-]{43}", page.text)
    assert code
    assert shown
    browser, page = links.given(office, shown[0], code[0])
    page = links.said(browser, page, "accept")
    words = browser.submit(page, "/partner/link/en/words").words()
    assert all(word in words for word in WORDS), "the organisation reads them"
    fields = browser.get("/partner/link/en").form("/partner/link/en/documents")
    assert browser.send("POST", "/partner/link/en/documents", **file_form(fields, text, named)).status == 303
    them = person(office, receipt)
    _lawyer, page = shown_with(office, code_for(them, documents="yes"))
    assert all(word in page.words() for word in WORDS)
    assert _lawyer.submit(page, "/en/show/document").status == 200
    output = capfd.readouterr()
    written = everything_written(office.database, office.app.state.settings.var)
    assert found(written + (output.out + output.err).encode()) == set()
    for digits in (code[0], code[0].replace(" ", "")):
        assert digits.encode() not in written
