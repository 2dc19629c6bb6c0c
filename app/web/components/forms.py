"""Parsing of submitted forms: one strict reader for urlencoded forms, one for forms with a file.

Both refuse a body of another media type, more fields than `MOST_FIELDS`, and bytes that are not UTF-8 (so that
no lone surrogate comes in); both leave out control characters, which no keyboard types and no database column takes, and turn
the line breaks that a document has into newlines. Bodies are limited before: by `RequestMiddleware` for every
request, and by the limits of multipart parts here.
Call them through `csrf`, which checks the origin of the form before its body is read.
"""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from app.core.errors import BadRequest, TooLarge
from app.intake.questions import FormFields

MOST_FIELDS: Final = 1_000
WITH: Final = "with"
_OF: Final = "of"
_LONGEST_WITH: Final = 200
_MOST_FIELDS_BESIDE_A_FILE: Final = 10
_LONGEST_FIELD_BESIDE_A_FILE: Final = 1_000
_MOST_PARTS: Final = 150
_PIECE: Final = 1 << 16
_URLENCODED: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"
_LINE_BREAKS: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
"""Of browsers (CR LF), of documents (a vertical tab is Word's line break within a paragraph) and of Unicode."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def is_multipart(request: Request) -> bool:
    return _media_type(request) == _MULTIPART


def field_value(fields: FormFields, name: str) -> str:
    """The last value of a field; empty if it was not sent."""
    return fields.get(name, [""])[-1]


def of_pressed(fields: FormFields) -> FormFields:
    """The fields as the pressed button reads them, where several actions share one form so that none loses what was typed.

    The button sends `with`: fields of its own like `version=3`, and in `of` what it acts on. A field `reason@R-82S` is the
    `reason` of the action on `R-82S`; it stays under its own name too. Unchanged without `with`.
    """
    pressed = field_value(fields, WITH)[:_LONGEST_WITH]
    if not pressed:
        return fields
    own = parse_qsl(pressed, keep_blank_values=True)
    suffix = f"@{dict(own).get(_OF, '')}"
    result = {name: values for name, values in fields.items() if name != WITH}
    result.update({name.removesuffix(suffix): values for name, values in fields.items() if name.endswith(suffix)})
    result.update({name: [value] for name, value in own})
    return result


async def read_urlencoded(request: Request) -> FormFields:
    """The fields of the body; none of an empty one. Raises BadRequest: another media type, too many fields, not UTF-8."""
    body = await request.body()
    if body and _media_type(request) != _URLENCODED:
        raise BadRequest("A form is expected.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:  # UnicodeDecodeError is one
        raise BadRequest("The form cannot be read.") from None
    fields: FormFields = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(_text(value))
    return fields


async def read_multipart(request: Request, largest_file: int) -> tuple[FormFields, bytes | None]:
    """The fields other than the file, and the file's content if there is one. Raises BadRequest, TooLarge."""
    fields: FormFields = {}
    content: bytes | None = None
    try:
        async with request.form(
            max_files=1, max_fields=_MOST_FIELDS_BESIDE_A_FILE, max_part_size=_LONGEST_FIELD_BESIDE_A_FILE
        ) as form:
            for name, value in form.multi_items():
                if isinstance(value, str):
                    fields.setdefault(name, []).append(_text(value))
                elif value.size is not None and value.size > largest_file:
                    raise TooLarge("The file is larger than this service takes.")
                else:
                    content = await value.read()
    except (HTTPException, MultiPartException):
        raise BadRequest("The form cannot be read.") from None
    return fields, content


@dataclass(frozen=True, slots=True)
class FormPart:
    """The next part of a form with files: a field with its `value`, some `content` of a file, or its end (`content` is None).

    The name of the file is left out, so nobody here learns it.
    """

    name: str
    value: str | None = None
    content: bytes | None = None


class _PartReader:
    """Callbacks of the parser: turns what it finds in one piece of the body into `FormPart`s."""

    def __init__(self) -> None:
        self.parts: list[FormPart] = []
        self._header, self._headers = b"", b""
        self._name, self._is_file, self._value, self._parts = "", False, b"", 0

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_header(data[start:end], names=True),
            "on_header_value": lambda data, start, end: self._add_header(data[start:end], names=False),
            "on_header_end": self._end_header,
            "on_headers_finished": self._headers_end,
            "on_part_data": lambda data, start, end: self._data(data[start:end]),
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._header, self._headers, self._value, self._name, self._is_file = b"", b"", b"", "", False
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise BadRequest("The form cannot be read.")

    def _add_header(self, data: bytes, *, names: bool) -> None:
        if names:
            self._header += data
        elif self._header.lower() == b"content-disposition":
            self._headers += data
        if len(self._header) + len(self._headers) > _LONGEST_FIELD_BESIDE_A_FILE:
            raise BadRequest("The form cannot be read.")

    def _end_header(self) -> None:
        self._header = b""

    def _headers_end(self) -> None:
        kind, options = parse_options_header(self._headers)
        if kind != b"form-data":
            raise BadRequest("The form cannot be read.")
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = b"filename" in options or b"filename*" in options

    def _data(self, data: bytes) -> None:
        if self._is_file:
            self.parts.append(FormPart(self._name, content=data))
            return
        self._value += data
        if len(self._value) > _LONGEST_FIELD_BESIDE_A_FILE:
            raise BadRequest("The form cannot be read.")

    def _end(self) -> None:
        value = None if self._is_file else _text(self._value.decode("utf-8", "replace"))
        self.parts.append(FormPart(self._name, value=value))


async def stream_multipart(request: Request) -> AsyncIterator[FormPart]:
    """The parts of the body as they arrive: never a whole file in memory, and none on disk.

    Starlette's own reader would write each file of more than 1 MiB to a temporary file, unencrypted. Raises BadRequest.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != _MULTIPART.encode() or not options.get(b"boundary"):
        raise BadRequest("A form with files is expected.")
    reader = _PartReader()
    try:
        parser = MultipartParser(options[b"boundary"], cast(Any, reader.callbacks()))
        async for piece in request.stream():
            for start in range(0, len(piece), _PIECE):
                parser.write(piece[start : start + _PIECE])
                for part in reader.parts:
                    yield part
                reader.parts.clear()
        parser.finalize()
    except (MultipartParseError, ValueError):
        raise BadRequest("The form cannot be read.") from None


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _text(value: str) -> str:
    """Every kind of line break as one newline, and no control characters, in each field alike."""
    return _CONTROL.sub("", _LINE_BREAKS.sub("\n", value))
