"""The calendar file holds the days of a request and no word of it."""

from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from icalendar import Calendar

from app.cases.models import Case
from app.web.person.calendar_file import calendar
from tests.support.people import PersonSite, short_form


def test_the_file_says_nothing_but_reminder_and_the_day() -> None:
    content = calendar([date(2026, 12, 1)], "Reminder", datetime(2026, 11, 24, 10, 30, tzinfo=UTC))
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    assert event["summary"] == "Reminder"
    assert event["dtstart"].dt == date(2026, 12, 1)
    assert set(event) == {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "TRANSP", "CLASS"}
    assert b"T103000" not in content, "not the minute in which it was fetched"
    assert b"pristan" not in content.lower()


def test_it_holds_the_deadline_of_the_letter_and_needs_the_number(person_site: PersonSite) -> None:
    arrived = person_site.time().date() - timedelta(days=2)
    said = {"how_soon": "week", "letter_kind": "PL.return_decision_appeal", "letter_received_on": arrived.isoformat()}
    number = short_form(person_site.browser(), "en", **said).number()
    stranger = person_site.browser().open("/en/case/reminder.ics")
    assert stranger.answer.url.path == "/en/return"
    browser = person_site.browser().open("/en/return").fill(number=number)
    assert browser.page.css_first('a[href="/en/case/reminder.ics"]') is not None
    answer = browser.client.get("/en/case/reminder.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.headers["cache-control"] == "no-store"
    days = {event["dtstart"].dt for event in Calendar.from_ical(answer.content).walk("VEVENT")}
    with person_site.database.begin(write=False) as session:
        last_safe_day = session.scalars(sa.select(Case.last_safe_day)).one()
    assert last_safe_day in days
    assert {str(event["summary"]) for event in Calendar.from_ical(answer.content).walk("VEVENT")} == {"Reminder"}
    assert all(day >= person_site.time().date() for day in days)


def test_it_can_be_saved_as_soon_as_the_request_is_sent(person_site: PersonSite) -> None:
    arrived = person_site.time().date() - timedelta(days=2)
    said = {"how_soon": "week", "letter_kind": "PL.return_decision_appeal", "letter_received_on": arrived.isoformat()}
    browser = short_form(person_site.browser(), "en", **said)
    assert browser.page.css_first('a[href="/en/sent/reminder.ics"]') is not None
    days = {
        event["dtstart"].dt
        for event in Calendar.from_ical(browser.client.get("/en/sent/reminder.ics").content).walk("VEVENT")
    }
    with person_site.database.begin(write=False) as session:
        case = session.scalars(sa.select(Case)).one()
    assert days == {case.last_safe_day, case.due_on}
    assert person_site.browser().open("/en/sent/reminder.ics").answer.url.path == "/en/"
