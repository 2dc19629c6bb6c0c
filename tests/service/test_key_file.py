"""The server's key file: never open to others, refused when it is damaged or weak, and followed by every running service.

A new epoch key is used at once, and a destroyed one is forgotten.
"""

import base64
import json
import threading
from datetime import date
from pathlib import Path

import pytest

from app.core import keyring
from app.core.errors import Unavailable
from app.core.key_file import WeakSecret
from app.core.keyring import KeyRing, load_or_create
from app.core.sealing import CannotOpen

TODAY = date(2026, 11, 24)
PLACE = ("cases", "1", "facts", "1")


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.generate(TODAY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    KeyRing.generate(TODAY).save(tmp_path / "keys.json")
    return tmp_path / "keys.json"


def test_a_running_ring_locks_with_the_new_key_and_opens_both(path: Path) -> None:
    running = KeyRing.load(path)
    before = running.encrypt(b"x", *PLACE)
    began = keyring.begin_epoch(path, TODAY)
    after = running.encrypt(b"y", *PLACE)
    assert (before[:4], after[:4]) == (b"\0\0\0\1", b"\0\0\0\2")
    assert [began.decrypt(value, *PLACE) for value in (before, after)] == [b"x", b"y"]
    assert [running.decrypt(value, *PLACE) for value in (before, after)] == [b"x", b"y"]


def test_after_the_end_nothing_opens_with_the_old_key_in_any_process(path: Path) -> None:
    running = KeyRing.load(path)
    old = running.encrypt(b"x", *PLACE)
    raw = running._keys.epochs[1]
    keyring.begin_epoch(path, TODAY)
    keyring.end_epochs(path, 2)
    with pytest.raises(CannotOpen):
        running.decrypt(old, *PLACE)
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
    assert len({ring._keys.epochs[2] for ring in rings}) == 1


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
    old = running.encrypt(b"x", *PLACE)
    path.unlink()
    assert running.decrypt(old, *PLACE) == b"x"
    assert not running.is_readable()
    with pytest.raises(Unavailable):
        running.encrypt(b"y", *PLACE)


def test_the_file_is_private_and_read_back_whole(ring: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.load(path).decrypt(ring.encrypt(b"x", *PLACE), *PLACE) == b"x"
    with pytest.raises(FileExistsError):
        KeyRing.generate(TODAY).save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.json"]


def test_two_that_start_at_once_get_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    one, two = load_or_create(path, TODAY), load_or_create(path, TODAY)
    assert one.mac("test", b"x") == two.mac("test", b"x")


def test_a_file_that_others_can_read_is_refused(ring: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring.save(path)
    path.chmod(0o640)
    with pytest.raises(WeakSecret, match="chmod"):
        KeyRing.load(path)


@pytest.mark.parametrize("key", [bytes(32), b"a" * 32, b"password" * 4, bytes(range(31)), b""])
def test_a_key_that_is_no_random_key_is_refused(key: bytes, ring: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring.save(path)
    document = json.loads(path.read_text())
    document["epochs"]["1"]["key"] = base64.b64encode(key).decode()
    path.write_text(json.dumps(document))
    with pytest.raises(WeakSecret):
        KeyRing.load(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"epochs": {}, "current": 1, "root": "AA=="}', "not json"])
def test_a_damaged_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(WeakSecret):
        KeyRing.load(path)
