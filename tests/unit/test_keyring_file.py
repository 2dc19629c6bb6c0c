"""A ring follows its file: a running service takes up a new epoch key at once and lets go of a destroyed one."""

import threading
from datetime import date
from pathlib import Path

import pytest

from app.core import keyring
from app.core.errors import Unavailable
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen

TODAY = date(2026, 11, 24)
PLACE = ("cases", "1", "facts", "1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    KeyRing.generate(TODAY).save(tmp_path / "keys.json")
    return tmp_path / "keys.json"


def test_a_running_ring_locks_with_the_new_key_and_opens_both(path: Path) -> None:
    running = KeyRing.load(path)
    before = running.lock(b"x", *PLACE)
    began = keyring.begin_epoch(path, TODAY)
    after = running.lock(b"y", *PLACE)
    assert (before[:4], after[:4]) == (b"\0\0\0\1", b"\0\0\0\2")
    assert [began.unlock(value, *PLACE) for value in (before, after)] == [b"x", b"y"]
    assert [running.unlock(value, *PLACE) for value in (before, after)] == [b"x", b"y"]


def test_after_the_end_nothing_opens_with_the_old_key_in_any_process(path: Path) -> None:
    running = KeyRing.load(path)
    old = running.lock(b"x", *PLACE)
    raw = running._now.keys[1]
    keyring.begin_epoch(path, TODAY)
    keyring.end_epochs(path, 2)
    with pytest.raises(CannotOpen):
        running.unlock(old, *PLACE)
    assert running.epochs == (2,)
    import base64

    assert base64.b64encode(raw) not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_beginning_twice_goes_on_with_the_same(path: Path) -> None:
    rings: list[KeyRing] = []
    threads = [threading.Thread(target=lambda: rings.append(keyring.begin_epoch(path, TODAY))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {ring.epochs for ring in rings} == {(1, 2)}
    assert len({ring._now.keys[2] for ring in rings}) == 1


def test_a_key_that_is_not_current_is_never_kept_alone(path: Path) -> None:
    keyring.begin_epoch(path, TODAY)
    assert keyring.end_epochs(path, 1).epochs == (1, 2)


def test_what_an_interrupted_end_left_behind_is_overwritten(path: Path) -> None:
    left = path.with_name(".keys.json.old")
    left.write_bytes(b"old keys")
    twin = path.with_name("twin")
    twin.hardlink_to(left)
    keyring.begin_epoch(path, TODAY)
    assert not left.exists()
    assert twin.read_bytes() == bytes(8)


def test_without_its_file_nothing_is_locked_any_more_but_what_is_there_opens(path: Path) -> None:
    running = KeyRing.load(path)
    old = running.lock(b"x", *PLACE)
    path.unlink()
    assert running.unlock(old, *PLACE) == b"x"
    assert not running.is_readable()
    with pytest.raises(Unavailable):
        running.lock(b"y", *PLACE)
