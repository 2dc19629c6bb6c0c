"""A partner's requests as a file for a spreadsheet."""

import io
from collections.abc import Iterable
from typing import Any

from fastapi import Response

from app.core import spreadsheet
from app.referrals.tabular_export import COLUMNS, cells


def download(rows: Iterable[Any]) -> Response:
    text = io.StringIO(spreadsheet.BOM, newline="")
    text.seek(0, io.SEEK_END)
    spreadsheet.write(text, COLUMNS, map(cells, rows))
    return Response(
        text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="requests.csv"'},
    )
