"""Small counts stay hidden from somebody who can add, subtract and try out every table that fits."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.reporting.suppression import KnownSum, hidden, published, table

ROWS, COLUMNS = ("a", "b", "c"), ("x", "y", "z")
ALL = "all"


def whole(
    inner: dict[tuple[str, str], int], rows: tuple[str, ...], columns: tuple[str, ...]
) -> dict[tuple[str, str], int]:
    """The table with its totals."""
    cells = dict(inner)
    for row in rows:
        cells[row, ALL] = sum(inner[row, column] for column in columns)
    for column in columns:
        cells[ALL, column] = sum(inner[row, column] for row in rows)
    cells[ALL, ALL] = sum(inner.values())
    return cells


def fitting(
    shown: dict[tuple[str, str], int | None], rows: tuple[str, ...], columns: tuple[str, ...], most: int
) -> list[dict[tuple[str, str], int]]:
    """Every table that agrees with what is shown: what an attacker with patience finds out."""
    places = [place for place in product(rows, columns) if shown[place] is None]
    known = {place: count for place in product(rows, columns) if (count := shown[place]) is not None}
    found = []
    for tried in product(range(most + 1), repeat=len(places)):
        cells = whole(known | dict(zip(places, tried, strict=True)), rows, columns)
        if all(count is None or cells[place] == count for place, count in shown.items()):
            found.append(cells)
    return found


def test_a_small_cell_is_hidden_and_a_large_one_is_shown() -> None:
    assert published({"few": 9, "enough": 10, "nobody": 0}) == {"few": None, "enough": 10, "nobody": None}


def test_what_is_left_of_a_total_is_hidden_too() -> None:
    cells = {"small": 3, "middle": 12, "large": 40, "total": 55}
    gone = hidden(cells, [KnownSum("total", ("small", "middle", "large"))])
    assert gone == {"small", "middle"}


def test_two_small_cells_that_are_small_together_need_a_third() -> None:
    cells = {"one": 3, "two": 2, "three": 50, "four": 60, "total": 115}
    gone = hidden(cells, [KnownSum("total", ("one", "two", "three", "four"))])
    assert gone == {"one", "two", "three"}


def test_where_every_part_is_small_the_total_is_told_only_when_it_is_large() -> None:
    small = {"one": 3, "two": 2, "total": 5}
    assert hidden(small, [KnownSum("total", ("one", "two"))]) == {"one", "two", "total"}
    large = {"one": 9, "two": 8, "total": 17}
    assert hidden(large, [KnownSum("total", ("one", "two"))]) == {"one", "two"}


def test_two_tables_that_share_a_total_are_looked_at_together() -> None:
    by_month = KnownSum("all", ("october", "november"))
    by_need = KnownSum("all", ("asylum", "housing"))
    cells = {"october": 4, "november": 56, "asylum": 30, "housing": 30, "all": 60}
    assert hidden(cells, [by_month, by_need]) >= {"october", "november"}
    assert hidden(cells, [by_month, by_need]) != {"october"}


def test_a_bridge_between_two_squares_is_found_out_by_adding_whole_rows() -> None:
    """Every line has two hidden cells, and still rows minus columns give the cell in the middle."""
    rows, columns = ("1", "2", "3", "4"), ("5", "6", "7", "8")
    dark = {("1", "5"), ("1", "6"), ("2", "5"), ("2", "6"), ("2", "7"), ("3", "7"), ("3", "8"), ("4", "7"), ("4", "8")}
    inner = {place: 9 if place in dark else 30 for place in product(rows, columns)}
    inner["2", "7"] = 4
    gone = hidden(whole(inner, rows, columns), table(rows, columns, ALL, ALL))
    assert gone > dark


def test_totals_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="total"):
        hidden({"a": 10, "b": 20, "all": 31}, [KnownSum("all", ("a", "b"))])
    with pytest.raises(ValueError, match="negative"):
        hidden({"a": -1})


@settings(max_examples=150)
@given(st.lists(st.integers(0, 6), min_size=9, max_size=9))
def test_no_attacker_finds_a_small_cell(counts: list[int]) -> None:
    """All tables that fit what is shown are tried: each small cell could be at least two numbers."""
    least = 3
    cells = whole(dict(zip(product(ROWS, COLUMNS), counts, strict=True)), ROWS, COLUMNS)
    sums = table(ROWS, COLUMNS, ALL, ALL)
    shown = published(cells, sums, least)
    assert all(count is None or count >= least for count in shown.values())
    dark = [place for place in product(ROWS, COLUMNS) if shown[place] is None]
    if len(dark) > 4:
        return  # too many to try; fewer shown cells tell less
    tables = fitting(shown, ROWS, COLUMNS, most=max(counts) + 2)
    for place in dark:
        if cells[place] < least:
            assert len({entry[place] for entry in tables}) > 1, place


@given(st.lists(st.integers(0, 60), min_size=9, max_size=9))
def test_the_hidden_part_of_a_line_is_never_small_by_itself(counts: list[int]) -> None:
    cells = whole(dict(zip(product(ROWS, COLUMNS), counts, strict=True)), ROWS, COLUMNS)
    sums = table(ROWS, COLUMNS, ALL, ALL)
    gone = hidden(cells, sums)
    for entry in sums:
        dark = [part for part in entry.parts if part in gone]
        if dark and entry.total not in gone:
            assert len(dark) > 1
            assert sum(cells[part] for part in dark) >= 10
