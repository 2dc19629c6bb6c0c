"""A person files, comes back, writes, and erases. No moment of theirs is anywhere finer than the hour, and little is left."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.core.db import Base, Database
from app.core.ids import named_id
from app.directory.packs import load_packs
from app.messaging import outbox
from app.messaging.models import OutboxMessage
from app.operations.privileges import DatabaseRole
from app.privacy.moments import HOURLY, MOMENTS
from app.settings import Settings
from app.worker import Worker
from tests.support.databases import under
from tests.support.people import CENTRE, Browser, PersonSite, short_form

KEPT = {
    "cases", "case_events", "audit_log", "case_counters", "drafts", "heartbeats", "rule_sets", "match_runs", "form_counts",
    "report_changes",
}  # fmt: skip
"""Where erasure leaves something: codes that name nobody, and what belongs to no case. Rows of match runs lose their content; that
a case has changed stands until the worker has counted its figures again."""


def rows(database: Database) -> dict[str, list[Any]]:
    with database.begin(write=False) as session:
        return {
            table.name: sorted(map(repr, session.execute(sa.select(table)).all()))
            for table in Base.metadata.sorted_tables
        }


def finer_than_the_hour(database: Database) -> set[str]:
    found = set()
    with database.begin(write=False) as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                name = f"{table.name}.{column.name}"
                if MOMENTS.get(name) not in HOURLY:
                    continue
                for at in session.scalars(sa.select(column).where(column.is_not(None))):
                    if (at.minute, at.second, at.microsecond) != (0, 0, 0):
                        found.add(name)
    return found


def at_an_odd_moment(person_site: PersonSite) -> None:
    person_site.time.at = person_site.time.at.replace(minute=37, second=11, microsecond=123456)


def came_back(person_site: PersonSite) -> tuple[Browser, str]:
    number = short_form(person_site.browser(), story="x").number()
    return person_site.browser().open("/ru/return").fill(number=number), number


def test_what_a_person_does_is_nowhere_finer_than_the_hour(person_site: PersonSite) -> None:
    at_an_odd_moment(person_site)
    before = finer_than_the_hour(person_site.database)
    browser, _number = came_back(person_site)
    browser.fill("/message", text="hello")
    assert finer_than_the_hour(person_site.database) == before
    browser.open("/ru/case").fill("/erase", sure="yes")
    assert "/case" not in str(browser.answer.url)
    assert finer_than_the_hour(person_site.database) == before


def test_erasure_leaves_codes_alone(person_site: PersonSite) -> None:
    at_an_odd_moment(person_site)
    before = rows(person_site.database)
    browser, _number = came_back(person_site)
    browser.fill("/message", text="hello")
    assert len(rows(person_site.database)["sealed_responses"]) == 1
    assert rows(person_site.database)["outbox"]
    browser.open("/ru/case").fill("/erase", sure="yes")
    after = rows(person_site.database)
    assert {name for name in after if after[name] != before[name]} <= KEPT
    assert after["outbox"] == after["sealed_responses"] == []


def test_what_was_sent_goes_within_a_day(person_site: PersonSite, tmp_path: Path) -> None:
    at_an_odd_moment(person_site)
    short_form(person_site.browser())
    worker = Worker(
        under(person_site.database, DatabaseRole.WORKER),
        person_site.keys,
        load_packs(),
        Settings(var=tmp_path / "post"),
        person_site.time,
    )
    worker.run_once()
    assert rows(person_site.database)["outbox"], "sent, and still there"
    assert finer_than_the_hour(person_site.database) & {"outbox.created_at", "outbox.done_at"} == set()
    person_site.time.at += outbox.KEPT
    worker.run_once()
    left = rows(person_site.database)
    # That nobody can be told is a problem of the service, noted a day later: it says nothing of a person.
    assert [row for row in left["outbox"] if "problem_urgent" not in row] == left["sealed_responses"] == []


def test_an_organisation_is_still_told_that_an_erased_request_is_over(database: Database) -> None:
    case_id, referral_id, centre = (named_id("organisation", name) for name in ("a", "b", CENTRE))
    common = {"kind": "x", "state": "queued", "attempts": 0}
    from tests.support.partners import START

    with database.begin() as session:
        for about, organisation in ((case_id, None), (referral_id, centre), (referral_id, None), (centre, None)):
            session.add(
                OutboxMessage(
                    about_id=about, organisation_id=organisation, not_before=START, created_at=START, **common
                )
            )
        session.flush()
        outbox.forget(session, case_id, [referral_id])
        left = session.execute(sa.select(OutboxMessage.about_id, OutboxMessage.organisation_id)).all()
        assert {tuple(row) for row in left} == {(referral_id, centre), (centre, None)}


def test_looking_at_ones_page_again_adds_nothing_to_the_audit_within_the_hour(person_site: PersonSite) -> None:
    browser, number = came_back(person_site)

    def looks() -> int:
        with person_site.database.begin(write=False) as session:
            action = AuditEntry.action == "case:opened_by_number"
            return session.scalar(sa.select(sa.func.count()).select_from(AuditEntry).where(action)) or 0

    before = looks()
    for _ in range(5):
        browser.open("/ru/case")
    assert looks() == before == 1
    person_site.time.at += timedelta(hours=1)
    person_site.browser().open("/ru/return").fill(number=number)
    assert looks() == 2
