"""Today: what to do now, what came in, and what waits for somebody else and until when. The first page after signing in."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from app.cases.local_days import LocalDays
from app.casework import today
from app.casework.case_clocks import offer_of
from app.core.dependencies import ReadDb
from app.web.account.policies import AtDesk, Packs
from app.web.components import reader_language, staff_pages, time_format
from app.web.components.time_format import TimeFormat
from app.web.desk import comparing
from app.web.desk.case_clock_view import Clocks

router = APIRouter()

_MOST_NEEDS = 2
_MOST_ZONES = 3


@router.get("/desk/today", name="today", dependencies=[comparing.NEWEST])
def show_today(request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    """Show the lists of today. Seven statements with the sign-in, whatever the number of cases."""
    zones = time_format.zones(packs)
    days = LocalDays.at(desk.now, zones)
    lists = today.today(session, desk.team_id, me=desk.member.member_id, days=days, now=desk.now)
    times = reader_language.times(request)
    clocks = Clocks(packs, desk.now, times)
    countries = [row.country for row in (*lists.now, *lists.wrote, *lists.mine)]
    team_zone = request.state.reach.zone
    shown = [team_zone] if team_zone else sorted({zones[country] for country in countries if country in zones})
    return staff_pages.page(
        request,
        "desk/today.html",
        lists=lists,
        clock_of={
            row.id: clocks.of_case(row, lists.of_case.get(row.id, ()))
            for row in (*lists.now, *lists.wrote, *lists.mine)
        },
        clocks=clocks,
        offers=[(row, offer := offer_of(row), clocks.of_offer(offer, row.country)) for row in lists.offers],
        undelivered=request.state.undelivered,
        local_times=_local_times(times, desk.now, shown or sorted(set(zones.values()))),
        most_needs=_MOST_NEEDS,
        most_tasks=today.MOST_TASKS,
    )


def _local_times(times: TimeFormat, now: datetime, zones: Sequence[str]) -> list[tuple[str, str]]:
    """The local time now in these zones, and the cities that have it, a few of them."""
    places: dict[str, list[str]] = {}
    for zone in zones:
        local = now.astimezone(ZoneInfo(zone))
        places.setdefault(f"{times.short_day(local)}, {local:%H:%M}", []).append(times.place_of(zone))
    return [(time, ", ".join(cities)) for time, cities in places.items()][:_MOST_ZONES]
