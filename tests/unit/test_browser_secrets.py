"""Secrets of cookies: ours are told from what somebody else put there."""

import pytest

from app.core import browser_secrets
from app.core.keyring import KeyRing
from tests.support.partners import START

KEYS = KeyRing.generate(START.date())


def test_a_secret_is_taken_back_and_no_two_are_alike() -> None:
    made = {browser_secrets.mint(KEYS, "s") for _ in range(50)}
    assert len(made) == 50
    assert all(browser_secrets.is_minted(KEYS, "s", one) for one in made)


@pytest.mark.parametrize("value", ["", "x", "A" * 43, "A" * 43 + "." + "A" * 22, "ж" * 66, "." * 66])
def test_what_is_made_up_is_not_taken(value: str) -> None:
    assert not browser_secrets.is_minted(KEYS, "s", value)


def test_a_secret_is_for_one_cookie_of_one_installation_and_cannot_be_changed() -> None:
    one = browser_secrets.mint(KEYS, "s")
    assert not browser_secrets.is_minted(KEYS, "staff_form", one)
    assert not browser_secrets.is_minted(KeyRing.generate(START.date()), "s", one)
    changed = ("B" if one[0] == "A" else "A") + one[1:]
    assert not browser_secrets.is_minted(KEYS, "s", changed)
