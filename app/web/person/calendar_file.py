"""The dates of a request as a calendar file, if the person wants one. It says nothing but "Reminder" and the days.

Calendars are copied to other devices and to companies, so the file contains no word of the request, no name of the service and
no place.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from app.cases.models import Case
from app.core.dependencies import Db, Keys, Now
from app.core.i18n import N_, translator
from app.core.ids import named_id
from app.matching import runs
from app.matching.code_names import CodeNames
from app.matching.deadline_texts import DeadlineText
from app.web.person import letter, visits
from app.web.person.dependencies import ENDED, Cookie, Directory, Lang, anyone

router = APIRouter(prefix="/case", dependencies=[Depends(anyone)])
_TITLE: Final = N_("Reminder")
_DAYS_BEFORE: Final = 1


@router.get("/reminder.ics")
def reminder(lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db) -> Response:
    """The dates of the calendar that are still to come: the deadline, the days of its further steps, and the day by which we aim
    to look at the request."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    case = opened.case
    today = runs.local_date(directory, case.country, now)
    found = letter.of_case(case, keys, CodeNames(lang, directory), directory, now)
    return file(days_to_come(case, found, today), today, lang, now)


def days_to_come(case: Case, found: DeadlineText | None, today: date) -> list[date]:
    """The days that the calendar of a request would name; none of a closed one. `found`: the deadline of its letter."""
    if case.closed_at is not None:
        return []
    return _to_come((case.last_safe_day, case.due_on, *(found.further_days if found else ())), today)


def _to_come(days: Iterable[date | None], today: date) -> list[date]:
    return sorted({day for day in days if day is not None and day >= today})


def file(days: Iterable[date | None], today: date, lang: str, now: datetime) -> Response:
    """The days that are still to come, each once, as a file to save."""
    return Response(
        calendar(_to_come(days, today), translator(lang).text(_TITLE), now),
        media_type="text/calendar",
        headers={"content-disposition": 'attachment; filename="reminder.ics"'},
    )


def calendar(days: Iterable[date], title: str, now: datetime) -> bytes:
    """An iCalendar file (RFC 5545) with an all-day event on each day, or an hour from each instant, and an alarm a day before."""
    from icalendar import Alarm, Calendar, Event

    file = Calendar()
    file.add("prodid", "-//-//-//EN")
    file.add("version", "2.0")
    for day in days:
        event = Event()
        event.add("uid", named_id("reminder", f"{day}").hex)
        event.add("dtstamp", now.replace(hour=0, minute=0, second=0, microsecond=0))
        event.add("dtstart", day)
        event.add("dtend", day + (timedelta(hours=1) if isinstance(day, datetime) else timedelta(days=1)))
        event.add("summary", title)
        event.add("transp", "TRANSPARENT")
        event.add("class", "PRIVATE")
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", title)
        alarm.add("trigger", timedelta(days=-_DAYS_BEFORE))
        event.add_component(alarm)
        file.add_component(event)
    content: bytes = file.to_ical()
    return content
