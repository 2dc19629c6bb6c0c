"""The queue: whom to look at first. Codes only: never a name, a contact or a story."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from app.cases import queue, saved_views
from app.casework import case_ownership
from app.core.dependencies import Db, ReadDb
from app.core.i18n import LANGUAGES
from app.web.account.policies import AtDesk, Packs, field
from app.web.components import labels, staff_pages
from app.web.desk import queue_url, queue_views, undelivered_notices
from app.web.desk.queue_url import Listing
from app.web.desk.queue_views import COLUMNS, FILTERS

router = APIRouter()

_MOST_NEEDS = 2
_LOOKED_AT_ONE_BY_ONE = frozenset({"quarantine", "closed"})
Code = Annotated[str, Query(max_length=64)]


@router.get("/desk/", name="queue")
def show_queue(
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    packs: Packs,
    view: Code = "open",
    country: Code = "",
    need: Code = "",
    urgency: Code = "",
    language: Code = "",
    sort: Annotated[str, Query(max_length=16)] = "order",
    at: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """One page of a view, narrowed by filters. Six statements with the sign-in, whatever waits."""
    if view == undelivered_notices.VIEW:
        return undelivered_notices.page(request, desk, session)
    chosen = {"country": country, "need": need, "urgency": urgency, "language": language}
    listing = queue_url.listing({"view": view, "sort": sort, **chosen})
    place = queue.parse_cursor(at, listing.look.order) if at else None
    me, today = desk.who.member_id, desk.now.date()
    page = queue.page(session, desk.team_id, listing.look, me=me, today=today, cursor=place)
    return staff_pages.page(
        request,
        "desk/queue.html",
        **queue_views.shelf(request, desk, session, view, listing),
        rows=page.rows,
        chosen=chosen,
        chips=[
            (FILTERS[name], queue_views.named(request, name, code), listing.without(name))
            for name, code in listing.codes.items()
        ],
        options=_options(request, packs),
        filter_names=FILTERS,
        columns=COLUMNS,
        may_choose=view not in _LOOKED_AT_ONE_BY_ONE,
        spam_kept=request.app.state.settings.spam_kept,
        newer=listing.at(page.before) if page.before else None,
        older=listing.at(page.after) if page.after else None,
        today=today,
        most_needs=_MOST_NEEDS,
        colleagues=case_ownership.colleagues(session, desk.team_id),
    )


@router.post("/desk/views", name="keep_view")
def keep_view(request: Request, desk: AtDesk, session: Db) -> Response:
    """Keep the queue as it is looked at as a view of one's own."""
    listing = queue_url.read(field(request, "list")) or Listing()
    saved_views.save(session, desk.who.member_id, listing.look, desk.now)
    return staff_pages.to(staff_pages.with_news(listing.here, done="view_kept"))


@router.post("/desk/views/{view_id}/drop", name="drop_view")
def drop_view(view_id: Annotated[UUID, Path()], desk: AtDesk, session: Db) -> Response:
    saved_views.delete(session, desk.who.member_id, view_id)
    return staff_pages.to(staff_pages.with_news("/desk/", done="view_dropped"))


@router.get("/desk/next", name="next_case")
def next_case(
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    but: Annotated[str, Query(max_length=12)] = "",
    listed: Annotated[str, Query(max_length=400, alias="list")] = "",
) -> Response:
    """Go to the case that comes next in the list; without a list, to the first of what is open. With none left, to the list.

    `done`, `was` and `v` say what was just done with which case, and are handed on.
    """
    listing = queue_url.read(listed)
    look = (listing or Listing()).look
    label = queue.next_case(session, desk.team_id, look, but, me=desk.who.member_id, today=desk.now.date())
    told = {name: request.query_params.get(name, "")[:24] for name in ("done", "was", "v")}
    if label:
        return staff_pages.to(queue_url.case_path(label, listing.query if listing else "", **told))
    return staff_pages.to(staff_pages.with_news(listing.here if listing else "/desk/?view=new", **told))


def _options(request: Request, packs: Any) -> dict[str, list[tuple[str, str]]]:
    """What each filter may be set to, as codes and words in their order."""
    reader = staff_pages.reader(request)
    return {
        "country": [(entry.code, reader.name("country", entry.code)) for entry in packs.countries],
        "need": [(entry.id, reader.name("need", entry.id)) for entry in packs.needs],
        "urgency": [(code, word) for code, (_shape, word) in labels.URGENCIES.items()],
        "language": [(code, reader.name("language", code)) for code in LANGUAGES],
    }
