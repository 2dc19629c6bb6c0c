"""Offering times to the person, their answer, reminders, and the tasks that remain when nobody answered."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases import access_control, appointments, callback_windows, sealed_parts, team_cases, transitions
from app.cases.access_control import READS_PER_DAY, AuditedReader
from app.cases.appointment_states import AppointmentState, AppointmentVerb
from app.cases.appointments import (
    LONGEST_PLACE,
    MOST_TIMES,
    WAYS,
    Appointment,
    OfferedTimes,
    OpenedAppointment,
    SealedOffer,
)
from app.cases.models import Case
from app.cases.person_access import OpenedCase
from app.casework import partner_access, sealed_access
from app.casework.coordinator import Desk, record_audit
from app.core.clock import to_the_hour
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.i18n import N_, Translatable
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.messaging.kinds import NoticeKind
from app.referrals import change_feed, queries
from app.referrals.models import Referral
from app.referrals.states import AT_WORK, ReferralState
from app.referrals.ways import BY_COORDINATOR, way_of
from app.staff.sessions import SignedIn
from app.tasks import service as tasks
from app.tasks.service import TaskKind

FURTHEST: Final = timedelta(days=90)
MOST_OFFERS: Final = 50
"""So often a program can offer times for one referral."""


def check(offer: OfferedTimes, now: datetime) -> None:
    """Raises Invalid: no time, more than five, one twice, in the past or too far ahead; an unknown way; too long a place."""
    errors = []
    if not 1 <= len(offer.times) <= MOST_TIMES:
        errors.append(
            FieldError(
                pointer="/time_1", code="required", detail=Translatable("Offer 1 to {most} times.", most=MOST_TIMES)
            )
        )
    for number, at in enumerate(offer.times, 1):
        if not now < at <= now + FURTHEST:
            detail = Translatable("Each time has to be in the future, at most {most} days ahead.", most=FURTHEST.days)
            errors.append(FieldError(pointer=f"/time_{number}", code="out_of_range", detail=detail))
    if len(set(zip(offer.times, offer.windows or offer.times, strict=True))) < len(offer.times):
        errors.append(FieldError(pointer="/time_1", code="repeated", detail="One time is named twice."))
    if offer.way not in WAYS:
        errors.append(FieldError(pointer="/way", code="required", detail="Choose where or how you meet."))
    if len(offer.place) > LONGEST_PLACE:
        detail = Translatable("At most {most} characters.", most=LONGEST_PLACE)
        errors.append(FieldError(pointer="/place", code="too_long", detail=detail))
    if offer.way == "office" and not offer.place.strip():
        errors.append(FieldError(pointer="/place", code="required", detail="Write the address."))
    if errors:
        raise Invalid(errors)


def offer_at_desk(session: Session, desk: Desk, label: str, offer: OfferedTimes, token: str) -> Case:
    """The team offers times of its own; what it offered before is withdrawn. `token`: the same form again changes nothing.

    Raises NotFound, Invalid, NotAllowed (no key), Conflict (the case is closed).
    """
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    if case.closed_at is not None:
        raise Conflict("The case is closed.", state=case.state)
    identity = named_id("appointment", f"{case.id}:{desk.member.member_id}:{token[:64]}")
    person_key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    if _add(session, person_key, case, None, offer, identity, desk.now):
        record_audit(session, desk, case, "case:times_offered", {"times": len(offer.times)})
    return case


def offer_by_partner(
    session: Session, keys: KeyRing, member: SignedIn, label: str, offer: OfferedTimes, token: str, now: datetime
) -> Referral:
    """A centre at work on the case offers times. Raises NotFound, Invalid, NotAllowed, Conflict (it is not at work on it)."""
    referral, case, person_key = partner_access.opened_referral(session, keys, member, label)
    _check_at_work(referral)
    identity = named_id("appointment", f"{referral.id}:{member.member_id}:{token[:64]}")
    if _add(session, person_key, case, referral, offer, identity, now):
        _record(session, "partner", member.member_id.hex, "case:times_offered", referral.id, now)
    return referral


def _add(
    session: Session,
    person_key: bytes,
    case: Case,
    referral: Referral | None,
    offer: OfferedTimes,
    identity: UUID,
    now: datetime,
) -> bool:
    if session.get(Appointment, identity) is not None:
        return False
    check(offer, now)
    referral_id = referral.id if referral else None
    appointments.end_live(session, case.id, referral_id)
    appointments.add(session, person_key, case.id, offer, now, identity=identity, referral_id=referral_id)
    _after_offer(session, case, referral, now)
    return True


def offer_sealed(
    session: Session, organisation_id: UUID, referral_id: UUID, sealed: SealedOffer, now: datetime
) -> Appointment:
    """A program of a centre at work on the case offers times that it sealed itself; the same id again changes nothing.

    Content that cannot be read as such an offer is not shown to the person, and expires by itself. Raises NotFound, Invalid,
    Conflict (the centre is not at work on it, the id is taken, or there were too many offers).
    """
    referral, case = queries.locked(session, referral_id, organisation_id)
    known = session.get(Appointment, sealed.id)
    if known is not None:
        if known.referral_id != referral.id:
            raise Conflict("This id is taken. Choose another one.")
        return known
    _check_at_work(referral)
    if len(appointments.of_case(session, case.id, referral.id)) >= MOST_OFFERS:
        raise Conflict("Times were offered too often for this referral. Write to the team.")
    if not to_the_hour(now) <= sealed.last_hour <= now + FURTHEST or sealed.last_hour != to_the_hour(sealed.last_hour):
        detail = Translatable("This is to be a full hour to come, at most {most} days ahead.", most=FURTHEST.days)
        raise Invalid([FieldError(pointer="/last_hour", code="out_of_range", detail=detail)])
    appointments.end_live(session, case.id, referral.id)
    row = appointments.add_sealed(session, case.id, sealed, now, referral_id=referral.id)
    _after_offer(session, case, referral, now)
    _record(session, "partner", organisation_id.hex, "case:times_offered", referral.id, now)
    return row


def withdraw_by_program(
    session: Session, organisation_id: UUID, referral_id: UUID, appointment_id: UUID, now: datetime
) -> None:
    """Withdraw times of this organisation, or an agreed one. Raises NotFound, IllegalMove."""
    referral, case = queries.locked(session, referral_id, organisation_id)
    row = _locked(session, case.id, appointment_id)
    if row.referral_id != referral.id:
        raise NotFound("There is no such appointment.")
    _withdraw(session, case, row, "partner", now)
    change_feed.publish_appointment(session, referral, AppointmentState.WITHDRAWN, now)


def _after_offer(session: Session, case: Case, referral: Referral | None, now: datetime) -> None:
    """Notify the person, end the tasks that asked for times, and publish an event for the centre's programs."""
    referral_id = referral.id if referral else None
    tasks.end_tasks_of_kind(session, TaskKind.APPOINTMENT, referral_id or case.id, now)
    messaging.notify_person(session, NoticeKind.TIMES_OFFERED, about_id=case.id, case_id=case.id, now=now)
    if referral is not None:
        change_feed.publish_appointment(session, referral, AppointmentState.OPEN, now)
    else:
        change_feed.publish_team_appointment(session, case.id, AppointmentState.OPEN, now)


