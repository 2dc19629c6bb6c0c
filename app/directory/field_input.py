"""Parsing of typed input for a directory field. Raises Invalid with a message for the field."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from app.core.errors import FieldError, Invalid
from app.core.i18n import N_, Translatable
from app.directory import opening_hours
from app.directory.fields import Field

_MAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_CONFIDENCE: Final = ("high", "medium", "low")


def parse(field: Field, typed: Mapping[str, str], today: date) -> Any:
    """The value of `field` in the submitted form; None if it is empty and may be."""
    if field.kind == "source":
        return _source(typed, today)
    text = " ".join(typed.get(field.name, "").split()) if field.kind != "hours" else typed.get(field.name, "").strip()
    if len(text) > field.longest:
        raise _wrong(field.name, "too_long", Translatable("At most {most} characters.", most=field.longest))
    if not text and not field.may_be_empty:
        raise _wrong(field.name, "required", N_("This cannot be empty."))
    if not text:
        return [] if field.kind in {"languages", "hours"} else None
    if field.kind == "choice" and text not in (field.choices or {}):
        raise _wrong(field.name, "unknown_code", N_("Choose one of the answers."))
    if field.kind == "url" and not _is_address(text):
        raise _wrong(field.name, "not_an_address", N_("Write the whole address, starting with https://."))
    if field.kind == "email" and not _MAIL.fullmatch(text):
        raise _wrong(field.name, "not_a_mail", N_("Write an e-mail address like name@example.org."))
    if field.kind == "languages":
        return _languages(field.name, text)
    return _hours(field.name, text) if field.kind == "hours" else text


def _source(typed: Mapping[str, str], today: date) -> dict[str, str]:
    title, url, note = (" ".join(typed.get(name, "").split()) for name in ("title", "url", "note"))
    confidence = typed.get("confidence", "")
    if not title or len(title) > 200:
        raise _wrong("title", "required", N_("Say who or what confirms it: a call, a letter, a page."))
    if url and (len(url) > 300 or not _is_address(url)):
        raise _wrong("url", "not_an_address", N_("Write the whole address, starting with https://."))
    if confidence not in _CONFIDENCE:
        raise _wrong("confidence", "unknown_code", N_("Choose how certain it is."))
    if len(note) > 300:
        raise _wrong("note", "too_long", N_("At most 300 characters."))
    given = {"title": title, "url": url, "date": _day(typed.get("date", ""), today), "note": note}
    return {"confidence": confidence, **{name: text for name, text in given.items() if text}}


def _day(text: str, today: date) -> str:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise _wrong("date", "not_a_day", N_("Write the day on which the source confirmed it.")) from None
    if day > today:
        raise _wrong("date", "out_of_range", N_("This day is in the future."))
    return day.isoformat()


def _languages(name: str, text: str) -> list[str]:
    codes = [code for code in re.split(r"[\s,;]+", text.lower()) if code]
    if len(codes) > 40 or not all(_LANGUAGE.fullmatch(code) for code in codes):
        raise _wrong(name, "unknown_code", N_("Write the language codes separated by commas, for example: ru, pl, en."))
    return list(dict.fromkeys(codes))


def _hours(name: str, text: str) -> list[dict[str, Any]]:
    try:
        return opening_hours.parse(text)
    except ValueError as error:
        raise _wrong(name, "not_hours", error.args[0]) from None


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and "." in (parts.hostname or "") and " " not in text


def _wrong(name: str, code: str, detail: str) -> Invalid:
    return Invalid([FieldError(pointer=f"/{name}", code=code, detail=detail)])
