"""The head of the queue: its views and a member's own, each with its exact count, and the words for how one looks at it."""

from typing import Any, Final
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from app.cases import queue, saved_views
from app.casework.coordinator import Desk
from app.core.i18n import N_
from app.web.components import labels, staff_pages
from app.web.desk.queue_url import Listing

FILTERS: Final = {
    "country": N_("Country"),
    "need": N_("Need"),
    "urgency": N_("Urgency"),
    "language": N_("Language"),
}
# Columns of the table: the order its header leads to ("" for a list of codes, which has none), and its word.
COLUMNS: Final = (
    ("label", N_("Case")),
    ("urgency", N_("Urgency")),
    ("deadline", N_("Deadline")),
    ("order", N_("Review by")),
    ("waits", N_("Waiting")),
    ("", N_("Need")),
    ("country", N_("Country")),
    ("", N_("Speaks")),
    ("owner", N_("Owner")),
    ("state", N_("State")),
)


def shelf(request: Request, desk: Desk, session: Session, view: str, listing: Listing) -> dict[str, Any]:
    """What `desk/parts/queue_views.html` shows. Two statements: the member's own views, and all counts.

    Notices that were not delivered are counted with the tasks, at the sign-in of the request.
    """
    own = saved_views.of_member(session, desk.who.member_id)
    looks = [one for _id, one in own]
    counts = queue.counts(
        session, desk.team_id, listing.look, me=desk.who.member_id, today=desk.now.date(), saved=looks
    )
    counts["dead_letters"] = request.state.dead_letters
    if view not in queue.VIEWS:
        counts["shown"] = counts[view]
    return {
        "view": view,
        "listing": listing,
        "counts": counts,
        "own": [_own(request, view_id, Listing(one), counts[f"own_{n}"]) for n, (view_id, one) in enumerate(own)],
        "is_own": listing.look in looks,
    }


def _own(request: Request, view_id: UUID, listing: Listing, count: int) -> dict[str, Any]:
    title = [labels.VIEWS[listing.look.view], *(named(request, name, code) for name, code in listing.codes.items())]
    if listing.sort != "order":
        column = next((word for name, word in COLUMNS if name == listing.look.sort), listing.look.sort)
        title.append(f"{column} {'↓' if listing.look.descending else '↑'}")
    return {"id": view_id, "listing": listing, "title": " · ".join(title), "count": count}


def named(request: Request, name: str, code: str) -> str:
    """The code of a filter in words."""
    if name == "urgency":
        return labels.URGENCIES[code][1] if code in labels.URGENCIES else code
    return staff_pages.reader(request).name({"country": "country", "need": "need", "language": "language"}[name], code)
