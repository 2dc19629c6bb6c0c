"""Addresses as people type them and links carry them: finds the page that was meant, and the methods that an address takes."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from app.core.i18n import LANGUAGES

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LANGUAGE_CODES: Final = {
    "ua": "uk", "ukr": "uk", "by": "be", "bel": "be", "rus": "ru", "eng": "en", "gb": "en", "us": "en", "pol": "pl",
    "ge": "ka", "geo": "ka", "kat": "ka", "lit": "lt", "deu": "de", "ger": "de", "at": "de", "ch": "de",
}  # fmt: skip
"""Other codes by which people know our languages: of ISO 639-2, and of countries."""
_LABEL: Final = re.compile(r"([rR]-?)?([2-9A-Za-z]{3})-?([2-9A-Za-z]{4})")
"""A label of a case or referral (`app.cases.short_labels`), in any case and with or without its hyphens."""
_OTHER_LANGUAGE: Final = re.compile("[A-Za-z]{2,3}")
_PAGES_WITH_LABELS: Final = ("/desk/cases/", "/partner/referrals/")


def methods_of(routes: list[BaseRoute], scope: Scope) -> list[str]:
    """The methods that some route takes at this path. A path that only answers OPTIONS does not count."""
    methods = [method for method in METHODS if _matches(routes, {**scope, "method": method})]
    return [] if methods == ["OPTIONS"] else ["GET", "HEAD", *methods[1:]] if methods[:1] == ["GET"] else methods


def meant(routes: list[BaseRoute], scope: Scope) -> str | None:
    """The path and query of the page or address that a request for an unknown one meant; None: there is none.

    It tries another spelling of a language, one slash more or less at the end, capitals, doubled slashes, and a label in lower
    case. A request that would change something is redirected only if it has one slash too many at the end.
    """
    path: str = scope["path"]
    is_page = scope["method"] in {"GET", "HEAD"}
    spellings = [*_spellings(path)] if is_page else [path.rstrip("/")]
    if is_page and not _matches(
        routes, scope
    ):  # an address that is known has ids and codes in it, which stay as they are
        spellings += [spelling.lower() for spelling in spellings]
    for candidate in spellings:
        if candidate != path and not candidate.startswith("//") and _matches(routes, {**scope, "path": candidate}):
            query: bytes = scope.get("query_string", b"")
            prefix: str = scope.get("root_path", "")
            return prefix + quote(candidate) + (f"?{query.decode('latin-1')}" if query else "")
    return None


def in_language(routes: list[BaseRoute], scope: Scope, language: str) -> str | None:
    """The path and query of a person's page whose address was typed without a language, like `/show`; None: there is none.

    `language`: the one to show it in.
    """
    path = re.sub("/{2,}", "/", scope["path"]).rstrip("/")
    for candidate in (path, path.lower()):
        if candidate and _matches(routes, {**scope, "path": f"/{language}{candidate}"}):
            query: bytes = scope.get("query_string", b"")
            return f"/{language}{quote(candidate)}" + (f"?{query.decode('latin-1')}" if query else "")
    return None


def language_code(text: str) -> str:
    """The code by which we know a language: `RU`, `ru-RU`, `ua` and `rus` are found. Other text is returned as it is."""
    first = re.split("[-_]", text.lower(), maxsplit=1)[0]
    code = LANGUAGE_CODES.get(first, first)
    return code if code in LANGUAGES else text


def _spellings(path: str) -> Iterator[str]:
    one_slash = re.sub("/{2,}", "/", path)
    first, slash, rest = one_slash[1:].partition("/")
    language = language_code(first)
    if _OTHER_LANGUAGE.fullmatch(language) and language not in LANGUAGES:
        return  # the pages of a language take any such word; only they know that we do not have it
    base = f"/{language}{slash}{rest}"
    if base.startswith(_PAGES_WITH_LABELS):
        yield "/".join(_label(part) if index == 3 else part for index, part in enumerate(base.split("/")))
    capitals = [f"/{language}{slash}{rest.lower()}"] if language in LANGUAGES else []
    for spelling in (base, *capitals):
        yield spelling
        yield spelling[:-1] if spelling.endswith("/") else spelling + "/"


def _label(part: str) -> str:
    match = _LABEL.fullmatch(part)
    return f"{'R-' if match[1] else ''}{match[2]}-{match[3]}".upper() if match else part


def _matches(routes: list[BaseRoute], scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in routes)
