"""A report as files: CSV as one long table, XLSX with a sheet for each table. No cell is a formula."""

from collections.abc import Callable, Iterator

from app.core import spreadsheet
from app.core.i18n import N_, Translator
from app.core.spreadsheet import Sheet
from app.reporting.figures import Cell, Report, Table, TableRow

HIDDEN = N_("under 10, or hidden together with a number under 10")
_MEDIANS = N_("Median time in hours")
_HEADER = (N_("period"), N_("table"), N_("row"), N_("column"), N_("value"))
LabelOf = Callable[[str, str], str]
"""Returns the label of a code of a kind."""


def csv(report: Report, label_of: LabelOf, words: Translator) -> str:
    """The report as CSV, one line for each cell: table, row, column, value."""
    lines: list[tuple[object, ...]] = []
    all_of_them, hours_unit = words.text(N_("All")), words.text(N_("hours"))
    period = str(report.period)
    for table in report.tables:
        for row in _rows(table):
            row_label = label_of(table.kind, row.code)
            columns = [*(label_of("column", column) for column in table.columns), all_of_them]
            for column, cell in zip(columns, (*row.cells, row.total), strict=True):
                lines.append((period, label_of("table", table.name), row_label, column, _value(cell, words)))
    for median in report.medians:
        hours = words.text(HIDDEN) if median.hours is None else median.hours
        step = label_of("step", median.step)
        lines.append((median.quarter or period, words.text(_MEDIANS), step, hours_unit, hours))
    return spreadsheet.csv_text([words.text(word) for word in _HEADER], lines, for_people=True)


def xlsx(report: Report, label_of: LabelOf, words: Translator) -> bytes:
    """A sheet for each table, and one of the medians."""
    sheets = [
        Sheet(
            table.name[:31],
            (
                f"{label_of('table', table.name)}, {report.period}",
                *(label_of("column", column) for column in table.columns),
                words.text(N_("All")),
            ),
            [
                (label_of(table.kind, row.code), *(_value(cell, words) for cell in (*row.cells, row.total)))
                for row in _rows(table)
            ],
        )
        for table in report.tables
    ]
    medians = [
        (
            label_of("step", median.step),
            words.text(HIDDEN) if median.hours is None else median.hours,
            median.quarter or str(report.period),
        )
        for median in report.medians
    ]
    return spreadsheet.xlsx([*sheets, Sheet("medians", (f"{words.text(_MEDIANS)}, {report.period}",), medians)])


def _rows(table: Table) -> Iterator[TableRow]:
    yield from table.rows
    if table.everything is not None:
        yield table.everything


def _value(cell: Cell, words: Translator) -> int | str:
    """The exact number where it can be shown, otherwise a bound or the text that it is hidden."""
    if cell.count is None:
        return words.text(HIDDEN)
    return words.text(N_("at least {n}"), n=cell.count) if cell.at_least else cell.count
