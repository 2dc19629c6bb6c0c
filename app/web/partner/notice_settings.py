"""How an organisation wants to be told, and when it works: set by any of its members on its own page."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.messaging import recipients
from app.messaging.recipients import NoticeSettings
from app.partners.organisations import Organisation
from app.referrals import working_hours
from app.staff.sessions import SignedIn
from app.web.account.policies import Member, Packs, field, number
from app.web.components import staff_pages
from app.web.partner.offers import organisation_of

router = APIRouter(prefix="/partner")
WEEKDAYS: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_ELSEWHERE: Final = "Europe/Warsaw"
"""The time of an organisation that works in several countries."""


@router.get("/notices", name="notices")
def show_notices(request: Request, who: Member, session: ReadDb, keys: Keys) -> Response:
    wanted, version = recipients.notice_settings(session, keys, organisation_of(who))
    return _page(request, _shown(wanted), version)


def _shown(wanted: NoticeSettings) -> dict[str, Any]:
    """The settings as the form's fields."""
    own = wanted.hours or {}
    return {
        "address": wanted.address,
        "emergencies": wanted.emergencies_at_once,
        "when": "digest" if wanted.digest_hour is not None else "at_once",
        "hour": str(8 if wanted.digest_hour is None else wanted.digest_hour),
        "own_hours": bool(own),
        "opens": own.get("opens", "09:00"),
        "closes": own.get("closes", "18:00"),
        "weekdays": [str(day) for day in own.get("weekdays", range(5))],
        "days_off": "\n".join(own.get("days_off", ())),
    }


def _page(
    request: Request, shown: Mapping[str, Any], version: int, errors: Mapping[str, str] | None = None
) -> Response:
    status = 422 if errors else 200
    return staff_pages.page(
        request, "partner/notices.html", status=status, f=shown, version=version, errors=errors or {}, weekdays=WEEKDAYS
    )


@router.post("/notices", name="keep_notices")
def keep_notices(request: Request, who: Member, session: Db, keys: Keys, packs: Packs, now: Now) -> Response:
    """Keep it. What was typed is shown again with what is wrong."""
    version = number(request, "version")
    try:
        _keep(request, who, session, keys, packs, version, now)
    except Invalid as error:
        wrong = {entry["pointer"].strip("/"): entry["detail"] for entry in error.errors}
        return _page(request, _typed(request), version, wrong)
    return staff_pages.redirect("/partner/notices?done=kept")


def _keep(
    request: Request, who: SignedIn, session: Session, keys: KeyRing, packs: Directory, version: int, now: Any
) -> None:
    organisation_id = organisation_of(who)
    typed = _typed(request)
    own = None
    if typed["own_hours"]:
        own = working_hours.validated_hours(
            typed["opens"], typed["closes"], typed["weekdays"], typed["days_off"].split()
        )
    wanted = NoticeSettings(typed["address"], typed["emergencies"], _hour(typed), own)
    zone = _zone(session, packs, organisation_id)
    recipients.save_notice_settings(session, keys, organisation_id, wanted, zone=zone, version=version, now=now)


def _typed(request: Request) -> dict[str, Any]:
    texts = {name: field(request, name).strip() for name in ("address", "when", "hour", "opens", "closes", "days_off")}
    ticks = {name: bool(field(request, name)) for name in ("emergencies", "own_hours")}
    return {**texts, **ticks, "weekdays": list(request.state.typed.get("weekdays", []))}


def _hour(typed: Mapping[str, Any]) -> int | None:
    if typed["when"] != "digest":
        return None
    text = typed["hour"]
    if not (text.isascii() and text.isdigit() and int(text) < 24):
        raise Invalid([FieldError(pointer="/hour", code="out_of_range", detail="Enter an hour from 0 to 23.")])
    return int(text)


def _zone(session: Session, packs: Directory, organisation_id: Any) -> str:
    """The time where the organisation works, if that is one country."""
    slug = session.get_one(Organisation, organisation_id).slug
    countries = {code for entry in packs.services if entry.organisation.id == slug for code in entry.countries}
    return packs.country(countries.pop()).time_zone if len(countries) == 1 else _ELSEWHERE
