"""The head of the queue: its views and the member's own views, each with its exact count, and the labels of filters."""

from typing import Any, Final
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from app.cases import queue, queue_queries, saved_views
from app.cases.local_days import LocalDays
from app.casework.coordinator import Desk
from app.core.i18n import N_
from app.web.components import labels, reader_language, staff_pages
from app.web.desk.labels import VIEWS
from app.web.desk.queue_url import Listing

FILTERS: Final = {
    "country": N_("Country"),
    "need": N_("Need"),
    "urgency": N_("Urgency"),
    "language": N_("Language"),
}
# Columns of the table: the order that its header links to ("" for a column that has none), and its label.
COLUMNS: Final = (
    ("urgency", N_("Urgency")),
    ("next", N_("Next")),
    ("label", N_("Case")),
    ("", N_("Need")),
    ("order", N_("Review by")),
    ("deadline", N_("Deadline")),
    ("country", N_("Country")),
    ("", N_("Speaks")),
    ("owner", N_("Owner")),
    ("state", N_("State")),
    ("waits", N_("Waiting")),
)
GROUPS: Final = (
    (N_("To do"), ("open", "new", "mine", "due", "overdue", "review", "answered", "uncovered", "declined")),
    (N_("Waiting"), ("consent", "waiting", "working")),
    (N_("Done"), ("unmet", "merged", "closed")),
    (N_("Set aside"), ("snoozed", "possible_spam", "restricted", "undelivered")),
)
"""The views by what they are for; each view is in one group."""


def header_context(
    request: Request, desk: Desk, session: Session, view: str, listing: Listing, days: LocalDays
) -> dict[str, Any]:
    """Context of `desk/parts/queue_views.html`. Two statements: the member's own views, and all counts.

    Undelivered notices are counted with the tasks, when the request is authenticated.
    """
    own_views = saved_views.of_member(session, desk.member.member_id)
    saved_queries = [queue_query for _view_id, queue_query in own_views]
    counts = queue.counts(
        session, desk.team_id, listing.queue_query, me=desk.member.member_id, today=days, saved=saved_queries
    )
    counts["undelivered"] = request.state.undelivered
    if view not in queue_queries.VIEWS:
        counts["shown"] = counts[view]
    return {
        "view": view,
        "groups": GROUPS,
        "listing": listing,
        "counts": counts,
        "own": [
            _own_view(request, view_id, Listing(queue_query), counts[f"own_{index}"])
            for index, (view_id, queue_query) in enumerate(own_views)
        ],
        "is_own": listing.queue_query in saved_queries,
    }


def _own_view(request: Request, view_id: UUID, listing: Listing, count: int) -> dict[str, Any]:
    words = reader_language.words(request)
    title = [
        words.text(VIEWS[listing.queue_query.view]),
        *(label_of_code(request, name, code) for name, code in listing.codes.items()),
    ]
    if not listing.has_default_order:
        column = next(word for name, word in COLUMNS if name == listing.queue_query.sort)
        title.append(f"{words.text(column)} {'↓' if listing.queue_query.descending else '↑'}")
    return {"id": view_id, "listing": listing, "title": " · ".join(title), "count": count}


def label_of_code(request: Request, name: str, code: str) -> str:
    """The label of a filter's code."""
    if name == "urgency":
        return reader_language.words(request).text(labels.URGENCIES[code][1]) if code in labels.URGENCIES else code
    return staff_pages.code_names(request).name(
        {"country": "country", "need": "need", "language": "language"}[name], code
    )
