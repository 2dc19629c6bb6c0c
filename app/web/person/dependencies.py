"""What the person's pages need of a request: language, cookie, form, and that the form is ours."""

import hmac
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request, Response

from app.core.dependencies import Body, directory_in_force
from app.core.errors import BadRequest, NotAllowed, NotFound
from app.core.i18n import LANGUAGES
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake.questions import Typed
from app.settings import Settings

COOKIE: Final = "s"
_TOKEN_LASTS: Final = timedelta(hours=24)
_MOST_FIELDS: Final = 1000


async def _language(lang: str) -> str:
    if lang not in LANGUAGES:
        raise NotFound
    return lang


async def _directory(request: Request) -> Packs:
    directory: Packs = await directory_in_force(request)
    return directory


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _cookie(request: Request) -> str | None:
    value = request.cookies.get(COOKIE)
    return value if value and len(value) <= 64 and value.isascii() else None


async def anyone() -> None:
    """The policy of the person's pages: open to everybody; what is inside opens only with the cookie or the number."""


async def _form(request: Request, body: Body) -> AsyncIterator[Typed]:
    """The urlencoded fields. Raises BadRequest (not a form, not UTF-8), NotAllowed (sent by another site's page)."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise NotAllowed("This form was sent from another site.")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if body and kind != "application/x-www-form-urlencoded":
        raise BadRequest("A form is expected.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise BadRequest("The form cannot be read.") from None
    typed: Typed = {}
    for name, value in pairs:
        typed.setdefault(name, []).append(value.replace("\r\n", "\n"))
    yield typed


Lang = Annotated[str, Depends(_language)]
Directory = Annotated[Packs, Depends(_directory)]
Config = Annotated[Settings, Depends(_settings)]
Cookie = Annotated[str | None, Depends(_cookie)]
Form = Annotated[Typed, Depends(_form)]


def new_token(keys: KeyRing, now: datetime, bound: str | None = None) -> str:
    """A token for one form: when it was made, something random, and our mark. It also names the submission.

    `bound`: the cookie of a visit; then the form can be sent in that visit only.
    """
    body = f"{int(now.timestamp())}.{secrets.token_urlsafe(16)}"
    return f"{body}.{_mark(keys, body, bound)}"


def token_is_ours(keys: KeyRing, token: str, now: datetime, bound: str | None = None) -> bool:
    """Whether we made this token in the last 24 hours, and for this visit."""
    made = made_at(keys, token, bound)
    return made is not None and timedelta(0) <= now - made < _TOKEN_LASTS


def made_at(keys: KeyRing, token: str, bound: str | None = None) -> datetime | None:
    """When we made this token, however long ago; None for one that is not ours."""
    body, _, mark = token.rpartition(".")
    seconds = body.split(".")[0]
    ours = hmac.compare_digest(mark.encode("utf-8", "replace"), _mark(keys, body, bound).encode())
    return datetime.fromtimestamp(int(seconds), UTC) if ours and seconds.isdecimal() else None


def _mark(keys: KeyRing, body: str, bound: str | None) -> str:
    return keys.mac("form-token", body.encode("utf-8", "replace"), (bound or "").encode()).hex()[:32]


def said(typed: Typed, name: str) -> str:
    """The last value of a field, or nothing."""
    return typed.get(name, [""])[-1]


def set_cookie(response: Response, secret: str, settings: Settings) -> None:
    """The one cookie: for this visit, readable by no script, sent to no other site."""
    response.set_cookie(
        COOKIE, secret, httponly=True, samesite="strict", secure=settings.base_url.startswith("https:"), path="/"
    )


def drop_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/")
