"""The marks by which duplicates are found need the team's key (docs/decisions/0216): who can make them, and what undoes them."""

import hmac
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.cases import duplicate_detection, person_access
from app.cases.duplicate_detection import ComparisonKey
from app.cases.models import Case, CaseFingerprint, CaseWrap, SealedPart
from app.casework import comparisons, corrections, openings, search
from app.core import sealing
from app.core.db import Database
from app.core.errors import NotAllowed
from app.core.keyholders import KeyGrant, SealingKey
from app.core.sealing import KeyPair
from app.directory.packs import load_packs
from app.intake.receipts import Receipt
from app.intake.schemas import Intake
from app.operations import team_keys
from app.operations.root_uses import ROOT_USES
from app.privacy import service as privacy
from app.staff.read_quotas import ReadCount
from app.worker import deletions
from tests.service.test_restricted_cases import desk_of, restrict
from tests.support.desk import StaffSite, intake, running

PHONE = "+48 512 345 678"
OF_ELENA: dict[str, Any] = {"call_me": "Елена Смирнова", "answer_by": {"channel": "phone", "address": PHONE}}
OTHER: dict[str, Any] = {"call_me": "Пётр Иванов", "answer_by": {"channel": "telegram", "address": "@filin_7"}}


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[StaffSite]:
    with running(database, tmp_path / "var") as started:
        yield started


def compare(office: StaffSite, who: str = "vera", **rest: Any) -> int:
    with office.database.begin() as session:
        return comparisons.compare_new(session, desk_of(office, who), **rest)


def fingerprints(office: StaffSite, label: str = "") -> list[CaseFingerprint]:
    with office.database.begin(write=False) as session:
        query = sa.select(CaseFingerprint)
        rows = session.scalars(query.where(CaseFingerprint.case_id == office.case(label).id) if label else query).all()
        session.expunge_all()
        return list(rows)


def correct(office: StaffSite, receipt: Receipt, **answers: Any) -> None:
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at, lock=True)
        given = Intake.model_validate(intake(**answers))
        corrections.correct(session, opened, given, keys=office.keys, directory=load_packs(), now=office.time.at)


def alike(office: StaffSite, label: str, who: str = "vera") -> list[str]:
    with office.database.begin(write=False) as session:
        me = desk_of(office, who).member.member_id
        return [one.label for one in duplicate_detection.possible_duplicates(session, office.case(label), me=me)]


def team_key(office: StaffSite) -> tuple[UUID, KeyPair]:
    with office.database.begin(write=False) as session:
        held = desk_of(office, "vera").member.keys_of(session)
        active = sa.select(SealingKey.id).where(SealingKey.active, SealingKey.id.in_(held))
        key_id = session.scalars(active).one()
        return key_id, held[key_id]


def test_a_thief_with_database_and_key_file_tries_the_right_number_in_vain(office: StaffSite) -> None:
    """The thief has every row, the epoch key and the root. Each key that they can have is tried in each way that we MAC."""
    label, _receipt = office.file(**OF_ELENA)
    assert compare(office) == 1
    rows = fingerprints(office)
    stolen = {office.keys.decrypt_deterministically(row.fingerprint, *duplicate_detection.BINDING) for row in rows}
    guessed = [one.canonical() for one in duplicate_detection.identifiers_in(OF_ELENA, "PL")]
    case = office.case(label)
    purposes = {duplicate_detection.PURPOSE, "likeness:1", *(use.purpose.removeprefix("mac:") for use in ROOT_USES)}
    with office.database.begin(write=False) as session:
        seen = [value for row in session.execute(sa.select(SealingKey.__table__)) for value in row]
        seen += [value for row in session.execute(sa.select(KeyGrant.__table__)) for value in row]
        seen += [value for row in session.execute(sa.select(CaseWrap.__table__)) for value in row]
    raw = [one.bytes if isinstance(one, UUID) else one for one in seen if isinstance(one, UUID | bytes)]
    secrets = [*raw, *(sealing.derive(one, duplicate_detection.PURPOSE) for one in raw)]
    secrets += [office.keys.derive(form) for purpose in purposes for form in (purpose, f"mac:{purpose}")]
    tried = set()
    for secret, identifier in itertools.product(secrets, guessed):
        by = ComparisonKey(case.team_id, UUID(int=1), secret)
        tried.add(plain(office, by, identifier))
        tried.add(hmac.digest(secret, identifier, "sha256"))
    assert len(tried) > 100
    assert not tried & stolen
    by = ComparisonKey.of(case.team_id, *team_key(office))
    assert {plain(office, by, identifier) for identifier in guessed} == stolen, "the team's key makes them"


