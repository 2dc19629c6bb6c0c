"""The queue: who is looked at first, exact counts, pages forwards and back, and never a name."""

import csv
import gzip
import io
import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.cases import queue
from app.cases.models import Case
from app.cases.queue_queries import QueueQuery
from app.cases.queue_views import ORDERS
from app.web.desk.labels import VIEWS
from tests.support.desk import ADDRESS, NAME, STORY, Browser, Page, StaffSite


def labels(page: Page) -> list[str]:
    return [str(node.text()) for node in page.tree.css("table.queue tbody th a")]


def many(office: StaffSite, count: int) -> None:
    """Cases with orders of every kind, ties too: made from one by copying its row."""
    label, _receipt = office.file()
    chance = random.Random(7)
    with office.database.begin() as session:
        row = dict(session.execute(sa.select(Case.__table__).where(Case.label == label)).one()._mapping)
        rows = [
            {
                **row,
                "id": queue.UUID(int=chance.getrandbits(128), version=4),
                "label": f"T{number:06}",
                "receipt_id": None,
                "due_on": row["due_on"] + timedelta(days=chance.randrange(3)),
                "urgency": (urgency := chance.choice(["emergency", "urgent", "normal"])),
                "urgency_rank": ["emergency", "urgent", "normal"].index(urgency),
                "waiting_since": row["waiting_since"] - timedelta(hours=chance.randrange(3)),
                "needs": chance.choice([["asylum"], ["housing", "asylum"], ["documents"]]),
                "speak": chance.choice([["ru"], ["ru", "en"], ["be"]]),
            }
            for number in range(count)
        ]
        session.execute(sa.insert(Case), rows)


def walk(browser: Browser, start: str, rel: str) -> list[list[str]]:
    page, pages = browser.get(start), []
    while True:
        assert page.status == 200
        pages.append(labels(page))
        link = page.tree.css_first(f'a[rel="{rel}"]')
        if link is None:
            return pages
        page = browser.get(str(link.attributes["href"]))


def test_never_a_name_a_contact_or_a_story(office: StaffSite) -> None:
    label, _receipt = office.file()
    page = office.as_("vera").get("/desk/")
    assert labels(page) == [label]
    for secret in (STORY, NAME, ADDRESS):
        assert secret not in page.text


def test_the_order_is_due_day_urgency_waiting(office: StaffSite) -> None:
    normal, _ = office.file(how_soon="none")
    office.later(hours=1)
    urgent, _ = office.file(how_soon="week")
    emergency, _ = office.file(how_soon="today")
    assert labels(office.as_("vera").get("/desk/")) == [emergency, urgent, normal]


def test_pages_forwards_and_back_show_each_case_once_in_one_order(office: StaffSite) -> None:
    many(office, 60)
    browser = office.as_("vera")
    forwards = walk(browser, "/desk/", "next")
    assert [len(page) for page in forwards] == [25, 25, 11]
    everything = [label for page in forwards for label in page]
    assert len(set(everything)) == 61
    with office.database.begin(write=False) as session:
        order = session.scalars(sa.select(Case.label).order_by(*ORDERS["next"])).all()
    assert everything == order
    page = browser.get("/desk/")
    for _step in range(2):
        page = browser.get(str(page.tree.css_first('a[rel="next"]').attributes["href"]))  # type: ignore[union-attr]
    start = str(page.tree.css_first('a[rel="prev"]').attributes["href"])  # type: ignore[union-attr]
    assert walk(browser, start, "prev") == [forwards[1], forwards[0]]


