"""Notice settings of a team's member, an admin or an auditor: address, daily digest, quiet hours, language."""

from collections.abc import Collection
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app import audit
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid
from app.core.i18n import N_, OWN_NAMES
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.messaging import member_settings, way_tests
from app.messaging.channels import NoticeWay
from app.messaging.member_settings import MemberSettings
from app.messaging.rules import MemberHours
from app.messaging.way_tests import WayOutcome
from app.staff import rota
from app.staff.sessions import SignedIn
from app.web.account.policies import DeskMember, Packs, submitted_version
from app.web.components import reader_language, staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/me")
_TEXTS: Final = ("way", "address", "when", "hour", "quiet_from", "quiet_until", "zone", "language")


@router.get("/notices", name="my_notices")
def show_my_notices(request: Request, member: DeskMember, session: ReadDb, keys: Keys, packs: Packs) -> Response:
    zone, language = zone_of_team(session, member, packs), reader_language.of(request)
    settings, version = member_settings.read(session, keys, member.member_id, zone=zone, language=language)
    return _page(
        request, packs, _form_values(settings), version, tested=way_tests.last(session, member_id=member.member_id)
    )


@router.post("/notices/test", name="test_my_notices")
def test_my_notices(member: DeskMember, session: Db, now: Now) -> Response:
    """Send the member a test notice by the saved channel."""
    way_tests.ask(session, now, member_id=member.member_id)
    return staff_pages.redirect("/desk/me/notices?done=test_asked")


@router.post("/notices", name="save_my_notices")
def save_my_notices(request: Request, member: DeskMember, session: Db, keys: Keys, packs: Packs, now: Now) -> Response:
    """Save the settings. Invalid input is shown again with its errors."""
    version, submitted = submitted_version(request), _submitted(request)
    try:
        _save(session, keys, packs, member, submitted, _names_of_ways(request), version, now)
    except Invalid as error:
        errors = {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}
        return _page(request, packs, submitted, version, errors)
    return staff_pages.redirect("/desk/me/notices?done=notices_kept")


def zone_of_team(session: Session, member: SignedIn, packs: Directory) -> str:
    """The time zone of the member's team: that of its rota, else that of its country."""
    if member.team_id is None:
        return "UTC"
    team_rota = rota.of_teams(session, {member.team_id})[member.team_id]
    if team_rota.version:
        return team_rota.zone
    countries = rota.countries_of(session, member.team_id)
    return packs.country(countries[0]).time_zone if countries else "UTC"


def zones(packs: Directory, chosen: str) -> list[str]:
    """The time zones to choose from: those of the countries that we know, UTC, and the one that is chosen now."""
    return sorted({*(country.time_zone for country in packs.countries), "UTC", chosen})


def _form_values(settings: MemberSettings) -> dict[str, Any]:
    hours = settings.hours
    quiet_from, quiet_until = hours.quiet or ("", "")
    named = settings.way is NoticeWay.TEAM
    return {
        "way": settings.address if named else "",
        "address": "" if named else settings.address,
        "emergencies": settings.emergencies,
        "when": "each" if hours.digest_hour is None else "digest",
        "hour": str(8 if hours.digest_hour is None else hours.digest_hour),
        "quiet_from": str(quiet_from),
        "quiet_until": str(quiet_until),
        "zone": hours.zone,
        "language": settings.language,
        "failed_at": settings.failed_at,
        "refusals": settings.refusals,
    }


def _page(
    request: Request,
    packs: Directory,
    form: dict[str, Any],
    version: int,
    errors: dict[str, str] | None = None,
    tested: WayOutcome | None = None,
) -> Response:
    return staff_pages.page(
        request,
        "account/my_notices.html",
        status=422 if errors else 200,
        form=form,
        version=version,
        errors=errors or {},
        tested=tested,
        zones=zones(packs, form["zone"]),
        languages=OWN_NAMES,
        ways=_names_of_ways(request),
    )


def _names_of_ways(request: Request) -> list[str]:
    """The ways besides e-mail that the operator has set, by name."""
    return sorted(request.app.state.settings.team_ways)


def _submitted(request: Request) -> dict[str, Any]:
    typed = {name: field_value(request.state.form, name).strip() for name in _TEXTS}
    return {
        **typed,
        "emergencies": bool(field_value(request.state.form, "emergencies")),
        "failed_at": None,
        "refusals": 0,
    }


def _save(
    session: Session,
    keys: KeyRing,
    packs: Directory,
    member: SignedIn,
    typed: dict[str, Any],
    names: Collection[str],
    version: int,
    now: Any,
) -> None:
    errors: list[FieldError] = []
    hour = _hour(typed, "hour", errors) if typed["when"] == "digest" else None
    quiet = None
    if typed["quiet_from"] or typed["quiet_until"]:
        begins, ends = _hour(typed, "quiet_from", errors), _hour(typed, "quiet_until", errors)
        quiet = (begins, ends) if begins != ends else None
    before, _version = member_settings.read(session, keys, member.member_id)
    if typed["zone"] not in zones(packs, before.hours.zone):
        errors.append(FieldError(pointer="/zone", code="unknown_code", detail=N_("Choose a time zone of the list.")))
    name = typed["way"]
    if name and name not in names:  # a name, never an address: nothing that is typed here is ever called
        errors.append(FieldError(pointer="/way", code="unknown_code", detail=N_("Choose a way of the list.")))
    if errors:
        raise Invalid(errors)
    new = MemberSettings(
        address=name or typed["address"],
        way=NoticeWay.TEAM if name else NoticeWay.EMAIL,
        emergencies=typed["emergencies"],
        hours=MemberHours(hour, quiet, typed["zone"]),
        language=typed["language"],
    )
    member_settings.save(session, keys, member.member_id, new, version=version, now=now)
    changed = int((new.way, new.address) != (before.way, before.address))
    audit.record(
        session, actor_kind="member", actor_id=member.member_id.hex, action="member:notices_changed",
        subject_kind="member", subject_id=member.member_id, codes={"address": changed}, now=now,
    )  # fmt: skip


def _hour(typed: dict[str, Any], name: str, errors: list[FieldError]) -> int:
    text = typed[name]
    if not (text.isascii() and text.isdigit() and int(text) < 24):
        errors.append(FieldError(pointer=f"/{name}", code="out_of_range", detail=N_("Enter an hour from 0 to 23.")))
        return 0
    return int(text)
