"""An organisation's referrals as a table for the page and the API: one row for each referral, with codes and days but no names."""

from typing import Any, Final

from app.core.clock import instant

COLUMNS: Final = (
    "request", "service", "state", "urgency", "country", "needs", "languages", "last_safe_day", "waiting_since",
    "offered_at", "decide_by", "contact_by", "review_on", "reason", "outcome", "updated_at",
    "deadline_certainty",
)  # fmt: skip


def cells(row: Any) -> list[object]:
    """One row of `partner_queries`, its cells in the order of COLUMNS."""
    days = (row.deadline_on, row.waiting_since, row.offered_at, row.decide_by, row.contact_by, row.review_on)
    return [
        row.label,
        row.service,
        row.state,
        row.urgency,
        row.country,
        " ".join(row.needs),
        " ".join(row.languages),
        *(day.isoformat() if day else None for day in days),
        row.reason,
        row.outcome,
        instant(row.updated_at),
        row.deadline_certainty if row.deadline_on else None,
    ]
