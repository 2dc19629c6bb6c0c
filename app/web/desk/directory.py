"""The directory at the desk: entries, proposals that a second person publishes, availability and pauses, freshness."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.casework import readiness, search
from app.core.dependencies import Db, Now, ReadDb
from app.core.errors import Invalid, NotFound
from app.core.i18n import LANGUAGES, Translator
from app.core.written_dates import Nearest
from app.directory import availability, edits, field_input, fields, opening_hours, overlay, published
from app.directory.catalogue import Directory
from app.directory.edit_states import EditVerb
from app.directory.edits import Editor
from app.directory.models import DirectoryEdit
from app.partners.organisations import Organisation
from app.referrals import queries
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import coordinators_of_network
from app.web.components import (
    date_fields,
    directory_view,
    path_convertors,  # noqa: F401  registers them
    reader_language,
    staff_pages,
)
from app.web.components.directory_forms import OwnPacks, kind_of_pause
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/directory", dependencies=[Depends(coordinators_of_network)])

Slug = Annotated[str, Path(max_length=64)]
Code = Annotated[str, Query(max_length=130)]
MemberAtDesk = Annotated[SignedIn, Depends(coordinators_of_network)]


@dataclass
class DirectoryFilters:
    """The filters of the list, from the address. `q`: the beginning of words of a name; the others are codes."""

    shelf: Code = "all"
    country: Code = ""
    q: Code = ""
    need: Code = ""
    language: Code = ""
    reach: Code = ""
    capacity: Code = ""

    def match(self, row: directory_view.OrganisationRow) -> bool:
        return (
            self.country in {"", row.country}
            and (not self.need or self.need in row.needs)
            and (not self.language or self.language in row.languages)
            and self.reach in {"", row.reach}
            and (not self.capacity or self.capacity in row.capacity)
            and search.matches(
                search.plain(self.q).split(), row.organisation.id, *row.organisation.name.model_dump().values()
            )
        )

    def query(self) -> str:
        """The filters without the list, for links to the other lists."""
        chosen = {name: value for name, value in vars(self).items() if name != "shelf" and value}
        return urlencode(chosen)


@router.get("", name="directory")
def show_directory(
    request: Request, session: ReadDb, packs: OwnPacks, now: Now, filters: Annotated[DirectoryFilters, Depends()]
) -> Response:
    """Show the organisations of one list that fit the filters."""
    shelf, country = filters.shelf, filters.country
    if shelf not in directory_view.SHELVES:
        raise NotFound("This list does not exist.")
    directory = published.with_edits(session, packs).directory
    all_rows = directory_view.rows(session, directory, now.date(), _paused(session, now))
    in_country = [row for row in all_rows if filters.match(row)]
    return staff_pages.page(
        request,
        "desk/directory/list.html",
        rows=[row for row in in_country if shelf == "all" or shelf in row.remarks],
        counts={
            name: sum(name == "all" or name in row.remarks for row in in_country) for name in directory_view.SHELVES
        },
        shelves=directory_view.SHELVES,
        confidences=directory_view.CONFIDENCES,
        shelf=shelf,
        country=country,
        filters=filters,
        query=filters.query(),
        reaches=directory_view.REACHES,
        capacities=directory_view.CAPACITIES,
        needs=sorted({need for row in all_rows for need in row.needs}),
        spoken=sorted({code for row in all_rows for code in row.languages}),
        countries=[entry.code for entry in directory.countries],
        waiting=len(edits.pending_together(session)),
        package="/desk/directory/package" if request.state.member.role is Role.SENIOR else None,
    )


@router.get("/proposals", name="directory_proposals")
def show_proposals(request: Request, session: ReadDb, packs: OwnPacks) -> Response:
    """Show the proposals that wait for a second person."""
    directory = published.with_edits(session, packs).directory
    return staff_pages.page(
        request,
        "desk/directory/proposals.html",
        proposals=[
            (
                together[0],
                [directory_view.proposal(edit, reader_language.words(request)) for edit in together],
                _proposed_name(together[0]) or _name(directory, together[0].subject),
            )
            for together in edits.pending_together(session)
        ],
    )


@router.get("/freshness", name="directory_freshness")
def show_freshness(request: Request, session: ReadDb, packs: OwnPacks, now: Now) -> Response:
    """Show unverified, old and expired values, and where the country packs differ from the desk's edits."""
    freshness = directory_view.freshness(session, packs, now.date())
    return staff_pages.page(request, "desk/directory/freshness.html", freshness=freshness)


@router.get("/organisations/{slug}", name="directory_entry")
def show_entry(slug: Slug, request: Request, session: ReadDb, packs: OwnPacks, now: Now) -> Response:
    """Show one organisation, with the origin of each value."""
    return _entry_page(request, session, packs, now, slug)


