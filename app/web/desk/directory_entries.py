"""Forms of the directory with all fields at once: a new organisation, and all fields of an organisation or a service.

Each gives one proposal, which another person publishes or rejects as a whole.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from app.core.dependencies import Db, Now, ReadDb
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.core.written_dates import Nearest
from app.directory import edits, field_input, fields, opening_hours, overlay, published
from app.directory.catalogue import Directory
from app.directory.edits import Editor
from app.directory.fields import Field
from app.staff.sessions import SignedIn
from app.web.account.policies import coordinators_of_network
from app.web.components import date_fields, staff_pages
from app.web.components.directory_forms import OwnPacks
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/directory", dependencies=[Depends(coordinators_of_network)])

MemberAtDesk = Annotated[SignedIn, Depends(coordinators_of_network)]
Subject = Annotated[str, Query(max_length=130)]
_KINDS: Final = ("centre", "authority")
_SOURCE: Final = next(field for field in fields.ORGANISATION if field.kind == "source")
_OF_ORGANISATION: Final = tuple(field for field in fields.ORGANISATION if field is not _SOURCE)
_OF_SERVICE: Final = tuple(field for field in fields.SERVICE if field.name != "name_en")
_SERVICE_NAME: Final = "Legal aid"
_LONGEST_SLUG: Final = 56
_LATIN: Final = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ß": "ss", "æ": "ae", "Æ": "AE"}
)
"""Letters that Unicode does not take apart."""
_WORDS: Final = {
    **{field.name: field.label for field in (*fields.ORGANISATION, *fields.SERVICE)},
    "kind": N_("Kind"),
    "countries": N_("Countries in which people have to be"),
    "needs": N_("Needs that they help with"),
    "title": N_("Source"),
    "url": N_("Web address of the source, if there is one"),
    "date": N_("Date of confirmation"),
    "confidence": N_("Certainty"),
    "note": N_("Note on the source"),
}
"""What each input is called, for the list of errors."""


@router.get("/fields", name="directory_fields_form")
def fields_form(request: Request, session: ReadDb, packs: OwnPacks, subject: Subject = "") -> Response:
    """Show all fields of an organisation or a service with their present values."""
    directory = published.with_edits(session, packs).directory
    entity = overlay.entity(directory, subject)
    if entity is None:
        raise NotFound("This entry is not in the directory.")
    present: dict[str, str] = {}
    for field in fields.fields_of(subject):
        present |= _as_typed(field, fields.read(entity, field.name))
    return _fields_page(request, directory, subject, present, {})


@router.post("/fields", name="directory_propose_fields")
def propose_fields(request: Request, member: MemberAtDesk, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Propose all changed fields at once. Invalid input is shown again with the errors next to the fields."""
    subject = field_value(request.state.form, "subject")
    directory = published.with_edits(session, packs).directory
    if overlay.entity(directory, subject) is None:
        raise NotFound("This entry is not in the directory.")
    submitted = _submitted(request)
    values, errors = _parsed(request, fields.fields_of(subject), submitted, now)
    if not errors:
        try:
            edits.propose_several(session, packs, subject, values, by=_editor(member), now=now)
        except Conflict as error:
            session.rollback()
            errors = {"subject": str(error.detail)}
    if errors:
        return _fields_page(request, directory, subject, submitted, errors, status=422)
    return staff_pages.redirect(f"/desk/directory/organisations/{subject.split('/')[0]}?done=edit_proposed")


@router.get("/new", name="directory_new_form")
def new_form(request: Request, session: ReadDb, packs: OwnPacks) -> Response:
    """Show the empty form of a new organisation."""
    defaults = {"kind": "centre", "remote": "unknown", "takes_referrals": "unknown", "representation": "unknown",
                "cost": "unknown", "confidence": "low"}  # fmt: skip
    return _new_page(request, published.with_edits(session, packs).directory, defaults, {}, {})


@router.post("/new", name="directory_propose_new")
def propose_new(request: Request, member: MemberAtDesk, session: Db, packs: OwnPacks, now: Now) -> Response:
    """Propose a new organisation with one service. Invalid input is shown again with the errors next to the fields."""
    directory = published.with_edits(session, packs).directory
    submitted, form = _submitted(request), request.state.form
    chosen = {name: list(form.get(name, ())) for name in ("countries", "needs")}
    kind = submitted.get("kind", "")
    of_service = _OF_SERVICE if kind != "authority" else ()
    values, errors = _parsed(request, (*_OF_ORGANISATION, *of_service, _SOURCE), submitted, now)
    if kind not in _KINDS:
        errors["kind"] = N_("Choose one of the answers.")
    countries = [code for code in chosen["countries"] if directory.is_host(code)]
    needs = [code for code in chosen["needs"] if directory.need(code) is not None]
    if not countries:
        errors["countries"] = N_("Choose at least one country.")
    if kind == "centre" and not needs:
        errors["needs"] = N_("Choose at least one need.")
    if not errors:
        slug = _slug(countries, str(values["name_en"]))
        entry = _entry(slug, kind, values, countries, needs)
        try:
            if not slug:
                raise Conflict("Write a name with Latin letters.")
            edits.propose_organisation(session, packs, slug, entry, by=_editor(member), now=now)
        except Conflict as error:
            session.rollback()
            errors = {"name_en": str(error.detail)}
    if errors:
        return _new_page(request, directory, submitted, chosen, errors, status=422)
    return staff_pages.redirect("/desk/directory/proposals?done=edit_proposed")


