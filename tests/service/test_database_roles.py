"""What each database role may do on PostgreSQL, asked of the server itself. The web and API tests run under these roles too."""

from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from app import audit
from app.audit.models import AuditEntry
from app.cases import person_access, shown_numbers, transitions
from app.cases.models import Case, CaseWrap, PartKind, SealedPart
from app.casework import openings, referral_actions, shown_codes
from app.cli.main import app as command
from app.core.db import Base, Database
from app.core.errors import NotFound
from app.intake import receipts
from app.links import codes
from app.operations import database_roles
from app.operations.privileges import PRIVILEGES, SHOWN_CASE_ONLY, DatabaseRole
from app.privacy import service as privacy
from app.referrals import centre_contacts
from app.referrals.actors import ActorRef
from app.referrals.centre_contacts import CentreContact
from app.referrals.models import ContactAnswer
from app.referrals.states import ReferralActor
from app.referrals.ways import ContactMeans
from app.staff.models import Member
from tests.support.databases import as_role
from tests.support.desk import ONE, StaffSite, running

DENIED = "42501"


@pytest.fixture
def office(postgres_database: Database, tmp_path: Path) -> Iterator[StaffSite]:
    with running(postgres_database, tmp_path / "var") as started:
        yield started


def refused(database: Database, statement: str, **values: Any) -> bool:
    """Whether the server refuses this for want of a privilege."""
    with database.engine.connect() as connection:
        try:
            connection.execute(sa.text(statement), values)
        except DBAPIError as problem:
            return getattr(problem.orig, "sqlstate", "") == DENIED
        finally:
            connection.rollback()
    return False


def count(database: Database, what: str) -> int:
    with database.engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {what}").scalar() or 0)


def test_every_table_is_declared() -> None:
    import app.model_registry  # noqa: F401

    assert set(PRIVILEGES) == set(Base.metadata.tables), "say in app/operations/privileges.py who may do what with it"


def test_whoever_can_insert_or_change_is_named_by_letters_of_the_table() -> None:
    for table, rights in PRIVILEGES.items():
        columns = set(Base.metadata.tables[table].columns.keys())
        for role in DatabaseRole:
            assert set(rights.of(role)) <= set("SIUD"), table
            assert set(rights.columns.get(role, "").split()) <= columns, table
    assert {table for table in SHOWN_CASE_ONLY if "case_id" not in Base.metadata.tables[table].columns} == set()


def test_the_persons_pages_see_no_case_but_the_one_whose_number_is_shown(office: StaffSite) -> None:
    _label, mine = office.file()
    office.file(call_me="Somebody else")
    public = as_role(office.database, DatabaseRole.PUBLIC)
    for table in (*SHOWN_CASE_ONLY, "cases"):
        assert count(public, table) == 0, table
    assert count(office.database, "sealed_parts") > 0
    with public.begin() as session:
        opened = person_access.open_by_receipt(session, mine, office.keys, office.time.at)
        assert list(session.scalars(sa.select(Case.id))) == [opened.case.id]
        for model in (SealedPart, CaseWrap):
            assert set(session.scalars(sa.select(model.case_id))) == {opened.case.id}
        assert {part.part for part in person_access.all_parts(session, opened)} >= {PartKind.STORY, PartKind.CONTACT}
    assert count(public, "cases") == 0, "shown for one transaction only"


def test_a_code_of_the_person_shows_its_own_case_and_no_other(office: StaffSite) -> None:
    _label, mine = office.file()
    office.file(call_me="Somebody else")
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, mine, office.keys, office.time.at, lock=True)
        code = shown_codes.make(session, opened, office.keys, shown_codes.prepare(), office.time.at)
    public = as_role(office.database, DatabaseRole.PUBLIC)
    assert count(public, "shown_codes") == 0
    typed, wrong = (shown_codes.typed_code(office.keys, one) for one in (code, codes.new_code()))
    assert typed is not None
    assert wrong is not None
    with public.begin() as session:
        assert not shown_codes.is_good(session, wrong, office.time.at)
    key = typed.key()
    for _ in range(shown_codes.OPENINGS):
        with public.begin() as session:
            assert shown_codes.is_good(session, typed, office.time.at)
            found = shown_codes.open_case(session, office.keys, typed, key, office.time.at)
            assert found is not None
            assert found.case.id == opened.case.id
    with public.begin() as session:
        assert shown_codes.open_case(session, office.keys, typed, key, office.time.at) is None


