"""The directory at the desk: what it says, proposals that a second person publishes, free places and pauses, freshness."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Db, Now, ReadDb
from app.core.errors import Invalid, NotFound
from app.core.i18n import LANGUAGES
from app.directory import availability, edits, field_input, fields, opening_hours, overlay, published
from app.directory.catalogue import Directory
from app.directory.edit_states import EditVerb
from app.directory.edits import Editor
from app.partners.organisations import Organisation
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import coordinators, field
from app.web.components import directory_view, staff_pages
from app.web.components.directory_forms import OwnPacks, day_of, kind_of_pause

router = APIRouter(prefix="/desk/directory", dependencies=[Depends(coordinators)])

Slug = Annotated[str, Path(max_length=64)]
Code = Annotated[str, Query(max_length=130)]
Who = Annotated[SignedIn, Depends(coordinators)]


@router.get("", name="directory")
def show_directory(
    request: Request, session: ReadDb, packs: OwnPacks, now: Now, shelf: Code = "all", country: Code = ""
) -> Response:
    """Every organisation, narrowed by what there is to do about it."""
    if shelf not in directory_view.SHELVES:
        raise NotFound("This list does not exist.")
    directory = published.with_edits(session, packs).directory
    every = directory_view.rows(session, directory, now.date(), _paused(session, now))
    in_country = [row for row in every if not country or row.country == country]
    return staff_pages.page(
        request,
        "desk/directory/list.html",
        rows=[row for row in in_country if shelf == "all" or shelf in row.marks],
        counts={name: sum(name == "all" or name in row.marks for row in in_country) for name in directory_view.SHELVES},
        shelves=directory_view.SHELVES,
        shelf=shelf,
        country=country,
        countries=[entry.code for entry in directory.countries],
        waiting=len(edits.pending(session)),
        package="/desk/directory/package" if request.state.who.role is Role.SENIOR else None,
    )


@router.get("/proposals", name="directory_proposals")
def show_proposals(request: Request, session: ReadDb, packs: OwnPacks) -> Response:
    """What waits for a second person."""
    directory = published.with_edits(session, packs).directory
    return staff_pages.page(
        request,
        "desk/directory/proposals.html",
        proposals=[
            (edit, directory_view.proposal(edit), _name(directory, edit.subject)) for edit in edits.pending(session)
        ],
    )


@router.get("/freshness", name="directory_freshness")
def show_freshness(request: Request, session: ReadDb, packs: OwnPacks, now: Now) -> Response:
    """What nobody confirmed, what is old, what has run out, and where packs and desk differ."""
    found = directory_view.freshness(session, packs, now.date())
    return staff_pages.page(request, "desk/directory/freshness.html", found=found)


@router.get("/organisations/{slug}", name="directory_entry")
def show_entry(slug: Slug, request: Request, session: ReadDb, packs: OwnPacks, now: Now) -> Response:
    """One organisation, with who says each thing of it."""
    return _entry_page(request, session, packs, now, slug)


@router.get("/edit", name="directory_edit_form")
def edit_form(request: Request, session: ReadDb, packs: OwnPacks, subject: Code = "", name: Code = "") -> Response:
    """One field, to be proposed anew."""
    asked = _asked(session, packs, subject, name)
    return _form_page(request, asked, typed_in=asked.fields_of_value(), errors={})


@router.post("/edit", name="directory_propose")
def propose(request: Request, who: Who, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Put the value forward. What does not fit is shown again with the words beside it."""
    asked = _asked(session, packs, field(request, "subject"), field(request, "name"))
    given = {name: values[0] for name, values in request.state.typed.items()}
    try:
        value = field_input.parse(asked.field, given, now.date())
    except Invalid as error:
        return _form_page(request, asked, typed_in=given, errors=_errors(error), status=422)
    edits.propose(session, packs, asked.subject, asked.field.name, value, by=_editor(who), now=now)
    return staff_pages.to(f"{_entry(asked.subject)}?done=edit_proposed")


@router.post("/as-pack", name="directory_as_pack")
def propose_pack(request: Request, who: Who, session: Db, now: Now) -> Response:
    """Propose to say again what the pack says."""
    subject = field(request, "subject")
    edits.propose_pack_value(session, subject, field(request, "name"), by=_editor(who), now=now)
    return staff_pages.to(f"{_entry(subject)}?done=edit_proposed")


@router.post("/edits/{edit}/{verb}", name="directory_decide")
def decide(
    edit: UUID,
    verb: Annotated[str, Path(max_length=12)],
    who: Who,
    session: Db,
    packs: OwnPacks,
    now: Now,
) -> Response:
    """Publish or reject what somebody else proposed, or withdraw one's own."""
    if verb == EditVerb.PUBLISH:
        edits.publish(session, packs, edit, by=_editor(who), now=now)
    elif verb in {EditVerb.REJECT, EditVerb.WITHDRAW}:
        edits.turn_down(session, edit, EditVerb(verb), by=_editor(who), now=now)
    else:
        raise NotFound
    return staff_pages.to(f"/desk/directory/proposals?done={verb}")


