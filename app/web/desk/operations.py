"""The operations page: status of the service, the kill switch for partner access, and honeytoken cases."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app import audit
from app.casework import honeytokens
from app.core import kill_switch
from app.core.dependencies import Brake, Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid
from app.core.i18n import LANGUAGES, N_
from app.core.keyring import KeyRing
from app.core.storage_brake import StorageBrake
from app.directory.packs import Directory
from app.documents import file_counts
from app.documents.conversion import Converters
from app.intake.schemas import Intake
from app.messaging.channels import NoticeWay
from app.operations import status
from app.settings import Settings
from app.staff import members
from app.staff import service as staff
from app.staff.sessions import SignedIn
from app.tasks import team_reach
from app.web.account.policies import Admin, Overseer, Packs, SeniorOrAdmin
from app.web.components import staff_pages
from app.web.components.forms import field_value
from app.web.components.uploads import NOT_SENT
from app.web.desk import labels

router = APIRouter(prefix="/desk")

_OF_HONEYTOKEN: Final = ("country", "language", "need", "call_me", "text")


async def _confinement(request: Request) -> Mapping[str, bool]:
    """The rights that the process that reads documents gives up on this machine; tried once, in a process that gets no file."""
    converters: Converters = request.app.state.converters
    return await converters.confinement()


Confinement = Annotated[Mapping[str, bool], Depends(_confinement)]


@router.get("/operations", name="operations")
def show_operations(
    request: Request,
    member: Overseer,
    session: ReadDb,
    keys: Keys,
    brake: Brake,
    now: Now,
    confinement: Confinement,
) -> Response:
    return _page(request, member, session, keys, brake, now, confinement)


def _page(
    request: Request,
    member: SignedIn,
    session: Session,
    keys: KeyRing,
    brake: StorageBrake,
    now: datetime,
    confinement: Mapping[str, bool],
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    served = staff.served_countries(session)
    present = status.read_status(session, keys, now, brake.limits)
    return staff_pages.page(
        request,
        "desk/operations.html",
        status=422 if errors else 200,
        typed=typed or {},
        errors=errors or {},
        service_status=present,
        problems=present.problems(),
        unused_ways=_ways_of(request.app.state.settings, {way.name for way in present.ways}),
        unserved=[
            staff_pages.code_names(request).name("country", entry.code)
            for entry in _countries(request)
            if entry.code not in served
        ],
        untold=[staff_pages.code_names(request).name("country", code) for code in team_reach.countries_untold(session)],
        confinement=[(labels.CONFINEMENT[measure], confinement.get(measure, False)) for measure in labels.CONFINEMENT],
        converter_runs=bool(confinement),
        files=[
            (
                name or None,
                converted,
                [(NOT_SENT[code], number) for code, number in refused if code in NOT_SENT],
                sum(number for _code, number in refused),
            )
            for name, converted, refused in file_counts.of_month(session, f"{now:%Y-%m}")
        ],
        readers=_named_readers(session, present.most_reads),
        limit=request.app.state.settings.member_reads_per_day,
        retention=_retention(request.app.state.settings),
        may_stop=member.role in {"senior", "admin"},
        may_plant=member.role == "admin",
        countries=[
            (entry.code, staff_pages.code_names(request).name("country", entry.code))
            for entry in _countries(request)
            if entry.code in served
        ],
        needs=[
            (entry.id, staff_pages.code_names(request).name("need", entry.id))
            for entry in request.app.state.directory.needs
        ],
        languages=LANGUAGES,
    )


def _ways_of(settings: Settings, used: Collection[str]) -> list[str]:
    """The channels that are configured in this process and have not been used yet."""
    names = [NoticeWay.EMAIL.value] if settings.smtp_host else []
    names += [*sorted(settings.gateways), *(f"{NoticeWay.TEAM}:{name}" for name in sorted(settings.team_ways))]
    return [name for name in names if name not in used]


def _retention(settings: Settings) -> list[tuple[str, timedelta]]:
    """The retention periods in the settings of this process, with their names."""
    return [
        (N_("Unfinished form, after the last change"), settings.draft_idle),
        (N_("Contact details in a closed case"), settings.contact_kept),
        (N_("All other data in a closed case"), settings.closed_kept),
        (N_("Case that was never taken, or is unmet"), settings.unmet_kept),
        (N_("Spam"), settings.spam_kept),
        (N_("Audit"), settings.audit_kept),
    ]


def _countries(request: Request) -> Any:
    return request.app.state.directory.countries


def _named_readers(session: Session, most_reads: Any) -> list[tuple[str, int]]:
    """Readers and their counts: members by sign-in name, API clients by client id."""
    ids = [UUID(hex=reader.removeprefix("member:")) for reader, _count in most_reads if reader.startswith("member:")]
    names = {f"member:{member_id.hex}": name for member_id, name in members.names(session, ids).items()}
    return [(names.get(reader, reader.removeprefix("client:")), count) for reader, count in most_reads]


@router.post("/freeze", name="freeze")
def freeze(member: SeniorOrAdmin, session: Db, now: Now) -> Response:
    """Stop all reading by partners, in every process, from the next request on."""
    _set_freeze(session, member.member_id, now, on=True)
    return staff_pages.redirect("/desk/operations?done=frozen")


@router.post("/unfreeze", name="unfreeze")
def unfreeze(member: SeniorOrAdmin, session: Db, now: Now) -> Response:
    _set_freeze(session, member.member_id, now, on=False)
    return staff_pages.redirect("/desk/operations?done=unfrozen")


def _set_freeze(session: Session, by: UUID, now: Any, *, on: bool) -> None:
    if not kill_switch.set_switch(session, kill_switch.FREEZE, on=on, by=by, now=now):
        return
    audit.record(
        session,
        actor_kind="member",
        actor_id=by.hex,
        action="freeze:on" if on else "freeze:off",
        subject_kind="switch",
        subject_id=kill_switch.FREEZE,
        now=now,
    )


@router.post("/honeytokens", name="plant_honeytoken")
def plant_honeytoken(
    request: Request,
    member: Admin,
    session: Db,
    keys: Keys,
    packs: Packs,
    brake: Brake,
    now: Now,
    confinement: Confinement,
) -> Response:
    """Create a honeytoken case among the closed cases. Its label is shown only on this page.

    Invalid input is shown again as it was typed, with each error at its field.
    """
    typed = {name: field_value(request.state.form, name).strip() for name in _OF_HONEYTOKEN}
    try:
        intake = _made_up_case(session, packs, typed)
    except Invalid as error:
        errors = {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}
        return _page(request, member, session, keys, brake, now, confinement, typed=typed, errors=errors)
    label = honeytokens.plant(session, intake, keys=keys, directory=packs, by=member.member_id, now=now)
    return staff_pages.page(request, "desk/honeytoken.html", label=label)


def _made_up_case(session: Session, packs: Directory, typed: Mapping[str, str]) -> Intake:
    """The case in the form. Raises Invalid: one that nobody believes, or that no team could have got."""
    wrong = []
    if typed["country"] not in staff.served_countries(session):
        wrong.append(FieldError(pointer="/country", code="unfit", detail=N_("Choose a country that a team takes.")))
    if typed["language"] not in LANGUAGES:
        wrong.append(FieldError(pointer="/language", code="unfit", detail=N_("Choose a language.")))
    if typed["need"] not in {need.id for need in packs.needs}:
        wrong.append(FieldError(pointer="/need", code="unfit", detail=N_("Choose a need.")))
    if not typed["call_me"]:
        wrong.append(FieldError(pointer="/call_me", code="required", detail=N_("Write a made-up name.")))
    if not typed["text"]:
        wrong.append(FieldError(pointer="/text", code="required", detail=N_("Write a made-up story.")))
    if wrong:
        raise Invalid(wrong)
    answers = {
        "language": typed["language"],
        "for_whom": "self",
        "needs": [typed["need"]],
        "how_soon": "month",
        "country": typed["country"],
        "speak": [typed["language"]],
        "story": typed["text"],
        "call_me": typed["call_me"],
        "answer_by": {"channel": "number"},
        "consent": {"mode": "ask_first"},
    }
    try:
        return Intake.model_validate(answers)
    except ValidationError:
        detail = N_("This is too long, or has characters that a person does not type.")
        raise Invalid([FieldError(pointer="/text", code="unfit", detail=detail)]) from None
