"""Backup and restore, between both kinds of database; and what was erased stays closed once the key has been rotated."""

import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.app_context import migrate
from app.audit.models import AuditEntry
from app.cases import person_access
from app.cases.models import Case, CaseCounter, CaseWrap, SealedPart
from app.casework import filing
from app.core.db import Base, Database
from app.core.errors import NotFound
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair
from app.documents import storage
from app.documents.limits import DocumentLimits
from app.documents.models import DocumentPiece
from app.intake.receipts import Receipt
from app.operations import dump, restored, rotation, sealed_file
from app.operations.dump import NotRestorable
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS
from app.privacy import service as privacy
from app.reporting import kept_figures
from app.staff import invitations
from app.staff.invitations import Invitation, Invitee
from app.staff.models import Member, Proposal, Role
from tests.support.desk import PASSPHRASE, StaffSite, intake, load_packs, running

NO_WAIT = timedelta(0)
AWAY = KeyPair.generate()
LETTER = b"\xff\xd8\xff" + b"zinnober-letter" * 5_000


def taken(office: StaffSite, work: Path) -> bytes:
    sink = io.BytesIO()
    sealed_file.write(sink, AWAY.public, dump.lines(office.database, work))
    return sink.getvalue()


def put_back(database: Database, backup: bytes, pair: KeyPair = AWAY) -> dict[str, int]:
    source = sealed_file.read(io.BytesIO(backup), pair)
    return dump.load(database, source, lambda step: migrate(database, step))


def rows(database: Database) -> dict[str, list[str]]:
    with database.begin(write=False) as session:
        return {
            table.name: sorted(repr([_in_order(value) for value in row]) for row in session.execute(sa.select(table)))
            for table in Base.metadata.sorted_tables
            if table.name not in dump.SHORT_LIVED | dump.DERIVED
        }


def counted(database: Database) -> list[str]:
    """What the tallies of the queue add up to: the database computes them again when the cases come back."""
    kinds = [column for column in CaseCounter.__table__.c if column.name not in {"id", "count", "compacted"}]
    with database.begin(write=False) as session:
        sums = session.execute(sa.select(*kinds, sa.func.sum(CaseCounter.count)).group_by(*kinds))
        return sorted(repr([*row[:-1], int(row[-1])]) for row in sums if row[-1])


def settle(database: Database, *, limit: int) -> int:
    with database.begin() as session:
        return kept_figures.settle(session, limit=limit)


def _in_order(value: object) -> object:
    """PostgreSQL keeps the names of a JSON object in an order of its own."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


def opened_by_number(database: Database, keys: KeyRing, receipt: Receipt, now) -> str | None:
    with database.begin() as session:
        try:
            case = person_access.open_by_receipt(session, receipt, keys, now)
        except Exception:  # noqa: BLE001  unknown, closed: all the same here
            return None
        return next(part.content["story"] for part in person_access.all_parts(session, case) if part.part == "story")


def add_document(office: StaffSite, receipt: Receipt) -> None:
    """A document of the person's, of one page in two pieces."""
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at)
        pages = [LETTER]
        storage.add(
            session, opened.person_key, opened.case.id, pages, DocumentLimits(), author="person", now=office.time.at
        )


def document_by_number(database: Database, keys: KeyRing, receipt: Receipt, now: datetime) -> bytes:
    with database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, keys, now)
        (document,) = storage.of_case(session, opened.case.id)
        return storage.open_page(session, opened.person_key, document, 1)