def spoken_with_centre(office: StaffSite, label: str) -> UUID:
    """A coordinator has asked a centre by phone, and the person has said whether it called; gives the referral."""
    case, contact = office.case(label), uuid4()
    with office.database.begin() as session:
        locked = transitions.locked(session, case.id)
        actor, now = ActorRef(ReferralActor.COORDINATOR, uuid4()), office.time.at
        referral = referral_actions.create(session, office.keys, locked, f"{ONE}/legal-help", by=actor, now=now)
        member = session.scalars(sa.select(Member.id).where(Member.name == "vera")).one()
        centre_contacts.add(session, contact, referral, "asked", ContactMeans.PHONE, member, None, now)
        session.add(ContactAnswer(referral_id=referral.id, about="first_contact", yes=True, at=now))
    return referral.id


def test_what_a_centre_was_told_is_seen_with_its_own_number_alone_and_erased_with_the_case(office: StaffSite) -> None:
    """Erasure needs a right for each table; one that is missing would refuse a person's wish."""
    label, mine = office.file()
    theirs, _number = office.file(call_me="Somebody else")
    first, second = spoken_with_centre(office, label), spoken_with_centre(office, theirs)
    public = as_role(office.database, DatabaseRole.PUBLIC)
    for table in ("centre_contacts", "contact_answers"):
        assert count(public, table) == 0, table
    with public.begin() as session:
        opened = person_access.open_by_receipt(session, mine, office.keys, office.time.at, lock=True)
        for model in (CentreContact, ContactAnswer):
            assert session.scalars(sa.select(model.referral_id)).all() == [first]
        privacy.erase(session, opened.case, actor_kind="person", now=office.time.at)
    for table in ("centre_contacts", "contact_answers"):
        assert count(office.database, f"{table} WHERE referral_id = '{first}'") == 0, table
        assert count(office.database, f"{table} WHERE referral_id = '{second}'") == 1, table


def test_the_newest_tables_give_each_surface_what_it_does_and_no_more(office: StaffSite) -> None:
    changes = {
        DatabaseRole.PUBLIC: ("INSERT INTO appointments DEFAULT VALUES", "UPDATE case_agreements SET case_id = case_id",
                      "INSERT INTO centre_contacts DEFAULT VALUES"),
        DatabaseRole.PARTNER: ("SELECT 1 FROM shown_codes", "DELETE FROM appointments", "UPDATE centre_contacts SET how = how",
                       "UPDATE referral_messages SET seq = seq", "DELETE FROM referral_messages"),
        DatabaseRole.DESK: ("SELECT 1 FROM shown_codes", "DELETE FROM centre_contacts", "UPDATE referral_messages SET seq = seq",
                    "UPDATE case_agreements SET case_id = case_id", "DELETE FROM appointments"),
        DatabaseRole.WORKER: ("INSERT INTO appointments DEFAULT VALUES", "INSERT INTO shown_codes DEFAULT VALUES",
                      "INSERT INTO centre_contacts DEFAULT VALUES"),
    }  # fmt: skip
    for role, statements in changes.items():
        limited = as_role(office.database, role)
        assert [one for one in statements if not refused(limited, one)] == [], role


def test_a_case_cannot_be_held_that_was_not_shown(office: StaffSite) -> None:
    label, _number = office.file()
    public = as_role(office.database, DatabaseRole.PUBLIC)
    with public.begin() as session:
        shown_numbers.hold(session, office.case(label).id)
        assert session.scalars(sa.select(Case.id)).all() == []
        with pytest.raises(NotFound):
            person_access.open_by_receipt(session, receipts.new(), office.keys, office.time.at)


