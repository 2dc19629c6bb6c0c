"""A partner's own services: availability and pauses take effect immediately, other changes are proposals to the desk."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.casework import readiness
from app.core.dependencies import Db, Now, ReadDb
from app.core.errors import Invalid, NotAllowed, NotFound
from app.core.i18n import LANGUAGES, Translator
from app.directory import availability, edits, field_input, fields, opening_hours, overlay, published
from app.directory.catalogue import Directory
from app.directory.edits import Editor
from app.directory.fields import Field
from app.partners.organisations import Organisation
from app.staff.sessions import SignedIn
from app.web.account.policies import Member
from app.web.components import date_fields, directory_view, reader_language, staff_pages
from app.web.components.directory_forms import OwnPacks, kind_of_pause
from app.web.components.forms import field_value

router = APIRouter(prefix="/partner/services")


@router.get("", name="own_services")
def show_services(request: Request, member: Member, session: ReadDb, packs: OwnPacks, now: Now) -> Response:
    """Show the organisation's entry in the directory, with the fields that its members can change."""
    return _page(request, session, packs, member, now)


@router.post("/capacity", name="own_capacity")
def set_capacity(request: Request, member: Member, session: Db, packs: OwnPacks, now: Now) -> Response:
    key = _own_service_key(session, member, field_value(request.state.form, "service"))
    try:
        until = date_fields.read(request.state.form, "until", today=now.date())
        capacity, places = (field_value(request.state.form, name) for name in ("capacity", "places"))
        availability.set_capacity(session, key, capacity, until, by=_editor(member), now=now, places=places)
    except Invalid as error:
        return _page(request, session, packs, member, now, error=error)
    return staff_pages.redirect("/partner/services?done=capacity")


@router.post("/pause", name="own_pause")
def pause(request: Request, member: Member, session: Db, packs: OwnPacks, now: Now) -> Response:
    key = _own_service_key(session, member, field_value(request.state.form, "service"))
    try:
        need, language = kind_of_pause(field_value(request.state.form, "what"))
        until = date_fields.read(request.state.form, "until", today=now.date())
        availability.pause_service(session, key, until, need=need, language=language, by=_editor(member), now=now)
    except Invalid as error:
        return _page(request, session, packs, member, now, error=error)
    return staff_pages.redirect("/partner/services?done=paused")


@router.post("/pauses/{pause}/end", name="own_end_pause")
def end_pause(pause: UUID, member: Member, session: Db, now: Now) -> Response:
    availability.end_pause(session, pause, by=_editor(member), now=now, organisation_id=member.organisation_id)
    return staff_pages.redirect("/partner/services?done=resumed")


@router.post("/pause-all", name="own_pause_all")
def pause_all(request: Request, member: Member, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Pause all services of the organisation until a day; an empty day ends the pause."""
    try:
        until = date_fields.read(request.state.form, "until", today=now.date())
        availability.pause_organisation(session, _slug_of(session, member), until, by=_editor(member), now=now)
    except Invalid as error:
        return _page(request, session, packs, member, now, error=error)
    return staff_pages.redirect(f"/partner/services?done={'paused' if until else 'resumed'}")


@router.post("/propose", name="own_propose")
def propose(request: Request, member: Member, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Propose another value; the desk publishes it."""
    slug = _slug_of(session, member)
    subject, name = field_value(request.state.form, "subject"), field_value(request.state.form, "name")
    edited_field = fields.field_of(subject, name)
    if subject.partition("/")[0] != slug or edited_field is None or not edited_field.of_partner:
        raise NotFound("Your organisation has no such entry in the directory.")
    try:
        value = field_input.parse(edited_field, {name: field_value(request.state.form, "value")}, now.date())
    except Invalid as error:
        return _page(request, session, packs, member, now, error=error)
    edits.propose(session, packs, subject, name, value, by=_editor(member), now=now)
    return staff_pages.redirect("/partner/services?done=edit_proposed")


def _page(
    request: Request,
    session: Session,
    packs: Directory,
    member: SignedIn,
    now: datetime,
    *,
    error: Invalid | None = None,
) -> Response:
    slug, words = _slug_of(session, member), reader_language.words(request)
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
        checks=readiness.checklist(session, organisation, row.id, now),
        own=_field_forms(overlaid.directory, slug, waiting, words),
        services=[
            (entry, _field_forms(overlaid.directory, entry.key, waiting, words))
            for entry in directory_view.services(session, overlaid, packs, slug, now.date(), waiting, words)
        ],
        paused_until=row.paused_until if row.paused_until and row.paused_until > now else None,
        waiting=[(edit, directory_view.proposal(edit, words)) for edit in waiting],
        languages=LANGUAGES,
        errors={entry["pointer"].strip("/"): entry["detail"] for entry in error.errors} if error else {},
        submitted={name: values[0] for name, values in getattr(request.state, "form", {}).items()},
    )


def _field_forms(
    directory: Directory, subject: str, waiting: Any, words: Translator
) -> list[tuple[Field, str, str, bool]]:
    """The fields that a partner can propose: each with its value as text and as form input, and whether a proposal is pending."""
    entity = overlay.entity(directory, subject)
    assert entity is not None
    proposed = directory_view.fields_with_proposal(waiting, subject)
    field_forms = []
    for entry_field in fields.fields_of(subject):
        if entry_field.of_partner:
            value = fields.read(entity, entry_field.name)
            input_value = opening_hours.format_hours(value) if entry_field.kind == "hours" else value or ""
            input_value = ", ".join(value) if entry_field.kind == "languages" else input_value
            field_forms.append(
                (entry_field, directory_view.text(entry_field, value, words), input_value, entry_field.name in proposed)
            )
    return field_forms


def _own_service_key(session: Session, member: SignedIn, key: str) -> str:
    """The key, if it is of the member's organisation. Raises NotFound otherwise, also for an unknown service."""
    if key.partition("/")[0] != _slug_of(session, member):
        raise NotFound("This service does not exist.")
    return key


def _slug_of(session: Session, member: SignedIn) -> str:
    if member.organisation_id is None:
        raise NotAllowed("Only members of an organisation can use this page.")
    return session.get_one(Organisation, member.organisation_id).slug


def _editor(member: SignedIn) -> Editor:
    return Editor(member.member_id, member.role.value, origin="partner")
