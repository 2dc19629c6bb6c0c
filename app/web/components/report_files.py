"""A report as files: CSV in one table of long form, XLSX with a sheet for each table. No cell is a formula."""

from collections.abc import Callable, Iterator

from app.core import spreadsheet
from app.core.spreadsheet import Sheet
from app.reporting.figures import Cell, Report, Row, Table

HIDDEN = "under 10, or hidden with one"
Words = Callable[[str, str], str]
"""The word for a code of a kind."""


def csv(report: Report, words: Words) -> str:
    """One line for each cell: table, row, column, value."""
    lines: list[tuple[object, ...]] = []
    period = str(report.period)
    for table in report.tables:
        for row in _rows(table):
            named = words(table.kind, row.code)
            for column, cell in zip((*table.columns, "all"), (*row.cells, row.total), strict=True):
                lines.append((period, words("table", table.name), named, words("column", column), _value(cell)))
    for one in report.medians:
        hours = HIDDEN if one.hours is None else one.hours
        lines.append((one.quarter or period, "Median time in hours", words("step", one.step), "hours", hours))
    return spreadsheet.csv_text(("period", "table", "row", "column", "value"), lines, for_people=True)


def xlsx(report: Report, words: Words) -> bytes:
    """A sheet for each table, and one of the medians."""
    sheets = [
        Sheet(
            table.name[:31],
            (f"{words('table', table.name)}, {report.period}", *(words("column", one) for one in table.columns), "All"),
            [(words(table.kind, row.code), *map(_value, (*row.cells, row.total))) for row in _rows(table)],
        )
        for table in report.tables
    ]
    medians = [
        (words("step", one.step), HIDDEN if one.hours is None else one.hours, one.quarter or str(report.period))
        for one in report.medians
    ]
    return spreadsheet.xlsx([*sheets, Sheet("medians", (f"Median time in hours, {report.period}",), medians)])


def _rows(table: Table) -> Iterator[Row]:
    yield from table.rows
    if table.everything is not None:
        yield table.everything


def _value(cell: Cell) -> int | str:
    """A number where it is known to the unit, else what may be said of it."""
    if cell.count is None:
        return HIDDEN
    return f"at least {cell.count}" if cell.at_least else cell.count