@router.post("/capacity", name="directory_capacity")
def set_capacity(request: Request, who: Who, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Free places until a day. It takes effect at once."""
    key = field(request, "service")
    try:
        until = day_of(field(request, "until"))
        availability.set_capacity(session, key, field(request, "capacity"), until, by=_editor(who), now=now)
    except Invalid as error:
        return _entry_page(request, session, packs, now, key.split("/")[0], error=error)
    return staff_pages.to(f"{_entry(key)}?done=capacity")


@router.post("/pause", name="directory_pause")
def pause(request: Request, who: Who, session: Db, packs: OwnPacks, now: Now) -> Response:
    """No new requests for a service: none at all, for a need, or in a language. It takes effect at once."""
    key = field(request, "service")
    try:
        need, language = kind_of_pause(field(request, "what"))
        until = day_of(field(request, "until"))
        availability.pause_service(session, key, until, need=need, language=language, by=_editor(who), now=now)
    except Invalid as error:
        return _entry_page(request, session, packs, now, key.split("/")[0], error=error)
    return staff_pages.to(f"{_entry(key)}?done=paused")


@router.post("/pauses/{pause}/end", name="directory_end_pause")
def end_pause(pause: UUID, who: Who, session: Db, now: Now) -> Response:
    key = availability.end_pause(session, pause, by=_editor(who), now=now)
    return staff_pages.to(f"{_entry(key)}?done=resumed")


@router.post("/organisations/{slug}/pause", name="directory_pause_all")
def pause_all(slug: Slug, request: Request, who: Who, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Pause an organisation as a whole; with no day, end the pause."""
    try:
        until = day_of(field(request, "until"))
        availability.pause_organisation(session, slug, until, by=_editor(who), now=now)
    except Invalid as error:
        return _entry_page(request, session, packs, now, slug, error=error)
    return staff_pages.to(f"{_entry(slug)}?done={'paused' if until else 'resumed'}")


@dataclass(frozen=True, slots=True)
class Asked:
    """The field a form is about, and what it says now."""

    subject: str
    name: str
    field: fields.Field
    value: Any
    pack: str | None

    def fields_of_value(self) -> dict[str, str]:
        """The form's fields as they stand before anybody types."""
        if self.field.kind == "source":
            return {**self.value, "date": self.value.get("date", "")}
        if self.field.kind == "hours":
            return {self.field.name: opening_hours.format_hours(self.value)}
        return {self.field.name: ", ".join(self.value) if self.field.kind == "languages" else self.value or ""}


def _asked(session: Session, packs: Directory, subject: str, name: str) -> Asked:
    """Raises NotFound."""
    directory = published.with_edits(session, packs).directory
    entity, found = overlay.entity(directory, subject), fields.field_of(subject, name)
    if entity is None or found is None:
        raise NotFound("This entry is not in the directory.")
    beneath = overlay.entity(packs, subject)
    pack = directory_view.text(found, fields.read(beneath, name)) if beneath else None
    return Asked(subject, _name(directory, subject), found, fields.read(entity, name), pack)


def _form_page(
    request: Request, asked: Asked, *, typed_in: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response:
    said = directory_view.text(asked.field, asked.value)
    return staff_pages.page(
        request,
        "desk/directory/edit.html",
        status=status,
        asked=asked,
        said=said,
        typed_in=typed_in,
        errors=errors,
        back=_entry(asked.subject),
    )


def _entry_page(
    request: Request, session: Session, packs: Directory, now: datetime, slug: str, *, error: Invalid | None = None
) -> Response:
    """Raises NotFound."""
    laid = published.with_edits(session, packs)
    organisation = laid.directory.organisation(slug)
    if organisation is None:
        raise NotFound("This organisation does not exist.")
    log = edits.history(session, slug)
    waiting = [edit for edit in log if edit.state == "proposed"]
    row = session.scalars(sa.select(Organisation).where(Organisation.slug == slug)).one_or_none()
    return staff_pages.page(
        request,
        "desk/directory/entry.html",
        status=error.status if error else 200,
        organisation=organisation,
        country=directory_view.country_of(laid.directory, slug),
        values=directory_view.values(
            laid, packs, slug, published.published_edits(session), directory_view.waits_for(waiting, slug)
        ),
        services=directory_view.services(session, laid, packs, slug, now.date(), waiting),
        paused_until=row.paused_until if row and row.paused_until and row.paused_until > now else None,
        log=[(edit, directory_view.proposal(edit), _name(laid.directory, edit.subject)) for edit in log],
        stale=directory_view.is_stale(organisation, now.date()),
        imported=laid.directory.files[slug] == overlay.DESK,
        whole=fields.WHOLE,
        errors=_errors(error) if error else {},
        languages=LANGUAGES,
        typed_in={name: values[0] for name, values in getattr(request.state, "typed", {}).items()},
    )


def _paused(session: Session, now: datetime) -> frozenset[str]:
    return frozenset(session.scalars(sa.select(Organisation.slug).where(Organisation.paused_until > now)))


def _name(directory: Directory, subject: str) -> str:
    """The name of the organisation, and of its service where the subject is one."""
    organisation = directory.organisation(subject.partition("/")[0])
    entry = directory.service(subject)
    if organisation is None:
        return subject
    return f"{organisation.name.en}: {entry.service.name.en}" if entry else organisation.name.en


def _errors(error: Invalid) -> dict[str, str]:
    return {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}


def _editor(who: SignedIn) -> Editor:
    return Editor(who.member_id, who.role.value)


def _entry(subject: str) -> str:
    return f"/desk/directory/organisations/{quote(subject.partition('/')[0], safe='')}"
