"""Rotation on both databases: everything opens at every moment, the old key is gone at the end, a kill does no harm."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.cases import sealed_parts
from app.cases.models import Case, CaseWrap
from app.core import keyholders, keyring
from app.core.db import Database
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair
from app.operations import rotation, team_keys
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS
from app.staff import recovery
from app.staff import service as staff
from app.staff.models import Role
from tests.support.cases import ONE, START, Scene, set_scene

NO_WAIT = timedelta(0)


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    """Three cases with referrals, locked with a ring that stands in a file."""
    made = set_scene(database)
    made.keys.save(tmp_path / "keys.json")
    made.keys = KeyRing.load(tmp_path / "keys.json")
    for _ in range(3):
        made.offered(ONE)
    with made.write() as session:
        team = session.scalars(sa.select(Case.team_id).limit(1)).one()
        staff.enrol(
            session, made.keys, "vera", Role.COORDINATOR, staff.SealedSeed(UUID(int=7), bytes(range(32)), b"s", b"x"),
            "JBSWY3DPEHPK3PXP", START, team_id=team,
        )  # fmt: skip
    return made


def run(scene: Scene, path: Path, **rest: Any) -> rotation.RotationReport:
    return rotation.rotate(scene.database, path, lambda: scene.now, patience=NO_WAIT, sleep=lambda _s: None, **rest)


def opens(scene: Scene, ring: KeyRing) -> tuple[int, int]:
    """How many locked values open with this ring, and how many do not."""
    good = bad = 0
    with scene.database.begin(write=False) as session:
        for one in ENCRYPTED_COLUMNS:
            for row in session.execute(sa.select(one.model.__table__)).mappings():
                if row[one.column] is None:
                    continue
                decrypt = ring.decrypt_deterministically if one.deterministic else ring.decrypt
                try:
                    decrypt(bytes(row[one.column]), *one.binding(dict(row)))
                    good += 1
                except CannotOpen:
                    bad += 1
    return good, bad


def test_everything_opens_with_the_new_key_alone(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    before = opens(scene, KeyRing.load(path))
    old = KeyRing.load(path)
    old._path = None  # a copy of the old key file that somebody kept
    report = run(scene, path)
    assert report.destroyed == (1,)
    assert report.reencrypted == before[0] >= 3 + 9 + 3 + 3 + 1
    assert KeyRing.load(path).epochs == (2,)
    assert opens(scene, KeyRing.load(path)) == before
    assert opens(scene, old) == (0, before[0])


@pytest.mark.parametrize("killed_after", [0, 1, 4, 9, 15])
def test_killed_anywhere_everything_opens_and_the_next_run_ends_it(
    scene: Scene, tmp_path: Path, killed_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    path, batches = tmp_path / "keys.json", 0

    def kill(_moved: int) -> None:
        nonlocal batches
        batches += 1
        if batches > killed_after:
            raise KeyboardInterrupt

    whole = opens(scene, KeyRing.load(path))
    with pytest.raises(KeyboardInterrupt):
        run(scene, path, progress=kill)
    assert opens(scene, scene.keys) == whole
    case = scene.case()  # the running service goes on with the ring it had
    assert sealed_parts.decrypt_facts(scene.keys, case, 1, scene.case_row(case).facts or b"")
    more = opens(scene, KeyRing.load(path))
    report = run(scene, path)
    assert report.epoch == 2
    assert KeyRing.load(path).epochs == (2,)
    assert opens(scene, KeyRing.load(path)) == more
    assert more[1] == 0


def test_killed_between_the_last_row_and_the_end_both_keys_are_there(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    def kill(_ring: KeyRing) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(scene, path, before_destroying=kill)
    assert KeyRing.load(path).epochs == (1, 2)
    assert opens(scene, KeyRing.load(path))[1] == 0
    assert run(scene, path).destroyed == (1,)


def test_two_at_once_do_no_harm(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH", 1)
    path, problems = tmp_path / "keys.json", []
    whole = opens(scene, KeyRing.load(path))

    def one() -> None:
        try:
            run(scene, path)
        except Exception as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []
    ring = KeyRing.load(path)
    assert len(ring.epochs) == 1
    assert opens(scene, ring) == whole


def test_what_is_written_meanwhile_is_not_overwritten(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody changes facts between our look and our write: their change stays, and the next round encrypts it again."""
    monkeypatch.setattr(rotation, "BATCH", 1)
    done: list[UUID] = []

    def meddle(_moved: int) -> None:
        if done:
            return
        with scene.write() as session:
            case = session.scalars(sa.select(Case).order_by(Case.id.desc()).limit(1)).one()
            case.facts_version += 1
            case.facts = sealed_parts.encrypt_facts(scene.keys, case.id, case.facts_version, {"changed": True})
            done.append(case.id)

    run(scene, tmp_path / "keys.json", progress=meddle)
    row = scene.case_row(done[0])
    assert sealed_parts.decrypt_facts(scene.keys, row.id, row.facts_version, row.facts or b"") == {"changed": True}


