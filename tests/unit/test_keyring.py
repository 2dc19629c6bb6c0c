"""The server's key ring: what it encrypts opens in its own place only, with the key of its epoch."""

from datetime import date

import pytest

from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen

TODAY = date(2026, 11, 24)
PLACE = ("cases", "a row", "facts", "1")


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.generate(TODAY)


def test_what_is_locked_opens_in_its_own_place_only(ring: KeyRing) -> None:
    envelope = ring.encrypt(b"status", *PLACE)
    assert ring.decrypt(envelope, *PLACE) == b"status"
    for index, other in enumerate(("wraps", "another row", "card", "2")):
        moved = [*PLACE[:index], other, *PLACE[index + 1 :]]
        with pytest.raises(CannotOpen):
            ring.decrypt(envelope, *moved)


def test_an_envelope_names_its_epoch_and_does_not_open_under_another(ring: KeyRing) -> None:
    envelope = ring.encrypt(b"status", *PLACE)
    assert int.from_bytes(envelope[:4], "big") == 1
    with pytest.raises(CannotOpen):
        ring.decrypt((2).to_bytes(4, "big") + envelope[4:], *PLACE)
    with pytest.raises(CannotOpen):
        KeyRing.generate(TODAY).decrypt(envelope, *PLACE)


def test_older_epochs_still_open_and_new_ones_lock(ring: KeyRing) -> None:
    old = ring.encrypt(b"old", *PLACE)
    both = KeyRing({**ring._keys.epochs, 2: bytes(range(100, 132))}, 2, ring._keys.root, {1: TODAY, 2: TODAY})
    assert both.decrypt(old, *PLACE) == b"old"
    assert int.from_bytes(both.encrypt(b"new", *PLACE)[:4], "big") == 2
    without_old = KeyRing({2: bytes(range(100, 132))}, 2, ring._keys.root, {2: TODAY})
    with pytest.raises(CannotOpen):
        without_old.decrypt(old, *PLACE)


def test_each_purpose_has_a_key_of_its_own(ring: KeyRing) -> None:
    assert ring.mac("one", b"x") != ring.mac("two", b"x")
    assert ring.mac("one", b"ab", b"c") != ring.mac("one", b"a", b"bc")
    assert repr(ring) == "KeyRing(current=1, epochs=[1])"
