"""Settings of an organisation's notices and working hours, changed by its members; the address only by a holder of the key."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app import audit
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.messaging import recipients, way_tests
from app.messaging.recipients import NoticeSettings
from app.messaging.way_tests import WayOutcome
from app.partners.organisations import Organisation
from app.referrals import working_hours
from app.staff import seats
from app.staff.sessions import SignedIn
from app.web.account.policies import Member, Packs, submitted_version
from app.web.components import date_fields, reader_language, staff_pages
from app.web.components.forms import field_value
from app.web.components.labels import WEEKDAYS
from app.web.components.time_format import TimeFormat
from app.web.partner.offers import organisation_of

router = APIRouter(prefix="/partner")
_DEFAULT_ZONE: Final = "Europe/Warsaw"
"""The time zone of an organisation that works in several countries."""


@router.get("/notices", name="notices")
def show_notices(request: Request, member: Member, session: ReadDb, keys: Keys) -> Response:
    preferences, version = recipients.notice_settings(session, keys, organisation_of(member))
    tested = way_tests.last(session, organisation_id=organisation_of(member))
    return _page(request, _form_values(preferences, reader_language.times(request)), version, tested=tested)


@router.post("/notices/test", name="test_notices")
def test_notices(member: Member, session: Db, now: Now) -> Response:
    """Send the organisation a test notice to the address that is saved."""
    way_tests.ask(session, now, organisation_id=organisation_of(member))
    return staff_pages.redirect("/partner/notices?done=test_asked")


def _form_values(preferences: NoticeSettings, times: TimeFormat) -> dict[str, Any]:
    """The settings as values of the form. Days off as the reader writes them, which `written_dates` reads in each language."""
    hours = preferences.hours or {}
    return {
        "address": preferences.address,
        "failed_at": preferences.failed_at,
        "refusals": preferences.refusals,
        "emergencies": preferences.emergencies_at_once,
        "when": "digest" if preferences.digest_hour is not None else "at_once",
        "hour": str(8 if preferences.digest_hour is None else preferences.digest_hour),
        "own_hours": bool(hours),
        "opens": hours.get("opens", "09:00"),
        "closes": hours.get("closes", "18:00"),
        "break_from": hours.get("break", ("", ""))[0],
        "break_to": hours.get("break", ("", ""))[1],
        "weekdays": [str(day) for day in hours.get("weekdays", range(5))],
        "days_off": "\n".join(times.day(date.fromisoformat(day)) for day in hours.get("days_off", ())),
    }


def _page(
    request: Request,
    values: Mapping[str, Any],
    version: int,
    errors: Mapping[str, str] | None = None,
    tested: WayOutcome | None = None,
) -> Response:
    status = 422 if errors else 200
    return staff_pages.page(
        request,
        "partner/notices.html",
        status=status,
        form=values,
        version=version,
        errors=errors or {},
        weekdays=WEEKDAYS,
        tested=tested,
    )


@router.post("/notices", name="keep_notices")
def save_notices(request: Request, member: Member, session: Db, keys: Keys, packs: Packs, now: Now) -> Response:
    """Save the settings. Invalid input is shown again with its errors."""
    version = submitted_version(request)
    try:
        _save(request, member, session, keys, packs, version, now)
    except Invalid as error:
        errors = {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}
        return _page(request, _submitted(request), version, errors)
    return staff_pages.redirect("/partner/notices?done=kept")


def _save(
    request: Request, member: SignedIn, session: Session, keys: KeyRing, packs: Directory, version: int, now: Any
) -> None:
    organisation_id = organisation_of(member)
    submitted = _submitted(request)
    hours = None
    if submitted["own_hours"]:
        days_off = date_fields.listed_days(submitted["days_off"], "days_off", today=now.date())
        hours = working_hours.validated_hours(
            submitted["opens"],
            submitted["closes"],
            submitted["weekdays"],
            [day.isoformat() for day in days_off],
            (submitted["break_from"], submitted["break_to"]),
        )
    preferences = NoticeSettings(submitted["address"], submitted["emergencies"], _hour(submitted), hours)
    zone = _zone(session, packs, organisation_id)
    before, _version = recipients.notice_settings(session, keys, organisation_id)
    if preferences.address != before.address:
        _refuse_without_key(session, member, organisation_id)
    recipients.save_notice_settings(session, keys, organisation_id, preferences, zone=zone, version=version, now=now)
    audit.record(
        session, actor_kind="member", actor_id=member.member_id.hex, action="organisation:notices_changed",
        subject_kind="organisation", subject_id=organisation_id, codes={"address": int(preferences.address != before.address)},
        now=now,
    )  # fmt: skip


def _refuse_without_key(session: Session, member: SignedIn, organisation_id: UUID) -> None:
    """Raises Invalid if colleagues hold the organisation's key and this member does not.

    Notices about people who are about to join go to this address, so somebody who has just joined must not be able to redirect
    them.
    """
    holds = seats.holds_key_of(session, member.key_id, organisation_id)
    if not holds and seats.is_held_by_member(session, organisation_id):
        detail = N_("Only a member who holds the organisation's key can change the address. Ask a colleague.")
        raise Invalid([FieldError(pointer="/address", code="no_key", detail=detail)])


def _submitted(request: Request) -> dict[str, Any]:
    texts = {
        name: field_value(request.state.form, name).strip()
        for name in ("address", "when", "hour", "opens", "closes", "break_from", "break_to", "days_off")
    }
    ticks = {name: bool(field_value(request.state.form, name)) for name in ("emergencies", "own_hours")}
    return {
        **texts,
        **ticks,
        "failed_at": None,
        "refusals": 0,
        "weekdays": list(request.state.form.get("weekdays", [])),
    }


def _hour(submitted: Mapping[str, Any]) -> int | None:
    if submitted["when"] != "digest":
        return None
    text = submitted["hour"]
    if not (text.isascii() and text.isdigit() and int(text) < 24):
        raise Invalid([FieldError(pointer="/hour", code="out_of_range", detail="Enter an hour from 0 to 23.")])
    return int(text)


def _zone(session: Session, packs: Directory, organisation_id: Any) -> str:
    """The time zone of the organisation's country; a default if it works in several."""
    slug = session.get_one(Organisation, organisation_id).slug
    countries = {code for entry in packs.services if entry.organisation.id == slug for code in entry.countries}
    return packs.country(countries.pop()).time_zone if len(countries) == 1 else _DEFAULT_ZONE
