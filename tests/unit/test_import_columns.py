"""Lists of cases as teams have them: what is understood becomes an intake, everything else is named by its place, not repeated."""

import ast
import datetime as dt
import inspect
import io
import zipfile
from typing import Any

import pytest
import xlsxwriter

from app.casework import case_import, import_columns, import_rows
from app.casework.case_import import CaseList
from app.casework.import_columns import COLUMNS
from app.casework.list_faults import LIST_FAULTS
from app.client import list_files
from app.core.errors import Invalid
from app.core.i18n import LANGUAGES, STAFF, translator
from app.directory.packs import load_packs
from app.intake.vocabulary import STATUSES

NOW = dt.datetime(2026, 11, 24, 10, tzinfo=dt.UTC)
CANARY = "zinnober-of-a-row"


def read(content: bytes | str, country: str = "PL", **chosen: str) -> CaseList:
    raw = content.encode() if isinstance(content, str) else content
    columns = {int(name.removeprefix("c")): column for name, column in chosen.items()}
    return case_import.read(raw, columns, directory=load_packs(), country=country, now=NOW)


def xlsx(*rows: tuple[Any, ...]) -> bytes:
    return workbook({(row, column): cell for row, cells in enumerate(rows) for column, cell in enumerate(cells)})


def workbook(cells: dict[tuple[int, int], Any]) -> bytes:
    book = xlsxwriter.Workbook(out := io.BytesIO(), {"in_memory": True, "default_date_format": "dd.mm.yyyy"})
    sheet = book.add_worksheet()
    for (row, column), cell in cells.items():
        sheet.write(row, column, cell)
    book.close()
    return out.getvalue()


def one(heading: str, value: str) -> import_rows.ReadRow:
    """A row that is good but for this cell."""
    return read(f"needs;{heading}\nasylum;{value}\n").rows[0]


def refused(content: bytes | str) -> str:
    with pytest.raises(Invalid) as caught:
        read(content)
    return caught.value.errors[0]["detail"]


