"""A year, or any stretch of quarters: what the reports of its quarters show, added up, and nothing else. Pure.

Whatever can be worked out from a stretch can be worked out from the quarters, which hide what is small as one system; so
stretches may overlap, and be subtracted from one another, as anybody likes. A cell that is hidden in one of the quarters is at
least what the others show. Medians can not be added up: they stand quarter by quarter.
"""

from collections.abc import Sequence
from dataclasses import replace

from app.reporting.figures import Cell, Median, Report, Row, Table
from app.reporting.periods import Stretch


def together(stretch: Stretch, reports: Sequence[Report]) -> Report:
    """One report of several, oldest first. One alone stays as it is."""
    if len(reports) == 1:
        return reports[0]
    names = dict.fromkeys(table.name for report in reports for table in report.tables)
    tables = tuple(_table([one for report in reports if (one := report.table(name))]) for name in names)
    steps: dict[str, list[Median]] = {}
    for report in reports:
        for median in report.medians:
            steps.setdefault(median.step, []).append(replace(median, quarter=str(report.period)))
    medians = tuple(median for step in steps.values() for median in _known(step))
    return Report(stretch, tables, medians, sum(report.hidden for report in reports))


def _known(step: Sequence[Median]) -> list[Median]:
    """Of the quarters that have one; if none has, that is said once."""
    return [one for one in step if one.hours is not None] or [replace(step[0], quarter="")]


def _table(tables: Sequence[Table]) -> Table:
    """What no quarter has a row for is in none; what only one has is what that one shows."""
    first = tables[0]
    rows = [row for table in tables for row in table.rows]
    codes = dict.fromkeys(row.code for row in rows)
    ordered = codes if first.kind == "month" else sorted(codes)
    ends = [table.everything for table in tables if table.everything is not None]
    return replace(
        first,
        rows=tuple(_row(first, [row for row in rows if row.code == code]) for code in ordered),
        everything=_row(first, ends) if ends else None,
    )


def _row(table: Table, rows: Sequence[Row]) -> Row:
    cells = tuple(_cell(cells) for cells in zip(*(row.cells for row in rows), strict=True))
    total = _cell([row.total for row in rows])
    part = cells[table.columns.index(table.rate)] if table.rate else None
    known = part is not None and part.exact and total.exact and bool(total.count)
    share = round(100 * part.count / total.count) if known else None  # type: ignore[union-attr,operator]
    return Row(rows[0].code, cells, total, share)


def _cell(cells: Sequence[Cell]) -> Cell:
    shown = [cell.count for cell in cells if cell.count is not None]
    if not shown:
        return Cell(None)
    return Cell(sum(shown), at_least=len(shown) < len(cells) or any(cell.at_least for cell in cells))
