"""The audit chain on both databases: written with the act or not at all, and every tampering shows."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.audit.models import AuditEntry
from app.core.db import Database

NOW = datetime(2026, 11, 24, 10, 17, 5, tzinfo=UTC)


def note(session: Session, action: str = "case:read", actor: str = "coordinator") -> None:
    audit.record(
        session, actor_kind=actor, actor_id="m1", action=action, subject_kind="case", subject_id=uuid4(), now=NOW,
        codes={"n": 1},
    )  # fmt: skip


def entries(database: Database) -> list[AuditEntry]:
    with database.begin(write=False) as session:
        return list(session.scalars(sa.select(AuditEntry).order_by(AuditEntry.seq)))


def check(database: Database) -> object:
    with database.begin(write=False) as session:
        return audit.verify(session)


def test_the_chain_holds_over_several_transactions(database: Database) -> None:
    for _ in range(3):
        with database.begin() as session:
            note(session)
            note(session)
    assert [entry.seq for entry in entries(database)] == [1, 2, 3, 4, 5, 6]
    assert check(database) is None


def test_an_act_that_is_rolled_back_leaves_no_entry(database: Database) -> None:
    def fail() -> None:
        with database.begin() as session:
            note(session)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.begin() as session:
        note(session)
    assert len(entries(database)) == 1


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE audit_log SET action = 'case:other' WHERE seq = 2",
        "UPDATE audit_log SET subject_id = 'x' WHERE seq = 2",
        "UPDATE audit_log SET actor_id = 'somebody' WHERE seq = 2",
        "DELETE FROM audit_log WHERE seq = 2",
        "DELETE FROM audit_log WHERE seq = 1",
        "UPDATE audit_log SET seq = 9 WHERE seq = 3",
    ],
)
def test_every_tampering_shows(database: Database, tamper: str) -> None:
    for _ in range(3):
        with database.begin() as session:
            note(session)
    with database.begin() as session:
        session.execute(sa.text(tamper))
    assert check(database) is not None


def test_writers_at_the_same_time_make_one_chain(database: Database) -> None:
    def write() -> None:
        for _ in range(5):
            with database.begin() as session:
                note(session)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(entries(database)) == 20
    assert check(database) is None


def test_what_the_person_did_is_noted_to_the_hour(database: Database) -> None:
    with database.begin() as session:
        note(session, actor="person")
        note(session)
    person, staff = entries(database)
    assert (person.at.minute, person.at.second) == (0, 0)
    assert staff.at == NOW


def test_what_is_older_than_it_is_kept_goes_and_the_chain_holds(database: Database) -> None:
    for _ in range(3):
        with database.begin() as session:
            note(session)
    later = NOW + timedelta(days=800)

    def shorten(before: datetime) -> int:
        with database.begin() as session:
            return audit.shorten(session, before=before, now=later)

    assert shorten(NOW - timedelta(days=1)) == 0
    assert shorten(NOW + timedelta(days=1)) == 2, "the newest stays: the numbers go on from it"
    assert [(entry.seq, entry.action) for entry in entries(database)] == [(3, "case:read"), (4, "audit:shortened")]
    assert check(database) is None
    with database.begin() as session:
        note(session)
    assert check(database) is None
    assert shorten(NOW + timedelta(days=1)) == 1
    assert [entry.seq for entry in entries(database)] == [4, 5, 6]
    assert check(database) is None
    assert shorten(NOW + timedelta(days=1)) == 0, "the entry about it is younger"
    with database.begin() as session:
        session.execute(sa.text("DELETE FROM audit_log WHERE seq = 4"))
    assert check(database) is not None, "cutting it off by hand still shows"


def test_only_whole_batches_of_the_oldest_go(database: Database) -> None:
    for _ in range(5):
        with database.begin() as session:
            note(session)
    with database.begin() as session:
        assert audit.shorten(session, before=NOW + timedelta(days=1), now=NOW + timedelta(days=1), limit=2) == 2
    assert [entry.seq for entry in entries(database)] == [3, 4, 5, 6]
    assert check(database) is None
