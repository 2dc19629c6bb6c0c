"""What the cryptographic shapes promise."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from hypothesis import given
from hypothesis import strategies as st

from app.core import sealing
from app.core.sealing import CannotOpen, KeyPair


def test_what_is_sealed_to_a_key_opens_with_it_alone() -> None:
    mine, other = KeyPair.generate(), KeyPair.generate()
    sealed = sealing.seal_to(mine.public, b"secret", b"place")
    assert mine.open(sealed, b"place") == b"secret"
    with pytest.raises(CannotOpen):
        other.open(sealed, b"place")


def test_a_sealed_blob_does_not_open_in_another_place_or_with_a_changed_byte() -> None:
    pair = KeyPair.generate()
    sealed = sealing.seal_to(pair.public, b"secret", b"here")
    with pytest.raises(CannotOpen):
        pair.open(sealed, b"there")
    for at in (0, 600, 1119, 1120, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(CannotOpen):
            pair.open(bytes(changed), b"here")


def test_the_same_seed_gives_the_same_keys_and_a_wrong_length_is_refused() -> None:
    seed = hashlib.sha256(b"a test seed").digest()
    assert KeyPair.from_seed(seed).public == KeyPair.from_seed(seed).public
    assert len(KeyPair.from_seed(seed).public) == sealing.PUBLIC_KEY_BYTES == 1216
    with pytest.raises(ValueError):
        KeyPair.from_seed(seed[:31])
    with pytest.raises(ValueError):
        sealing.check_public_key(b"short")


def test_a_key_pair_does_not_show_its_seed() -> None:
    pair = KeyPair.from_seed(b"0123456789abcdef0123456789abcdef")
    assert "0123456789" not in repr(pair)


@given(st.binary(max_size=5000))
def test_padding_comes_off_again(plain: bytes) -> None:
    assert sealing.unpad(sealing.pad(plain)) == plain


@given(st.binary(max_size=5000))
def test_padded_text_has_the_size_of_a_bucket(plain: bytes) -> None:
    assert len(sealing.pad(plain)) in sealing.BUCKETS


def test_texts_of_like_length_have_the_same_size_when_padded() -> None:
    assert len({len(sealing.pad(b"x" * n)) for n in range(255)}) == 1


@pytest.mark.parametrize("broken", [b"", b"\0" * 256, b"abc", b"abc\0\0"])
def test_a_filling_that_is_not_whole_is_refused(broken: bytes) -> None:
    with pytest.raises(CannotOpen):
        sealing.unpad(broken)


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_two_places_never_read_alike(one: list[str], other: list[str]) -> None:
    assert (sealing.context(*one) == sealing.context(*other)) == (one == other)


def test_the_older_suite_opens_with_its_own_key_in_its_own_place_alone() -> None:
    mine, other = x25519.X25519PrivateKey.generate(), x25519.X25519PrivateKey.generate()
    sealed = sealing.seal_to(mine.public_key().public_bytes_raw(), b"secret", b"here")
    private = mine.private_bytes_raw()
    assert sealing.open_sealed(sealing.X25519, private, sealed, b"here") == b"secret"
    for key, blob, place in (
        (other.private_bytes_raw(), sealed, b"here"),
        (private, sealed, b"there"),
        (private, sealed[:-1], b"here"),
        (private, b"short", b"here"),
    ):
        with pytest.raises(CannotOpen):
            sealing.open_sealed(sealing.X25519, key, blob, place)
    with pytest.raises(ValueError, match="32 bytes"):
        sealing.open_sealed(sealing.X25519, private[1:], sealed, b"here")


def test_what_is_encrypted_alike_opens_with_its_own_key_in_its_own_place_alone() -> None:
    key, other = bytes(32), bytes(31) + b"x"
    blob = sealing.encrypt_deterministically(key, b"secret", b"here")
    assert sealing.decrypt_deterministically(key, blob, b"here") == b"secret"
    for wrong, what, place in (
        (other, blob, b"here"),
        (key, blob, b"there"),
        (key, blob[:-1], b"here"),
        (key, b"", b"here"),
    ):
        with pytest.raises(CannotOpen):
            sealing.decrypt_deterministically(wrong, what, place)
