"""Dependencies of the person's pages: language, cookie, parsed form and its token."""

from typing import Annotated, Final

from fastapi import Depends, Request, Response

from app.core.dependencies import current_directory
from app.core.errors import NotFound
from app.core.i18n import LANGUAGES
from app.directory.packs import Directory as Packs
from app.intake.questions import FormFields
from app.settings import Settings
from app.web.components import csrf

COOKIE: Final = "s"


async def _language(lang: str) -> str:
    if lang not in LANGUAGES:
        raise NotFound
    return lang


async def _directory(request: Request) -> Packs:
    directory: Packs = await current_directory(request)
    return directory


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _cookie(request: Request) -> str | None:
    value = request.cookies.get(COOKIE)
    return value if value and len(value) <= 64 and value.isascii() else None


async def anyone() -> None:
    """The policy of the person's pages: open to everybody; what is inside opens only with the cookie or the number."""


async def _form(request: Request) -> FormFields:
    """The fields of a form of ours. Raises BadRequest (no form), NotAllowed (sent by another site's page)."""
    return await csrf.receive(request)


Lang = Annotated[str, Depends(_language)]
Directory = Annotated[Packs, Depends(_directory)]
Config = Annotated[Settings, Depends(_settings)]
Cookie = Annotated[str | None, Depends(_cookie)]
Form = Annotated[FormFields, Depends(_form)]


def set_cookie(response: Response, secret: str, settings: Settings) -> None:
    """Set the only cookie: session lifetime, HttpOnly, SameSite=Strict."""
    response.set_cookie(
        COOKIE, secret, httponly=True, samesite="strict", secure=settings.base_url.startswith("https:"), path="/"
    )


def delete_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/")