def plain(office: StaffSite, by: ComparisonKey, canonical: bytes) -> bytes:
    """What the thief compares: the mark without its envelope, for which they have the key."""

    class Guess:
        def canonical(self) -> bytes:
            return canonical

    envelope = by.fingerprint(office.keys, Guess())  # type: ignore[arg-type]
    return office.keys.decrypt_deterministically(envelope, *duplicate_detection.BINDING)


def test_a_batch_is_one_row_of_the_audit_no_read_and_no_opening(office: StaffSite) -> None:
    labels = [office.file(**OF_ELENA)[0] for _ in range(3)]
    assert fingerprints(office) == [], "filing holds no team's key"
    assert compare(office) == 3
    assert compare(office) == 0
    with office.database.begin(write=False) as session:
        rows = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "cases:compared")).all()
        assert [(row.subject_kind, row.codes) for row in rows] == [("team", {"cases": 3})]
        assert session.scalars(sa.select(ReadCount)).all() == []
        for label in labels:
            assert openings.of_case(session, office.case(label).id, office.time.at.tzinfo) == []  # type: ignore[arg-type]
    assert set(alike(office, labels[0])) == set(labels[1:])


def test_one_batch_asks_the_database_no_more_often_for_many_cases(office: StaffSite) -> None:
    office.file(**OF_ELENA)
    with office.statements() as one:
        assert compare(office) == 1
    for _ in range(6):
        office.file(**OTHER)
    with office.statements() as many:
        assert compare(office) == 6
    assert many.count == one.count


def test_the_case_that_is_opened_comes_first_and_then_the_newest(office: StaffSite) -> None:
    labels = []
    for _ in range(4):
        labels.append(office.file(**OF_ELENA)[0])
        office.later(hours=1)
    assert compare(office, at_most=2, first=labels[0]) == 2
    assert [bool(fingerprints(office, label)) for label in labels] == [True, False, False, True]


def test_what_cannot_be_opened_stops_nobody_and_is_not_tried_again(office: StaffSite) -> None:
    damaged, gone, sound = (office.file(**OF_ELENA)[0] for _ in range(3))
    with office.database.begin() as session:
        contact = SealedPart.part == "contact"
        of = {label: office.case(label).id for label in (damaged, gone)}
        wrong = sa.update(SealedPart).where(SealedPart.case_id == of[damaged], contact)
        session.execute(wrong.values(ciphertext=bytes(300)))
        session.execute(sa.delete(SealedPart).where(SealedPart.case_id == of[gone], contact))
    assert compare(office) == 3
    assert {row.case_id for row in fingerprints(office)} == {office.case(sound).id}
    with office.database.begin(write=False) as session:
        codes = session.scalars(sa.select(AuditEntry.codes).where(AuditEntry.action == "cases:compared")).all()
    assert list(codes) == [{"cases": 3, "unreadable": 1}]
    assert compare(office) == 0


def test_without_the_teams_present_key_nothing_is_compared_and_another_member_does_it(office: StaffSite) -> None:
    label, _receipt = office.file(**OF_ELENA)
    with office.database.begin() as session:
        vera = desk_of(office, "vera").member.key_id
        session.execute(sa.delete(KeyGrant).where(KeyGrant.holder_key_id == vera))
    assert compare(office) == 0
    assert office.as_("vera").get("/desk/today").status == 200
    assert "Not all cases of your team have been compared yet" in office.as_("vera").get(f"/desk/cases/{label}").words()
    page = office.as_("vera").get("/desk/search")
    assert office.as_("vera").submit(page, "/desk/search/caller", caller=PHONE).status in {403, 409}
    assert compare(office, "pavel") == 1