def test_every_row_comes_back_in_either_kind_of_database(
    database: Database, unmigrated_database: Database, tmp_path: Path
) -> None:
    with running(database, tmp_path / "var") as office:
        _label, receipt = office.file()
        add_document(office, receipt)
        assert office.sign_in("vera").status == 303
        settle(database, limit=1)
        backup = taken(office, tmp_path / "var")
        before = rows(database), counted(database)
        assert all(before[0][name] for name in ("report_figures", "report_cases", "report_changes"))
        counts = put_back(unmigrated_database, backup)
        assert (rows(unmigrated_database), counted(unmigrated_database)) == before
        assert before[1] != []
        assert (counts["cases"], counts["documents"], counts["document_pieces"]) == (1, 1, 2)
        assert document_by_number(unmigrated_database, office.keys, receipt, office.time.at) == LETTER
        with unmigrated_database.begin(write=False) as session:
            assert audit.verify(session) is None
        with unmigrated_database.begin(write=False) as session:
            assert session.scalar(sa.text("SELECT count(*) FROM sessions")) == 0
        assert opened_by_number(unmigrated_database, office.keys, receipt, office.time.at) == "zinnober-story-of-mine"
        with unmigrated_database.begin() as session:  # and life goes on in it
            filing.file_intake(
                session, filing.Intake.model_validate(intake()), keys=office.keys, directory=load_packs(),
                now=office.time.at,
            )  # fmt: skip
        assert len(rows(unmigrated_database)["report_changes"]) > len(before[0]["report_changes"])
        assert not list((tmp_path / "var").glob(".backup.db*")), "no copy is left lying about"


@pytest.mark.parametrize("settled", [False, True])
def test_what_triggers_note_of_restored_rows_is_not_kept_wherever_the_notes_of_the_backup_stand(
    sqlite_database: Database, unmigrated_database: Database, tmp_path: Path, settled: bool
) -> None:
    """Restored notes that stand behind the cases come where triggers have written already; or there are none."""
    with running(sqlite_database, tmp_path / "var") as office:
        office.file()
        settle(sqlite_database, limit=500 if settled else 1)
        before = rows(sqlite_database)
        head, *lines, counts = dump.lines(sqlite_database, tmp_path / "var")
    assert (before["report_changes"] == []) == settled
    lines.sort(key=lambda line: json.loads(line)["t"] == "report_changes")
    dump.load(unmigrated_database, [head, *lines, counts], lambda step: migrate(unmigrated_database, step))
    assert rows(unmigrated_database) == before


def test_a_backup_shows_nothing_and_opens_with_its_own_key_alone(sqlite_database: Database, tmp_path: Path) -> None:
    with running(sqlite_database, tmp_path / "var") as office:
        label, receipt = office.file()
        add_document(office, receipt)
        backup = taken(office, tmp_path / "var")
    assert label.encode() not in backup
    assert b"zinnober-letter" not in backup
    assert PASSPHRASE.encode() not in backup
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    broken = [
        (backup, KeyPair.generate()),
        (backup[:-1], AWAY),
        (backup[:-40] + bytes(40), AWAY),
        (b"PRISTAN-BACKUP-1\n", AWAY),
        (b"", AWAY),
    ]
    for given, pair in broken:
        with pytest.raises((CannotOpen, NotRestorable)):
            put_back(empty, given, pair)
    migrate(empty)
    with empty.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Case)) == 0
    empty.dispose()


def test_what_was_voided_or_stopped_after_the_backup_does_not_come_back_and_who_can_sign_in_is_named(
    sqlite_database: Database, unmigrated_database: Database, tmp_path: Path
) -> None:
    with running(sqlite_database, tmp_path / "var") as office:
        with office.database.begin() as session:
            code = invitations.invite(
                session, office.keys, Invitee("sham", Role.ADMIN), by=None, now=office.time.at
            )  # voided later, in vain if it came back
            for state in ("open", "approved", "declined"):
                session.add(_proposal(session, state, office.time.at))
        plain = list(dump.lines(office.database, tmp_path / "var"))
        head, *others = (json.loads(line) for line in plain)
        assert "invitations" not in head["tables"]
        older = _with_invitations(office.database, head, others)
        dump.load(unmigrated_database, older, lambda step: migrate(unmigrated_database, step))
        with unmigrated_database.begin() as session:
            with pytest.raises(NotFound):
                invitations.find(session, office.keys, code, office.time.at)
            assert sorted(session.scalars(sa.select(Proposal.state))) == ["declined", "expired", "expired"]
            found = restored.note(session, office.time.at + timedelta(hours=1))
        assert "sofia (senior)" in found.members
        assert found.until is not None
        assert found.until <= office.time.at
        with unmigrated_database.begin(write=False) as session:
            noted = sa.select(AuditEntry.actor_kind).where(AuditEntry.action == "recovery:restored")
            assert session.scalars(noted).all() == ["console"]


