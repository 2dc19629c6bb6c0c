"""Parsing of submitted forms: one strict reader for urlencoded forms, one for forms with a file.

Both refuse a body of another media type, more fields than `MOST_FIELDS`, and bytes that are not UTF-8 (so that
no lone surrogate comes in); both leave out control characters, which no keyboard types and no database column takes, and turn
the line breaks that a document has into newlines. Bodies are limited before: by `RequestMiddleware` for every
request, and by the limits of multipart parts here.
Call them through `csrf`, which checks the origin of the form before its body is read.
"""

import re
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from app.core.errors import BadRequest, TooLarge
from app.intake.questions import FormFields

MOST_FIELDS: Final = 1_000
_MOST_FIELDS_BESIDE_A_FILE: Final = 10
_LONGEST_FIELD_BESIDE_A_FILE: Final = 1_000
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


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _text(value: str) -> str:
    """Every kind of line break as one newline, and no control characters, in each field alike."""
    return _CONTROL.sub("", _LINE_BREAKS.sub("\n", value))