def test_a_page_costs_the_same_statements_and_bytes_however_many_wait(office: StaffSite) -> None:
    many(office, 30)
    browser = office.as_("vera")
    browser.get(
        "/desk/"
    )  # once in a while a request looks whether new rules were published; that is not part of the page
    with office.statements() as counted:
        page = browser.get("/desk/?need=asylum&language=ru")
    reading = [statement for statement in counted.seen if not statement.startswith("BEGIN")]
    assert len(reading) <= 6
    assert len(labels(browser.get("/desk/"))) == 25
    assert len(gzip.compress(page.text.encode())) <= 25_000


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"need": "asylum"}, lambda row: "asylum" in row.needs),
        ({"language": "be"}, lambda row: "be" in row.languages),
        ({"urgency": "emergency"}, lambda row: row.urgency == "emergency"),
        ({"country": "GE"}, lambda row: False),
        ({"need": "asylum", "language": "en"}, lambda row: "asylum" in row.needs and "en" in row.languages),
    ],
)
def test_filters_and_their_counts_are_exact(office: StaffSite, query: dict[str, str], expected) -> None:  # type: ignore[no-untyped-def]
    many(office, 40)
    with office.database.begin(write=False) as session:
        right = {row.label for row in session.scalars(sa.select(Case)) if expected(row)}
    browser = office.as_("vera")
    page = browser.get("/desk/", params=query)
    assert page.tree.css_first("h1 .count").text() == str(len(right))  # type: ignore[union-attr]
    found = walk(browser, "/desk/?" + "&".join(f"{key}={value}" for key, value in query.items()), "next")
    assert {label for each in found for label in each} == right


def test_each_view_counts_what_it_shows(office: StaffSite) -> None:
    office.file()
    mine, _receipt = office.file(how_soon="today")
    closed, _receipt = office.file()
    browser = office.as_("vera")
    browser.submit(browser.get(f"/desk/cases/{mine}"), f"/desk/cases/{mine}/take")
    browser.submit(browser.get(f"/desk/cases/{closed}"), f"/desk/cases/{closed}/close", verb="advise")
    expected = {"open": 2, "new": 1, "mine": 1, "review": 1, "due": 1, "overdue": 0, "closed": 1, "unmet": 0}
    with office.database.begin(write=False) as session:
        case = session.scalars(sa.select(Case).where(Case.label == mine)).one()
        given = {"me": case.owner_id, "today": office.time.at.date()}
        counts = queue.counts(session, case.team_id, QueueQuery(), **given)
    assert {name: counts[name] for name in expected} == expected
    for view, count in counts.items():
        if view != "shown":
            page = browser.get(f"/desk/?view={view}")
            assert len(labels(page)) == count, view
            assert (page.tree.css_first("p.notice") is not None) == (count == 0)


def test_a_case_that_waits_is_overtaken_only_by_cases_due_earlier(office: StaffSite) -> None:
    """No starvation in the order of the day of review: whatever comes in later with a later due day stands behind it, for ever."""
    waiting, _receipt = office.file(how_soon="none")
    due = office.case(waiting).due_on
    browser = office.as_("vera")
    for _day in range(12):
        office.later(days=1)
        office.file(how_soon="none")
        office.file(how_soon="week")
    browser = office.as_("vera")
    order = labels(browser.get("/desk/?sort=order"))
    before = order[: order.index(waiting)]
    assert all(office.case(label).due_on <= due for label in before)
    office.later(days=30)
    office.file(how_soon="today")
    assert labels(office.as_("vera").get("/desk/?sort=order")).index(waiting) <= len(before)


@pytest.mark.parametrize("at", ["x", "AAAA", "W10", "é", "%00", "W251bGxd", "ÿ" * 50, "bnVsbA"])
def test_a_place_that_is_none_is_a_clear_no(office: StaffSite, at: str) -> None:
    assert office.as_("vera").get("/desk/", params={"at": at}).status == 400


def test_an_unknown_view_is_not_found(office: StaffSite) -> None:
    assert office.as_("vera").get("/desk/?view=x").status == 404


def test_the_next_case_is_the_first_that_nobody_else_has(office: StaffSite) -> None:
    first, _ = office.file(how_soon="today")
    second, _ = office.file()
    pavel, vera = office.as_("pavel"), office.as_("vera")
    assert vera.get("/desk/next").location == f"/desk/cases/{first}"
    pavel.submit(pavel.get(f"/desk/cases/{first}"), f"/desk/cases/{first}/take")
    assert vera.get("/desk/next").location == f"/desk/cases/{second}"
    assert vera.get(f"/desk/next?but={second}").location == "/desk/?view=new"


