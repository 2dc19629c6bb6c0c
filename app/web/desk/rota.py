"""The team's rota: who is on call now, the shifts, and the hours of a week in which nobody is."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import time
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.casework import team_notices
from app.casework.coordinator import Desk
from app.core.dependencies import Db, ReadDb
from app.core.errors import Conflict, FieldError, Invalid
from app.core.i18n import N_
from app.directory.packs import Directory
from app.messaging import way_tests
from app.staff import rota
from app.staff.rota import Rota, Shift
from app.web.account.my_notices import zone_of_team, zones
from app.web.account.policies import AtDesk, Packs, submitted_version
from app.web.components import staff_pages
from app.web.components.forms import field_value
from app.web.components.labels import WEEKDAYS

router = APIRouter(prefix="/desk")
_BLANK: Final = 2
_PLACES: Final = ("first", "deputy", "second_deputy")


@router.get("/rota", name="rota")
def show_rota(request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    team_rota = rota.of_teams(session, {desk.team_id})[desk.team_id]
    zone = team_rota.zone if team_rota.version else zone_of_team(session, desk.member, packs)
    return _page(request, desk, session, packs, team_rota, _form_values(team_rota.shifts), zone, team_rota.version)


@router.post("/rota", name="save_rota")
def save_rota(request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Save the rota. Invalid input is shown again with its errors."""
    rows, zone, version = _submitted(request), field_value(request.state.form, "zone"), submitted_version(request)
    team_rota = rota.of_teams(session, {desk.team_id})[desk.team_id]
    try:
        shifts = _shifts(rows)
        if zone not in zones(packs, team_rota.zone):
            raise Invalid(
                [FieldError(pointer="/zone", code="unknown_code", detail=N_("Choose a time zone of the list."))]
            )
        rota.save(session, desk.team_id, shifts, zone=zone, by=desk.member.member_id, version=version, now=desk.now)
    except Invalid as error:
        errors = {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}
        return _page(request, desk, session, packs, team_rota, rows, zone, version, errors)
    return staff_pages.redirect("/desk/rota?done=rota_kept")


@router.post("/rota/test", name="test_team_notices")
def test_team_notices(desk: AtDesk, session: Db) -> Response:
    """Send a test notice to each member of the team with a notice address, except those for whom one is waiting."""
    for member in team_notices.reachable(session, {desk.team_id}):
        if member.team_id == desk.team_id:
            with suppress(Conflict):
                way_tests.ask(session, desk.now, member_id=member.id)
    return staff_pages.redirect("/desk/rota?done=team_test_asked")


def _page(
    request: Request,
    desk: Desk,
    session: Session,
    packs: Directory,
    team_rota: Rota,
    rows: Sequence[dict[str, Any]],
    zone: str,
    version: int,
    errors: dict[str, str] | None = None,
) -> Response:
    members = rota.members_of(session, desk.team_id)
    names = dict(members)
    reachable = {
        member.id for member in team_notices.reachable(session, {desk.team_id}) if member.team_id == desk.team_id
    }
    return staff_pages.page(
        request,
        "desk/rota.html",
        status=422 if errors else 200,
        members=members,
        reachable=reachable,
        tested=[(name, way_tests.last(session, member_id=member_id)) for member_id, name in members],
        on_call=[names[member] for member in team_rota.first_on_call(desk.now, reachable)],
        gap_hours=team_rota.gap_hours(reachable),
        has_rota=bool(team_rota.shifts),
        rows=[*rows, *(_blank() for _ in range(_BLANK))][: rota.MOST_SHIFTS],
        places=_PLACES,
        weekdays=WEEKDAYS,
        zone=zone,
        zones=zones(packs, zone),
        version=version,
        errors=errors or {},
    )


def _blank() -> dict[str, Any]:
    return {"days": [], "from": "", "until": "", **dict.fromkeys(_PLACES, "")}


def _form_values(shifts: Sequence[Shift]) -> list[dict[str, Any]]:
    rows = []
    for shift in shifts:
        named = [*map(str, shift.members), *[""] * len(_PLACES)]
        times = {"from": f"{shift.begins:%H:%M}", "until": f"{shift.ends:%H:%M}"}
        rows.append(
            {"days": [str(day) for day in sorted(shift.days)], **times, **dict(zip(_PLACES, named, strict=False))}
        )
    return rows


def _submitted(request: Request) -> list[dict[str, Any]]:
    """The rows of the form, without those that were left or made empty."""
    form = request.state.form
    rows = []
    for number in range(rota.MOST_SHIFTS):
        row = {name: field_value(form, f"{name}_{number}").strip() for name in ("from", "until", *_PLACES)}
        days = [day for day in form.get(f"days_{number}", []) if day in {"0", "1", "2", "3", "4", "5", "6"}]
        if any(row.values()) or days:
            rows.append({"days": days, **row})
    return rows


def _shifts(rows: Sequence[dict[str, Any]]) -> list[Shift]:
    """The shifts in the form's rows. Raises Invalid, with the number of the row in each pointer."""
    shifts, errors = [], []
    for number, row in enumerate(rows):
        times: dict[str, time] = {}
        for name in ("from", "until"):
            try:
                times[name] = rota.parsed_time(row[name], f"/{name}_{number}")
            except Invalid as error:
                errors += [FieldError(**entry) for entry in error.errors]
        named = list(dict.fromkeys(row[place] for place in _PLACES if row[place]))
        if not row["days"]:
            detail = N_("Choose at least one day of the week.")
            errors.append(FieldError(pointer=f"/days_{number}", code="required", detail=detail))
        if not named:
            detail = N_("Choose who is on call.")
            errors.append(FieldError(pointer=f"/first_{number}", code="required", detail=detail))
        if not errors:
            days = frozenset(int(day) for day in row["days"])
            shifts.append(Shift(days, times["from"], times["until"], tuple(map(_id, named))))
    if errors:
        raise Invalid(errors)
    return shifts


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        detail = N_("Choose colleagues of this team.")
        raise Invalid([FieldError(pointer="/members", code="unknown_code", detail=detail)]) from None
