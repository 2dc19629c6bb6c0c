"""The lists of the desk and of partners read the rows they show from an index, however many there are.

On twenty thousand made-up cases the database is asked how it would read each list: it scans no whole table, puts no large set
into order, and takes the index that was made for the list. SQLite does not say how many rows it would put into order.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.cases import queue
from app.cases.local_days import LocalDays
from app.cases.models import Case
from app.cases.queue_queries import Filters, QueueQuery
from app.cases.queue_views import DEFAULT_ORDER, ORDERS
from app.casework import case_clocks, today
from app.core.db import Database
from app.directory.packs import load_packs
from app.referrals import change_feed, partner_queries
from app.referrals.partner_queries import ReferralFilter
from app.staff import service as staff
from bench import bulk
from bench.made_up import MOST_ASKED, RARE_LANGUAGE, RARE_NEED, World
from tests.support.cases import START, organisation, set_scene

LARGE: Final = {"cases", "referrals", "feed_events", "case_counters"}
SORTED_AT_MOST: Final = 600  # rows: what a rare filter leaves over is put into order
OF_ORDERS: Final = {
    "order": "queue",
    "label": "label",
    "urgency": "urgency",
    "deadline": "deadline",
    "waits": "waits",
    "country": "country",
    "owner": "owner_name",
    "state": "state",
    "next": "next",
}
OF_VIEWS: Final = {
    "open": "next",
    "new": "state",
    "mine": "owner",
    "due": "queue",
    "overdue": "queue",
    "review": "state",
    "waiting": "referral_status",
    "declined": "referral_status",
    "working": "referral_status",
    "answered": "wrote",
    "unmet": "state",
    "snoozed": "snoozed",
    "closed": "closed",
}


def loaded(database: Database) -> World:
    scene, packs = set_scene(database), load_packs()
    with scene.write() as session:
        member = staff.add_member(session, scene.keys, "m", staff.Role.ADMIN, "a long passphrase 17", START).member
        team_id = staff.team_for(session, "PL")
    assert team_id is not None
    world = World.of(team_id, {member.id: member.name}, packs, START)
    bulk.fill(database, world, range(20_000))
    return world


def lists(world: World) -> Iterator[tuple[str, str, Callable[[Session], Any]]]:
    """Each with the index that it is meant to be read from."""
    now = {"me": next(iter(world.members)), "today": START.date()}

    def page(look: QueueQuery, *, then: bool = False) -> Callable[[Session], Any]:
        def read(session: Session) -> Any:
            first = queue.page(session, world.team_id, look, **now)
            return queue.page(session, world.team_id, look, cursor=first.after, **now) if then else first

        return read

    for view, index in OF_VIEWS.items():
        yield view, f"ix_cases_{index}", page(QueueQuery(view))
    for order, index in OF_ORDERS.items():
        for down in (False, True):
            yield f"by {order}, {down}", f"ix_cases_{index}", page(QueueQuery(sort=order, descending=down))
            yield (
                f"by {order}, {down}, second page",
                f"ix_cases_{index}",
                page(QueueQuery(sort=order, descending=down), then=True),
            )
        closed = "ix_cases_closed" if order == DEFAULT_ORDER else f"ix_cases_closed_{index}"
        yield f"closed by {order}", closed, page(QueueQuery("closed", sort=order))
    yield "a need", "ix_cases_needs", page(QueueQuery(filters=Filters(need=RARE_NEED)))
    yield "a language", "ix_cases_languages", page(QueueQuery(filters=Filters(language=RARE_LANGUAGE)))
    yield "a need, closed", "ix_cases_closed_needs", page(QueueQuery("closed", Filters(need=RARE_NEED)))
    yield "a language, closed", "ix_cases_closed_languages", page(QueueQuery("closed", Filters(language=RARE_LANGUAGE)))
    yield "a country", "ix_cases_next", page(QueueQuery(filters=Filters(country="LT")))
    yield "an urgency", "ix_cases_next", page(QueueQuery(filters=Filters(urgency="emergency")))
    by_day = QueueQuery(filters=Filters(country="LT"), sort=DEFAULT_ORDER)
    yield "a country by the day of review", "ix_cases_country", page(by_day)
    yield "today", "ix_cases_uncovered_urgency", lambda session: excerpts(session, world, now)
    beside = {"beside": case_clocks.LIVE_REFERRALS}
    yield (
        "with referrals",
        "ix_cases_next",
        lambda session: queue.page(session, world.team_id, QueueQuery(), **now, **beside),
    )
    offers = partial(today.ending_offers, team_id=world.team_id, now=START, me=now["me"])
    yield "today, offers", "ix_referrals_expires", offers
    yield "counts", "ix_case_counters_kind", lambda session: queue.counts(session, world.team_id, QueueQuery(), **now)

    def pull(wanted: ReferralFilter, **place: Any) -> Callable[[Session], Any]:
        return lambda session: partner_queries.page(
            session, organisation(MOST_ASKED), wanted, after=place.get("after"), limit=place.get("limit", 100)
        )

    yield "pull", "ix_referrals_partner", pull(ReferralFilter())
    yield "pull, since", "ix_referrals_partner", pull(ReferralFilter(updated_since=START))
    yield "pull, a state", "ix_referrals_state", pull(ReferralFilter(states=("acknowledged",)), limit=25)
    yield (
        "feed",
        "ix_feed_events_reader",
        lambda session: change_feed.read_events(session, organisation(MOST_ASKED), 5_000, 1_000),
    )
    yield "feed, nothing to place", "ix_feed_events_new", change_feed.has_unplaced


def excerpts(session: Session, world: World, now: dict[str, Any]) -> Any:
    days = LocalDays.everywhere(now["today"])
    return queue.excerpts(
        session, world.team_id, today.LISTS, me=now["me"], today=days, beside=case_clocks.LIVE_REFERRALS
    )


def explained(session: Session, read: Callable[[Session], Any], how: str) -> sa.CursorResult[Any]:
    """What the database says about the last statement of `read`."""
    asked: list[tuple[str, Any]] = []
    connection = session.connection()

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_rest: Any) -> None:
        asked.append((statement, given))

    event.listen(connection, "before_cursor_execute", note)
    read(session)
    event.remove(connection, "before_cursor_execute", note)
    statement, given = asked[-1]
    return connection.exec_driver_sql(f"{how} {statement}", given)


def plan_of(session: Session, read: Callable[[Session], Any]) -> list[dict[str, Any]]:
    """The steps in which PostgreSQL carries out the last statement of `read`."""
    plan = explained(session, read, "EXPLAIN (FORMAT JSON)").scalar_one()
    return list(steps((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from steps(part)


def wrong_with(plan: list[dict[str, Any]], index: str) -> list[str]:
    scanned = [step["Relation Name"] for step in plan if step["Node Type"] == "Seq Scan"]
    put_in_order = [step["Plan Rows"] for step in plan if step["Node Type"] in {"Sort", "Incremental Sort"}]
    found = {step["Index Name"] for step in plan if "Index Name" in step}
    return [
        *(f"scans {name}" for name in scanned if name in LARGE),
        *(f"sorts {rows}" for rows in put_in_order if rows > SORTED_AT_MOST),
        *([] if index in found else [f"reads {sorted(found)} and not {index}"]),
    ]


def test_every_list_reads_its_index_and_no_whole_table(postgres_database: Database) -> None:
    assert set(OF_ORDERS) == set(ORDERS)
    world, wrong = loaded(postgres_database), {}
    with postgres_database.begin(write=False) as session:
        for name, index, read in lists(world):
            if found := wrong_with(plan_of(session, read), index):
                wrong[name] = found
    assert wrong == {}


def test_a_list_whose_index_is_gone_is_seen(postgres_database: Database) -> None:
    world = loaded(postgres_database)
    for gone, name in (("ix_cases_waits", "by waits, False"), ("ix_referrals_state", "pull, a state")):
        read, index = next((read, index) for called, index, read in lists(world) if called == name)
        with postgres_database.session() as session:
            session.execute(sa.text(f"DROP INDEX {gone}"))
            assert wrong_with(plan_of(session, read), index)
            session.rollback()


def sqlite_steps(session: Session, read: Callable[[Session], Any]) -> list[str]:
    """The steps in which SQLite carries out the last statement of `read`, in its own words."""
    return [str(row[3]) for row in explained(session, read, "EXPLAIN QUERY PLAN")]


OF_SQLITE: Final = {
    # There is no index of JSON lists: these read the list of their order until they have enough.
    "a need": "ix_cases_next",
    "a language": "ix_cases_next",
    "a need, closed": "ix_cases_closed",
    "a language, closed": "ix_cases_closed",
    # One member has all cases here.
    "mine": "ix_cases_queue",
    "feed, nothing to place": "sqlite_autoindex_feed_events_2",
}


def test_every_list_reads_an_index_on_sqlite_too(sqlite_database: Database) -> None:
    world, wrong = loaded(sqlite_database), {}
    whole = tuple(f"SCAN {table}" for table in sorted(LARGE))
    with sqlite_database.begin(write=False) as session:
        for name, index, read in lists(world):
            plan = sqlite_steps(session, read)
            scanned = [step for step in plan if step.startswith(whole)]
            if scanned or not any(f"INDEX {OF_SQLITE.get(name, index)} " in f"{step} " for step in plan):
                wrong[name] = scanned or plan
    assert wrong == {}


def test_a_flag_stands_in_a_condition_as_in_its_index(sqlite_database: Database) -> None:
    with sqlite_database.begin(write=False) as session:
        for flag, written in (
            (Case.restricted, "WHERE cases.restricted"),
            (~Case.restricted, "WHERE NOT cases.restricted"),
        ):
            asked = str(sa.select(Case.id).where(flag).compile(session.get_bind()))
            assert asked.endswith(written)
