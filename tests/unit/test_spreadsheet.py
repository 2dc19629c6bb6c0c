"""A cell is text for a spreadsheet, whatever stands in it, and comes back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import spreadsheet

CALCULATED = "=+-@\t\r\n＝＋－＠"


@pytest.mark.parametrize("first", CALCULATED)
def test_what_would_be_calculated_stands_behind_an_apostrophe(first: str) -> None:
    assert spreadsheet.harmless(f"{first}1+1") == f"'{first}1+1"
    assert spreadsheet.harmless(f"  {first}1+1").startswith("'")


@pytest.mark.parametrize(("value", "cell"), [(None, ""), ("", ""), (0, "0"), ("R-7KX-29QM", "R-7KX-29QM"), (-3, "'-3")])
def test_ordinary_cells_stay_as_they_are(value: object, cell: str) -> None:
    assert spreadsheet.harmless(value) == cell


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2)))
def test_the_table_reads_back_and_no_cell_begins_like_a_formula(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    spreadsheet.write(out, ["a", "b"], rows)
    out.seek(0)
    read = list(csv.reader(out))[1:]
    assert read == [[spreadsheet.harmless(cell) for cell in row] for row in rows]
    assert not any(cell.lstrip(" ")[:1] in set(CALCULATED) for row in read for cell in row if cell.strip(" "))
