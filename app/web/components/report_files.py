"""A report as files: CSV as one long table, XLSX with a sheet for each table. No cell is a formula."""

from collections.abc import Callable, Iterator

from app.core import spreadsheet
from app.core.spreadsheet import Sheet
from app.reporting.figures import Cell, Report, Table, TableRow

HIDDEN = "under 10, or hidden with one"
LabelOf = Callable[[str, str], str]
"""Returns the label of a code of a kind."""


def csv(report: Report, label_of: LabelOf) -> str:
    """The report as CSV, one line for each cell: table, row, column, value."""
    lines: list[tuple[object, ...]] = []
    period = str(report.period)
    for table in report.tables:
        for row in _rows(table):
            row_label = label_of(table.kind, row.code)
            for column, cell in zip((*table.columns, "all"), (*row.cells, row.total), strict=True):
                lines.append(
                    (period, label_of("table", table.name), row_label, label_of("column", column), _value(cell))
                )
    for median in report.medians:
        hours = HIDDEN if median.hours is None else median.hours
        lines.append((median.quarter or period, "Median time in hours", label_of("step", median.step), "hours", hours))
    return spreadsheet.csv_text(("period", "table", "row", "column", "value"), lines, for_people=True)


def xlsx(report: Report, label_of: LabelOf) -> bytes:
    """A sheet for each table, and one of the medians."""
    sheets = [
        Sheet(
            table.name[:31],
            (
                f"{label_of('table', table.name)}, {report.period}",
                *(label_of("column", column) for column in table.columns),
                "All",
            ),
            [(label_of(table.kind, row.code), *map(_value, (*row.cells, row.total))) for row in _rows(table)],
        )
        for table in report.tables
    ]
    medians = [
        (
            label_of("step", median.step),
            HIDDEN if median.hours is None else median.hours,
            median.quarter or str(report.period),
        )
        for median in report.medians
    ]
    return spreadsheet.xlsx([*sheets, Sheet("medians", (f"Median time in hours, {report.period}",), medians)])


def _rows(table: Table) -> Iterator[TableRow]:
    yield from table.rows
    if table.everything is not None:
        yield table.everything


def _value(cell: Cell) -> int | str:
    """The exact number where it can be shown, otherwise a bound or the text that it is hidden."""
    if cell.count is None:
        return HIDDEN
    return f"at least {cell.count}" if cell.at_least else cell.count
