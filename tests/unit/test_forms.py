"""Reading a form: what comes out of it, and what is refused."""

from contextlib import suppress
from urllib.parse import urlencode

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from app.core.errors import BadRequest, TooLarge
from app.intake.questions import FormFields
from app.web.components import forms

URLENCODED = "application/x-www-form-urlencoded"
KEPT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]))


def request_with(body: bytes, kind: str) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    headers = [(b"content-type", kind.encode())] if kind else []
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


def urlencoded(body: bytes, kind: str = URLENCODED) -> FormFields:
    return anyio.run(forms.read_urlencoded, request_with(body, kind))


def multipart(*parts: tuple[str, str, bytes], largest: int = 100) -> tuple[FormFields, bytes | None]:
    """Each part: name, file name (none: a field), content."""
    body = b""
    for name, file, content in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
        body += f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"
    return anyio.run(
        forms.read_multipart, request_with(body + b"--b--\r\n", "multipart/form-data; boundary=b"), largest
    )


def test_values_keep_their_order_and_empty_ones_count() -> None:
    assert urlencoded(b"a=1&b=&a=2&c") == {"a": ["1", "2"], "b": [""], "c": [""]}
    assert urlencoded(b"", "") == {}
    assert urlencoded(b"a=1", f"{URLENCODED}; charset=utf-8") == {"a": ["1"]}


def test_line_ends_are_one_character_and_control_characters_are_left_out() -> None:
    assert urlencoded(b"a=x%0D%0Ay%00%07%7F%09z") == {"a": ["x\ny\tz"]}
    pasted = urlencode({"a": "one\x0btwo\x0cthree\u2028four\u2029five\rsix\x85seven\x1b\x80"})
    assert urlencoded(pasted.encode()) == {"a": ["one\ntwo\nthree\nfour\nfive\nsix\nseven"]}


@given(st.dictionaries(KEPT, st.lists(KEPT, min_size=1, max_size=3), max_size=5))
def test_whatever_is_typed_comes_out_again(fields: FormFields) -> None:
    assert urlencoded(urlencode(fields, doseq=True).encode()) == fields


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data", "text/plain"])
def test_what_is_no_form_is_refused(kind: str) -> None:
    with pytest.raises(BadRequest):
        urlencoded(b"a=1", kind)


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"a=%ff", b"a=%ED%A0%80", b"%ED%A0%80=a", b"&" * 5_000, b"a=1&" * (forms.MOST_FIELDS + 1)]
)
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        urlencoded(body)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        fields = urlencoded(body)
    except BadRequest:
        return
    for name, values in fields.items():
        name.encode()
        assert "\0" not in "".join(values)


def test_a_form_with_a_file() -> None:
    assert multipart(("act", "", b"x\r\ny\0"), ("file", "a.zip", b"\0\xff")) == ({"act": ["x\ny"]}, b"\0\xff")
    assert multipart(("act", "", b"x")) == ({"act": ["x"]}, None)


def test_the_limits_of_a_form_with_a_file() -> None:
    assert multipart(("file", "a", b"x" * 100))[1] == b"x" * 100
    with pytest.raises(TooLarge):
        multipart(("file", "a", b"x" * 101))
    with pytest.raises(BadRequest):
        multipart(("a", "", b"x" * 2_000))
    with pytest.raises(BadRequest):
        multipart(*[("a", "", b"x")] * 11)
    with pytest.raises(BadRequest):
        multipart(("one", "a", b"x"), ("two", "b", b"x"))


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=b", "multipart/form-data; boundary=\xff"]
)
@pytest.mark.parametrize(
    "body", [b"", b"--b", b"nonsense", b"--b\r\n\r\nx", b"--b\r\nContent-Disposition: form-data\r\n\r\nx"]
)
def test_a_broken_form_with_a_file_is_refused_or_empty(kind: str, body: bytes) -> None:
    with suppress(BadRequest):
        assert anyio.run(forms.read_multipart, request_with(body, kind), 100) == ({}, None)


@pytest.mark.parametrize(
    "charset", ["utf-16", "utf-7", "hex", "zlib", "rot13", "idna", "punycode", "unicode_escape", "nonsense"]
)
def test_no_encoding_that_a_form_names_breaks_it(charset: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\\ud800\xd8\x00+2AA-\r\n--b--\r\n'
    kind = f"multipart/form-data; boundary=b; charset={charset}"
    with suppress(BadRequest):
        fields, _file = anyio.run(forms.read_multipart, request_with(body, kind), 100)
        "".join(value for values in fields.values() for value in values).encode()