@router.get("/edit", name="directory_edit_form")
def edit_form(request: Request, session: ReadDb, packs: OwnPacks, subject: Code = "", name: Code = "") -> Response:
    """Show the form that proposes a new value of one field."""
    edited = _edited_field(session, packs, subject, name, reader_language.words(request))
    return _form_page(request, edited, submitted=edited.initial_input(), errors={})


@router.post("/edit", name="directory_propose")
def propose(request: Request, member: MemberAtDesk, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Propose the value. Invalid input is shown again with the errors next to the fields."""
    edited = _edited_field(
        session,
        packs,
        field_value(request.state.form, "subject"),
        field_value(request.state.form, "name"),
        reader_language.words(request),
    )
    submitted = {name: values[0] for name, values in request.state.form.items()}
    try:
        parsed = {**submitted, "date": _confirmed_on(request, now)} if edited.field.kind == "source" else submitted
        value = field_input.parse(edited.field, parsed, now.date())
    except Invalid as error:
        return _form_page(request, edited, submitted=submitted, errors=_errors(error), status=422)
    edits.propose(session, packs, edited.subject, edited.field.name, value, by=_editor(member), now=now)
    return staff_pages.redirect(f"{_entry_url(edited.subject)}?done=edit_proposed")


def _confirmed_on(request: Request, now: datetime) -> str:
    """The day on which the source confirmed the entry, as ISO 8601. Raises Invalid."""
    day = date_fields.read(request.state.form, "date", today=now.date(), nearest=Nearest.PAST)
    return day.isoformat() if day else ""


@router.post("/as-pack", name="directory_as_pack")
def propose_pack(request: Request, member: MemberAtDesk, session: Db, now: Now) -> Response:
    """Propose to return to the value in the country pack."""
    subject = field_value(request.state.form, "subject")
    edits.propose_pack_value(session, subject, field_value(request.state.form, "name"), by=_editor(member), now=now)
    return staff_pages.redirect(f"{_entry_url(subject)}?done=edit_proposed")


@router.post("/edits/{edit}/{verb:edit_verb}", name="directory_decide")
def decide(edit: UUID, verb: EditVerb, member: MemberAtDesk, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Publish or reject another member's proposal, or withdraw one's own."""
    if verb is EditVerb.PUBLISH:
        edits.publish(session, packs, edit, by=_editor(member), now=now)
    else:
        edits.reject_or_withdraw(session, edit, verb, by=_editor(member), now=now)
    return staff_pages.redirect(f"/desk/directory/proposals?done={verb}")


@router.post("/capacity", name="directory_capacity")
def set_capacity(request: Request, member: MemberAtDesk, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Set the capacity of a service until a day. It takes effect immediately."""
    key = field_value(request.state.form, "service")
    try:
        until = date_fields.read(request.state.form, "until", today=now.date())
        capacity, places = (field_value(request.state.form, name) for name in ("capacity", "places"))
        availability.set_capacity(session, key, capacity, until, by=_editor(member), now=now, places=places)
    except Invalid as error:
        return _entry_page(request, session, packs, now, key.split("/")[0], error=error)
    return staff_pages.redirect(f"{_entry_url(key)}?done=capacity")


@router.post("/pause", name="directory_pause")
def pause(request: Request, member: MemberAtDesk, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Pause new requests for a service: all, for one need, or in one language. It takes effect immediately."""
    key = field_value(request.state.form, "service")
    try:
        need, language = kind_of_pause(field_value(request.state.form, "what"))
        until = date_fields.read(request.state.form, "until", today=now.date())
        availability.pause_service(session, key, until, need=need, language=language, by=_editor(member), now=now)
    except Invalid as error:
        return _entry_page(request, session, packs, now, key.split("/")[0], error=error)
    return staff_pages.redirect(f"{_entry_url(key)}?done=paused")


@router.post("/pauses/{pause}/end", name="directory_end_pause")
def end_pause(pause: UUID, member: MemberAtDesk, session: Db, now: Now) -> Response:
    key = availability.end_pause(session, pause, by=_editor(member), now=now)
    return staff_pages.redirect(f"{_entry_url(key)}?done=resumed")


@router.post("/organisations/{slug}/pause", name="directory_pause_all")
def pause_all(slug: Slug, request: Request, member: MemberAtDesk, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Pause all services of an organisation until a day; an empty day ends the pause."""
    try:
        until = date_fields.read(request.state.form, "until", today=now.date())
        availability.pause_organisation(session, slug, until, by=_editor(member), now=now)
    except Invalid as error:
        return _entry_page(request, session, packs, now, slug, error=error)
    return staff_pages.redirect(f"{_entry_url(slug)}?done={'paused' if until else 'resumed'}")


@dataclass(frozen=True, slots=True)
class EditedField:
    """The field that a form edits, with its present value and the value in the country pack."""

    subject: str
    name: str
    field: fields.Field
    value: Any
    pack: str | None

    def initial_input(self) -> dict[str, str]:
        """The initial values of the form's inputs."""
        if self.field.kind == "source":
            return {**self.value, "date": self.value.get("date", "")}
        if self.field.kind == "hours":
            return {self.field.name: opening_hours.format_hours(self.value)}
        return {self.field.name: ", ".join(self.value) if self.field.kind == "languages" else self.value or ""}


def _edited_field(session: Session, packs: Directory, subject: str, name: str, words: Translator) -> EditedField:
    """The field to edit. Raises NotFound."""
    directory = published.with_edits(session, packs).directory
    entity, field_definition = overlay.entity(directory, subject), fields.field_of(subject, name)
    if entity is None or field_definition is None:
        raise NotFound("This entry is not in the directory.")
    pack_entity = overlay.entity(packs, subject)
    pack = directory_view.text(field_definition, fields.read(pack_entity, name), words) if pack_entity else None
    return EditedField(subject, _name(directory, subject), field_definition, fields.read(entity, name), pack)


def _form_page(
    request: Request, edited: EditedField, *, submitted: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response:
    value = directory_view.text(edited.field, edited.value, reader_language.words(request))
    return staff_pages.page(
        request,
        "desk/directory/edit.html",
        status=status,
        edited=edited,
        value=value,
        submitted=submitted,
        errors=errors,
        date_boxes=date_fields.typed(submitted, "date") if errors else date_fields.of_day(submitted.get("date")),
        back=_entry_url(edited.subject),
    )


def _entry_page(
    request: Request, session: Session, packs: Directory, now: datetime, slug: str, *, error: Invalid | None = None
) -> Response:
    """Render the page of one organisation. Raises NotFound."""
    overlaid = published.with_edits(session, packs)
    organisation = overlaid.directory.organisation(slug)
    if organisation is None:
        raise NotFound("This organisation does not exist.")
    log, words = edits.history(session, slug), reader_language.words(request)
    waiting = [edit for edit in log if edit.state == "proposed"]
    row = session.scalars(sa.select(Organisation).where(Organisation.slug == slug)).one_or_none()
    return staff_pages.page(
        request,
        "desk/directory/entry.html",
        status=error.status if error else 200,
        organisation=organisation,
        country=directory_view.country_of(overlaid.directory, slug),
        values=directory_view.values(
            overlaid,
            packs,
            slug,
            published.published_edits(session),
            directory_view.fields_with_proposal(waiting, slug),
            words,
        ),
        services=directory_view.services(session, overlaid, packs, slug, now.date(), waiting, words),
        checks=readiness.checklist(session, organisation, row.id, now) if row else [],
        refusals=queries.repeated_refusals(session, row.id, now - queries.QUARTER) if row else {},
        paused_until=row.paused_until if row and row.paused_until and row.paused_until > now else None,
        log=[(edit, directory_view.proposal(edit, words), _name(overlaid.directory, edit.subject)) for edit in log],
        stale=directory_view.is_stale(organisation, now.date()),
        imported=overlaid.directory.files[slug] == overlay.DESK,
        whole=fields.WHOLE,
        errors=_errors(error) if error else {},
        languages=LANGUAGES,
        submitted={name: values[0] for name, values in getattr(request.state, "form", {}).items()},
    )


def _paused(session: Session, now: datetime) -> frozenset[str]:
    return frozenset(session.scalars(sa.select(Organisation.slug).where(Organisation.paused_until > now)))


def _proposed_name(edit: DirectoryEdit) -> str:
    """The name of an organisation that is proposed; empty for any other proposal."""
    value = edit.new.get("value")
    return str(value["name"]["en"]) if edit.field == fields.WHOLE and value else ""


def _name(directory: Directory, subject: str) -> str:
    """The name of the organisation, followed by that of the service if the subject is a service.

    A slug of no organisation yet is returned unchanged.
    """
    organisation = directory.organisation(subject.partition("/")[0])
    entry = directory.service(subject)
    if organisation is None:
        return subject
    return f"{organisation.name.en}: {entry.service.name.en}" if entry else organisation.name.en


def _errors(error: Invalid) -> dict[str, str]:
    return {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}


def _editor(member: SignedIn) -> Editor:
    return Editor(member.member_id, member.role.value)


def _entry_url(subject: str) -> str:
    return f"/desk/directory/organisations/{quote(subject.partition('/')[0], safe='')}"
