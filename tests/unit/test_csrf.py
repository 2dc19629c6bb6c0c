"""The token of a form: good for its binding and a day, made by us; and where a form may come from."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from app.core.errors import NotAllowed
from app.core.keyring import KeyRing
from app.web.components import csrf

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
KEYS = KeyRing.generate(NOW.date())
BINDINGS = (
    csrf.of_session("one"), csrf.of_session("two"), csrf.of_browser("one"), csrf.of_visit("one"), csrf.UNBOUND,
)  # fmt: skip


def posted(**headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"pristan.test"), *pairs]})


@pytest.mark.parametrize("binding", BINDINGS)
def test_it_is_good_for_a_day(binding: str) -> None:
    token = csrf.new_token(KEYS, NOW, binding)
    for later in (timedelta(0), csrf.LIFETIME - timedelta(seconds=1), -timedelta(seconds=30)):
        assert csrf.is_valid(KEYS, token, NOW + later, binding)
    for later in (csrf.LIFETIME, timedelta(days=365), -timedelta(minutes=2)):
        assert not csrf.is_valid(KEYS, token, NOW + later, binding)


@pytest.mark.parametrize(("made_for", "sent_with"), list(permutations(BINDINGS, 2)))
def test_it_is_good_for_its_binding_alone(made_for: str, sent_with: str) -> None:
    assert not csrf.is_valid(KEYS, csrf.new_token(KEYS, NOW, made_for), NOW, sent_with)


def test_another_key_ring_makes_others() -> None:
    assert not csrf.is_valid(KeyRing.generate(NOW.date()), csrf.new_token(KEYS, NOW, csrf.UNBOUND), NOW, csrf.UNBOUND)


def test_no_cookie_is_no_binding() -> None:
    assert csrf.of_visit(None) == csrf.of_visit("") == csrf.of_browser(None) == csrf.UNBOUND


def test_with_a_nonce_no_two_are_alike() -> None:
    assert len({csrf.new_token(KEYS, NOW, csrf.UNBOUND) for _ in range(9)}) == 9
    assert len({csrf.new_token(KEYS, NOW, csrf.UNBOUND, nonce=False) for _ in range(9)}) == 1


@given(token=st.text(max_size=200), binding=st.text(max_size=50))
def test_what_we_did_not_make_is_refused_and_breaks_nothing(token: str, binding: str) -> None:
    assert csrf.made_at(KEYS, token, binding) is None
    assert not csrf.is_valid(KEYS, token, NOW, binding)


@given(place=st.integers(min_value=0, max_value=200), byte=st.characters(codec="ascii"))
def test_a_changed_character_is_noticed(place: int, byte: str) -> None:
    token = csrf.new_token(KEYS, NOW, csrf.of_session("one"))
    changed = token[: place % len(token)] + byte + token[place % len(token) + 1 :]
    assert csrf.is_valid(KEYS, changed, NOW, csrf.of_session("one")) == (changed == token)


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}, {"origin": "null"}, {"origin": "https://pristan.test"},
        {"sec_fetch_site": "same-origin", "origin": "null"},
    ],
)  # fmt: skip
def test_a_form_of_our_own_pages_is_taken(headers: dict[str, str]) -> None:
    csrf.refuse_other_sites(posted(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"sec_fetch_site": ""},
        {"sec_fetch_site": "cross-site", "origin": "https://pristan.test"}, {"origin": "https://evil.example"}, {"origin": ""},
    ],
)  # fmt: skip
def test_a_form_of_another_site_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(NotAllowed):
        csrf.refuse_other_sites(posted(**headers))