def test_the_persons_pages_read_no_member_no_session_and_no_key_of_a_member(office: StaffSite) -> None:
    public = as_role(office.database, DatabaseRole.PUBLIC)
    for table in (
        "members",
        "sessions",
        "passkeys",
        "key_grants",
        "invitations",
        "proposals",
        "honeytokens",
        "rule_sets",
    ):
        assert refused(public, f"SELECT 1 FROM {table}"), table
    assert refused(public, "SELECT codes FROM audit_log")
    assert refused(public, "SELECT last_error FROM outbox")
    assert refused(public, "SELECT fingerprint FROM case_fingerprints")


def test_the_audit_shows_the_persons_pages_its_last_entry_and_nothing_of_other_cases(office: StaffSite) -> None:
    office.file()
    office.file()
    assert count(office.database, "audit_log") > 1
    assert count(as_role(office.database, DatabaseRole.PUBLIC), "audit_log") == 1


def test_the_audit_shows_a_person_what_organisations_opened_of_their_case_alone(office: StaffSite) -> None:
    label, mine = office.file()
    theirs, _number = office.file(call_me="Somebody else")
    first, second = spoken_with_centre(office, label), spoken_with_centre(office, theirs)
    with office.database.begin() as session:
        for referral in (first, second):
            audit.record(
                session, actor_kind="partner", actor_id="p", action="referral:sealed_opened", subject_kind="referral",
                subject_id=referral, codes={}, now=office.time.at,
            )  # fmt: skip
        audit.record(
            session, actor_kind="system", actor_id="", action="x", subject_kind="x", subject_id="x", codes={},
            now=office.time.at,
        )  # fmt: skip
    with as_role(office.database, DatabaseRole.PUBLIC).begin() as session:
        case = person_access.open_by_receipt(session, mine, office.keys, office.time.at).case
        assert [one.what for one in openings.of_case(session, case.id, UTC)] == ["everything"]
        seen = sa.select(AuditEntry.subject_id).where(AuditEntry.action == "referral:sealed_opened")
        assert session.scalars(seen).all() == [first.hex]


def test_partners_never_see_the_desks_notes_nor_their_key(office: StaffSite) -> None:
    label, _number = office.file()
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}")
    assert page.status == 200
    with office.database.begin() as session:
        case_id = session.scalars(sa.select(Case.id).where(Case.label == label)).one()
        rows = session.execute(sa.select(SealedPart.__table__).where(SealedPart.case_id == case_id)).mappings().all()
        note = {**rows[0], "id": uuid4(), "part": "note", "seq": 1}
        session.execute(sa.insert(SealedPart), [note])
    partner = as_role(office.database, DatabaseRole.PARTNER)
    assert count(office.database, "sealed_parts WHERE part = 'note'") == 1
    assert count(partner, "sealed_parts WHERE part = 'note'") == 0
    assert count(partner, "case_wraps WHERE purpose = 'desk'") == 0
    assert count(partner, "sealed_parts") > 0


@pytest.mark.parametrize("role", list(DatabaseRole))
def test_nobody_but_the_owner_changes_the_schema_or_a_written_audit_entry(
    office: StaffSite, role: DatabaseRole
) -> None:
    office.file()
    limited = as_role(office.database, role)
    for statement in (
        "CREATE TABLE more (id int)",
        "ALTER TABLE cases ADD COLUMN more int",
        "DROP TABLE sessions",
        "TRUNCATE audit_log",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "UPDATE audit_log SET action = 'x'",
        "UPDATE alembic_version SET version_num = '0000'",
        "CREATE ROLE more",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ):
        assert refused(limited, statement), statement
    if role is not DatabaseRole.WORKER:
        assert refused(limited, "DELETE FROM audit_log")


def test_the_worker_deletes_no_audit_entry_younger_than_a_year(office: StaffSite) -> None:
    office.file()
    worker = as_role(office.database, DatabaseRole.WORKER)
    with worker.begin() as session:
        assert session.connection().exec_driver_sql("DELETE FROM audit_log").rowcount == 0
    with office.database.begin() as session:
        assert audit.verify(session) is None
        session.connection().exec_driver_sql("UPDATE audit_log SET at = at - interval '3 years'")
    with worker.begin() as session:
        assert session.connection().exec_driver_sql("DELETE FROM audit_log").rowcount > 0


