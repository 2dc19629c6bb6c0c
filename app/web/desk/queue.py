"""The queue: the team's cases, the most pressing first. Codes only: never a name, a contact or a story."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.cases import queue, queue_queries, saved_views
from app.cases.local_days import LocalDays
from app.casework import case_ownership, today
from app.casework.case_clocks import LIVE_REFERRALS, holders
from app.casework.coordinator import Desk
from app.core.dependencies import Db, ReadDb
from app.core.errors import FieldError
from app.core.i18n import LANGUAGES
from app.directory.packs import Directory
from app.tasks import service as tasks
from app.web.account.policies import AtDesk, Packs
from app.web.components import labels, reader_language, staff_pages, time_format
from app.web.components.forms import field_value
from app.web.desk import list_export, queue_url, queue_views, undelivered_notices
from app.web.desk.case_clock_view import Clocks
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
    sort: Annotated[str, Query(max_length=16)] = "",
    at: Annotated[str, Query(max_length=400)] = "",
    select: Annotated[str, Query(max_length=4)] = "",
) -> Response:
    """Show one page of a view, narrowed by filters. Six statements with the sign-in, whatever the number of cases.

    `select=all`: with every case of the page selected, for browsers without a script.
    """
    if view == undelivered_notices.VIEW:
        return undelivered_notices.page(request, desk, session, packs)
    chosen = {"country": country, "need": need, "urgency": urgency, "language": language}
    listing = queue_url.listing({"view": view, "sort": sort, **chosen})
    return list_page(request, desk, session, packs, listing, at, everything_selected=select == "all")


def list_page(
    request: Request,
    desk: Desk,
    session: Session,
    packs: Directory,
    listing: Listing,
    at: str,
    *,
    everything_selected: bool = False,
    errors: Sequence[FieldError] = (),
) -> Response:
    """One page of a list. With `errors` of the form for many cases, the selection and input in that form are kept."""
    cursor = queue_queries.parse_cursor(at, listing.queue_query.order) if at else None
    days = LocalDays.at(desk.now, time_format.zones(packs))
    page = queue.page(
        session,
        desk.team_id,
        listing.queue_query,
        me=desk.member.member_id,
        today=days,
        cursor=cursor,
        beside=LIVE_REFERRALS,
    )
    if not hasattr(request.state, "undelivered"):  # counted when a page is asked for, not when a form is sent
        request.state.open_tasks, request.state.undelivered, request.state.reach = tasks.count_open(
            session, desk.team_id
        )
    form = request.state.form if errors else {}
    view = listing.queue_query.view
    offers = {case_id: today.offers_of(rows) for case_id, rows in page.beside.items()}
    clocks = Clocks(packs, desk.now, reader_language.times(request))
    selected = {value.partition(":")[0] for value in form.get("case", ())}
    return staff_pages.page(
        request,
        "desk/queue.html",
        status=422 if errors else 200,
        **queue_views.header_context(request, desk, session, view, listing, days),
        rows=page.rows,
        clock_of={row.id: clocks.of_case(row, offers.get(row.id, ())) for row in page.rows} if view != "closed" else {},
        holders={case_id: holders(found) for case_id, found in offers.items()},
        selected={row.label for row in page.rows} if everything_selected else selected,
        everything_selected=everything_selected,
        at=at,
        select_all=listing.selected(at, everything=not everything_selected),
        errors=errors,
        typed=form,
        chosen={name: listing.codes.get(name, "") for name in FILTERS},
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
        local_day=lambda instant, country: time_format.local_day(instant, time_format.zone_of(packs, country)),
        colleagues=case_ownership.colleagues(session, desk.team_id),
    )


@router.post("/desk/queue.csv", name="export_queue")
def export_list(request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """The whole list as CSV, with codes and their names and no personal data. Writes an audit entry with the number of rows."""
    listing = queue_url.read(field_value(request.state.form, "list")) or Listing()
    days = LocalDays.at(desk.now, time_format.zones(packs))
    rows, offers = list_export.read(session, desk, listing.queue_query, days)
    clocks = Clocks(packs, desk.now, reader_language.times(request)) if listing.queue_query.view != "closed" else None
    words = reader_language.words(request)
    text = list_export.csv(rows, offers, staff_pages.code_names(request), words, clocks)
    return staff_pages.download(text, list_export.file_name(listing.queue_query.view, days.latest))


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

    `done`, `was` and `v` tell the next page what was just done to which case; they are passed on.
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
        "country": [(entry.code, code_names.name("country", entry.code)) for entry in packs.places],
        "need": [(entry.id, code_names.name("need", entry.id)) for entry in packs.needs],
        "urgency": [
            (code, reader_language.words(request).text(word)) for code, (_shape, word) in labels.URGENCIES.items()
        ],
        "language": [(code, code_names.name("language", code)) for code in LANGUAGES],
    }
