"""Strict parsing of JSON from outside: values that cannot be stored or compared are refused."""

import codecs
import json
import math
from typing import Any, NoReturn

from app.core.errors import BadRequest

_MAX_DEPTH = 32


def loads(body: bytes) -> Any:
    """Parse UTF-8 JSON, also with a BOM (RFC 8259, section 8.1).

    Raises BadRequest for broken or deeply nested text, NaN, infinities, repeated names, lone surrogates.
    """
    try:
        text = body.removeprefix(codecs.BOM_UTF8).decode("utf-8")
        parsed = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_no_repeated_names,
        )
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise BadRequest("The body is not valid JSON in UTF-8.") from None
    _check(parsed, 0)
    return parsed


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError
    return value


def _no_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError
    return read


def _check(value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise BadRequest("The body is nested too deeply.")
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise BadRequest("The body holds half a character (a lone surrogate).")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check(name, depth + 1)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
