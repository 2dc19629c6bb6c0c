"""Input shared by the directory forms of the desk and the partner: country packs, kind of pause."""

from typing import Annotated

from fastapi import Depends, Request

from app.core.errors import FieldError, Invalid
from app.core.i18n import LANGUAGES
from app.directory.packs import Directory


async def _packs(request: Request) -> Directory:
    """The country packs of this process, without the published edits."""
    packs: Directory = request.app.state.current.packs
    return packs


OwnPacks = Annotated[Directory, Depends(_packs)]


def kind_of_pause(what: str) -> tuple[str | None, str | None]:
    """The need and the language that a pause is limited to, from `all`, `need:…` or `language:…`. Raises Invalid."""
    kind, _, code = what.partition(":")
    if what == "all":
        return None, None
    if not code or kind not in {"need", "language"} or (kind == "language" and code not in LANGUAGES):
        raise Invalid([FieldError(pointer="/what", code="unknown_code", detail="Choose what to pause.")])
    return (code, None) if kind == "need" else (None, code)