def offer_windows(
    session: Session,
    desk: Desk,
    label: str,
    chosen: Collection[str],
    *,
    way: str,
    language: str,
    interpreter: bool,
    token: str,
) -> Case:
    """The team offers some of its callback windows that have a free place. Raises as `offer_at_desk`, and Invalid: none is free."""
    free = [window for window in callback_windows.free(session, desk.team_id, desk.now) if str(window.id) in chosen]
    if not free or len(free) < len(set(chosen)):
        detail = N_("Choose one to five callback windows that have a free place.")
        raise Invalid([FieldError(pointer="/window", code="required", detail=detail)])
    offer = OfferedTimes(
        tuple(window.starts_at for window in free),
        way,
        language=language,
        interpreter=interpreter,
        windows=tuple(str(window.id) for window in free),
        hours=tuple(window.hours for window in free),
    )
    if way not in {"phone", "safe_call"}:
        raise Invalid([FieldError(pointer="/window_way", code="required", detail=N_("Choose how you call."))])
    return offer_at_desk(session, desk, label, offer, token)


def withdraw_at_desk(session: Session, desk: Desk, label: str, appointment_id: UUID) -> Case:
    """Withdraw times that the team offered, or an agreed one. Raises NotFound, IllegalMove."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    row = _locked(session, case.id, appointment_id)
    if row.referral_id is not None:
        raise NotFound("There is no such appointment.")
    _withdraw(session, case, row, "desk", desk.now)
    change_feed.publish_team_appointment(session, case.id, AppointmentState.WITHDRAWN, desk.now)
    record_audit(session, desk, case, "case:times_withdrawn")
    return case


def withdraw_by_partner(
    session: Session, organisation_id: UUID, label: str, appointment_id: UUID, now: datetime
) -> None:
    """Withdraw times of this organisation. Raises NotFound, IllegalMove."""
    referral_id = partner_access.referral_id_of(session, organisation_id, label)
    withdraw_by_program(session, organisation_id, referral_id, appointment_id, now)


def _withdraw(session: Session, case: Case, row: Appointment, by: str, now: datetime) -> None:
    appointments.move(row, AppointmentVerb.WITHDRAW, by=by)
    session.flush()
    messaging.notify_person(session, NoticeKind.TIMES_WITHDRAWN, about_id=case.id, case_id=case.id, now=now)


def answer(
    session: Session, opened: OpenedCase, appointment_id: UUID, verb: AppointmentVerb, slot: int | None, now: datetime
) -> None:
    """The person picks a time, declines, or asks for others. The caller holds the case's row.

    Picking the agreed time again changes nothing. Raises NotFound, IllegalMove (withdrawn, or another time is agreed), Invalid (the
    time has passed, or is none of the offered), Conflict (the callback window is full).
    """
    case = opened.case
    row = _locked(session, case.id, appointment_id)
    if verb is AppointmentVerb.PICK:
        if row.state == AppointmentState.AGREED and row.agreed_slot == slot:
            return
        appointment = appointments.opened(opened.person_key, row)
        if row.state == AppointmentState.OPEN:
            times = dict(appointment.open_times(now))
            if slot not in times:
                raise Invalid([FieldError(pointer="/slot", code="out_of_range", detail="Choose a time to come.")])
            window_id = appointment.window_of(slot)
            if window_id is not None and not callback_windows.take(session, window_id):
                raise Conflict("That time is no longer free. Choose another one.", state=row.state)
            appointments.agree(row, slot, times[slot], now, window_id)
        else:
            appointments.move(row, verb, by="person")  # refused by the table
    else:
        appointments.move(row, verb, by="person")
    session.flush()
    _record(session, "person", case.id.hex, f"case:times_{verb}", row.referral_id or case.id, now)
    _tell_offerer(session, case, row, now)


def _tell_offerer(session: Session, case: Case, row: Appointment, now: datetime) -> None:
    at = to_the_hour(now)
    if row.referral_id is None:
        messaging.queue(session, NoticeKind.TIMES_ANSWERED, about_id=case.id, team_id=case.team_id, now=at)
        if row.state in {AppointmentState.OTHERS_WANTED, AppointmentState.DECLINED}:
            tasks.open_task(session, TaskKind.APPOINTMENT, case, now=at)
        change_feed.publish_team_appointment(session, case.id, AppointmentState(row.state), at)
        return
    referral = session.get_one(Referral, row.referral_id)
    to = referral.organisation_id
    messaging.queue(session, NoticeKind.TIMES_ANSWERED, about_id=referral.id, organisation_id=to, now=at)
    change_feed.publish_appointment(session, referral, AppointmentState(row.state), at)


def at_desk(session: Session, desk: Desk, label: str) -> tuple[Case, list[OpenedAppointment]]:
    """Open the case's appointments with the team's key; audited and counted. Raises NotFound, NotAllowed, QuotaReached."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    reader = AuditedReader.member(desk.actor.kind.value, desk.member.member_id, desk.reads_a_day)
    access_control.authorize_read(session, desk.keys, reader, case.id, desk.now)
    record_audit(session, desk, case, "case:times_opened")
    person_key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    return case, [appointments.opened(person_key, row) for row in appointments.of_case(session, case.id)]