def test_a_value_locked_by_a_straggler_is_found_before_the_key_goes(scene: Scene, tmp_path: Path) -> None:
    """A transaction that began with the old key and ends late: the wait lets it end, and the next round takes it up."""
    path = tmp_path / "keys.json"
    stale = KeyRing.load(path)
    stale._path = None
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        if seconds < 60:
            return
        if not waited:
            with scene.write() as session:
                case = session.scalars(sa.select(Case).limit(1)).one()
                case.facts = sealed_parts.encrypt_facts(stale, case.id, case.facts_version, {"late": True})
        waited.append(seconds)
        import os

        os.utime(path, (1, 1))  # the wait is over

    report = rotation.rotate(scene.database, path, lambda: scene.now, patience=timedelta(hours=1), sleep=sleep)
    assert waited
    assert report.rounds >= 3
    assert opens(scene, KeyRing.load(path))[1] == 0


def test_what_stands_under_the_former_key_is_counted_before_it_goes(scene: Scene, tmp_path: Path) -> None:
    """A value that no round could move (somebody holds its row) keeps the former key alive."""
    path = tmp_path / "keys.json"
    former = KeyRing.load(path)
    ring = keyring.begin_epoch(path, START.date())
    with scene.database.begin(write=False) as session:
        before = rotation.remaining(session, ring.current)
        assert before > rotation.remaining(session, former.current) == 0
    for column in ENCRYPTED_COLUMNS:
        if column.model is not Case:
            rotation.reencrypt_batch(scene.database, ring, column)
    with scene.database.begin(write=False) as session:
        cases = session.scalar(sa.select(sa.func.count()).select_from(Case)) or 0
        left = rotation.remaining(session, ring.current)
    assert cases <= left < before


