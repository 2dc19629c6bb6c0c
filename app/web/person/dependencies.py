"""Dependencies of the person's pages: language, cookie, parsed form and its token."""

from typing import Annotated, Final

from fastapi import Depends, Query, Request, Response

from app.core.dependencies import current_directory
from app.core.errors import NotFound, Unavailable
from app.core.i18n import LANGUAGES
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake.questions import FormFields
from app.settings import Settings
from app.web.components import cookies, csrf

COOKIE: Final = "s"


async def _language(lang: str) -> str:
    if lang not in LANGUAGES:
        raise NotFound
    return lang


async def _directory(request: Request) -> Packs:
    directory: Packs = await current_directory(request)
    return directory


async def _served(request: Request) -> frozenset[str]:
    await current_directory(request)
    served: frozenset[str] | None = request.app.state.current.served
    if served is None:  # a page must not say that nobody takes requests because we could not ask
        raise Unavailable
    return served


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _cookie(request: Request) -> str | None:
    return cookies.secret(request, COOKIE)


async def anyone() -> None:
    """The policy of the person's pages: open to everybody; personal content opens only with the cookie or the number."""


async def _form(request: Request) -> FormFields:
    """The fields of a form of ours. Raises BadRequest (no form), NotAllowed (sent by another site's page)."""
    return await csrf.receive(request)


Lang = Annotated[str, Depends(_language)]
Directory = Annotated[Packs, Depends(_directory)]
Served = Annotated[frozenset[str], Depends(_served)]
"""The countries from which a team takes requests, at most as old as the directory: for what a page offers. `staff.served_countries`
decides."""
Config = Annotated[Settings, Depends(_settings)]
Cookie = Annotated[str | None, Depends(_cookie)]
Form = Annotated[FormFields, Depends(_form)]
Again = Annotated[str, Query(max_length=8)]
AGAIN: Final = "again=1"
"""Asks a page to say what was wrong with the form that led to it. What was typed is in the sealed draft, never in the address."""

ENDED: Final = "ended=1"
"""Asks the page for the number to say that the visit has ended, so that nobody believes that a button did something."""

NOT_AGREED: Final = "not_agreed=1"
"""Asks the page of the request to say that no time was agreed."""

UNCHANGED: Final = "unchanged=1"
"""Asks the page of the request to say that a form changed nothing, because its token is too old or of a former visit."""


def new_secret(keys: KeyRing) -> str:
    """A secret for the cookie, of the only kind that is accepted in a request."""
    return cookies.mint(keys, COOKIE)


def set_cookie(response: Response, secret: str, settings: Settings) -> None:
    """Set the only cookie of the person's pages."""
    cookies.put(response, COOKIE, secret, settings)


def delete_cookie(response: Response, settings: Settings) -> None:
    cookies.remove(response, COOKIE, settings)
