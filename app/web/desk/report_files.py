"""A report as files: CSV in one table of long form, XLSX with a sheet for each table. No cell is a formula."""

import io
from collections.abc import Callable, Iterator

from app.core.tables import as_csv, safe_cell
from app.reporting.figures import Cell, Report, Row, Table

HIDDEN = "under 10, or hidden with one"
Words = Callable[[str, str], str]
"""The word for a code of a kind."""


def csv(report: Report, words: Words) -> str:
    """One line for each cell: table, row, column, value."""
    lines = [("period", "table", "row", "column", "value")]
    period = str(report.period)
    for table in report.tables:
        for row in _rows(table):
            named = words(table.kind, row.code)
            for column, text in zip((*table.columns, "all"), _texts(row), strict=True):
                lines.append((period, words("table", table.name), named, words("column", column), text))
    for one in report.medians:
        hours = HIDDEN if one.hours is None else str(one.hours)
        lines.append((one.quarter or period, "Median time in hours", words("step", one.step), "hours", hours))
    return as_csv(lines)


def xlsx(report: Report, words: Words) -> bytes:
    """Strings stay strings: nothing that somebody typed can become a formula or a link."""
    import xlsxwriter  # of use to few processes, and two megabytes

    file = io.BytesIO()
    safe = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(file, safe) as book:
        bold = book.add_format({"bold": True})
        for table in report.tables:
            sheet = book.add_worksheet(table.name[:31])
            sheet.set_column(0, 0, 40)
            sheet.set_column(1, len(table.columns) + 1, 18)
            sheet.freeze_panes(1, 1)
            heads = (
                f"{words('table', table.name)}, {report.period}",
                *(words("column", one) for one in table.columns),
                "All",
            )
            for place, head in enumerate(heads):
                sheet.write_string(0, place, safe_cell(head), bold)
            for line, row in enumerate(_rows(table), 1):
                sheet.write_string(line, 0, safe_cell(words(table.kind, row.code)))
                for place, cell in enumerate((*row.cells, row.total), 1):
                    if cell.count is None or cell.at_least:
                        sheet.write_string(line, place, _said(cell))
                    else:
                        sheet.write_number(line, place, cell.count)
        sheet = book.add_worksheet("medians")
        sheet.set_column(0, 0, 40)
        sheet.write_string(0, 0, f"Median time in hours, {report.period}", bold)
        for line, one in enumerate(report.medians, 1):
            sheet.write_string(line, 0, safe_cell(words("step", one.step)))
            sheet.write_string(line, 2, one.quarter or str(report.period))
            if one.hours is None:
                sheet.write_string(line, 1, HIDDEN)
            else:
                sheet.write_number(line, 1, one.hours)
    return file.getvalue()


def _rows(table: Table) -> Iterator[Row]:
    yield from table.rows
    if table.everything is not None:
        yield table.everything


def _texts(row: Row) -> list[str]:
    return [_said(cell) for cell in (*row.cells, row.total)]


def _said(cell: Cell) -> str:
    if cell.count is None:
        return HIDDEN
    return f"at least {cell.count}" if cell.at_least else str(cell.count)
