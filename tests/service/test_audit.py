"""The audit chain on both databases: written with the act or not at all, and every tampering shows."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import audit
from app.audit import queries, service, witness
from app.audit.models import AuditEntry
from app.audit.queries import EntryFilter
from app.core.db import Database

NOW = datetime(2026, 11, 24, 10, 17, 5, tzinfo=UTC)


def note(session: Session, action: str = "case:read", actor: str = "coordinator") -> None:
    audit.record(
        session, actor_kind=actor, actor_id="m1", action=action, subject_kind="case", subject_id=uuid4(), now=NOW,
        codes={"n": 1},
    )  # fmt: skip


def entries(database: Database) -> list[AuditEntry]:
    """All of them, placed."""
    audit.place_all(database)
    with database.begin(write=False) as session:
        return list(session.scalars(sa.select(AuditEntry).order_by(AuditEntry.seq)))


def check(database: Database) -> object:
    audit.place_all(database)
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
    audit.place_all(database)
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
        audit.place_all(database)
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
    audit.place_all(database)
    with database.begin() as session:
        assert audit.shorten(session, before=NOW + timedelta(days=1), now=NOW + timedelta(days=1), limit=2) == 2
    assert [entry.seq for entry in entries(database)] == [3, 4, 5, 6]
    assert check(database) is None


# --- PostgreSQL: an entry is committed with its act, and placed afterwards --------------------------------------------


def written(session: Session) -> None:
    """What happens just before a commit, which this transaction then does not come to: its process is paused."""
    note(session)
    service._write(session)


def lasting(work: Callable[[], object]) -> bool:
    """Whether this work ends by itself. The test's own statements wait for a lock for 2 s at most; time is no condition."""
    try:
        work()
    except OperationalError:
        return False
    return True


def test_a_process_paused_at_its_commit_stops_nobody(postgres_database: Database) -> None:
    database = postgres_database

    def commit(waiting_at_most: str = "2s") -> None:
        with database.begin() as session:
            session.execute(sa.text(f"SET LOCAL lock_timeout = '{waiting_at_most}'"))
            session.execute(sa.text(f"SET LOCAL statement_timeout = '{waiting_at_most}'"))
            note(session)

    with database.session() as paused:
        written(paused)
        assert lasting(commit), "another process commits its audited act"
        assert audit.place_all(database) == 1, "and it gets its place"
        paused.commit()
    assert [entry.seq for entry in entries(database)] == [1, 2]
    assert check(database) is None
    with database.session() as placing:
        note(placing)
        placing.commit()
        assert service.place(placing) == 1
        assert lasting(commit), "whoever is paused while it gives places stops nobody either"
        assert audit.place_all(database) == 0, "the next does not wait for it"
        placing.rollback()
    assert audit.place_all(database) == 2
    assert check(database) is None


def test_an_entry_is_read_with_its_act_and_verified_once_it_is_placed(postgres_database: Database) -> None:
    database = postgres_database
    for _ in range(3):
        with database.begin() as session:
            note(session)
    with database.begin() as session:
        assert audit.examine(session) == service.Examination(None, 0, 3, NOW, 0)
        page = queries.page(session, EntryFilter(), limit=2)
        assert [entry.is_placed for entry in page.entries] == [False, False]
        assert page.older_than is not None
        rest = queries.page(session, EntryFilter(), older_than=page.older_than, limit=2)
        assert len(rest.entries) == 1
        assert witness.take(session, Ed25519PrivateKey.generate(), NOW) is None
    assert audit.place_all(database) == 3
    with database.begin() as session:
        note(session, action="case:newest")
    with database.begin(write=False) as session:
        assert audit.examine(session) == service.Examination(None, 3, 1, NOW, 0)
        actions = [(entry.action, entry.is_placed) for entry in queries.page(session, EntryFilter()).entries]
        assert actions == [("case:newest", False), *[("case:read", True)] * 3]
        assert [entry.action for entry in queries.all_entries(session, EntryFilter())][-1] == "case:newest"
        older = queries.page(session, EntryFilter(), older_than=3)
        assert [entry.seq for entry in older.entries] == [2, 1]


def test_an_entry_removed_before_it_was_placed_leaves_its_number(postgres_database: Database) -> None:
    """And one whose place was taken away shows in the chain."""
    database = postgres_database
    for _ in range(4):
        with database.begin() as session:
            note(session)
    with database.begin() as session:
        session.execute(sa.text("DELETE FROM audit_log WHERE seq = (SELECT min(seq) + 1 FROM audit_log)"))
    assert audit.place_all(database) == 3
    with database.begin() as session:
        assert audit.examine(session).unused == 1
        session.execute(sa.text("UPDATE audit_log SET arrival = arrival - 1 WHERE arrival > 1"))
        assert audit.verify(session) is not None, "to close the gap the hashes have to be made again"
        session.rollback()
    with database.begin() as session:
        note(session)
    with database.begin() as session:
        session.execute(sa.text("DELETE FROM audit_log WHERE seq < 0"))
        assert audit.examine(session).unused == 2, "the newest too"
        session.execute(sa.text("UPDATE audit_log SET seq = -seq WHERE seq = 3"))
        assert audit.verify(session) is None
        assert audit.examine(session).waiting == 1, "a place taken away from the end is an entry that waits"
        session.execute(sa.text("UPDATE audit_log SET seq = -seq WHERE seq = 1"))
        assert audit.verify(session) is not None


def test_a_transaction_that_commits_late_is_placed_late_and_is_no_gap(postgres_database: Database) -> None:
    database = postgres_database
    with database.begin() as session:
        note(session)
    with database.session() as late:
        written(late)
        with database.begin() as session:
            note(session)
        assert audit.place_all(database) == 2
        late.commit()
    assert audit.place_all(database) == 1
    with database.begin(write=False) as session:
        assert audit.examine(session) == service.Examination(None, 3, 0, None, 0)
    assert [entry.arrival for entry in entries(database)] == [1, 3, 2]


def test_the_version_before_goes_on_with_the_chain(postgres_database: Database) -> None:
    """It takes the place after the last one as it writes; entries that wait are below the first place for it."""
    database = postgres_database
    with database.begin() as session:
        note(session)
    audit.place_all(database)
    with database.begin() as session:
        note(session)
    with database.begin() as session:
        head = session.execute(sa.text("SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1")).one()
        row = {
            "at": NOW, "actor_kind": "coordinator", "actor_id": "m1", "action": "case:read", "subject_kind": "case",
            "subject_id": "x", "codes": {}, "arrival": None, "seq": head.seq + 1, "prev_hash": head.hash,
        }  # fmt: skip
        session.execute(sa.insert(AuditEntry), [{**row, "hash": service._digest(row)}])
    assert [entry.arrival for entry in entries(database)] == [1, None, 2]
    assert check(database) is None
