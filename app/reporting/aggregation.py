"""Reports of several quarters: the published figures of each quarter, added up, and nothing else. Pure.

Everything that can be derived from a sum of quarters can be derived from the quarters themselves, in which small cells are
already suppressed. So periods may overlap or be subtracted from each other. A cell that is hidden in some quarters becomes
a lower bound ("at least"). Medians cannot be added up: they are listed by quarter.
"""

from collections.abc import Sequence
from dataclasses import replace

from app.reporting.figures import Cell, Median, Report, Table, TableRow
from app.reporting.periods import Period


def combine(period: Period, reports: Sequence[Report]) -> Report:
    """One report from several, ordered from the oldest. A single report is returned unchanged."""
    if len(reports) == 1:
        return reports[0]
    names = dict.fromkeys(table.name for report in reports for table in report.tables)
    tables = tuple(_table([item for report in reports if (item := report.table(name))]) for name in names)
    steps: dict[str, list[Median]] = {}
    for report in reports:
        for median in report.medians:
            steps.setdefault(median.step, []).append(replace(median, quarter=str(report.period)))
    medians = tuple(median for step in steps.values() for median in _known_medians(step))
    return Report(period, tables, medians, sum(report.hidden for report in reports))


def _known_medians(step: Sequence[Median]) -> list[Median]:
    """The medians of quarters that have one; if none has, a single entry without a value."""
    return [item for item in step if item.hours is not None] or [replace(step[0], quarter="")]


def _table(tables: Sequence[Table]) -> Table:
    """The sum of the same table of several quarters, with every row that occurs in one of them."""
    first = tables[0]
    rows = [row for table in tables for row in table.rows]
    codes = dict.fromkeys(row.code for row in rows)
    ordered = codes if first.kind == "month" else sorted(codes)
    total_rows = [table.everything for table in tables if table.everything is not None]
    return replace(
        first,
        rows=tuple(_row(first, [row for row in rows if row.code == code]) for code in ordered),
        everything=_row(first, total_rows) if total_rows else None,
    )


def _row(table: Table, rows: Sequence[TableRow]) -> TableRow:
    cells = tuple(_cell(cells) for cells in zip(*(row.cells for row in rows), strict=True))
    total = _cell([row.total for row in rows])
    rate_cell = cells[table.columns.index(table.rate)] if table.rate else None
    is_exact = rate_cell is not None and rate_cell.exact and total.exact and bool(total.count)
    share = round(100 * rate_cell.count / total.count) if is_exact else None  # type: ignore[union-attr,operator]
    return TableRow(rows[0].code, cells, total, share)


def _cell(cells: Sequence[Cell]) -> Cell:
    counts = [cell.count for cell in cells if cell.count is not None]
    if not counts:
        return Cell(None)
    return Cell(sum(counts), at_least=len(counts) < len(cells) or any(cell.at_least for cell in cells))
