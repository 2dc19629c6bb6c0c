"""What looks like a machine's is taken like all else, offered to nobody, and looked at by a coordinator."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.cases import queue, queue_queries, spam_screening, transitions
from app.cases.models import Case
from app.cases.states import CaseVerb
from app.casework import auto_offer
from app.core.clock import to_the_hour
from app.core.db import Database
from app.core.errors import Conflict
from app.directory.packs import load_packs
from app.messaging.models import OutboxMessage
from app.privacy import forget_due
from app.referrals.models import Referral
from app.tasks.models import Task
from app.web.person import spam_signals
from app.web.person.spam_signals import SubmissionCounter
from tests.support.partners import START
from tests.support.people import PersonSite, person_site_on, short_form

MEMBER = uuid4()


def one_case(person_site: PersonSite) -> Case:
    with person_site.database.begin(write=False) as session:
        return session.scalars(sa.select(Case)).one()


def fast(person_site: PersonSite) -> Any:
    browser = person_site.browser()
    browser.time = None
    return browser


def test_who_fills_in_what_people_do_not_see_gets_a_number_and_is_held(person_site: PersonSite) -> None:
    assert short_form(person_site.browser(), subject="Buy now").number()
    assert one_case(person_site).held_reason is None, "the trap is on every step, and this field is on none of them"
    browser = person_site.browser().open("/ru/form/2").fill(needs=["asylum"], subject="Buy now")
    for path, said in (("1", {"for_whom": "self"}), ("3", {"country": "PL"}), ("4", {"how_soon": "none"})):
        browser.open(f"/ru/form/{path}").fill(**said)
    browser.open("/ru/form/check").fill()
    assert browser.number()
    with person_site.database.begin(write=False) as session:
        assert session.scalars(sa.select(Case.held_reason).order_by(Case.held_reason)).all() in (
            [None, "trap"],
            ["trap", None],
        )


def test_the_one_page_carries_what_a_machine_filled_in(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/all")
    browser.fill(for_whom="self", needs=["asylum"], country="PL", how_soon="none", subject="Buy now")
    assert browser.fill().number()
    assert one_case(person_site).held_reason == "trap"


@pytest.mark.parametrize("way", ["steps", "page"])
def test_who_is_faster_than_anybody_reads_gets_a_number_and_is_held(person_site: PersonSite, way: str) -> None:
    browser = fast(person_site)
    if way == "steps":
        short_form(browser)
    else:
        browser.open("/ru/form/all").fill(for_whom="self", needs=["asylum"], country="PL", how_soon="none").fill()
    assert browser.number()
    assert one_case(person_site).held_reason == "haste"


def test_a_page_that_was_never_opened_is_no_persons(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/all")
    browser.fill(for_whom="self", needs=["asylum"], country="PL", how_soon="none", begun="1.made-up.0000")
    assert browser.fill().number()
    assert one_case(person_site).held_reason == "haste"


def test_who_takes_their_time_is_not_held(person_site: PersonSite) -> None:
    short_form(person_site.browser())
    assert one_case(person_site).held_reason is None


def test_very_many_from_one_sender_are_held_and_forgotten_with_the_window() -> None:
    crowd = SubmissionCounter()
    assert [crowd.count("198.51.100.7", START)[0] for _ in range(31)] == [False] * 30 + [True]
    assert crowd.count("another", START) == (False, False)
    assert crowd.count("198.51.100.7", START + timedelta(minutes=10)) == (False, False), "a new window knows nobody"
    assert "198.51" not in repr(vars(crowd))


def test_very_many_from_everybody_mark_nobody_and_the_team_is_told() -> None:
    crowd = SubmissionCounter()
    late = [crowd.count(str(n), START) for n in range(301)]
    assert (late[299], late[300]) == ((False, False), (False, True))


def test_without_a_real_sender_there_is_no_limit_for_one() -> None:
    crowd = SubmissionCounter()
    late = [crowd.count(None, START) for _ in range(301)]
    assert (late[299], late[300]) == ((False, False), (True, True))
    assert crowd.count("192.0.2.1", START) == (False, True), "one's own sender is not of that crowd"


def test_a_held_case_is_offered_to_nobody_until_it_is_released(person_site: PersonSite) -> None:
    short_form(fast(person_site))
    context = auto_offer.AutoOfferContext(person_site.keys, load_packs())
    person_site.time.at += timedelta(hours=5)
    with person_site.database.begin() as session:
        assert auto_offer.untaken_cases(session, person_site.time(), 10, after={"PL": timedelta(hours=1)}) == []
        case = session.scalars(sa.select(Case)).one()
        assert auto_offer.offer_to_next(session, case, now=person_site.time(), context=context) == []
        spam_screening.release(session, case, actor_kind="coordinator", actor_id=MEMBER, now=person_site.time())
        assert case.held_reason is None
        assert list(auto_offer.untaken_cases(session, person_site.time(), 10, after={"PL": timedelta(hours=1)})) == [
            case.id
        ]
        assert len(auto_offer.offer_new_case(session, case.id, now=person_site.time(), context=context)) == 1
        assert session.scalars(sa.select(Referral.state)).all() == ["offered"]
        with pytest.raises(Conflict):
            spam_screening.release(session, case, actor_kind="coordinator", actor_id=MEMBER, now=person_site.time())


@pytest.mark.parametrize(
    ("why", "how_soon", "listed"),
    [
        ("trap", "none", False),
        ("crowd", "none", True),
        ("haste", "none", True),
        ("trap", "today", True),
        ("trap", "week", True),
    ],
)
def test_where_a_marked_case_stands(person_site: PersonSite, why: str, how_soon: str, listed: bool) -> None:
    short_form(person_site.browser(), how_soon=how_soon)
    with person_site.database.begin() as session:
        case = session.scalars(sa.select(Case)).one()
        case.held_reason = why
        session.flush()
        today = person_site.time().date()
        rows = queue.page(session, case.team_id, queue_queries.QueueQuery("open"), me=MEMBER, today=today).rows
        counts = queue.counts(session, case.team_id, queue_queries.QueueQuery("open"), me=MEMBER, today=today)
        assert (len(rows), counts["open"], counts["closed"]) == (int(listed), int(listed), 0)
        held = queue.page(session, case.team_id, queue_queries.QueueQuery("possible_spam"), me=MEMBER, today=today).rows
        assert [row.held_reason for row in held] == [why]
        assert counts["possible_spam"] == 1


def test_a_coordinator_who_takes_it_has_looked_at_it(person_site: PersonSite) -> None:
    short_form(fast(person_site))
    with person_site.database.begin() as session:
        case = session.scalars(sa.select(Case)).one()
        transitions.move(session, case, CaseVerb.TAKE, actor_kind="coordinator", actor_id=None, now=person_site.time())
        assert case.held_reason is None


def test_spam_ends_at_once_and_is_forgotten_a_week_later(person_site: PersonSite) -> None:
    browser = fast(person_site)
    number = short_form(browser).number()
    with person_site.database.begin() as session:
        case = session.scalars(sa.select(Case)).one()
        spam_screening.discard(session, case, actor_kind="coordinator", actor_id=MEMBER, now=person_site.time())
    assert one_case(person_site).state == "withdrawn"
    for days, state in ((6, "withdrawn"), (1, "erased")):
        person_site.time.at += timedelta(days=days, hours=1)
        with person_site.database.begin() as session:
            forget_due(session, now=person_site.time(), limit=10)
        assert one_case(person_site).state == state
    assert "We could not find a request" in person_site.browser().open("/en/return").fill(number=number).text


def test_a_held_story_is_not_counted(person_site: PersonSite) -> None:
    short_form(fast(person_site), happened=["search_seizure"], count_me="yes")
    with person_site.database.begin(write=False) as session:
        assert session.execute(sa.text("SELECT count(*) FROM persecution_counts")).scalar() == 0


def test_no_address_is_kept_anywhere(person_site: PersonSite, tmp_path: Path) -> None:
    short_form(person_site.browser())
    assert to_the_hour(person_site.time()) <= person_site.time()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"127.0.0.1" not in path.read_bytes(), path


def form(person_site: PersonSite, sender: str, **more: Any) -> None:
    browser = person_site.browser()
    browser.client.headers["x-forwarded-for"] = sender
    browser.open("/ru/form/all")
    browser.fill(**{"for_whom": "self", "needs": ["asylum"], "country": "PL", "how_soon": "none", **more}).fill()
    assert browser.number()


@pytest.mark.parametrize(("trusted", "marked"), [("127.0.0.1", 2), ("", 0)])
def test_behind_the_proxy_a_run_marks_its_own_sender_and_the_team_is_told(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: str, marked: int
) -> None:
    """The proxy of the tests calls from 127.0.0.1. Where it is not trusted there is no sender, and no limit for one."""
    monkeypatch.setattr(spam_signals, "_LIMIT_PER_SENDER", 1)
    with person_site_on(database, tmp_path / "var", trusted_proxies=trusted) as person_site:
        for _ in range(3):
            form(person_site, "93.184.216.34")
        form(person_site, "8.8.8.8")
        form(person_site, "93.184.216.34, 8.8.4.4")
        with person_site.database.begin(write=False) as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(Case)) == 5
            assert (
                session.scalars(sa.select(Case.held_reason).where(Case.held_reason.is_not(None))).all()
                == ["crowd"] * marked
            )
            told = session.scalars(sa.select(Task.kind).where(Task.kind == "crowd")).all()
            sent = session.scalars(sa.select(OutboxMessage.kind).where(OutboxMessage.kind == "crowd")).all()
            assert (len(told), len(sent)) == ((1, 1) if marked else (0, 0))


@pytest.mark.parametrize("how_soon", ["today", "week"])
def test_what_is_urgent_is_marked_and_the_clock_offers_it(person_site: PersonSite, how_soon: str) -> None:
    short_form(fast(person_site), how_soon=how_soon)
    context = auto_offer.AutoOfferContext(person_site.keys, load_packs())
    with person_site.database.begin() as session:
        case = session.scalars(sa.select(Case)).one()
        assert case.held_reason == "haste"
        after = {"PL": timedelta(0)}
        assert list(auto_offer.untaken_cases(session, person_site.time(), 10, after=after)) == [case.id]
        assert auto_offer.offer_new_case(session, case.id, now=person_site.time(), context=context)
        assert case.held_reason == "haste", "marked until somebody has looked at it"


def test_a_released_case_of_a_crowd_stands_where_it_would_have_stood(person_site: PersonSite) -> None:
    short_form(person_site.browser())
    with person_site.database.begin() as session:
        case = session.scalars(sa.select(Case)).one()
        day = case.due_on
        case.held_reason, case.due_on = "crowd", day + spam_screening.CROWD_DELAY
        session.flush()
        spam_screening.release(session, case, actor_kind="coordinator", actor_id=MEMBER, now=person_site.time())
        assert case.due_on == day
