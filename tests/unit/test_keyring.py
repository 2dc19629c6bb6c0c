"""The server's key file: what it locks, what it refuses, and that it is never open to others."""

import base64
import json
from datetime import date
from pathlib import Path

import pytest

from app.core.keyring import KeyRing, WeakSecret, load_or_create
from app.core.sealing import CannotOpen

TODAY = date(2026, 11, 24)
PLACE = ("cases", "a row", "facts", "1")


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.generate(TODAY)


def test_what_is_locked_opens_in_its_own_place_only(ring: KeyRing) -> None:
    envelope = ring.lock(b"status", *PLACE)
    assert ring.unlock(envelope, *PLACE) == b"status"
    for index, other in enumerate(("wraps", "another row", "card", "2")):
        moved = [*PLACE[:index], other, *PLACE[index + 1 :]]
        with pytest.raises(CannotOpen):
            ring.unlock(envelope, *moved)


def test_an_envelope_names_its_epoch_and_does_not_open_under_another(ring: KeyRing) -> None:
    envelope = ring.lock(b"status", *PLACE)
    assert int.from_bytes(envelope[:4], "big") == 1
    with pytest.raises(CannotOpen):
        ring.unlock((2).to_bytes(4, "big") + envelope[4:], *PLACE)
    with pytest.raises(CannotOpen):
        KeyRing.generate(TODAY).unlock(envelope, *PLACE)


def test_older_epochs_still_open_and_new_ones_lock(ring: KeyRing) -> None:
    old = ring.lock(b"old", *PLACE)
    both = KeyRing({**ring._now.keys, 2: bytes(range(100, 132))}, 2, ring._root, {1: TODAY, 2: TODAY})
    assert both.unlock(old, *PLACE) == b"old"
    assert int.from_bytes(both.lock(b"new", *PLACE)[:4], "big") == 2
    without_old = KeyRing({2: bytes(range(100, 132))}, 2, ring._root, {2: TODAY})
    with pytest.raises(CannotOpen):
        without_old.unlock(old, *PLACE)


def test_the_file_is_private_and_read_back_whole(ring: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.load(path).unlock(ring.lock(b"x", *PLACE), *PLACE) == b"x"
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


def test_each_purpose_has_a_key_of_its_own(ring: KeyRing) -> None:
    assert ring.mac("one", b"x") != ring.mac("two", b"x")
    assert ring.mac("one", b"ab", b"c") != ring.mac("one", b"a", b"bc")
    assert repr(ring) == "KeyRing(current=1, epochs=[1])"
