"""Today: what to do now and what waits, with running clocks in the local time of the case's country."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from app.cases.appointments import Appointment
from app.cases.models import Case
from tests.support.desk import ADDRESS, NAME, ONE, STORY, Browser, Page, StaffSite

TODAY = "/desk/today"


def section(page: Page, name: str) -> str:
    found = page.tree.css_first(f'section[aria-labelledby="t-{name}"]')
    assert found is not None, name
    return " ".join(found.text().split())


def refer(browser: Browser, label: str) -> None:
    page = browser.get(f"/desk/cases/{label}/refer?service={ONE}/legal-help")
    assert browser.submit(page, f"/desk/cases/{label}/refer", by_hand="yes").did("offered")


def test_signing_in_leads_to_today_and_one_click_to_the_most_urgent_case(office: StaffSite) -> None:
    office.file(how_soon="none")
    emergency, _receipt = office.file(how_soon="today")
    browser = office.browser()
    assert office.sign_in("vera", browser).location == TODAY
    page = browser.get(TODAY)
    assert page.tree.css_first("section table [data-row]").text() == emergency  # type: ignore[union-attr]
    for secret in (STORY, NAME, ADDRESS):
        assert secret not in page.text


def test_an_emergency_runs_in_hours_and_minutes_and_what_is_not_due_waits(office: StaffSite) -> None:
    emergency, _receipt = office.file(how_soon="today")
    later, _receipt = office.file(how_soon="none")
    office.later(minutes=19)
    browser = office.as_("vera")
    now = section(browser.get(TODAY), "now")
    assert f"1 h 41 min left 13:00 first answer {emergency}" in now, "counted from the full hour, Warsaw time"
    assert later not in now
    office.later(hours=2)
    browser = office.as_("vera")
    assert f"19 min late 13:00 first answer {emergency}" in section(browser.get(TODAY), "now")
    browser.submit(browser.get(TODAY), f"/desk/cases/{emergency}/take")
    page = browser.get(TODAY)
    assert f"today review {emergency}" in section(page, "now")
    assert emergency in section(page, "mine")


def test_what_others_owe_and_until_when(office: StaffSite) -> None:
    label, _receipt = office.file(how_soon="today")
    browser = office.as_("vera")
    refer(browser, label)
    page = browser.get(TODAY)
    assert label not in section(page, "now"), "somebody is asked for each of its needs"
    assert f"2 h left 13:00 they say “seen” {label}" in section(page, "offers")
    office.later(hours=3)
    assert f"21 h left Wed 11:00 they answer {label}" in section(office.as_("vera").get(TODAY), "offers")


def test_a_day_ends_at_the_local_midnight_of_the_case(office: StaffSite) -> None:
    """Warsaw is an hour ahead of UTC in November: overdue begins at 23:00 UTC, and so does the first day of a new case."""
    label, _receipt = office.file(how_soon="week")
    assert office.case(label).due_on.isoformat() == "2026-11-26"
    office.time.at = datetime(2026, 11, 26, 22, 59, tzinfo=UTC)
    browser = office.as_("vera")
    assert label in browser.get("/desk/?view=due").text
    assert f"today review {label}" in section(browser.get(TODAY), "now")
    office.time.at = datetime(2026, 11, 26, 23, 0, tzinfo=UTC)
    page = browser.get("/desk/?view=overdue")
    assert label in page.text
    assert page.tree.css_first("h1 .count").text() == "1"  # type: ignore[union-attr]
    assert label not in browser.get("/desk/?view=due").text
    assert f"1 d late Thu 26 Nov review {label}" in section(browser.get(TODAY), "now")
    night, _receipt = office.file(how_soon="today")
    assert office.case(night).due_on.isoformat() == "2026-11-27"


def test_messages_tasks_and_appointments_stand_beside(office: StaffSite) -> None:
    label, _receipt = office.file(how_soon="none")
    other, _receipt = office.file(how_soon="none")
    with office.database.begin() as session:
        session.execute(sa.update(Case).where(Case.label == label).values(person_wrote=True))
        case = session.scalars(sa.select(Case).where(Case.label == other)).one()
        hour = office.time.at.replace(minute=0) + timedelta(hours=3)
        session.add(
            Appointment(
                case_id=case.id, state="agreed", times=1, agreed_slot=0, agreed_hour=hour, last_hour=hour,
                created_at=office.time.at, ciphertext=b"x",
            )
        )  # fmt: skip
    page = office.as_("vera").get(TODAY)
    assert label in section(page, "answers")
    assert f"from 14:00 {other} with the team" in section(page, "appointments")
    assert other not in office.as_("outsider").get(TODAY).text, "another team"


def test_the_page_costs_the_same_statements_whatever_waits(office: StaffSite) -> None:
    browser = office.as_("vera")
    browser.get(TODAY)
    with office.statements() as empty:
        browser.get(TODAY)
    for _case in range(3):
        office.file(how_soon="today")
    label, _receipt = office.file(how_soon="today")
    refer(browser, label)
    browser.get(TODAY)
    with office.statements() as full:
        page = browser.get(TODAY)
    reading = [statement for statement in full.seen if not statement.startswith("BEGIN")]
    assert page.status == 200
    assert full.count == empty.count
    assert len(reading) <= 8
