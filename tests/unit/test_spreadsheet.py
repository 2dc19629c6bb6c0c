"""A cell is text for a spreadsheet, whatever stands in it, and comes back as it was."""

import csv
import io
import unicodedata
import zipfile
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from app.core import spreadsheet
from app.core.spreadsheet import Sheet

CALCULATED = "=+-@|%\t\r\n＝＋－＠｜％﹦﹢﹣﹫"
SEEMS_EMPTY = [
    "",
    " ",
    "   ",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\u200f",
    "\ufeff",
    "\u2060",
    "\x00",
    "\x0b",
    " \u200b \ufeff",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def cells(*row: object) -> list[str]:
    """The row as a reader of the CSV has it."""
    return next(csv.reader(io.StringIO(spreadsheet.csv_text([], [row]).partition("\r\n")[2], newline="")))


@pytest.mark.parametrize("before", SEEMS_EMPTY)
@pytest.mark.parametrize("first", CALCULATED)
def test_what_could_be_calculated_stands_behind_an_apostrophe(first: str, before: str) -> None:
    for text in (f"{before}{first}1+1", f"{before}{first}cmd", f"{before}{first}"):
        assert spreadsheet.safe_text(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://a.test","x")', "＝HYPERLINK(1)", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "|cmd", "%x", "\t=1", "\r=1",
        "\n=1", "-5-5",
        "+1+cmd", "- 5", "-", "+", " -5", "-5\n=1", "-５", "+48 22 556=1", "--5", "-1.5.2", "+1.", "-1e5", "=", "'=1",
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(text: str) -> None:
    assert spreadsheet.safe_text(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    ["", " ", "R-7KX-29QM", "Legal help", "+48 22 556 44 40", "+48225564440", "-5", "-1.5", "1=1", "a@b.test", "50 %", "'tis", "'",
     "Помощь", "დახმარება", "’=", "5-5", "–5", "•", "\u200bHelp"],
)  # fmt: skip
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert spreadsheet.safe_text(text) == text


class Code(StrEnum):
    RISKY = "=1"


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    row = (None, 0, -3, -1.5, Decimal("-2.50"), True, "=1", Code.RISKY)
    assert cells(*row) == ["", "0", "-3", "-1.5", "-2.50", "true", "'=1", "'=1"]


def test_the_header_is_guarded_too() -> None:
    assert spreadsheet.csv_text(["=a", "b"], []) == "'=a,b\r\n"


def test_a_file_for_people_begins_with_a_byte_order_mark() -> None:
    assert spreadsheet.csv_text(["a", "b"], [("=x", None)], for_people=True) == "\ufeffa,b\r\n'=x,\r\n"
    assert spreadsheet.csv_text(["a"], [("x",)]) == "a\r\nx\r\n"


@given(st.lists(st.lists(TEXT, min_size=2)))
def test_the_table_reads_back_and_no_cell_begins_like_a_formula(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    spreadsheet.write_csv(out, ["a", "b"], rows)
    out.seek(0)
    read = list(csv.reader(out))[1:]
    assert [[spreadsheet.original_text(cell) for cell in row] for row in read] == rows
    for cell in (cell for row in read for cell in row):
        seen = unicodedata.normalize("NFKC", cell).lstrip(" \u200b\ufeff\xad")
        assert seen[:1] not in set("=@|%\t\r\n")
        assert seen[:1] not in set("+-") or cell[1:].replace(" ", "").replace(".", "").isdigit()


@pytest.mark.parametrize("text", ["+48 1", "-5", "=1"])
def test_an_apostrophe_that_another_program_put_there_is_taken_away(text: str) -> None:
    assert spreadsheet.original_text(f"'{text}") == text
    assert spreadsheet.original_text(f"'tis {text}") == f"'tis {text}"


@given(TEXT)
@example("'+48 1")
@example("''=")
def test_whatever_was_guarded_comes_back_as_it_was(text: str) -> None:
    assert spreadsheet.original_text(spreadsheet.safe_text(text)) == text


def test_a_workbook_holds_numbers_and_text_and_no_formula() -> None:
    row = ("=1+1", "＝HYPERLINK(1)", "|cmd", "http://a.test", "-7", -7, 2.5, None)
    book = zipfile.ZipFile(io.BytesIO(spreadsheet.xlsx([Sheet("one", ["=head", "b"], [row]), Sheet("two", ["c"], [])])))
    sheet = LexborHTMLParser(book.read("xl/worksheets/sheet1.xml").decode())
    strings = [node.text() for node in LexborHTMLParser(book.read("xl/sharedStrings.xml").decode()).css("t")]
    assert strings == ["'=head", "b", "'=1+1", "'＝HYPERLINK(1)", "'|cmd", "http://a.test", "-7", "", "c"]
    assert [(node.attributes["r"], node.text()) for node in sheet.css("c") if "t" not in node.attributes] == [
        ("F2", "-7"), ("G2", "2.5"),
    ]  # fmt: skip
    assert sheet.css("f, hyperlinks") == []