LIST = (
    "Имя;Телефон;Страна;Потребности;История;Дата обращения;Карточка;Заметки\n"
    "Анна;+48 600 111 222;Польша;asylum;Слово;12.03.2026;да;из чата\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_a_list_in_the_encodings_of_spreadsheets_becomes_intakes(encoding: str) -> None:
    listed = read(LIST.encode(encoding), "")
    assert listed.columns == ("name", "phone", "country", "needs", "story", "wrote_on", "card", "note")
    (row,) = listed.rows
    assert row.problems == ()
    intake = row.intake
    assert intake is not None
    assert (intake.country, intake.needs, intake.call_me, intake.story) == ("PL", ("asylum",), "Анна", "Слово")
    assert (intake.contact.channel, intake.contact.address) == ("phone", "+48 600 111 222")
    assert (intake.consent.mode, intake.consent.organisations) == ("ask_first", ()), "nobody is asked unasked"
    assert not intake.contact.notify
    assert not intake.contact.may_say_who
    assert (row.waiting_since, row.wants_card, row.note) == (dt.date(2026, 3, 12), True, "Заметки: из чата")


def test_an_xlsx_keeps_its_days_and_its_whole_numbers() -> None:
    listed = read(xlsx(("phone", "needs", "date"), (48600111222, "asylum", dt.date(2026, 3, 12))))
    (row,) = listed.rows
    assert row.problems == ()
    assert row.waiting_since == dt.date(2026, 3, 12)
    assert row.intake is not None
    assert row.intake.contact.address == "48600111222"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_is_found_by_its_name_in_each_language(language: str) -> None:
    word = translator(language).text(STATUSES["asylum_seeker"])
    row = one("status", word.upper())
    assert row.intake is not None
    assert row.intake.status == "asylum_seeker"


def test_a_name_in_our_languages_means_a_country_a_language_a_need_and_a_centre() -> None:
    row = one("speak;citizenship;region;agreed to", "русский, Polish;Россия;Mazowieckie;pl-hfhr")
    assert row.intake is not None, row.problems
    assert row.intake.languages == ("ru", "pl")
    assert row.intake.nationality == "RU"
    assert row.intake.language == "ru"
    assert row.intake.consent.mode == "named"
    assert row.intake.consent.organisations == ("pl-hfhr",)


def test_what_has_no_field_goes_into_the_note_of_the_team() -> None:
    row = one("ref;signal;email;notes;Прочее", "17;+48600111222;a@example.org;первая;вторая")
    assert row.intake is not None
    assert row.intake.contact.channel == "signal"
    assert row.note == "Number in the earlier list: 17\nnotes: первая\nE-mail: a@example.org", (
        "the last column is left out"
    )
    listed = read("needs;Прочее\nasylum;вторая\n", c1="note")
    assert listed.rows[0].note == "Прочее: вторая"


@pytest.mark.parametrize(
    ("heading", "value", "column", "why"),
    [
        ("needs2;country", ";Atlantis", "country", "none of our codes"),
        ("status", CANARY, "status", "none of our codes"),
        ("date", "31.02.2026", "wrote_on", "not a date"),
        ("date", "03/14/2026", "wrote_on", "not a date"),
        ("date", "25.11.2026", "wrote_on", "still to come"),
        ("date", "1.1.1999", "wrote_on", "too long ago"),
        ("phone", "12", "phone", "not a phone number"),
        ("email", CANARY, "email", "not an e-mail"),
        ("contact", CANARY, "address", "which way"),
        ("card", CANARY, "card", "yes or no"),
        ("region", CANARY, "region", "no region"),
        ("language", "Japanese", "language", "do not write"),
        ("story", "=1+1", "story", "a formula"),
        ("letter", CANARY, "letter", "In this country one of"),
        ("agreed to", CANARY, "centres", "none of our codes"),
    ],
)
def test_a_cell_that_does_not_fit_is_named_and_never_repeated(heading: str, value: str, column: str, why: str) -> None:
    row = one(heading, value)
    assert row.intake is None
    assert [problem.column for problem in row.problems] == [column]
    assert why in row.problems[0].why
    assert value not in row.problems[0].why
    assert CANARY not in repr(row)


def test_a_row_is_known_by_its_cells_whatever_they_are_taken_for() -> None:
    rows = "Анна;asylum;слово;PL\n"
    identity = read("name;needs;Прочее;country\n" + rows).rows[0].identity
    assert read("name;needs;Прочее;country\n" + rows, c2="note").rows[0].identity == identity
    assert read("name;needs;Другое;country\n" + rows, c2="story").rows[0].identity == identity
    assert read("name;needs;Прочее;country\n" + rows, c0="", c3="").rows[0].identity == identity
    assert read("name;needs;Прочее;\n" + rows, "GE").rows[0].identity == identity
    assert read("name;needs;country;Прочее;card\nАнна;asylum;PL;слово;\n").rows[0].identity == identity
    day, other = (read(xlsx(("needs", "x"), ("asylum", dt.date(2026, 3, of)))).rows[0].identity for of in (12, 13))
    assert len({identity, day, other, read("needs;x\nasylum;иное\n").rows[0].identity}) == 4


def test_a_row_without_a_need_or_a_country_is_refused() -> None:
    assert [problem.column for problem in read("needs;name\n;Анна\n").rows[0].problems] == ["needs"]
    assert [problem.column for problem in read("needs;name\nasylum;Анна\n", "").rows[0].problems] == ["country"]


def test_of_two_columns_for_the_same_the_second_is_a_note() -> None:
    assert read("needs;phone;Телефон\nasylum;;\n").columns == ("needs", "phone", "note")


def test_each_column_has_headings_and_is_recognised_by_its_own_name() -> None:
    assert {import_columns.guess(code) for code in COLUMNS} == set(COLUMNS)
    assert {import_columns.guess(label) for label in COLUMNS.values()} == set(COLUMNS)


def test_a_formula_of_a_workbook_is_not_taken_for_its_last_result() -> None:
    row = read(xlsx(("needs", "story"), ("asylum", "=HYPERLINK(A1)"))).rows[0]
    assert [(problem.column, "a formula" in problem.why) for problem in row.problems] == [("story", True)]


def far_away() -> bytes:
    """A sheet of two cells, in its first and its very last row and column."""
    return workbook({(0, 0): "needs", (1, 0): "asylum", (1_048_575, 16_383): "x"})


def unpacks_to_much() -> bytes:
    """Twenty million spaces in a few kilobytes, in place of a sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx(("needs",), ("asylum",)))) as source, zipfile.ZipFile(out, "w", 8) as target:
        for entry in source.infolist():
            more = b" " * 20_000_000 if entry.filename.endswith("sheet1.xml") else b""
            target.writestr(entry.filename, source.read(entry) + more)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "old or encrypted Excel"),
        (b"PK\x03\x04" + bytes(60), "damaged"),
        (bytes(range(256)) * 4, "neither XLSX nor text"),
        (b"needs\n" + b"asylum\n" * 201, "more than 201 rows with the headings"),
        (";".join("needs" for _ in range(61)).encode() + b"\nasylum\n", "more than 60 columns"),
        (b"x" * 2_000_001, "longer than 2 MB"),
        (far_away(), "rows below row"),
        (unpacks_to_much(), "longer than 16 MB"),
        (b"needs;name\n", "no such row"),
        (b"needs;=cmd\nasylum;x\n", "headings in words"),
    ],
)
def test_a_hostile_or_empty_file_is_refused_in_clear_words(content: bytes, why: str) -> None:
    assert why in refused(content)


def test_each_reason_why_a_list_cannot_be_read_is_translated() -> None:
    """The client says them and is not translated; what is said there and not marked for translation stays English at the desk."""
    tree = ast.parse(inspect.getsource(list_files))
    said = {
        node.args[0].value if isinstance(node.args[0], ast.Constant) else list_files._UNCERTAIN
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "UnreadableListError"
    }
    assert said == LIST_FAULTS
    words = translator("ka", STAFF)
    for reason in LIST_FAULTS:
        assert words.text(reason) != reason
