"""A new root secret, on both databases: everything that people hold still works, and a key file that was stolen before opens
nothing of the database any more, not even what hangs on keys that had to be kept."""

import base64
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.cases import duplicate_detection, honeytokens, person_access
from app.cases.models import Case
from app.casework import conflict_screening, shown_codes
from app.casework.filing import file_intake
from app.conflicts import service as conflicts
from app.conflicts.models import ConflictEntry
from app.core import browser_secrets, identifiers, keyring, signing
from app.core.db import Database
from app.core.errors import NotFound
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.packs import load_packs
from app.intake import idempotency, receipts
from app.intake.idempotency import StoredResponse
from app.intake.schemas import Intake
from app.links import codes
from app.operations import rotation
from app.partners import credentials
from app.partners.models import OAuthClient
from app.staff import invitations, known_browsers
from app.staff import service as staff
from app.staff.invitations import Invitee
from app.staff.models import Role
from app.web.components import csrf
from tests.support.cases import ONE, START, Scene, organisation, set_scene
from tests.support.desk import intake

PHONE: Final = "+48 512 345 678"
PASSPHRASE: Final = "a passphrase for tests only"
CALLER: Final = ("form", "a token", b"what was sent")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretching has its real cost elsewhere; here only what follows from the key matters."""
    monkeypatch.setattr(codes, "_MEMORY_KIB", 8)
    monkeypatch.setattr(staff, "_ARGON2_MEMORY_KIB", 8)


def answers(**more: Any) -> Intake:
    consent = {"mode": "named", "organisations": [ONE]}
    return Intake.model_validate(intake(answer_by={"channel": "phone", "address": PHONE}, consent=consent, **more))


@pytest.fixture
def held(database: Database, tmp_path: Path) -> SimpleNamespace:
    """One of each thing that hangs on the root, made by a version that stored bare values."""
    scene: Scene = set_scene(database)
    path = tmp_path / "keys.json"
    scene.keys.save(path)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "format": 1, "root_since": None}))
    scene.keys = keys = KeyRing.load(path)
    made = SimpleNamespace(scene=scene, path=path, keys=keys, signed_by=signing.current_kid(keys))
    with scene.write() as session:
        filed = file_intake(session, answers(), keys=keys, directory=load_packs(), now=START)
        made.receipt, made.case_id = filed.receipt, filed.case_id
        seed = staff.seal_seed(keys, UUID(int=7), PASSPHRASE)
        team = session.scalars(sa.select(Case.team_id).limit(1)).one()
        staff.enrol(session, keys, "vera", Role.COORDINATOR, seed, "JBSWY3DPEHPK3PXP", START, team_id=team)
        made.seed = seed.seed
        honeytokens.create(session, keys, filed.case_id, by=UUID(int=7), now=START)
        made.invitation = invitations.invite(session, keys, Invitee("nadja", Role.AUDITOR), by=None, now=START)
        made.browser = known_browsers.remember(session, keys, UUID(int=7), None, START)
        opened = person_access.open_by_receipt(session, made.receipt, keys, START)
        made.code = shown_codes.make(session, opened, keys, shown_codes.prepare(), START)
        hashed = [one.keyed(conflicts.salt_of(keys, organisation(ONE))) for one in known()]
        conflict_screening.add_to_list(session, keys, organisation(ONE), hashed, START)
        session.add(OAuthClient(id="bot", organisation_id=organisation(ONE), name="bot", scopes=[], created_at=START))
        session.flush()
        made.secret = credentials.add_secret(session, keys, "bot", START)
        answer(session, keys)
    made.token = csrf.new_token(keys, START, "browser:x")
    made.visit = browser_secrets.mint(keys, "s")
    return made


def known() -> list[identifiers.Identifier]:
    return duplicate_detection.identifiers_in(answers().model_dump(mode="json"), "PL")


def answer(session: Any, keys: KeyRing, act: Callable[[], StoredResponse] | None = None) -> StoredResponse:
    first = act or (lambda: StoredResponse(201, {"case": "first"}))
    return idempotency.run_once(session, keys, *CALLER, first, now=START, ttl=timedelta(hours=24))


def works(held: SimpleNamespace, keys: KeyRing) -> dict[str, bool]:
    """What a process with these keys finds and opens. Nothing is left changed."""
    found: dict[str, bool] = {}
    database: Database = held.scene.database
    with database.begin() as session:
        try:
            person_access.open_by_receipt(session, held.receipt, keys, START)
            found["number"] = True
        except NotFound:
            found["number"] = False
        tried = staff.begin_sign_in(session, "vera")
        found["passphrase"] = staff.open_seed(keys, tried, PASSPHRASE) == held.seed
        found["honeytoken"] = honeytokens.is_honeytoken(session, keys, held.case_id)
        try:
            found["invitation"] = bool(invitations.find(session, keys, held.invitation, START))
        except NotFound:
            found["invitation"] = False
        found["browser"] = known_browsers.is_known(session, keys, UUID(int=7), held.browser, START)
        typed = shown_codes.typed_code(keys, held.code)
        assert typed is not None
        found["code"] = shown_codes.open_case(session, keys, typed, typed.key(), START) is not None
        found["conflict"] = bool(conflicts.compare(session, keys, known(), [organisation(ONE)]).hits)
        session.rollback()
    return found


def test_what_people_hold_still_works_and_the_stolen_file_opens_nothing(held: SimpleNamespace) -> None:
    thief, web, worker = KeyRing.load(held.path), KeyRing.load(held.path), KeyRing.load(held.path)
    thief._path = None
    all_of_it = works(held, thief)
    assert all(all_of_it.values()), all_of_it
    report = run(held)
    assert (report.new_root, report.epoch, report.destroyed) == (True, 2, (1,))
    for keys in (web, worker, KeyRing.load(held.path)):
        assert works(held, keys) == all_of_it
    assert not any(works(held, thief).values())
    text = held.path.read_text()
    assert base64.b64encode(thief._keys.root).decode() not in text
    assert thief._keys.root != web._keys.root
    assert "signature:" not in text, "the key that signed for the epoch that ended"
    assert signing.current_kid(web) != held.signed_by
    with held.scene.database.begin(write=False) as session:
        assert rotation.remaining(session, 2) == 0
        actions = session.scalars(sa.select(AuditEntry.action).where(AuditEntry.subject_kind == "epoch")).all()
        assert sorted(actions) == ["keys:epoch_rotated", "keys:root_replaced"]
        proof = credentials.Secret("bot", held.secret)
        assert credentials.authenticate(session, web, proof, START) is not None, "256 bits need no other key"
    again = run(held)  # what was kept once is kept again
    assert (again.new_root, again.epoch) == (True, 3)
    assert works(held, web) == all_of_it
    assert not any(works(held, thief).values())


def run(held: SimpleNamespace, **rest: Any) -> rotation.RotationReport:
    given = {"root": True, "patience": timedelta(0), "sleep": lambda _s: None, **rest}
    return rotation.rotate(held.scene.database, held.path, lambda: START, **given)


def test_what_is_in_flight_is_taken_for_two_days_or_not_at_all(held: SimpleNamespace) -> None:
    web, before = KeyRing.load(held.path), held.path.read_bytes()
    run(held)
    assert csrf.is_valid(web, held.token, START, "browser:x")
    assert browser_secrets.is_minted(web, "s", held.visit)
    assert not browser_secrets.is_minted(web, "staff_form", held.visit)

    def twice() -> StoredResponse:
        raise AssertionError("it was done before")

    with held.scene.write() as session:
        assert answer(session, web, twice).body == {"case": "first"}
        with pytest.raises(idempotency.PayloadMismatch):
            idempotency.run_once(
                session, web, *CALLER[:2], b"something else", twice, now=START, ttl=timedelta(hours=24)
            )
    later = csrf.new_token(web, START, "browser:x")
    assert csrf.is_valid(web, later, START, "browser:x")
    stale = json.loads(held.path.read_text())
    stale["former"][0]["until"] = "2020-01-01T00:00:00+00:00"
    held.path.write_text(json.dumps(stale))
    assert not csrf.is_valid(web, held.token, START, "browser:x")
    assert csrf.is_valid(web, later, START, "browser:x")
    held.path.write_bytes(before)
    keyring.begin_root(held.path, START.date(), kept=(), fading=("mac:form-token",), until=None)
    assert not csrf.is_valid(web, held.token, START, "browser:x")


@pytest.mark.parametrize("killed_after", [0, 3, 9])
def test_killed_anywhere_everything_works_and_the_next_run_ends_it(
    held: SimpleNamespace, killed_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 1)
    batches = 0

    def kill(_moved: int) -> None:
        nonlocal batches
        batches += 1
        if batches > killed_after:
            raise KeyboardInterrupt

    running, thief = held.scene.keys, KeyRing.load(held.path)
    thief._path = None
    with pytest.raises(KeyboardInterrupt):
        run(held, progress=kill)
    root = running.derive("anything")
    assert running.root_is_new
    assert all(works(held, running).values())
    kept = signing.jwks(running)["keys"]
    assert held.signed_by in {key["kid"] for key in kept}, "published until its epoch ends"
    assert run(held).new_root
    assert running.derive("anything") == root, "continued, and not begun again"
    assert all(works(held, running).values())
    assert not any(works(held, thief).values())


def test_a_rotation_of_the_epoch_alone_is_ended_first(held: SimpleNamespace) -> None:
    keyring.begin_epoch(held.path, START.date())
    report = run(held)
    assert (report.new_root, report.epoch) == (True, 3)
    assert all(works(held, held.scene.keys).values())


def test_an_entry_that_is_uploaded_again_meanwhile_stays_one(
    held: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 1)
    hashed = [one.keyed(conflicts.salt_of(held.keys, organisation(ONE))) for one in known()]
    done: list[int] = []

    def again(_moved: int) -> None:
        if not done:
            done.append(1)
            with held.scene.write() as session:
                conflict_screening.add_to_list(session, held.keys, organisation(ONE), hashed, START)
                assert session.scalar(sa.select(sa.func.count()).select_from(ConflictEntry)) > len(hashed)

    run(held, progress=again)
    with held.scene.database.begin(write=False) as session:
        assert conflicts.uploaded_count(session, organisation(ONE)) == len(hashed)
    assert works(held, held.scene.keys)["conflict"]


def test_two_at_once_make_one_new_root(held: SimpleNamespace) -> None:
    problems: list[Exception] = []

    def one() -> None:
        try:
            run(held)
        except Exception as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []
    assert all(works(held, held.scene.keys).values())
    assert not KeyRing.load(held.path)._keys.epochs.keys() & {1}


def test_until_the_first_rotation_values_stay_as_the_former_version_reads_them(held: SimpleNamespace) -> None:
    keys, receipt = held.keys, held.receipt
    assert receipt.look_up_id(keys) == keys.mac(
        "receipt:2", staff.sealing.derive(receipt.stretched, "receipt:look-up:2")
    )
    run(held)
    assert len(receipt.look_up_id(keys)) > 32
    with pytest.raises(CannotOpen):
        keys.decrypt_deterministically((1).to_bytes(4, "big") + bytes(48), *receipts.BINDING)
