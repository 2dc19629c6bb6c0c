"""The directory as a package at the desk: downloaded; a foreign one is reported row by row, proposed, and published by another."""

import csv
import io
import zipfile
from typing import Any

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.directory import edits
from app.web.desk import hsds_packages as page_module
from tests.support.desk import Browser, Page, StaffSite
from tests.support.hsds import FOREIGN, package
from tests.support.html import faults

PATH = "/desk/directory/package"


def foreign() -> bytes:
    return package(**FOREIGN).getvalue()


def send(browser: Browser, content: bytes | None, act: str) -> Page:
    csrf = browser.get(PATH).form(PATH)["csrf"]
    files: Any = {"file": ("foreign.zip", content, "application/zip")} if content is not None else {"none": (None, "")}
    path = f"{PATH}/propose" if act == "propose" else PATH
    return browser.send("POST", path, data={"csrf": csrf, "act": act}, files=files)


def proposals(office: StaffSite) -> list[tuple[str, str]]:
    with office.database.begin(write=False) as session:
        return [(edit.subject, edit.origin) for edit in edits.pending(session)]


def report(page: Page) -> dict[tuple[str, int], tuple[str, str]]:
    rows = list(csv.reader(io.StringIO(page.text)))
    assert rows[0] == ["file", "line", "id", "outcome", "detail"]
    return {(row[0], int(row[1])): (row[3], row[4]) for row in rows[1:]}


def lines_on(page: Page) -> int:
    return sum(int(node.text()) for node in page.tree.css('table.queue td[data-name="Rows"]'))


def test_looking_tells_of_every_row_and_writes_nothing(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    page = send(sofia, foreign(), "look")
    assert page.status == 200, page.words()
    assert "Nothing was saved." in page.words()
    assert faults(page.text) == []
    told = report(send(sofia, foreign(), "report"))
    assert lines_on(page) == len(told) == sum(len(rows) for rows in FOREIGN.values()), "no row is dropped"
    assert {outcome for outcome, _why in told.values()} == {"proposed", "used", "left out"}
    assert all(why for _outcome, why in told.values())
    assert proposals(office) == []


def test_what_one_proposes_stands_in_the_directory_once_another_has_published_it(office: StaffSite) -> None:
    page = send(office.as_("sofia"), foreign(), "propose")
    assert page.status == 200, page.words()
    ((slug, origin), *others) = proposals(office)
    assert origin == "import"
    assert f"{1 + len(others)} organisation" in page.words()
    vera = office.as_("vera")
    assert vera.get(f"/desk/directory/organisations/{slug}").status == 404, "nothing changes before that"
    with office.database.begin(write=False) as session:
        edit = edits.pending(session)[0].id
    shown = vera.get("/desk/directory/proposals")
    assert vera.submit(shown, f"/desk/directory/edits/{edit}/publish").did("publish")
    entry = vera.get(f"/desk/directory/organisations/{slug}")
    assert entry.status == 200
    again = send(office.as_("sofia"), foreign(), "propose")
    assert f"The directory has {slug} already." in again.words()
    assert slug not in [subject for subject, _origin in proposals(office)]


def test_sent_twice_it_is_proposed_once(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    send(sofia, foreign(), "propose")
    once = proposals(office)
    page = send(sofia, foreign(), "propose")
    assert "a proposal for it waits already" in page.words()
    assert proposals(office) == once


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Choose a file."),
        (None, "Choose a file."),
        (b"no zip at all", "It is not a zip file."),
        (package(place=[{"id": "1"}]).getvalue(), "It contains no organisations"),
    ],
)
def test_what_is_no_package_is_a_clear_no(office: StaffSite, content: bytes | None, words: str) -> None:
    page = send(office.as_("sofia"), content, "propose")
    assert page.status == 422
    assert words in page.words()
    assert faults(page.text) == []


def test_a_damaged_package_is_a_clear_no(office: StaffSite) -> None:
    whole = bytearray(foreign())
    at = whole.index(b"organization.csv") + 20
    whole[at : at + 12] = b"\xff" * 12
    page = send(office.as_("sofia"), bytes(whole), "look")
    assert page.status == 422
    assert "cannot be unpacked" in page.words()


def test_more_than_a_package_can_be_is_refused_before_it_is_read(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    assert send(sofia, b"0" * (page_module.LARGEST + 1), "look").status == 413
    assert send(sofia, b"0" * (page_module.LARGEST + 20_000), "look").status == 413
    form = sofia.get("/desk/").form("/desk/sign-out")
    assert sofia.post("/desk/sign-out", {**form, "more": "0" * 300_000}).status == 413, (
        "elsewhere the limit is the old one"
    )


def test_a_file_of_a_stranger_is_not_read(office: StaffSite) -> None:
    files = {"file": ("foreign.zip", foreign(), "application/zip")}
    path = f"{PATH}/propose"
    assert office.browser().send("POST", path, files=files).status == 401
    vera = office.as_("vera")
    csrf = vera.get("/desk/").form("/desk/sign-out")["csrf"]
    assert vera.send("POST", path, data={"csrf": csrf}, files=files).status == 403
    sofia = office.as_("sofia")
    assert sofia.send("POST", path, data={"csrf": csrf}, files=files).status == 409, "not her token"
    assert proposals(office) == []


def test_the_directory_is_downloaded_as_it_is_published_or_with_everybody(office: StaffSite) -> None:
    admin = office.as_("admin")
    marks = {}
    for path in ("/desk/directory/package/download", "/desk/directory/package/download?all=true"):
        answer = admin.get(path)
        assert answer.response.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.response.content)) as made:
            rows = csv.DictReader(io.StringIO(made.read("organizations.csv").decode()))
            marks[path[-4:]] = {row["x_verified"] for row in rows}
    assert marks == {"load": {"true"}, "true": {"true", "false"}}


def test_who_read_a_package_in_stands_in_the_audit(office: StaffSite) -> None:
    send(office.as_("sofia"), foreign(), "propose")
    with office.database.begin(write=False) as session:
        rows = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "directory:proposed")).all()
    assert {row.codes["origin"] for row in rows} == {"import"}


def test_what_unpacks_to_more_than_a_directory_can_be_is_a_clear_no(office: StaffSite) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("organization.csv", "id,name\n" + "0" * page_module.LARGEST_UNPACKED)
    page = send(office.as_("sofia"), file.getvalue(), "look")
    assert page.status == 422
    assert "It is too large" in page.words()


def test_of_a_very_long_report_the_page_says_how_much_it_leaves_to_the_file(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "LINES_SHOWN", 3)
    page = send(office.as_("sofia"), foreign(), "look")
    assert len(page.tree.css("table.queue tbody tr")) == 3
    assert "lines of this table are not shown here" in page.words()
