"""The desk's search, and looking up a caller. Both are forms that are posted, so that the input is in no address and no log."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from app.casework import search
from app.core.dependencies import Db
from app.core.errors import FieldError, Invalid
from app.web.account.policies import AtDesk, Packs
from app.web.components import staff_pages
from app.web.components.forms import field_value
from app.web.desk import comparing

router = APIRouter(prefix="/desk/search")


@router.get("", name="search_form")
def show_search(request: Request, _desk: AtDesk) -> Response:
    """Show the two forms: search by a label or a name, and looking up a caller."""
    return _page(request)


@router.post("", name="search")
def find(request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Go to the case or referral with this label, or show the organisations, services and members of this name."""
    text = field_value(request.state.form, "q")[: search.LONGEST]
    found = search.find(session, desk, packs, text)
    if found.case:
        fragment = f"#r-{found.referral}" if found.referral else ""
        return staff_pages.redirect(f"/desk/cases/{found.case}{fragment}")
    return _page(request, text=text, found=found)


@router.post("/caller", name="find_caller", dependencies=[comparing.CALLER])
def find_caller(request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Show the team's cases that may be the caller's. The look-up is audited and counts as a read."""
    text = field_value(request.state.form, "caller")
    try:
        found = search.find_caller(session, desk, packs, text)
    except Invalid as error:
        return _page(request, caller=text, errors=error.errors)
    return _page(request, caller=text, callers=found.matches, waiting=found.waiting)


def _page(
    request: Request,
    *,
    text: str = "",
    found: search.SearchResult | None = None,
    caller: str = "",
    callers: Sequence[search.CallerMatch] | None = None,
    waiting: int = 0,
    errors: Sequence[FieldError] = (),
) -> Response:
    return staff_pages.page(
        request,
        "desk/search.html",
        status=422 if errors else 200,
        text=text,
        found=found,
        caller=caller,
        callers=callers,
        waiting=waiting,
        errors={error["pointer"].removeprefix("/"): error["detail"] for error in errors},
    )