def test_the_former_key_stays_while_a_value_needs_it(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounds that move nothing are no proof that nothing is left."""
    path = tmp_path / "keys.json"
    monkeypatch.setattr(rotation, "reencrypt_batch", lambda *_given: (0, 0, None))
    monkeypatch.setattr(rotation, "_MAX_ROUNDS", 3)
    with pytest.raises(RuntimeError, match="under an old key"):
        run(scene, path)
    assert len(KeyRing.load(path).epochs) == 2


# --- a team's key ----------------------------------------------------------------------------------------------------


@pytest.fixture
def held(scene: Scene) -> tuple[UUID, dict[UUID, bytes], KeyPair]:
    """The scene's team with a key of which we know the private half, granted to vera and the recovery key."""
    pair = KeyPair.generate()
    with scene.write() as session:
        team_id = session.scalars(sa.select(Case.team_id).limit(1)).one()
        key = keyholders.register(session, keyholders.OwnerKind.TEAM, team_id, pair.public, scene.now)
        recovery_key, _seed = recovery.create_key(session, scene.now)
        vera = keyholders.by_id(session, session.scalars(sa.select(staff.Member.key_id)).one())
        for holder in (recovery_key, vera):
            keyholders.grant(session, key, pair.seed, holder)
    for _ in range(3):
        scene.case(ONE)
    return team_id, {key.id: pair.seed}, pair


def forget_cases_of_other_keys(scene: Scene, team_id: UUID, seeds: dict[UUID, bytes]) -> None:
    """The first cases were sealed to a key that nobody here holds."""
    with scene.write() as session:
        session.execute(sa.delete(CaseWrap).where(CaseWrap.owner_id == team_id, CaseWrap.key_id.not_in(list(seeds))))


def test_a_case_that_was_being_filed_when_the_key_changed_opens_with_the_new_one(
    scene: Scene, held: tuple[UUID, dict[UUID, bytes], KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read the former key before the new one existed and is committed after every other case was sealed to the new one."""
    team_id, seeds, _pair = held
    forget_cases_of_other_keys(scene, team_id, seeds)
    has_read, may_go_on, filed = threading.Event(), threading.Event(), list[UUID]()
    read = keyholders.public_keys

    def read_and_stop(*given: Any) -> Any:
        keys = read(*given)
        if threading.current_thread() is filing:
            has_read.set()
            assert may_go_on.wait(60)
        return keys

    monkeypatch.setattr(keyholders, "public_keys", read_and_stop)
    filing = threading.Thread(target=lambda: filed.append(scene.case()))
    filing.start()
    assert has_read.wait(60)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        may_go_on.set()
        filing.join(60)

    if scene.database.dialect == "sqlite":  # one writer: the rotation begins when the case is filed
        may_go_on.set()
    moved, destroyed = team_keys.rotate(scene.database, scene.keys, team_id, seeds, lambda: scene.now, sleep=sleep)
    filing.join(60)
    assert waited == [team_keys.PATIENCE.total_seconds()]
    assert destroyed == 2
    with scene.database.begin(write=False) as session:
        vera = staff.key_id(session, UUID(int=7))
        mine = team_keys.held_by(session, vera, bytes(range(32)))
        (new,) = mine
        assert sealed_parts.data_key(
            session, scene.keys, filed[0], sealed_parts.PERSON, team_id, KeyPair.from_seed(mine[new])
        )
        assert (
            moved
            == team_keys.wraps(session, team_id)
            == session.scalar(sa.select(sa.func.count()).where(CaseWrap.key_id == new))
        )


def sealed_to(scene: Scene, team_id: UUID) -> set[UUID | None]:
    with scene.database.begin(write=False) as session:
        known = sa.select(CaseWrap.key_id).where(CaseWrap.owner_id == team_id)
        return set(session.scalars(known))


def test_every_case_the_key_opens_is_sealed_to_the_new_one(
    scene: Scene, held: tuple[UUID, dict[UUID, bytes], KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    team_id, seeds, _pair = held
    forget_cases_of_other_keys(scene, team_id, seeds)
    monkeypatch.setattr(team_keys, "BATCH", 2)
    with scene.write() as session:
        new = team_keys.begin(session, team_id, seeds, scene.now)

    def kill(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        team_keys.rewrap_cases(scene.database, scene.keys, team_id, seeds, kill)
    assert sealed_to(scene, team_id) == {*seeds, new}
    with scene.write() as session:
        assert team_keys.end(session, team_id, scene.now) == 0  # cases are left: nothing is destroyed
        vera = staff.key_id(session, UUID(int=7))
        mine = team_keys.held_by(session, vera, bytes(range(32)))
        assert set(mine) >= {*seeds, new}
    assert team_keys.rewrap_cases(scene.database, scene.keys, team_id, seeds) == 4
    with scene.write() as session:
        assert team_keys.end(session, team_id, scene.now) == 2
    assert sealed_to(scene, team_id) == {new}
    with scene.database.begin(write=False) as session:
        case_id = session.scalars(sa.select(CaseWrap.case_id).where(CaseWrap.key_id == new).limit(1)).one()
        assert sealed_parts.data_key(
            session, scene.keys, case_id, sealed_parts.PERSON, team_id, KeyPair.from_seed(mine[new])
        )


def test_the_changed_key_file_is_published_before_anything_is_encrypted_and_after_the_old_key_is_gone(
    scene: Scene, tmp_path: Path
) -> None:
    path, seen = tmp_path / "keys.json", list[tuple[tuple[int, ...], tuple[int, int]]]()

    def publish(key_file: Path) -> None:
        ring = KeyRing.load(key_file)
        with scene.database.begin(write=False) as session:
            seen.append((ring.epochs, (rotation.remaining(session, max(ring.epochs)), len(ring.epochs))))

    with scene.database.begin(write=False) as session:
        all_of_them = rotation.remaining(session, 2)
    run(scene, path, publish=publish)
    assert seen == [((1, 2), (all_of_them, 2)), ((2,), (0, 1))]


def test_a_rotation_whose_key_file_cannot_be_published_encrypts_nothing_and_can_be_run_again(
    scene: Scene, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"

    def fail(_key_file: Path) -> None:
        raise OSError("no way to the other machine")

    with scene.database.begin(write=False) as session:
        before = rotation.remaining(session, 2)
    with pytest.raises(OSError, match="no way"):
        run(scene, path, publish=fail)
    with scene.database.begin(write=False) as session:
        assert rotation.remaining(session, 2) == before > 0
    assert KeyRing.load(path).epochs == (1, 2)
    assert run(scene, path, publish=lambda _key_file: None).destroyed == (1,)