def test_the_worker_places_audit_entries_and_changes_nothing_that_they_say(office: StaffSite) -> None:
    office.file()
    worker = as_role(office.database, DatabaseRole.WORKER)
    assert refused(worker, "UPDATE audit_log SET action = 'x' WHERE seq < 0")
    for role in (DatabaseRole.PUBLIC, DatabaseRole.PARTNER, DatabaseRole.DESK, DatabaseRole.BACKUP):
        assert refused(as_role(office.database, role), "UPDATE audit_log SET seq = 1"), role
    assert audit.place_all(worker) > 0
    assert (
        refused(worker, "UPDATE audit_log SET seq = -1 WHERE seq = 1") or count(worker, "audit_log WHERE seq < 0") == 0
    )
    with worker.begin() as session:
        taken_away = session.connection().exec_driver_sql("UPDATE audit_log SET hash = prev_hash, seq = seq + 100")
        assert taken_away.rowcount == 0, "a place is given once"
        assert audit.verify(session) is None


def test_a_backup_reads_and_changes_nothing(office: StaffSite) -> None:
    office.file()
    backup = as_role(office.database, DatabaseRole.BACKUP)
    assert count(backup, "sealed_parts") > 0
    for statement in ("DELETE FROM cases", "UPDATE members SET name = 'x'", "SELECT 1 FROM sessions"):
        assert refused(backup, statement), statement


def test_granting_again_changes_nothing_and_a_right_that_was_added_by_hand_goes(office: StaffSite) -> None:
    prefix = _prefix(office.database)
    with office.database.engine.begin() as connection:
        again = database_roles.apply(connection, prefix)
        assert [line for line in again if "POLICY" in line or "ROW LEVEL" in line] == [], "they lock the table"
        connection.exec_driver_sql(f'GRANT SELECT ON members TO "{DatabaseRole.PUBLIC.named(prefix)}"')
        database_roles.apply(connection, prefix)
    assert refused(as_role(office.database, DatabaseRole.PUBLIC), "SELECT 1 FROM members")


def _prefix(database: Database) -> str:
    options = str(as_role(database, DatabaseRole.PUBLIC).url.query["options"])
    return options.removeprefix("-c role=").removesuffix("_public")


def test_the_command_makes_the_roles_and_sets_passwords_that_no_log_shows(
    make_postgres: Callable[[], URL], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = make_postgres()
    prefix = f"{url.database}"
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", url.render_as_string(hide_password=False))
    (tmp_path / "db_password_public").write_text("a-password-of-twenty-letters")
    run = CliRunner().invoke
    assert run(command, ["migrate"]).exit_code == 0
    printed = run(command, ["database", "grants", "--prefix", prefix, "--print"])
    assert "GRANT" in printed.stdout
    database = Database(url.render_as_string(hide_password=False))
    try:
        with database.engine.connect() as connection:
            assert database_roles.existing(connection, prefix) == [], "only printed"
        told = run(command, ["database", "grants", "--prefix", prefix, "--passwords", str(tmp_path)])
        assert told.exit_code == 0, told.output
        assert "twenty" not in told.output
        with database.engine.connect() as connection:
            assert database_roles.existing(connection, prefix) == list(DatabaseRole)
            stored = connection.exec_driver_sql(
                f"SELECT rolpassword FROM pg_authid WHERE rolname = '{prefix}_public'"
            ).scalar()
            assert str(stored).startswith("SCRAM-SHA-256$")
            connection.rollback()
        assert database_roles.renew(database, prefix)
    finally:
        database.dispose()


def test_a_process_says_when_its_role_can_do_too_much(office: StaffSite) -> None:
    with office.database.engine.connect() as connection:
        found = database_roles.strength(connection)
        assert found is not None
        assert found.superuser
        assert found.too_strong
    for role in DatabaseRole:
        with as_role(office.database, role).engine.connect() as connection:
            limited = database_roles.strength(connection)
            assert limited is not None
            assert not limited.too_strong, role
