"""JSON from outside: what is refused, and that nothing of it comes back."""

import pytest

from app.core import strict_json
from app.core.errors import BadRequest

BROKEN = {
    "nothing": b"",
    "half": b'{"a": ',
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "too large a number": b'{"a": 1e400}',
    "a name twice": b'{"a": 1, "a": 2}',
    "half a character": b'{"a": "\\ud800"}',
    "half a character as a name": b'{"\\udfff": 1}',
    "not UTF-8": b'{"a": "\xff"}',
    "very deep": b"[" * 100_000 + b"]" * 100_000,
    "deep": b"[" * 40 + b"]" * 40,
    "a very long whole number": b'{"a": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_it_is_refused_with_one_sentence(body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        strict_json.loads(body)
    assert caught.value.detail.startswith("The body ")


def test_ordinary_json_is_read() -> None:
    assert strict_json.loads('{"a": ["ё", 1, 2.5, null, true]}'.encode()) == {"a": ["ё", 1, 2.5, None, True]}
