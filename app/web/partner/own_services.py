"""A partner's own services: free places and pauses at once, everything else as a proposal to the desk."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Db, Now, ReadDb
from app.core.errors import Invalid, NotAllowed, NotFound
from app.core.i18n import LANGUAGES
from app.directory import availability, edits, field_input, fields, opening_hours, overlay, published
from app.directory.catalogue import Directory
from app.directory.edits import Editor
from app.directory.fields import Field
from app.partners.organisations import Organisation
from app.staff.sessions import SignedIn
from app.web.account.policies import Member, field
from app.web.components import directory_view, staff_pages
from app.web.components.directory_forms import OwnPacks, day_of, kind_of_pause

router = APIRouter(prefix="/partner/services")


@router.get("", name="own_services")
def show_services(request: Request, who: Member, session: ReadDb, packs: OwnPacks, now: Now) -> Response:
    """What the directory says of us, and what we may change."""
    return _page(request, session, packs, who, now)


@router.post("/capacity", name="own_capacity")
def set_capacity(request: Request, who: Member, session: Db, packs: OwnPacks, now: Now) -> Response:
    key = _own(session, who, field(request, "service"))
    try:
        until = day_of(field(request, "until"))
        availability.set_capacity(session, key, field(request, "capacity"), until, by=_editor(who), now=now)
    except Invalid as error:
        return _page(request, session, packs, who, now, error=error)
    return staff_pages.redirect("/partner/services?done=capacity")


@router.post("/pause", name="own_pause")
def pause(request: Request, who: Member, session: Db, packs: OwnPacks, now: Now) -> Response:
    key = _own(session, who, field(request, "service"))
    try:
        need, language = kind_of_pause(field(request, "what"))
        until = day_of(field(request, "until"))
        availability.pause_service(session, key, until, need=need, language=language, by=_editor(who), now=now)
    except Invalid as error:
        return _page(request, session, packs, who, now, error=error)
    return staff_pages.redirect("/partner/services?done=paused")


@router.post("/pauses/{pause}/end", name="own_end_pause")
def end_pause(pause: UUID, who: Member, session: Db, now: Now) -> Response:
    availability.end_pause(session, pause, by=_editor(who), now=now, organisation_id=who.organisation_id)
    return staff_pages.redirect("/partner/services?done=resumed")


@router.post("/pause-all", name="own_pause_all")
def pause_all(request: Request, who: Member, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Pause the whole organisation; with no day, end the pause."""
    try:
        until = day_of(field(request, "until"))
        availability.pause_organisation(session, _slug_of(session, who), until, by=_editor(who), now=now)
    except Invalid as error:
        return _page(request, session, packs, who, now, error=error)
    return staff_pages.redirect(f"/partner/services?done={'paused' if until else 'resumed'}")


@router.post("/propose", name="own_propose")
def propose(request: Request, who: Member, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Put another value forward; the desk publishes it."""
    slug = _slug_of(session, who)
    subject, name = field(request, "subject"), field(request, "name")
    asked = fields.field_of(subject, name)
    if subject.partition("/")[0] != slug or asked is None or not asked.of_partner:
        raise NotFound("Your organisation has no such entry in the directory.")
    try:
        value = field_input.parse(asked, {name: field(request, "value")}, now.date())
    except Invalid as error:
        return _page(request, session, packs, who, now, error=error)
    edits.propose(session, packs, subject, name, value, by=_editor(who), now=now)
    return staff_pages.redirect("/partner/services?done=edit_proposed")


def _page(
    request: Request, session: Session, packs: Directory, who: SignedIn, now: datetime, *, error: Invalid | None = None
) -> Response:
    slug = _slug_of(session, who)
    overlaid = published.with_edits(session, packs)
    organisation = overlaid.directory.organisation(slug)
    if organisation is None:
        raise NotFound("Your organisation is not in the directory.")
    waiting = [edit for edit in edits.history(session, slug) if edit.state == "proposed"]
    row = session.scalars(sa.select(Organisation).where(Organisation.slug == slug)).one()
    return staff_pages.page(
        request,
        "partner/services.html",
        status=error.status if error else 200,
        organisation=organisation,
        own=_forms(overlaid.directory, slug, waiting),
        services=[
            (entry, _forms(overlaid.directory, entry.key, waiting))
            for entry in directory_view.services(session, overlaid, packs, slug, now.date(), waiting)
        ],
        paused_until=row.paused_until if row.paused_until and row.paused_until > now else None,
        waiting=[(edit, directory_view.proposal(edit)) for edit in waiting],
        languages=LANGUAGES,
        errors={entry["pointer"].strip("/"): entry["detail"] for entry in error.errors} if error else {},
        submitted={name: values[0] for name, values in getattr(request.state, "typed", {}).items()},
    )


def _forms(directory: Directory, subject: str, waiting: Any) -> list[tuple[Field, str, str, bool]]:
    """The fields a partner may propose: each with its value in words, as it is typed, and whether a proposal waits."""
    entity = overlay.entity(directory, subject)
    assert entity is not None
    proposed = directory_view.fields_with_proposal(waiting, subject)
    found = []
    for one in fields.fields_of(subject):
        if one.of_partner:
            value = fields.read(entity, one.name)
            as_typed = opening_hours.format_hours(value) if one.kind == "hours" else value or ""
            as_typed = ", ".join(value) if one.kind == "languages" else as_typed
            found.append((one, directory_view.text(one, value), as_typed, one.name in proposed))
    return found


def _own(session: Session, who: SignedIn, key: str) -> str:
    """Raises NotFound for a service of another organisation, as for one that is unknown."""
    if key.partition("/")[0] != _slug_of(session, who):
        raise NotFound("This service does not exist.")
    return key


def _slug_of(session: Session, who: SignedIn) -> str:
    if who.organisation_id is None:
        raise NotAllowed("Only members of an organisation can use this page.")
    return session.get_one(Organisation, who.organisation_id).slug


def _editor(who: SignedIn) -> Editor:
    return Editor(who.member_id, who.role.value, origin="partner")