def test_the_first_page_reads_its_rows_from_the_queues_index(postgres_database, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from tests.support.desk import running

    with running(postgres_database, tmp_path / "var") as office:
        many(office, 2000)
        with postgres_database.begin() as session:
            session.execute(sa.text("ANALYZE cases"))
            team_id = session.scalar(sa.select(Case.team_id).limit(1))
            query = (
                "EXPLAIN SELECT label FROM cases WHERE team_id = :team AND closed_at IS NULL"
                " ORDER BY due_on, urgency_rank, waiting_since, id LIMIT 26"
            )
            plan = "\n".join(session.scalars(sa.text(query), {"team": team_id}))
    assert "ix_cases_queue" in plan
    assert "Sort" not in plan


def test_a_row_says_who_has_the_case_and_until_when(office: StaffSite) -> None:
    label, _receipt = office.file(how_soon="today")
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}/refer?service=pl-hfhr/legal-help")
    assert browser.submit(page, f"/desk/cases/{label}/refer", by_hand="yes").did("offered")
    row = " ".join(browser.get("/desk/").tree.css_first("table.queue tbody tr").text().split())  # type: ignore[union-attr]
    assert "2 h left 13:00 they say “seen”" in row
    assert "→ Helsinki Foundation for Human Rights" in row


def test_the_list_as_a_file_has_codes_no_word_of_a_person_and_is_audited(office: StaffSite) -> None:
    many(office, 30)
    with office.database.begin() as session:
        session.execute(sa.update(Case).where(Case.label == "T000001").values(owner_name="=cmd|' /C calc'!A0"))
    browser = office.as_("vera")
    page = browser.get("/desk/?urgency=emergency&sort=-waits")
    answer = browser.submit(page, "/desk/queue.csv")
    assert answer.response.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.response.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [line["case"] for line in lines][:25] == labels(page)
    assert {line["urgency"] for line in lines} == {"Emergency"}
    everything = browser.submit(browser.get("/desk/"), "/desk/queue.csv").text
    assert len(everything.splitlines()) == 32
    assert "'=cmd" in everything
    for secret in (STORY, NAME, ADDRESS):
        assert secret not in everything
    with office.database.begin(write=False) as session:
        entries = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "list:exported")).all()
        assert sorted(entry.codes["rows"] for entry in entries) == sorted([len(lines), 31])
        assert {entry.codes["view"] for entry in entries} == {"open"}


def test_the_calendar_shows_the_last_safe_days_of_open_cases(office: StaffSite) -> None:
    label, _receipt = office.file(letter={"kind": "unknown", "received_on": "2026-11-23"})
    closed, _receipt = office.file(letter={"kind": "unknown", "received_on": "2026-11-23"})
    day = office.case(label).last_safe_day
    assert day is not None
    browser = office.as_("vera")
    browser.submit(browser.get(f"/desk/cases/{closed}"), f"/desk/cases/{closed}/close", verb="advise")
    with office.statements() as counted:
        page = browser.get(f"/desk/calendar?from={day}")
    assert len([one for one in counted.seen if not one.startswith("BEGIN")]) <= 3
    assert f"{day:%a} {day.day} {day:%b}" in page.words()
    assert [node.text() for node in page.tree.css(".weeks a")] == [label]
    assert "1 open case has its deadline" in page.words()
    assert label not in office.as_("outsider").get(f"/desk/calendar?from={day}").text
    assert browser.get("/desk/calendar?from=x").status == browser.get("/desk/calendar?from=0001-01-01").status == 404


def test_each_view_is_in_one_group(office: StaffSite) -> None:
    office.file()
    page = office.as_("vera").get("/desk/")
    shown = [str(node.attributes["href"]) for node in page.tree.css("nav.views [role=group] a")]
    assert len(shown) == len(set(shown)) == len(VIEWS)
