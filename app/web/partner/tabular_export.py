"""The partner's referrals as a CSV file for spreadsheets."""

from collections.abc import Iterable
from typing import Any

from fastapi import Response

from app.core import spreadsheet
from app.referrals.tabular_export import COLUMNS, cells


def download(rows: Iterable[Any]) -> Response:
    return Response(
        spreadsheet.csv_text(COLUMNS, map(cells, rows), for_people=True),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="requests.csv"'},
    )
