"""A message whose content a partner's program built in another shape counts as one that cannot be opened, and nothing fails."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from app.core import sealing
from app.core.sealing import CannotOpen
from app.referrals import threads

KEY = bytes(range(32))
AT = datetime(2026, 11, 24, 10, 0, 7, tzinfo=UTC)


def message(plain: bytes) -> Any:
    made = SimpleNamespace(referral_id=UUID(int=1), id=UUID(int=2), author="partner")
    aad = threads.message_aad(made.referral_id, made.id, made.author)
    made.ciphertext = sealing.encrypt(KEY, sealing.pad(plain), aad)
    return made


def test_a_message_is_its_text_and_its_moment() -> None:
    plain = json.dumps({"text": "x" * (threads.MAX_TEXT + 1), "at": AT.isoformat(), "more": 1}).encode()
    assert threads._content(message(plain), KEY) == {"text": "x" * threads.MAX_TEXT, "at": AT.isoformat()}


@pytest.mark.parametrize(
    "plain",
    [b"no json", b"[]", b'{"text": "a"}', b'{"at": "2026-11-24T10:00:00Z"}', b'{"text": "a", "at": "soon"}',
     b'{"text": "a", "at": "2026-11-24T10:00:00"}', b'{"text": "a", "at": null}'],
)  # fmt: skip
def test_another_shape_can_not_be_opened(plain: bytes) -> None:
    with pytest.raises(CannotOpen):
        threads._content(message(plain), KEY)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(CannotOpen):
        threads._content(message(b"{}"), bytes(32))
