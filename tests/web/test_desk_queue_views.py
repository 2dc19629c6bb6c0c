"""Ways to look at the queue: by other columns, by how the referrals stand, as one's own views; and who else looks."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.cases import queue, queue_queries
from app.cases.models import Case, SavedView
from app.cases.queue_queries import QueueQuery
from app.cases.queue_views import ORDERS
from tests.support.desk import TWO, StaffSite
from tests.web.test_desk_case import referral_of, referred
from tests.web.test_desk_queue import labels, many, walk
from tests.web.test_desk_undo import act


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_every_column_sorts_both_ways_and_pages_show_each_case_once(office: StaffSite, name: str) -> None:
    many(office, 55)
    browser = office.as_("vera")
    up = [label for page in walk(browser, f"/desk/?sort={name}", "next") for label in page]
    down = [label for page in walk(browser, f"/desk/?sort=-{name}", "next") for label in page]
    assert len(up) == len(set(up)) == 55 + 1  # the copies, and the case that they are copies of
    assert down == up[::-1]
    page = browser.get(f"/desk/?sort=-{name}")
    page = browser.get(str(page.tree.css_first('a[rel="next"]').attributes["href"]))  # type: ignore[union-attr]
    back = walk(browser, str(page.tree.css_first('a[rel="prev"]').attributes["href"]), "prev")  # type: ignore[union-attr]
    assert back == [down[:25]]


def test_the_header_says_the_order_in_force_and_turns_it(office: StaffSite) -> None:
    office.file()
    browser = office.as_("vera")
    page = browser.get("/desk/?sort=waits")
    assert [node.attributes["aria-sort"] for node in page.tree.css("th[aria-sort]")] == ["ascending"]
    turned = page.tree.css_first("th[aria-sort] a").attributes["href"]  # type: ignore[union-attr]
    assert turned == "/desk/?sort=-waits"
    assert browser.get("/desk/?sort=needs").status == 404
    place = queue_queries.Cursor(("x",)).token()
    assert browser.get(f"/desk/?sort=waits&at={place}").status == 400


def test_all_open_begins_with_what_the_desk_has_to_do_and_ends_with_what_others_have(office: StaffSite) -> None:
    """A case that has been with a partner for weeks has the earliest day of review, and stands last all the same."""
    many(office, 8)
    wanted = (
        ("emergency", {"uncovered": True}, 0),
        ("emergency", {"referral_status": "answer"}, 9),
        ("urgent", {"uncovered": True, "referral_status": "work"}, 3),
        ("normal", {"referral_status": "work", "person_wrote": True}, 8),
        ("normal", {"referral_status": "declined"}, 4),
        ("urgent", {"referral_status": "consent"}, 7),
        ("normal", {"referral_status": "work"}, 30),
        ("normal", {"state": "unmet", "uncovered": True}, 29),
    )
    with office.database.begin() as session:
        session.execute(
            sa.update(Case)
            .where(Case.label.not_in([f"T{number:06}" for number in range(8)]))
            .values(snoozed_until=office.time.at.date() + timedelta(days=9))
        )
        for number, (urgency, codes, days_late) in enumerate(wanted):
            session.execute(
                sa.update(Case)
                .where(Case.label == f"T{number:06}")
                .values(
                    urgency=urgency,
                    urgency_rank=["emergency", "urgent", "normal"].index(urgency),
                    due_on=office.time.at.date() - timedelta(days=days_late),
                    waiting_since=office.time.at,
                    snoozed_until=None,
                    **{
                        "uncovered": False,
                        "person_wrote": False,
                        "referral_status": None,
                        "state": "in_review",
                        **codes,
                    },
                )
            )
    browser = office.as_("vera")
    expected = [f"T{number:06}" for number in (0, 1, 2, 3, 4, 5, 6, 7)]
    page = browser.get("/desk/")
    assert labels(page) == expected
    header = page.tree.css_first("th[aria-sort] a")
    assert header is not None
    assert (header.text().split()[0], header.attributes["href"]) == ("Next", "/desk/?sort=-next")
    assert labels(browser.get("/desk/?sort=-next")) == expected[::-1]
    assert labels(browser.get("/desk/?sort=order"))[0] == "T000006", "by the day of review"
    other = page.tree.css_first('nav a[href="/desk/?view=mine"]')
    assert other is not None, "the order of this view is not taken to others"


def test_views_follow_how_the_referrals_stand(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")

    def where() -> set[str]:
        with office.database.begin(write=False) as session:
            case = office.case(label)
            found = queue.counts(session, case.team_id, QueueQuery(), me=case.id, today=office.time.at.date())
        return {name for name in ("consent", "waiting", "declined", "working") if found[name]}

    assert where() == set()
    referred(office, label, browser, TWO)
    assert where() == {"consent"}
    assert label in browser.get("/desk/?view=consent").text
    referred(office, label, browser)
    assert where() == {"waiting"}
    partner = office.as_("partner")
    with office.database.begin(write=False) as session:
        from app.referrals.models import Referral

        offered = session.scalars(sa.select(Referral.label).where(Referral.state == "offered")).one()
    path = f"/partner/referrals/{offered}"
    partner.submit(partner.get(path), f"{path}/accept")
    assert where() == {"working"}
    assert "With a partner" in browser.get("/desk/").words()


def test_after_a_no_the_case_is_among_the_declined_until_somebody_else_is_asked(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser, partner = office.as_("vera"), office.as_("partner")
    referred(office, label, browser)
    path = f"/partner/referrals/{referral_of(office, label).label}"
    assert partner.submit(partner.get(path), f"{path}/decline", reason="out_of_scope").status == 303
    assert labels(browser.get("/desk/?view=declined")) == [label]
    referred(office, label, browser, TWO)
    assert labels(browser.get("/desk/?view=declined")) == []


def test_a_view_of_ones_own_is_made_of_codes_counted_and_nobody_elses(office: StaffSite) -> None:
    office.file()
    office.file(how_soon="today")
    vera, pavel = office.as_("vera"), office.as_("pavel")
    page = vera.get("/desk/?need=asylum&urgency=emergency&sort=-waits")
    kept = vera.submit(page, "/desk/views")
    assert kept.did("view_kept")
    page = vera.get("/desk/")
    own = page.tree.css_first("nav.own a")
    assert own is not None
    assert " ".join(own.text().split()) == "All open · Asylum (protection) · Emergency · Waiting ↓ 1"
    assert page.tree.css_first('form[action="/desk/views"]') is None
    with office.database.begin(write=False) as session:
        row = session.scalars(sa.select(SavedView)).one()
        assert (row.view, row.filters, row.sort) == ("open", {"need": "asylum", "urgency": "emergency"}, "-waits")
    drop = f"/desk/views/{row.id}/drop"
    assert pavel.get("/desk/").tree.css_first("nav.own") is None
    assert pavel.post(drop, pavel.get("/desk/").form("/desk/sign-out")).status == 404
    assert vera.submit(page, drop).did("view_dropped")
    assert vera.get("/desk/").tree.css_first("nav.own") is None


def test_the_queue_costs_the_same_statements_with_every_view_of_ones_own(office: StaffSite) -> None:
    many(office, 30)
    browser = office.as_("vera")
    for number, need in enumerate(
        ("asylum", "housing", "appeals", "detention", "dublin", "children", "gbv", "hrd_journalists")
    ):
        browser.submit(browser.get(f"/desk/?need={need}&view={['open', 'mine'][number % 2]}"), "/desk/views")
    with office.statements() as counted:
        page = browser.get("/desk/?need=asylum&sort=owner")
    assert len(page.tree.css("nav.own a")) == 8
    assert len([one for one in counted.seen if not one.startswith("BEGIN")]) <= 6


def test_a_colleague_who_has_the_case_open_is_named_and_stops_nobody(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera, pavel = office.as_("vera"), office.as_("pavel")
    assert "opened this" not in vera.get(f"/desk/cases/{label}").words()
    office.later(minutes=2)
    assert "vera opened this case 2 min ago." in pavel.get(f"/desk/cases/{label}").words()
    assert "pavel opened this case 0 s ago." in vera.get(f"/desk/cases/{label}").words()
    act(pavel, label, "take")
    office.later(minutes=9)
    assert "vera opened" in pavel.get(f"/desk/cases/{label}").words()
    office.later(minutes=11)
    sofia = office.as_("sofia")
    assert "opened this" not in sofia.get(f"/desk/cases/{label}").words()


def test_the_timeline_tells_who_did_and_read_what_without_a_word_of_it(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    act(browser, label, "note", note="quarrelsome landlord")
    browser.submit(browser.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show")
    page = browser.get(f"/desk/cases/{label}")
    line = " ".join(" ".join(str(node.text()).split()) for node in page.tree.css("ol.timeline li"))
    assert "note added by vera" in line
    assert "story opened by vera" in line
    assert "quarrelsome" not in page.text


@pytest.mark.parametrize("language", ["ru", "ka", "de"])
def test_a_question_stands_ready_in_the_persons_language_and_is_sent_as_it_was_changed(
    office: StaffSite, language: str
) -> None:
    label, _receipt = office.file(language=language)
    browser = office.as_("vera")
    path = f"/desk/cases/{label}"
    page = browser.get(f"{path}/ask?question=region")
    ready = page.form(f"{path}/message")["text"]
    assert ready
    assert ready not in (
        "",
        "In which town or region are you now? Some centres help only in certain places. You do not need to give the street.",
    )
    assert browser.submit(page, f"{path}/message", text=f"{ready} ?").did("sent")
    shown = browser.submit(browser.get(path), f"{path}/show")
    assert f"{ready} ?" in shown.words()
    assert browser.get(f"{path}/ask?question=nothing").status == 404


def test_the_next_step_tells_free_places_and_how_long_an_answer_takes(office: StaffSite) -> None:
    from app.directory.models import ServiceRow
    from app.matching import service_history

    label, _receipt = office.file()
    key = "pl-hfhr/legal-help"
    with office.database.begin() as session:
        service = session.scalars(sa.select(ServiceRow).where(ServiceRow.key == key)).one()
        service.capacity, service.capacity_until = "full", office.time.at.date() + timedelta(days=3)
        service_history.record_answer(session, service.id, timedelta(hours=70))
    words = office.as_("vera").get(f"/desk/cases/{label}").words()
    assert "Full until Fri 27 Nov 2026." in words
    assert "Usually answers in 3 d (1 answer so far)." in words


def test_closed_cases_are_counted_without_owner_or_day(office: StaffSite) -> None:
    label, _receipt = office.file()
    act(office.as_("vera"), label, "close", verb="advise")
    with office.database.begin(write=False) as session:
        team_id = session.scalars(sa.select(Case.team_id)).one()
        found = queue.counts(session, team_id, QueueQuery("closed"), me=team_id, today=office.time.at.date())
    assert (found["closed"], found["open"], found["shown"]) == (1, 0, 1)
