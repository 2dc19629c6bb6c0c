"""Times that a centre or the team offers to the person: table, sealing, reads.

The exact times, the place and the way are sealed under the case's `person` key, which the person's number, the team and the
organisation at work can open. Only full hours are plain: when the last offered time begins, and when the agreed one does, so that
the worker can end an offer and send reminders (decision 151).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session

from app.cases import callback_windows
from app.cases.appointment_states import UNDER_WAY, AppointmentState, AppointmentVerb, next_state
from app.cases.sealed_parts import part_key
from app.core import sealing
from app.core.clock import to_the_hour
from app.core.db import Base
from app.core.i18n import LANGUAGES
from app.core.sealing import CannotOpen

MOST_TIMES: Final = 5
LONGEST_PLACE: Final = 500
MOST_CIPHERTEXT: Final = 8_192
WAYS: Final = ("office", "phone", "safe_call")
_STATES: Final = ", ".join(f"'{state}'" for state in AppointmentState)
_DUE: Final = "remind_at IS NOT NULL"
_OPEN: Final = "state = 'open'"
_AGREED: Final = "agreed_hour IS NOT NULL"
_PART: Final = "appointment"
HOUR: Final = timedelta(hours=1)
_REMIND_BEFORE: Final = (timedelta(hours=24), timedelta(hours=2))


class Appointment(Base):
    """Up to five times that were offered. Class of data: `ciphertext` sealed (times, place, way); the rest routing codes.

    `referral_id`: the centre's offer; null: the team's own. `last_hour`: the hour of the latest offered time; `agreed_hour`: of
    the agreed one; `agreed_slot`: which one; `window_id`: the callback window that it lies in. Every instant is a full hour, except
    `created_at`, which is staff's.
    """

    __tablename__ = "appointments"
    __table_args__ = (
        sa.CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        sa.CheckConstraint("times BETWEEN 1 AND 5", name="up_to_five"),
        sa.CheckConstraint("(state = 'agreed') = (agreed_hour IS NOT NULL)", name="agreed_has_an_hour"),
        sa.Index("ix_appointments_case", "case_id"),
        sa.Index("ix_appointments_remind", "remind_at", sqlite_where=sa.text(_DUE), postgresql_where=sa.text(_DUE)),
        sa.Index(
            "ix_appointments_agreed", "agreed_hour",
            sqlite_where=sa.text(_AGREED), postgresql_where=sa.text(_AGREED),
        ),
        sa.Index("ix_appointments_open", "last_hour", sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN)),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    referral_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"))
    state: Mapped[str] = mapped_column(sa.String(16))
    times: Mapped[int] = mapped_column(sa.SmallInteger)
    agreed_slot: Mapped[int | None] = mapped_column(sa.SmallInteger)
    agreed_hour: Mapped[datetime | None]
    last_hour: Mapped[datetime]
    remind_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ciphertext: Mapped[bytes]
    window_id: Mapped[UUID | None]


@dataclass(frozen=True, slots=True)
class OfferedTimes:
    """The content of an offer. `way`: one of WAYS; `place`: an address, a number to call, or nothing; `language`: a code.

    `windows`: for each time the id of the team's callback window that begins then, and `hours` how long it is; empty for others.
    """

    times: tuple[datetime, ...]
    way: str
    place: str = ""
    language: str = ""
    interpreter: bool = False
    windows: tuple[str, ...] = ()
    hours: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"Offer({len(self.times)} times)"


@dataclass(frozen=True, slots=True)
class SealedOffer:
    """An offer as it is stored. `times`: how many; `last_hour`: the full hour of the latest."""

    id: UUID
    times: int
    last_hour: datetime
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class OpenedAppointment:
    """An appointment with its content; content None: it cannot be opened."""

    row: Appointment
    offer: OfferedTimes | None

    @property
    def agreed_at(self) -> datetime | None:
        if self.row.agreed_slot is None or self.offer is None:
            return None
        return self.offer.times[self.row.agreed_slot]

    def window_of(self, slot: int) -> UUID | None:
        """The callback window of an offered time."""
        return UUID(self.offer.windows[slot]) if self.offer is not None and self.offer.windows else None

    def ends(self, slot: int) -> datetime | None:
        """The end of the callback window of an offered time."""
        if self.offer is None or not self.offer.hours:
            return None
        return self.offer.times[slot] + timedelta(hours=self.offer.hours[slot])

    def open_times(self, now: datetime) -> list[tuple[int, datetime]]:
        """The times that can still be picked, with their numbers."""
        if self.row.state != AppointmentState.OPEN or self.offer is None:
            return []
        return [(number, at) for number, at in enumerate(self.offer.times) if at > now]


def _aad(appointment_id: UUID, case_id: UUID) -> bytes:
    return sealing.context("appointments", str(appointment_id), f"{case_id}:{_PART}", "1")


def add(
    session: Session,
    person_key: bytes,
    case_id: UUID,
    offer: OfferedTimes,
    now: datetime,
    *,
    identity: UUID,
    referral_id: UUID | None = None,
) -> Appointment:
    """Store an offer of times. The caller holds the case's row and has checked the times."""
    content = {
        "times": [at.isoformat(timespec="seconds") for at in offer.times],
        "way": offer.way,
        "place": offer.place,
        "language": offer.language,
        "interpreter": offer.interpreter,
        **({"windows": offer.windows, "hours": offer.hours} if offer.windows else {}),
    }
    plain = sealing.pad(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    ciphertext = sealing.encrypt(part_key(person_key, _PART), plain, _aad(identity, case_id))
    sealed = SealedOffer(identity, len(offer.times), to_the_hour(max(offer.times)), ciphertext)
    return add_sealed(session, case_id, sealed, now, referral_id=referral_id)


def add_sealed(
    session: Session, case_id: UUID, sealed: SealedOffer, now: datetime, *, referral_id: UUID | None = None
) -> Appointment:
    """Store an offer that was sealed elsewhere, with its plain columns. The caller holds the case's row."""
    row = Appointment(
        id=sealed.id,
        case_id=case_id,
        referral_id=referral_id,
        state=AppointmentState.OPEN.value,
        times=sealed.times,
        last_hour=sealed.last_hour,
        created_at=now,
        ciphertext=sealed.ciphertext,
    )
    session.add(row)
    session.flush()
    return row


def opened(person_key: bytes, row: Appointment) -> OpenedAppointment:
    """The appointment with its content."""
    try:
        plain = sealing.decrypt(part_key(person_key, _PART), row.ciphertext, _aad(row.id, row.case_id))
        content: dict[str, Any] = json.loads(sealing.unpad(plain))
        times = tuple(datetime.fromisoformat(at) for at in content.pop("times"))
        windows, hours = tuple(content.pop("windows", ())), tuple(content.pop("hours", ()))
        offer = OfferedTimes(times, **content, windows=windows, hours=hours)
        return OpenedAppointment(row, offer if _is_sound(row, offer) else None)
    except (CannotOpen, ValueError, TypeError, KeyError, AttributeError):
        return OpenedAppointment(row, None)


def _is_sound(row: Appointment, offer: OfferedTimes) -> bool:
    """Whether an offer that a program sealed itself agrees with its row and has the shape that the pages expect."""
    if len(offer.times) != row.times or any(at.utcoffset() is None for at in offer.times):
        return False
    if to_the_hour(max(offer.times)) != row.last_hour or offer.way not in WAYS:
        return False
    if row.referral_id is not None and (offer.windows or len(set(offer.times)) < row.times):
        return False
    texts = isinstance(offer.place, str) and isinstance(offer.language, str) and isinstance(offer.interpreter, bool)
    return texts and len(offer.place) <= LONGEST_PLACE and offer.language in {"", *LANGUAGES}


def of_case(session: Session, case_id: UUID, referral_id: UUID | None = None) -> Sequence[Appointment]:
    """The case's appointments, newest first; with a referral, only those of that referral."""
    query = sa.select(Appointment).where(Appointment.case_id == case_id)
    if referral_id is not None:
        query = query.where(Appointment.referral_id == referral_id)
    return session.scalars(query.order_by(Appointment.created_at.desc(), Appointment.id)).all()


def live_states(session: Session, case_id: UUID, referral_id: UUID) -> list[str]:
    """The states of the live appointments that a referral's organisation offered: open, agreed, or waiting for other times."""
    return [row.state for row in of_case(session, case_id, referral_id) if row.state in UNDER_WAY]


def move(row: Appointment, verb: AppointmentVerb, *, by: str) -> None:
    """Move an appointment; it no longer has a time or a reminder unless one is agreed. Raises IllegalMove, NotAllowed."""
    row.state = next_state(AppointmentState(row.state), verb, by=by).value
    if row.window_id is not None and (session := object_session(row)) is not None:
        callback_windows.give_back(session, row.window_id)
        row.window_id = None
    row.agreed_slot = row.agreed_hour = row.remind_at = None


def agree(row: Appointment, slot: int, at: datetime, now: datetime, window_id: UUID | None = None) -> None:
    """The person picks a time. `window_id`: the callback window in which a place was taken. Raises IllegalMove."""
    move(row, AppointmentVerb.PICK, by="person")
    row.window_id = window_id
    row.agreed_slot, row.agreed_hour = slot, to_the_hour(at)
    row.remind_at = next(
        (row.agreed_hour - before for before in _REMIND_BEFORE if row.agreed_hour - before > now), None
    )


def end_live(session: Session, case_id: UUID, referral_id: UUID | None = None, *, every: bool = False) -> int:
    """Withdraw the offers and agreed times of a referral, of the team (no referral), or `every` one of the case."""
    query = sa.select(Appointment).where(
        Appointment.case_id == case_id, Appointment.state.in_([state.value for state in UNDER_WAY])
    )
    if not every:
        query = query.where(
            Appointment.referral_id.is_(None) if referral_id is None else Appointment.referral_id == referral_id
        )
    rows = session.scalars(query).all()
    for row in rows:
        move(row, AppointmentVerb.WITHDRAW, by="clock")
    session.flush()
    return len(rows)


def agreed_until(session: Session, referral_id: UUID) -> datetime | None:
    """The end of the hour of the latest agreed time of a referral."""
    latest = session.scalar(
        sa.select(sa.func.max(Appointment.agreed_hour)).where(Appointment.referral_id == referral_id)
    )
    return latest + HOUR if latest else None


def due_for_reminder(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    """Ids of cases whose agreed time is near. Takes no lock."""
    query = (
        sa.select(Appointment.case_id).where(Appointment.remind_at <= now).order_by(Appointment.remind_at).limit(limit)
    )
    return session.scalars(query).all()


def due_for_expiry(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    """Ids of cases with an open offer whose last time has begun. Takes no lock."""
    query = (
        sa.select(Appointment.case_id)
        .where(Appointment.state == AppointmentState.OPEN.value, Appointment.last_hour <= now - HOUR)
        .order_by(Appointment.last_hour)
        .limit(limit)
    )
    return session.scalars(query).all()


def export(session: Session, case_id: UUID, person_key: bytes) -> list[dict[str, Any]]:
    """The appointments for the person's own copy."""
    exported = []
    for appointment in (opened(person_key, row) for row in of_case(session, case_id)):
        offer = appointment.offer
        if offer is not None:
            agreed = appointment.agreed_at
            exported.append(
                {
                    "state": appointment.row.state,
                    "times": [at.isoformat() for at in offer.times],
                    **({"agreed": agreed.isoformat()} if agreed else {}),
                    "way": offer.way,
                    "place": offer.place,
                    "language": offer.language,
                    "interpreter": offer.interpreter,
                }
            )
    return exported


def forget(session: Session, case_id: UUID) -> None:
    held = sa.select(Appointment.window_id).where(Appointment.case_id == case_id, Appointment.window_id.is_not(None))
    for window_id in session.scalars(held).all():
        if window_id is not None:
            callback_windows.give_back(session, window_id)
    session.execute(sa.delete(Appointment).where(Appointment.case_id == case_id))
