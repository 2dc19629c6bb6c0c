"""The calendar of legal deadlines: five weeks, by the last safe day of each open case."""

from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.cases import deadline_calendar
from app.cases.local_days import LocalDays
from app.core.dependencies import ReadDb
from app.core.errors import NotFound
from app.web.account.policies import AtDesk, Packs
from app.web.components import staff_pages, time_format

router = APIRouter()

_WEEKS: Final = 5
_FURTHEST: Final = timedelta(days=5 * 365)


@router.get("/desk/calendar", name="deadline_calendar")
def show_calendar(
    request: Request,
    desk: AtDesk,
    session: ReadDb,
    packs: Packs,
    start: Annotated[str, Query(alias="from", max_length=10)] = "",
) -> Response:
    """Show the deadlines of five weeks, from the Monday of a day (`from`, as ISO 8601) or of today."""
    today = LocalDays.at(desk.now, time_format.zones(packs)).earliest
    monday = _monday(start, today)
    days = [monday + timedelta(days=number) for number in range(7 * _WEEKS)]
    found = deadline_calendar.deadlines(session, desk.team_id, days[0], days[-1], me=desk.member.member_id)
    step = timedelta(days=7 * _WEEKS)
    return staff_pages.page(
        request,
        "desk/calendar.html",
        weeks=[[(day, found.get(day, ())) for day in days[first : first + 7]] for first in range(0, len(days), 7)],
        today=today,
        total=deadline_calendar.count([found.get(day, ()) for day in days]),
        most=deadline_calendar.MOST_A_DAY,
        first=days[0],
        last=days[-1],
        earlier=(monday - step).isoformat(),
        later=(monday + step).isoformat(),
    )


def _monday(text: str, today: date) -> date:
    """The Monday of the week of a day. Raises NotFound: no day, or too far from today."""
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        raise NotFound from None
    if abs(day - today) > _FURTHEST:
        raise NotFound
    return day - timedelta(days=day.weekday())
