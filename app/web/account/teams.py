"""Teams and what each still needs: an admin proposes a team for a country that has none, and then its first key."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.casework import team_readiness
from app.core.dependencies import Db, Now, ReadDb
from app.core.errors import Conflict, FieldError, Invalid
from app.core.i18n import LANGUAGES, N_, OWN_NAMES
from app.directory.packs import Directory
from app.staff import access_changes
from app.staff import service as staff
from app.staff.access_changes import NewCountryTeam
from app.web.account.members import new_name
from app.web.account.my_notices import zones
from app.web.account.my_settings import uuid_of
from app.web.account.policies import Admin, Packs, SeniorOrAdmin
from app.web.components import staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/teams")

_MOST_LETTERS: Final = 120
_TEXTS: Final = ("title", "zone", "language", "name")


@router.get("", name="teams")
def show_teams(request: Request, _member: SeniorOrAdmin, session: ReadDb, packs: Packs, now: Now) -> Response:
    return _page(request, session, packs, now)


@router.post("", name="propose_team")
def propose_team(request: Request, member: Admin, session: Db, packs: Packs, now: Now) -> Response:
    """Propose a team. Invalid input is shown again as it was typed, with each error at its field."""
    form = request.state.form
    typed = {name: field_value(form, name).strip() for name in _TEXTS}
    chosen = tuple(dict.fromkeys(form.get("countries", ())))
    try:
        access_changes.propose_team(session, member, _new_team(request, session, packs, typed, chosen), now)
    except Invalid as error:
        errors = {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}
        return _page(request, session, packs, now, typed=typed, chosen=chosen, errors=errors)
    except Conflict as error:
        session.rollback()
        return _page(request, session, packs, now, typed=typed, chosen=chosen, errors={"name": error.detail})
    return staff_pages.redirect("/desk/proposals?done=proposed")


@router.post("/key", name="propose_team_key")
def propose_team_key(request: Request, member: Admin, session: Db, now: Now) -> Response:
    """Propose the first key of a team for the senior whose fingerprint the page showed."""
    form = request.state.form
    team_id = uuid_of(field_value(form, "team"))
    access_changes.propose_team_key(session, member, team_id, now, key_id=_uuid_or_none(field_value(form, "key")))
    return staff_pages.redirect("/desk/proposals?done=proposed")


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _new_team(
    request: Request, session: Session, packs: Directory, typed: Mapping[str, str], chosen: Sequence[str]
) -> NewCountryTeam:
    """The team in the form. Raises Invalid, with every field that is wrong."""
    errors = []
    if not 2 <= len(typed["title"]) <= _MOST_LETTERS:
        errors.append(_unfit("title", N_("Write the name of the team, in 2 to 120 letters.")))
    if not chosen or not set(chosen) <= set(_free_countries(session, packs)):
        errors.append(_unfit("countries", N_("Choose at least one country that no team has.")))
    if typed["zone"] not in zones(packs, "UTC"):
        errors.append(_unfit("zone", N_("Choose a time zone of the list.")))
    if typed["language"] not in LANGUAGES:
        errors.append(_unfit("language", N_("Choose a language.")))
    name = ""
    try:
        name = new_name(request)
    except Invalid as error:
        errors += [FieldError(**entry) for entry in error.errors]
    if errors:
        raise Invalid(errors)
    return NewCountryTeam(typed["title"], tuple(sorted(chosen)), typed["zone"], typed["language"], name)


def _unfit(pointer: str, detail: str) -> FieldError:
    return FieldError(pointer=f"/{pointer}", code="unfit", detail=detail)


def _free_countries(session: Session, packs: Directory) -> list[str]:
    taken = staff.taken_countries(session)
    return [place.code for place in packs.places if place.code not in taken]


def _page(
    request: Request,
    session: Session,
    packs: Directory,
    now: datetime,
    *,
    typed: Mapping[str, str] | None = None,
    chosen: Sequence[str] = (),
    errors: Mapping[str, str] | None = None,
) -> Response:
    names, free = staff_pages.code_names(request), _free_countries(session, packs)
    return staff_pages.page(
        request,
        "account/teams.html",
        status=422 if errors else 200,
        teams=team_readiness.overview(session, packs, now),
        free=sorted(((code, names.name("country", code)) for code in free), key=lambda place: place[1]),
        zones=zones(packs, "UTC"),
        languages=OWN_NAMES,
        typed=typed or {},
        chosen=chosen,
        errors=errors or {},
    )