def test_a_caller_is_told_how_many_cases_are_not_compared_yet(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        office.file(**OF_ELENA)
    vera = office.as_("vera")
    page = vera.get("/desk/search")
    with monkeypatch.context() as patched:
        patched.setattr(comparisons, "compare_new", lambda *_args, **_named: 0)
        assert (
            "3 cases of your team have not been compared yet"
            in vera.submit(page, "/desk/search/caller", caller=PHONE).words()
        )
    found = vera.submit(page, "/desk/search/caller", caller=PHONE)
    assert "not been compared yet" not in found.words()
    assert len(found.tree.css('#t-caller ~ div li a[href^="/desk/cases/"]')) == 3


def test_a_correction_of_the_contact_undoes_the_marks_and_one_of_a_letter_does_not(office: StaffSite) -> None:
    label, receipt = office.file(**OF_ELENA)
    compare(office)
    before = {row.fingerprint for row in fingerprints(office)}
    correct(office, receipt, **OF_ELENA, letter={"kind": "unknown"})
    assert {row.fingerprint for row in fingerprints(office)} == before
    correct(office, receipt, **OTHER)
    assert fingerprints(office) == []
    assert office.case(label).compared_with is None
    assert compare(office) == 1
    assert not before & {row.fingerprint for row in fingerprints(office)}


def test_a_restricted_case_is_compared_when_a_named_member_opens_it(office: StaffSite) -> None:
    first, _receipt = office.file(**OF_ELENA)
    label, receipt = office.file(**OF_ELENA)
    restrict(office, label, "sofia", "vera")
    assert compare(office, "pavel") == 1
    correct(office, receipt, **OF_ELENA, story="another")
    assert office.case(label).compared_with is None
    sofia = office.as_("sofia")
    page = sofia.get(f"/desk/cases/{label}")
    assert "a restricted case is compared when a named member opens it" in page.words()
    assert fingerprints(office, label) == []
    opened = sofia.submit(page, f"/desk/cases/{label}/show")
    assert "have been compared yet" not in opened.words()
    assert alike(office, label, "sofia") == [first]
    assert alike(office, first, "sofia") == [label]
    assert alike(office, first, "pavel") == []


def test_a_rotation_of_the_teams_key_undoes_the_former_marks(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _receipt = office.file(**OF_ELENA)
    second, _receipt = office.file(**OF_ELENA)
    compare(office)
    former_id, former = team_key(office)
    team_id = office.case(first).team_id
    monkeypatch.setattr(team_keys, "FINGERPRINTS", 2)
    team_keys.rotate(
        office.database,
        office.keys,
        team_id,
        {former_id: former.seed},
        lambda: office.time.at,
        sleep=lambda _seconds: None,
    )
    assert fingerprints(office) == []
    assert compare(office) == 2
    assert alike(office, first) == [second]
    by = ComparisonKey.of(team_id, former_id, former)
    guessed = {by.fingerprint(office.keys, one) for one in duplicate_detection.identifiers_in(OF_ELENA, "PL")}
    assert not guessed & {row.fingerprint for row in fingerprints(office)}, "who left tries nothing on a newer copy"


def test_a_rotation_does_not_end_while_a_former_mark_is_left(office: StaffSite) -> None:
    office.file(**OF_ELENA)
    compare(office)
    former_id, former = team_key(office)
    team_id = desk_of(office, "vera").team_id
    with office.database.begin() as session:
        team_keys.begin(session, team_id, {former_id: former.seed}, office.time.at)
    team_keys.rewrap_cases(office.database, office.keys, team_id, {former_id: former.seed})
    with office.database.begin() as session:
        assert team_keys.end(session, team_id, office.time.at) == 0
    assert team_keys.drop_fingerprints(office.database, team_id) == 1
    with office.database.begin() as session:
        assert team_keys.end(session, team_id, office.time.at) > 0


def test_the_worker_deletes_what_the_version_before_made(office: StaffSite) -> None:
    """Also a mark that a process of that version writes for a case that was compared already."""
    labels = [office.file(**OF_ELENA)[0] for _ in range(3)]
    compare(office)
    with office.database.begin() as session:
        session.execute(sa.update(CaseFingerprint).values(key_id=None))
    delete = deletions.of(office.app.state.settings)["former fingerprints"]
    with office.database.begin() as session:
        assert [delete(session, office.time.at, 2) for _ in range(3)] == [2, 1, 0]
    assert fingerprints(office) == []
    assert {office.case(label).compared_with for label in labels} == {None}
    assert compare(office) == 3


def test_an_erased_case_keeps_no_mark_and_waits_for_nobody(office: StaffSite) -> None:
    label, _receipt = office.file(**OF_ELENA)
    compare(office)
    waiting, _receipt = office.file(**OF_ELENA)
    with office.database.begin() as session:
        for one in (label, waiting):
            case = session.get_one(Case, office.case(one).id)
            privacy.erase(session, case, actor_kind="person", now=office.time.at)
    assert fingerprints(office) == []
    assert compare(office) == 0
    with office.database.begin(write=False) as session:
        desk = desk_of(office, "vera")
        assert duplicate_detection.count_waiting(session, desk.team_id, desk.member.member_id) == 0


# --- two at once, on PostgreSQL: SQLite has one writer ---------------------------------------------------------------


def test_two_members_share_the_work_and_neither_waits(office: StaffSite) -> None:
    if office.database.dialect == "sqlite":
        assert office.database.writer_lock is not None
        return
    labels = [office.file(**OF_ELENA)[0] for _ in range(4)]
    with office.database.begin() as first:
        assert comparisons.compare_new(first, desk_of(office, "vera"), at_most=2) == 2
        assert compare(office, "pavel") == 2
    assert {len(fingerprints(office, label)) for label in labels} == {3}
    assert compare(office) == 0


def test_a_correction_between_reading_and_writing_wins(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person's transaction begins while the contacts have been read and the marks are not written yet."""
    label, receipt = office.file(**OF_ELENA)
    real = duplicate_detection.replace_fingerprints

    def slow(*args: Any) -> None:
        person = threading.Thread(target=lambda: correct(office, receipt, **OTHER))
        person.start()
        person.join(0.5)  # it waits for the case's row; nothing fails if it does not come so far
        threads.append(person)
        real(*args)

    threads: list[threading.Thread] = []
    monkeypatch.setattr(duplicate_detection, "replace_fingerprints", slow)
    assert compare(office) == 1
    threads[0].join(60)
    assert not threads[0].is_alive()
    monkeypatch.undo()
    assert fingerprints(office) == []
    assert office.case(label).compared_with is None
    assert compare(office) == 1
    by = ComparisonKey.of(office.case(label).team_id, *team_key(office))
    wanted = {by.fingerprint(office.keys, one) for one in duplicate_detection.identifiers_in(OTHER, "PL")}
    assert {row.fingerprint for row in fingerprints(office)} == wanted


def test_a_correction_that_commits_just_before_the_lock_is_read(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contacts are read after the rows are locked: what is older than the lock is never compared."""
    if office.database.dialect == "sqlite":
        return
    label, receipt = office.file(**OF_ELENA)
    real = duplicate_detection.lock_waiting

    def later(*args: Any, **named: Any) -> list[UUID]:
        correct(office, receipt, **OTHER)
        return real(*args, **named)

    monkeypatch.setattr(duplicate_detection, "lock_waiting", later)
    assert compare(office) == 1
    by = ComparisonKey.of(office.case(label).team_id, *team_key(office))
    wanted = {by.fingerprint(office.keys, one) for one in duplicate_detection.identifiers_in(OTHER, "PL")}
    assert {row.fingerprint for row in fingerprints(office)} == wanted


def test_who_looks_up_without_the_key_is_refused(office: StaffSite) -> None:
    with office.database.begin() as session:
        session.execute(sa.delete(KeyGrant))
    with office.database.begin() as session, pytest.raises(NotAllowed):
        search.find_caller(session, desk_of(office, "vera"), load_packs(), PHONE)
