"""Offered times on the person's page: which can be picked, the answer, and a calendar file with a neutral title."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app.cases import appointments, callback_windows
from app.cases.appointment_states import AppointmentState, AppointmentVerb
from app.cases.appointments import WAYS
from app.cases.person_access import OpenedCase
from app.casework import appointment_offers, person_actions
from app.core.dependencies import Db, Keys, Now
from app.core.errors import Conflict, Invalid, NotAllowed, NotFound
from app.core.i18n import N_, Translator, translator
from app.core.vocabulary import complete
from app.web.components.forms import field_value
from app.web.person import calendar_file, visits
from app.web.person.dependencies import ENDED, NOT_AGREED, Cookie, Form, Lang, anyone

router = APIRouter(prefix="/case", dependencies=[Depends(anyone)])
_LENGTH: Final = timedelta(hours=1)
_TITLE: Final = N_("Reminder")
_WAYS: Final = complete(
    WAYS,
    {
        "office": N_("You meet at this address: {place}"),
        "phone": N_("You speak by phone: {place}"),
        "safe_call": N_("You speak by an encrypted call: {place}"),
    },
)
_NO_PLACE: Final = N_("They call you")
_BY_TEAM: Final = N_("Our team")


@dataclass(frozen=True, slots=True)
class AppointmentView:
    """One offer in words. `times`: those that can still be picked, by number; `agreed`: the agreed time; `by`: who offers."""

    id: UUID
    by: str
    times: list[tuple[int, str]]
    agreed: str
    how: str
    language: str
    interpreter: bool
    waits_for_others: bool
    all_taken: bool


def views(
    session: Session,
    opened: OpenedCase,
    referrals: list[person_actions.PersonReferral],
    words: Translator,
    zone: tzinfo,
    now: datetime,
) -> list[AppointmentView]:
    """The offers that the person can answer or has agreed to, newest first; past ones are left out."""
    if opened.case.closed_at is not None:
        return []
    names = {referral.id: referral.organisation for referral in referrals}
    views = []
    every = [appointments.opened(opened.person_key, row) for row in appointments.of_case(session, opened.case.id)]
    full = callback_windows.full_among(session, _windows(every, now))
    for appointment in every:
        future, agreed = appointment.open_times(now), appointment.agreed_at
        times = [(number, at) for number, at in future if appointment.window_of(number) not in full]
        waits = appointment.row.state == AppointmentState.OTHERS_WANTED
        if appointment.offer is None or not (future or waits or (agreed is not None and agreed + _LENGTH > now)):
            continue
        offer = appointment.offer
        views.append(
            AppointmentView(
                appointment.row.id,
                names.get(appointment.row.referral_id, "") if appointment.row.referral_id else words.text(_BY_TEAM),
                [(number, in_words(at, words, zone, appointment.ends(number))) for number, at in times],
                in_words(agreed, words, zone, appointment.ends(appointment.row.agreed_slot or 0)) if agreed else "",
                words.text(_WAYS[offer.way], place=offer.place or words.text(_NO_PLACE)),
                words.language_name(offer.language) if offer.language else "",
                offer.interpreter,
                waits,
                bool(future) and not times,
            )
        )
    return views


def _windows(every: list[appointments.OpenedAppointment], now: datetime) -> set[UUID]:
    """The callback windows of the times that could be picked."""
    window_ids = {one.window_of(number) for one in every for number, _at in one.open_times(now)}
    return {window_id for window_id in window_ids if window_id is not None}


def in_words(at: datetime, words: Translator, zone: tzinfo, ends: datetime | None = None) -> str:
    """A time with its weekday, in the country's local time; for a callback window, with its end."""
    local = at.astimezone(zone)
    until = f"–{ends.astimezone(zone):%H:%M}" if ends else ""
    return f"{words.weekday_date(local.date())}, {local:%H:%M}{until}"


@router.post("/appointment")
def answer(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    """Pick a time, decline, or ask for others.

    An answer that is no longer possible changes nothing: the page shows the present state, and says so of a time that was not
    agreed.
    """
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return visits.nothing_changed(lang, session, cookie, now)
    verb, slot = field_value(form, "answer"), field_value(form, "slot")
    is_answered = False
    with suppress(NotFound, Conflict, NotAllowed, Invalid, ValueError):
        appointment_offers.answer(
            session,
            opened,
            UUID(field_value(form, "appointment")),
            AppointmentVerb(verb),
            int(slot) if slot.isascii() and slot.isdigit() and len(slot) == 1 else None,
            now,
        )
        is_answered = True
    if verb == AppointmentVerb.PICK and not is_answered:
        return RedirectResponse(f"/{lang}/case?{NOT_AGREED}", 303)
    return RedirectResponse(f"/{lang}/case#appointments", 303)


@router.get("/appointment.ics")
def calendar(lang: Lang, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    """The agreed times to come as a calendar file. It says "Reminder" and the time, and nothing else."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    rows = [appointments.opened(opened.person_key, row) for row in appointments.of_case(session, opened.case.id)]
    agreed = sorted(
        {
            appointment.agreed_at
            for appointment in rows
            if appointment.agreed_at is not None and appointment.agreed_at > now
        }
    )
    days: list[Any] = list(agreed) if opened.case.closed_at is None else []
    return Response(
        calendar_file.calendar(days, translator(lang).text(_TITLE), now),
        media_type="text/calendar",
        headers={"content-disposition": 'attachment; filename="reminder.ics"'},
    )
