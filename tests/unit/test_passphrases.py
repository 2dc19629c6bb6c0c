"""A passphrase is stretched as the docs promise. All other tests stretch less: tests/support/passphrases.py."""

from datetime import date

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from app.core import sealing
from app.core.keyring import KeyRing
from app.staff import service as staff
from tests.support import passphrases

PASSPHRASE, SALT = "correct horse battery staple", bytes(range(16))


@pytest.fixture(autouse=True)
def _true_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in passphrases.TRUE.items():
        monkeypatch.setattr(staff, name, value)


def test_it_takes_64_mib_and_three_passes() -> None:
    keys = KeyRing.generate(date(2026, 11, 24))
    slow = Argon2id(salt=SALT, length=32, iterations=3, lanes=1, memory_cost=64 * 1024).derive(PASSPHRASE.encode())
    assert staff._kek(keys, PASSPHRASE, SALT) == sealing.derive(slow, "staff:kek", salt=keys.derive("staff:pepper"))


def test_without_the_key_file_it_opens_nothing() -> None:
    mine, others = (staff._kek(KeyRing.generate(date(2026, 11, 24)), PASSPHRASE, SALT) for _ in range(2))
    assert mine != others
