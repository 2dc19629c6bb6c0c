"""A partner's requests as a table without names: codes and days, one line a request."""

import io
from collections.abc import Iterable
from typing import Any, Final

from fastapi import Response

from app.core import spreadsheet

COLUMNS: Final = (
    "request", "service", "state", "urgency", "country", "needs", "languages", "last_safe_day", "waiting_since",
    "offered_at", "decide_by", "contact_by", "review_on", "reason", "outcome", "updated_at",
)  # fmt: skip


def download(rows: Iterable[Any]) -> Response:
    text = io.StringIO(spreadsheet.BOM, newline="")
    text.seek(0, io.SEEK_END)
    spreadsheet.write(text, COLUMNS, map(_cells, rows))
    return Response(
        text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="requests.csv"'},
    )


def _cells(row: Any) -> list[object]:
    days = (row.deadline_on, row.waiting_since, row.offered_at, row.decide_by, row.contact_by, row.review_on)
    return [
        row.label,
        row.service,
        row.state,
        row.tier,
        row.country,
        " ".join(row.needs),
        " ".join(row.speak),
        *(day.isoformat() if day else None for day in days),
        row.reason,
        row.outcome,
        row.updated_at.isoformat(),
    ]
