"""Every table says for how long its rows are kept, and the deletions that it names exist and may delete."""

import app.model_registry  # noqa: F401  every table
from app.cli import lifetimes
from app.core.db import Base
from app.operations.privileges import DELETE_POLICIES, PRIVILEGES, DatabaseRole
from app.privacy.lifetimes import LIFETIMES, Ending
from app.settings import Settings
from app.worker import deletions

HANG_ON_A_CASE = {"cases.id", "referrals.id"}


def hangs_on_a_case() -> set[str]:
    return {
        table.name
        for table in Base.metadata.sorted_tables
        if any(key.target_fullname in HANG_ON_A_CASE for key in table.foreign_keys)
    }


def test_every_table_says_when_its_rows_go() -> None:
    assert set(LIFETIMES) == {table.name for table in Base.metadata.sorted_tables}, "say it in app/privacy/lifetimes.py"


def test_the_page_is_what_the_table_says() -> None:
    page = lifetimes.PAGE.read_text(encoding="utf-8")
    assert page == lifetimes.drawn(page), "run: python -m app.cli.lifetimes"
    assert page.count("\n| `") == len(LIFETIMES)


def test_each_deletion_of_the_worker_is_named_and_nothing_else() -> None:
    named = {name for row in LIFETIMES.values() for name in row.deletions}
    assert named == set(deletions.of(Settings()))
    assert {
        name for name, row in LIFETIMES.items() if row.ending in {Ending.CLOCK, Ending.STUB} and not row.deletions
    } == set()


def test_the_worker_may_delete_what_it_has_to() -> None:
    by_worker = {name for name, row in LIFETIMES.items() if row.ending in {Ending.CLOCK, Ending.CASE, Ending.STUB}}
    assert {name for name in by_worker | hangs_on_a_case() if "D" not in PRIVILEGES[name].worker} == set()


def test_what_hangs_on_a_case_goes_with_it_at_the_latest() -> None:
    unbounded = {name for name in hangs_on_a_case() if LIFETIMES[name].ending in {Ending.STAYS, Ending.WORK}}
    assert unbounded == set()


def test_what_only_grows_may_be_deleted_by_the_worker_only_when_it_is_old() -> None:
    moves = {"audit_log", "case_events", "case_moves", "cases", "referral_events", "referrals"}
    assert {table for table, role in DELETE_POLICIES if role is DatabaseRole.WORKER} == moves