def _proposal(session: Session, state: str, now: datetime) -> Proposal:
    sofia, admin = (
        session.scalars(sa.select(Member.id).where(Member.name == name)).one() for name in ("sofia", "admin")
    )
    return Proposal(
        id=uuid4(), kind="new_admin", state=state, codes={"name": state}, proposed_by=admin, proposed_at=now,
        decided_by=None if state == "open" else sofia, decided_at=None if state == "open" else now, ready_at=now,
        expires_at=now + timedelta(days=3),
    )  # fmt: skip


def _with_invitations(database: Database, head: Any, others: list[Any]) -> list[bytes]:
    """The same backup as an earlier version made it, which kept invitations."""
    with database.begin(write=False) as session:
        found = [dict(row) for row in session.execute(sa.select(Invitation.__table__)).mappings()]
    rows_of_it = [{"t": "invitations", "r": {name: dump._plain(value) for name, value in row.items()}} for row in found]
    end = others[-1]
    end["counts"]["invitations"] = len(rows_of_it)
    head["tables"].append("invitations")
    return [json.dumps(line).encode() for line in (head, *others[:-1], *rows_of_it, end)]


def test_nothing_is_restored_over_something(sqlite_database: Database, tmp_path: Path) -> None:
    with running(sqlite_database, tmp_path / "var") as office:
        office.file()
        backup = taken(office, tmp_path / "var")
        before = rows(sqlite_database)
        with pytest.raises(NotRestorable, match="not empty"):
            put_back(sqlite_database, backup)
        assert rows(sqlite_database) == before


def test_after_erasing_and_rotating_a_backup_opens_none_of_the_erased(
    database: Database, unmigrated_database: Database, tmp_path: Path
) -> None:
    """With every key that still exists: the key file of today, the persons' numbers, the team's private key."""
    path = tmp_path / "keys.json"
    with running(database, tmp_path / "var") as office:
        office.keys.save(path)
        office.app.state.keys = office.keys = KeyRing.load(path)
        numbers = [office.file()[1] for _ in range(4)]
        for number in numbers:
            add_document(office, number)
        backup = taken(office, tmp_path / "var")
        erased, kept = numbers[:3], numbers[3]
        for receipt in erased:
            with database.begin() as session:
                case = person_access.open_by_receipt(session, receipt, office.keys, office.time.at).case
                privacy.erase(session, case, actor_kind="person", now=office.time.at)
        after: list[bytes] = []
        rotation.rotate(
            database,
            path,
            office.time,
            patience=NO_WAIT,
            sleep=lambda _s: None,
            before_destroying=lambda _ring: after.append(taken(office, tmp_path / "var")),
        )
        put_back(unmigrated_database, backup)
        today = KeyRing.load(path)
        with unmigrated_database.begin(write=False) as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(SealedPart)) >= 12, "the rows are all there"
            assert session.scalar(sa.select(sa.func.count()).select_from(DocumentPiece)) == 8
            values = [
                (one, dict(row))
                for one in ENCRYPTED_COLUMNS
                if one.model in (Case, CaseWrap)
                for row in session.execute(sa.select(one.model.__table__)).mappings()
            ]
        assert len(values) >= 4 + 4 * 4
        opened = 0
        for one, row in values:
            try:
                today.decrypt(bytes(row[one.column]), *one.binding(row))
                opened += 1
            except CannotOpen:
                continue
        assert opened == 0
        assert [opened_by_number(unmigrated_database, today, number, office.time.at) for number in erased] == [None] * 3
        assert opened_by_number(database, today, kept, office.time.at) == "zinnober-story-of-mine", "the living go on"
        fresh = Database(f"sqlite:///{tmp_path / 'fresh.db'}")
        put_back(fresh, after[0])
        assert opened_by_number(fresh, today, kept, office.time.at) == "zinnober-story-of-mine"
        assert document_by_number(fresh, today, kept, office.time.at) == LETTER
        with fresh.begin(write=False) as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(DocumentPiece)) == 2, "none of the erased"
        assert [opened_by_number(fresh, today, number, office.time.at) for number in erased] == [None] * 3
        fresh.dispose()
