"""The operations page: status of the service, the kill switch for partner access, and honeytoken cases."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Any
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
from app.documents import file_counts
from app.documents.conversion import Converters
from app.intake.schemas import Intake
from app.messaging.channels import NoticeWay
from app.operations import status
from app.settings import Settings
from app.staff import members
from app.staff import service as staff
from app.tasks import team_reach
from app.web.account.policies import Admin, Overseer, Packs, SeniorOrAdmin
from app.web.components import staff_pages
from app.web.components.forms import field_value
from app.web.components.uploads import NOT_SENT
from app.web.desk import labels

router = APIRouter(prefix="/desk")


async def _confinement(request: Request) -> Mapping[str, bool]:
    """The rights that the process that reads documents gives up on this machine; tried once, in a process that gets no file."""
    converters: Converters = request.app.state.converters
    return await converters.confinement()


@router.get("/operations", name="operations")
def show_operations(
    request: Request,
    member: Overseer,
    session: ReadDb,
    keys: Keys,
    brake: Brake,
    now: Now,
    confinement: Annotated[Mapping[str, bool], Depends(_confinement)],
) -> Response:
    present = status.read_status(session, keys, now, brake.limits)
    return staff_pages.page(
        request,
        "desk/operations.html",
        service_status=present,
        problems=present.problems(),
        unused_ways=_ways_of(request.app.state.settings, {way.name for way in present.ways}),
        unserved=[
            staff_pages.code_names(request).name("country", entry.code)
            for entry in _countries(request)
            if entry.code not in staff.served_countries(session)
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
            (entry.code, staff_pages.code_names(request).name("country", entry.code)) for entry in _countries(request)
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
def plant_honeytoken(request: Request, member: Admin, session: Db, keys: Keys, packs: Packs, now: Now) -> Response:
    """Create a honeytoken case among the closed cases. Its label is shown only on this page."""
    answers = {
        "language": field_value(request.state.form, "language"),
        "for_whom": "self",
        "needs": [field_value(request.state.form, "need")],
        "how_soon": "month",
        "country": field_value(request.state.form, "country"),
        "speak": [field_value(request.state.form, "language")],
        "story": field_value(request.state.form, "text"),
        "call_me": field_value(request.state.form, "call_me"),
        "answer_by": {"channel": "number"},
        "consent": {"mode": "ask_first"},
    }
    try:
        intake = Intake.model_validate(answers)
    except ValidationError:
        raise Invalid(
            [FieldError(pointer="/text", code="unfit", detail="Choose a country, a language and a need.")]
        ) from None
    label = honeytokens.plant(session, intake, keys=keys, directory=packs, by=member.member_id, now=now)
    return staff_pages.page(request, "desk/honeytoken.html", label=label)
