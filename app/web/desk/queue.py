"""The queue: the team's cases in the order of review. Codes only: never a name, a contact or a story."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from app.cases import queue, saved_views
from app.cases.local_days import LocalDays
from app.casework import case_ownership
from app.core.dependencies import Db, ReadDb
from app.core.i18n import LANGUAGES
from app.web.account.policies import AtDesk, Packs
from app.web.components import labels, staff_pages, time_format
from app.web.components.forms import field_value
from app.web.desk import queue_url, queue_views, undelivered_notices
from app.web.desk.queue_url import Listing
from app.web.desk.queue_views import COLUMNS, FILTERS

router = APIRouter()

_MOST_NEEDS = 2
_VIEWS_WITHOUT_BULK_ACTIONS = frozenset({"possible_spam", "closed"})
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
    """Show one page of a view, narrowed by filters. Six statements with the sign-in, whatever the number of cases."""
    if view == undelivered_notices.VIEW:
        return undelivered_notices.page(request, desk, session, packs)
    chosen = {"country": country, "need": need, "urgency": urgency, "language": language}
    listing = queue_url.listing({"view": view, "sort": sort, **chosen})
    cursor = queue.parse_cursor(at, listing.queue_query.order) if at else None
    days = LocalDays.at(desk.now, time_format.zones(packs))
    page = queue.page(session, desk.team_id, listing.queue_query, me=desk.member.member_id, today=days, cursor=cursor)
    return staff_pages.page(
        request,
        "desk/queue.html",
        **queue_views.header_context(request, desk, session, view, listing, days),
        rows=page.rows,
        chosen=chosen,
        chips=[
            (FILTERS[name], queue_views.label_of_code(request, name, code), listing.without(name))
            for name, code in listing.codes.items()
        ],
        options=_options(request, packs),
        filter_names=FILTERS,
        columns=COLUMNS,
        may_choose=view not in _VIEWS_WITHOUT_BULK_ACTIONS,
        spam_kept=request.app.state.settings.spam_kept,
        newer=listing.at(page.before) if page.before else None,
        older=listing.at(page.after) if page.after else None,
        days=days,
        most_needs=_MOST_NEEDS,
        colleagues=case_ownership.colleagues(session, desk.team_id),
    )


@router.post("/desk/views", name="keep_view")
def save_view(request: Request, desk: AtDesk, session: Db) -> Response:
    """Save the present view, filters and order as one of the member's own views."""
    listing = queue_url.read(field_value(request.state.form, "list")) or Listing()
    saved_views.save(session, desk.member.member_id, listing.queue_query, desk.now)
    return staff_pages.redirect(staff_pages.with_message(listing.here, done="view_kept"))


@router.post("/desk/views/{view_id}/drop", name="drop_view")
def delete_view(view_id: Annotated[UUID, Path()], desk: AtDesk, session: Db) -> Response:
    saved_views.delete(session, desk.member.member_id, view_id)
    return staff_pages.redirect(staff_pages.with_message("/desk/", done="view_dropped"))


@router.get("/desk/next", name="next_case")
def next_case(
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    packs: Packs,
    but: Annotated[str, Query(max_length=12)] = "",
    list_query: Annotated[str, Query(max_length=400, alias="list")] = "",
) -> Response:
    """Redirect to the next case of the list; without a list, to the first open case. With none left, to the list.

    `done`, `was` and `v` tell the next page what was just done with which case; they are passed on.
    """
    listing = queue_url.read(list_query)
    queue_query = (listing or Listing()).queue_query
    days = LocalDays.at(desk.now, time_format.zones(packs))
    label = queue.next_case(session, desk.team_id, queue_query, but, me=desk.member.member_id, today=days)
    message_codes = {name: request.query_params.get(name, "")[:24] for name in ("done", "was", "v")}
    if label:
        return staff_pages.redirect(queue_url.case_path(label, listing.query if listing else "", **message_codes))
    return staff_pages.redirect(
        staff_pages.with_message(listing.here if listing else "/desk/?view=new", **message_codes)
    )


def _options(request: Request, packs: Any) -> dict[str, list[tuple[str, str]]]:
    """The options of each filter, as codes and labels in their order."""
    code_names = staff_pages.code_names(request)
    return {
        "country": [(entry.code, code_names.name("country", entry.code)) for entry in packs.countries],
        "need": [(entry.id, code_names.name("need", entry.id)) for entry in packs.needs],
        "urgency": [(code, word) for code, (_shape, word) in labels.URGENCIES.items()],
        "language": [(code, code_names.name("language", code)) for code in LANGUAGES],
    }
