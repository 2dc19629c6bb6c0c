"""Moving in: a list of cases is checked, its columns are chosen, and all of its rows become cases like any other, or none."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app import privacy
from app.audit.models import AuditEntry
from app.cases.models import Case, SealedPart
from app.casework import case_import
from app.core.db import Base, Database
from app.intake import receipts
from app.messaging.models import OutboxMessage
from app.staff.read_quotas import ReadCount
from tests.support.desk import Browser, Page, StaffSite, running
from tests.support.html import faults
from tests.web.test_desk_case import audited

PATH, FILE = "/desk/import", "/desk/import/file"
CANARIES = ("zinnober-imya", "zinnober-istoriya", "zinnober-zametka")
LIST = (
    "name;telegram;needs;story;date;card;notes;urgency\n"
    f"{CANARIES[0]} Petrova;@zinnober_one;asylum;{CANARIES[1]};12.03.2026;yes;{CANARIES[2]};none\n"
    "Somebody Else;@zinnober_two;residence_permit;;;no;;today\n"
)


def check(browser: Browser, content: str | bytes | None, **fields: str) -> Page:
    csrf = browser.get(PATH).form(PATH)["csrf"]
    files: Any = {"file": ("list.csv", content, "text/csv")} if content is not None else {"none": (None, "")}
    return browser.send("POST", PATH, data={"csrf": csrf, "country": "PL", **fields}, files=files)


def move_in(browser: Browser, content: str, **fields: str) -> Page:
    page = check(browser, content)
    assert page.status == 200, page.words()
    return browser.post(FILE, {**page.form(PATH), **fields})


def cases(office: StaffSite) -> dict[str, Case]:
    with office.database.begin(write=False) as session:
        found = {case.needs[0]: case for case in session.scalars(sa.select(Case))}
        session.expunge_all()
        return found


def numbers(page: Page) -> list[str]:
    return [node.text() for node in page.tree.css(".receipt")]


def reads(office: StaffSite) -> int:
    """How many reads are counted of all members."""
    with office.database.begin(write=False) as session:
        return sum(session.scalars(sa.select(ReadCount.count)))


def test_the_check_shows_columns_and_rows_and_writes_only_that_it_was_done(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    assert faults(sofia.get(PATH).text) == []
    with office.statements() as counter:
        page = check(sofia, LIST + "X;@zinnober_ten;asylum;;31.02.2026;;;\n")
    assert page.status == 200
    assert faults(page.text) == []
    written = [seen.split()[:3] for seen in counter.seen if seen.lstrip().upper().startswith(("INSERT", "DELETE"))]
    assert {words[2] for words in written} == {"read_counts", "audit_log"}
    assert "2 rows can be moved in." in page.words()
    assert "1 row cannot be moved in." in page.words()
    assert "Day on which they first asked: This date is ambiguous or not a date." in page.words()
    assert page.form(PATH)["column_1"] == "telegram"
    assert not any(canary in page.text for canary in CANARIES), "no cell is repeated"
    assert "31.02" not in page.text
    assert cases(office) == {}


def test_all_rows_become_cases_that_wait_since_they_asked(office: StaffSite) -> None:
    page = move_in(office.as_("sofia"), LIST)
    assert page.status == 200, page.words()
    assert faults(page.text) == []
    assert "2 cases have been moved in." in page.words()
    moved = cases(office)
    assert moved["asylum"].waiting_since == datetime(2026, 3, 12, 12, tzinfo=UTC)
    assert moved["asylum"].due_on < moved["residence_permit"].due_on, "whoever asked first stands first"
    assert moved["residence_permit"].waiting_since == office.time.at
    assert moved["residence_permit"].urgency == "emergency"
    with office.database.begin(write=False) as session:
        kinds = sorted(session.scalars(sa.select(OutboxMessage.kind)))
        noted = sorted(session.scalars(sa.select(AuditEntry.action).where(AuditEntry.action.contains("moved_in"))))
    assert kinds == ["case_submitted", "emergency"], "one notice for the list, and one for each emergency"
    assert noted == ["case:moved_in", "case:moved_in", "cases:moved_in"]


def test_a_card_has_a_number_that_opens_its_case_and_is_for_those_who_want_one(office: StaffSite) -> None:
    page = move_in(office.as_("sofia"), LIST)
    (shown,) = numbers(page)
    receipt = receipts.parse(shown)
    moved = cases(office)
    assert moved["asylum"].receipt_id == receipt.look_up_id(office.keys)
    assert len(numbers(move_in(office.as_("sofia"), LIST.replace("@z", "@y"), cards="all"))) == 2
    assert numbers(move_in(office.as_("sofia"), LIST.replace("@z", "@x"), cards="none")) == []


def test_the_same_page_sent_twice_files_once_and_shows_the_same_numbers(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    form = check(sofia, LIST).form(PATH)
    first, second = sofia.post(FILE, form), sofia.post(FILE, form)
    assert numbers(first) == numbers(second) != []
    assert len(cases(office)) == 2


def test_the_number_of_an_erased_case_is_not_shown_again(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    form = check(sofia, LIST).form(PATH)
    page = sofia.post(FILE, {**form, "cards": "all"})
    assert "It is not shown again" not in page.words()
    assert "for 24 hours at most" in page.words()
    first, second = numbers(page)
    case_id = cases(office)["asylum"].id
    with office.database.begin() as session:
        privacy.erase(session, session.get_one(Case, case_id), actor_kind="person", now=office.time.at)
    again = sofia.post(FILE, {**form, "cards": "all"})
    assert first not in again.text
    assert numbers(again) == [second]
    assert "2 cases have been moved in." in again.words()


def test_a_list_sent_again_with_other_columns_and_headings_is_filed_once(office: StaffSite) -> None:
    move_in(office.as_("sofia"), LIST)
    other = LIST.replace("notes;urgency", "notes!;Прочее")
    sofia = office.as_("sofia")
    page = check(sofia, other)
    assert page.form(PATH)["column_7"] == ""
    assert "2 rows were moved in before" in page.words()
    done = sofia.post(FILE, {**page.form(PATH), "column_7": "note", "column_3": "note", "country": "PL"})
    assert "2 rows had been moved in before." in done.words()
    assert len(cases(office)) == 2


def test_a_corrected_list_sent_again_files_only_what_is_new(office: StaffSite) -> None:
    move_in(office.as_("sofia"), LIST)
    page = check(office.as_("sofia"), LIST + "Third;@zinnober_three;detention;;;;;\n")
    assert "1 row can be moved in. 2 rows were moved in before" in page.words()
    page = move_in(office.as_("sofia"), LIST + "Third;@zinnober_three;detention;;;;;\n")
    assert "1 case has been moved in. 2 rows had been moved in before." in page.words()
    assert sorted(cases(office)) == ["asylum", "detention", "residence_permit"]


def test_rows_that_are_alike_are_people_of_their_own(office: StaffSite) -> None:
    alike = "needs;card\nasylum;yes\nasylum;yes\n"
    assert len(numbers(move_in(office.as_("sofia"), alike))) == 2
    again = check(office.as_("sofia"), alike + "asylum;yes\n")
    assert "1 row can be moved in. 2 rows were moved in before" in again.words()


def test_with_one_bad_row_nothing_is_filed_until_it_is_left_out(office: StaffSite) -> None:
    bad = LIST + "Third;@zinnober_three;unheard-of;;;;;\n"
    sofia = office.as_("sofia")
    page = move_in(sofia, bad)
    assert page.status == 422
    assert "nothing was" in page.words()
    assert cases(office) == {}
    form = page.form(PATH)
    assert form["column_1"] == "telegram", "what was chosen is still there"
    done = sofia.post(FILE, {**form, "leave_out": "yes"})
    assert done.status == 200
    assert "1 row was left out." in done.words()
    assert len(cases(office)) == 2


def test_an_error_in_the_middle_files_nothing(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = case_import.filing.file_intake, []

    def failing(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise case_import.filing.Unavailable("not now")
        return real(*arguments, **named)

    monkeypatch.setattr(case_import.filing, "file_intake", failing)
    assert move_in(office.as_("sofia"), LIST).status == 503
    assert len(calls) == 2
    assert cases(office) == {}


def test_nothing_of_the_list_is_stored_in_plain(office: StaffSite) -> None:
    move_in(office.as_("sofia"), LIST)
    with office.database.begin(write=False) as session:
        for table in Base.metadata.sorted_tables:
            rows = repr(session.connection().exec_driver_sql(f"SELECT * FROM {table.name}").all())
            assert not any(canary in rows for canary in (*CANARIES, "zinnober_one")), table.name


def test_words_and_note_are_sealed_and_the_team_reads_them(office: StaffSite) -> None:
    move_in(office.as_("sofia"), LIST)
    label = cases(office)["asylum"].label
    vera = office.as_("vera")
    words = vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show")
    assert CANARIES[1] in words.words()
    assert CANARIES[2] in words.words()
    with office.database.begin(write=False) as session:
        parts = {part.part for part in session.scalars(sa.select(SealedPart))}
    assert {"contact", "story", "note"} <= parts


def test_a_contact_that_a_case_has_already_is_named(office: StaffSite) -> None:
    label, _receipt = office.file(answer_by={"channel": "telegram", "address": "@zinnober_one"})
    page = check(office.as_("sofia"), LIST.replace("@zinnober_two", "@zinnober_one"))
    assert f"The same contact or name: {label}" in page.words()
    assert "A row above has the same contact or name." in page.words()


def test_each_row_that_is_compared_is_a_read_and_the_check_is_audited(office: StaffSite) -> None:
    label, _receipt = office.file(answer_by={"channel": "telegram", "address": "@zinnober_one"})
    sofia = office.as_("sofia")
    page = check(sofia, LIST + ";;asylum;;;;;\n")
    assert f"The same contact or name: {label}" in page.words()
    assert "2 rows were compared with the cases here" in page.words()
    assert reads(office) == 2, "a row without a contact or name is not compared"
    codes = {"rows": 3, "compared": 2, "found": 1, "known": 0}
    assert audited(office, "cases:list_checked") == [("cases:list_checked", codes)]
    page = check(sofia, LIST, alone="yes")
    assert label not in page.text
    assert "The rows were not compared with the cases here." in page.words()
    assert reads(office) == 2
    assert len(audited(office, "cases:list_checked")) == 2


def test_a_check_after_a_failed_filing_is_counted_and_audited_too(office: StaffSite) -> None:
    page = move_in(office.as_("sofia"), LIST + "Third;@zinnober_three;unheard-of;;;;;\n")
    assert page.status == 422
    assert reads(office) == 4
    assert len(audited(office, "cases:list_checked")) == 2
    assert audited(office, "cases:moved_in") == []


def test_without_reads_left_nobody_is_compared_and_the_list_is_moved_in_all_the_same(
    database: Database, tmp_path: Path
) -> None:
    with running(database, tmp_path / "var", member_reads_per_day=3) as office:
        label, _receipt = office.file(answer_by={"channel": "telegram", "address": "@zinnober_one"})
        sofia = office.as_("sofia")
        assert label in check(sofia, LIST).text
        page = check(sofia, LIST)
        assert page.status == 200
        assert faults(page.text) == []
        assert label not in page.text
        assert "of your 3 a day too few are left. Nothing was counted." in page.words()
        assert reads(office) == 2
        assert {codes["compared"] for _action, codes in audited(office, "cases:list_checked")} == {0, 2}
        done = sofia.post(FILE, page.form(PATH))
        assert "2 cases have been moved in." in done.words()


def test_only_seniors_move_in_and_only_to_their_own_team(office: StaffSite) -> None:
    for name in ("vera", "auditor", "admin", "partner"):
        assert office.as_(name).get(PATH).status == 403, name
    page = check(office.as_("sofia"), "needs;country\nasylum;GE\n")
    assert "Another team takes the cases of this country." in page.words()
    assert check(office.as_("sofia"), None).status == 422


def test_a_list_on_the_page_is_of_its_member_alone(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    form = check(sofia, LIST).form(PATH)
    for wrong in ("", "AAAA", form["list"][:-8] + "AAAAAAAA", "é"):
        page = sofia.post(FILE, {**form, "list": wrong})
        assert page.status == 422
    assert cases(office) == {}


def test_a_column_is_what_the_member_says(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    page = check(sofia, "needs;Прочее\nasylum;zinnober-x\n")
    assert page.form(PATH)["column_1"] == ""
    again = sofia.post(PATH, {**page.form(PATH), "column_1": "status"})
    assert "Status in the country: This is none of our codes" in again.words()
    assert again.form(PATH)["column_1"] == "status"