def by_partner(
    session: Session, keys: KeyRing, member: SignedIn, label: str, now: datetime, reads_a_day: int = READS_PER_DAY
) -> tuple[Referral, list[OpenedAppointment]]:
    """Open the organisation's own appointments. Raises NotFound, NotAllowed, Conflict (not accepted), QuotaReached."""
    referral, case, person_key = partner_access.opened_referral(session, keys, member, label)
    reader = AuditedReader.member("partner", member.member_id, reads_a_day)
    access_control.authorize_read(session, keys, reader, case.id, now)
    partner_access.mark_opened(session, referral, now)
    _record(session, "partner", member.member_id.hex, "case:times_opened", referral.id, now)
    rows = appointments.of_case(session, case.id, referral.id)
    return referral, [appointments.opened(person_key, row) for row in rows]


def _check_at_work(referral: Referral) -> None:
    if ReferralState(referral.state) not in AT_WORK:
        raise Conflict("Times are offered after acceptance, while you work on the request.", state=referral.state)


def _locked(session: Session, case_id: UUID, appointment_id: UUID) -> Appointment:
    row = session.scalars(
        sa.select(Appointment)
        .where(Appointment.id == appointment_id, Appointment.case_id == case_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such appointment.")
    return row


def _record(session: Session, kind: str, who: str, action: str, subject_id: UUID, now: datetime) -> None:
    audit.record(
        session, actor_kind=kind, actor_id=who, action=action, subject_kind="case", subject_id=subject_id, now=now
    )  # fmt: skip


# --- the clock -------------------------------------------------------------------------------------------------------


def remind(session: Session, case_id: UUID, *, now: datetime) -> bool:
    """Queue the reminders of an agreed time: to the person (their rules, neutral words) and to whoever offered the time.

    False: nothing is due any more.
    """
    case = transitions.locked(session, case_id)
    rows = session.scalars(
        sa.select(Appointment).where(Appointment.case_id == case_id, Appointment.remind_at <= now)
    ).all()
    for row in rows:
        row.remind_at = None
        if row.agreed_hour is not None and row.agreed_hour > now and case.closed_at is None:
            messaging.notify_person(session, NoticeKind.APPOINTMENT_NEAR, about_id=case.id, case_id=case.id, now=now)
            _remind_offerer(session, case, row, now)
    session.flush()
    return bool(rows)


def _remind_offerer(session: Session, case: Case, row: Appointment, now: datetime) -> None:
    """Notify whoever offered the time; for an organisation that the service cannot notify, the team too."""
    referral = session.get(Referral, row.referral_id) if row.referral_id else None
    kind, about_id = NoticeKind.APPOINTMENT_NEAR, referral.id if referral else case.id
    if referral is None or way_of(referral.way) in BY_COORDINATOR:
        messaging.queue(session, kind, about_id=about_id, team_id=case.team_id, now=now)
    else:  # a digest could come after it
        messaging.queue(
            session, kind, about_id=about_id, organisation_id=referral.organisation_id, now=now, at_once=True
        )


def expire(session: Session, case_id: UUID, *, now: datetime) -> bool:
    """End offers that nobody answered before their last time; each leaves the team a task. False: nothing is due any more."""
    case = transitions.locked(session, case_id)
    rows = session.scalars(
        sa.select(Appointment).where(
            Appointment.case_id == case_id,
            Appointment.state == AppointmentState.OPEN.value,
            Appointment.last_hour <= now - appointments.HOUR,
        )
    ).all()
    for row in rows:
        appointments.move(row, AppointmentVerb.EXPIRE, by="clock")
        referral = session.get(Referral, row.referral_id) if row.referral_id else None
        if case.closed_at is None:
            tasks.open_task(session, TaskKind.APPOINTMENT, case, referral=referral, now=now)
        if referral is not None:
            change_feed.publish_appointment(session, referral, AppointmentState.EXPIRED, now)
        else:
            change_feed.publish_team_appointment(session, case.id, AppointmentState.EXPIRED, now)
    session.flush()
    return bool(rows)