def _slug(countries: Sequence[str], name: str) -> str:
    """The slug of an organisation: its country, if it has exactly one, and its name in Latin letters; empty if it has none."""
    plain = unicodedata.normalize("NFKD", name.translate(_LATIN)).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SLUG].strip("-")
    return f"{countries[0].lower() if len(countries) == 1 else 'xx'}-{words}" if words else ""


def _entry(
    slug: str, kind: str, values: Mapping[str, Any], countries: Sequence[str], needs: Sequence[str]
) -> dict[str, Any]:
    """The organisation as a pack would write it. Its rule asks for the needs, the countries and the languages."""
    entry: dict[str, Any] = {
        "id": slug,
        "kind": kind,
        "name": {"en": values["name_en"], "local": values["name_local"]},
        **{field.name: values[field.name] for field in _OF_ORGANISATION if not field.name.startswith("name_")},
        "source": values["source"],
    }
    if kind == "centre":
        tests: list[dict[str, Any]] = [
            {"need": {"any_of": list(needs)}},
            {"country": {"any_of": list(countries)}},
            {"language": {"any_of": values["languages"], "interpreter": "unknown"}},
        ]
        service = {name: values[name] for name in ("cost", "representation", "remote", "takes_referrals")}
        entry["services"] = [
            {"id": "legal-aid", "name": {"en": _SERVICE_NAME}, **service, "needs": list(needs), "rule": {"all": tests}}
        ]
    return entry


def _submitted(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in request.state.form.items()}


def _parsed(
    request: Request, wanted: Sequence[Field], submitted: Mapping[str, str], now: datetime
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of the fields, and the errors of those that do not fit: all of them in one round."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in wanted:
        try:
            typed = submitted
            if field.kind == "source":
                day = date_fields.read(request.state.form, "date", today=now.date(), nearest=Nearest.PAST)
                typed = {**submitted, "date": day.isoformat() if day else ""}
            values[field.name] = field_input.parse(field, typed, now.date())
        except Invalid as error:
            errors |= {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}
    return values, errors


def _as_typed(field: Field, value: Any) -> dict[str, str]:
    """The inputs of a field, filled with its present value."""
    if field.kind == "source":
        return {**value, "date": value.get("date", "")}
    if field.kind == "hours":
        return {field.name: opening_hours.format_hours(value)}
    return {field.name: ", ".join(value) if field.kind == "languages" else value or ""}


def _boxes(submitted: Mapping[str, str], errors: Mapping[str, str]) -> Any:
    return date_fields.typed(submitted, "date") if errors else date_fields.of_day(submitted.get("date"))


def _fields_page(
    request: Request,
    directory: Directory,
    subject: str,
    submitted: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    status: int = 200,
) -> Response:
    slug, _slash, service = subject.partition("/")
    organisation, entry = directory.organisation(slug), directory.service(subject)
    name = organisation.name.en if organisation else slug
    return staff_pages.page(
        request,
        "desk/directory/edit_all.html",
        status=status,
        name=f"{name}: {entry.service.name.en}" if entry else name,
        subject=subject,
        fields=fields.fields_of(subject),
        submitted=submitted,
        chosen={},
        errors=errors,
        field_words=_WORDS,
        date_boxes=_boxes(submitted, errors),
        back=f"/desk/directory/organisations/{slug}",
        rules=f"/desk/rules/form?service={subject}" if service else "",
    )


def _new_page(
    request: Request,
    directory: Directory,
    submitted: Mapping[str, str],
    chosen: Mapping[str, Sequence[str]],
    errors: Mapping[str, str],
    *,
    status: int = 200,
) -> Response:
    names = staff_pages.code_names(request)
    return staff_pages.page(
        request,
        "desk/directory/new.html",
        status=status,
        organisation_fields=_OF_ORGANISATION,
        service_fields=_OF_SERVICE,
        source=_SOURCE,
        needs=[(need.id, names.name("need", need.id)) for need in directory.needs],
        countries=[(country.code, names.name("country", country.code)) for country in directory.countries],
        submitted=submitted,
        chosen=chosen,
        errors=errors,
        field_words=_WORDS,
        date_boxes=_boxes(submitted, errors),
    )


def _editor(member: SignedIn) -> Editor:
    return Editor(member.member_id, member.role.value)
