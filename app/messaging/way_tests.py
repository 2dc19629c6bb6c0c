"""Test messages: somebody presses a button, the worker sends one notice, and the page says what the other end answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.clock import to_the_hour
from app.core.errors import Conflict
from app.core.i18n import N_, Translatable
from app.messaging import outbox
from app.messaging.kinds import NoticeKind
from app.messaging.models import OutboxMessage

MOST_IN_AN_HOUR: Final = 5
SENT: Final = N_("The other end accepted the test. Check whether it has arrived.")
WAITS: Final = N_("The test is waiting to be sent. Reload this page in a minute.")
_ANSWERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no_address": N_("Nothing was sent: there is no address."),
        "recipient_refused": N_("The other end says that it has no such address, or that it takes nothing from us."),
        "address_unusable": N_("Notices cannot be sent to this address."),
        "smtputf8_not_supported": N_("The mail server cannot write to an address with such letters before the @."),
        "too_slow": N_("The other end did not answer in time."),
        "rate_limited": N_("The other end says that we send too much. Try again later."),
        "way_removed": N_("The operator has removed this way."),
        "address_not_understood": N_("The address that the operator has set for this way is not valid."),
        "not_taken": N_("The other end did not accept the test, or could not be reached."),
        "library_missing": N_("The library for this way is not installed on the server."),
        "not_understood": N_("The answer of the other end could not be understood."),
        "answer_too_long": N_("The answer of the other end could not be understood."),
        "ConnectionRefusedError": N_("No server answers at the address of the mail server or gateway."),
        "ConnectError": N_("No server answers at the address of the mail server or gateway."),
        "gaierror": N_("The name of the mail server or gateway is not known."),
        "SSLCertVerificationError": N_("The certificate of the mail server or gateway is not valid."),
        "SMTPNotSupportedError": N_("The mail server offers no encryption, or no sign-in."),
        "SMTPServerDisconnected": N_("The mail server closed the connection."),
    }
)
_CODES: Final = {
    "smtp_": N_("The mail server refused with the code {code}."),
    "http_": N_("The gateway refused with the code {code}."),
    "bounced_": N_("The mail came back, with the code {code}."),
}


def in_words(reason: str) -> str:
    """The answer of the other end, as a message of the staff's domain; `reason` as the outbox stores it."""
    for prefix, sentence in _CODES.items():
        if reason.startswith(prefix):
            return Translatable(sentence, code=reason.removeprefix(prefix)[:16])
    return _ANSWERS.get(reason) or Translatable("It failed: {code}.", code=reason[:64])


@dataclass(frozen=True, slots=True)
class WayOutcome:
    """The result of the last test. `is_good`: the other end accepted it; None: it has not been sent yet."""

    text: str
    is_good: bool | None
    at: datetime


def ask(session: Session, now: datetime, *, member_id: UUID | None = None, organisation_id: UUID | None = None) -> None:
    """Queue a test to this member or organisation, unless one waits. Raises Conflict: there were many in this hour."""
    tests = sa.select(OutboxMessage.state).where(
        *_of(member_id, organisation_id), OutboxMessage.created_at == to_the_hour(now)
    )
    states = session.scalars(tests).all()
    if "queued" in states:
        return
    if len(states) >= MOST_IN_AN_HOUR:
        raise Conflict("Too many tests in this hour. Try again in the next hour.")
    about_id = member_id or organisation_id
    if about_id is not None:
        outbox.queue(
            session, NoticeKind.TEST, about_id=about_id, now=now, member_id=member_id,
            organisation_id=organisation_id, at_once=True,
        )  # fmt: skip


def last(session: Session, *, member_id: UUID | None = None, organisation_id: UUID | None = None) -> WayOutcome | None:
    """The outcome of the last test; None: there was none in the last days."""
    newest = OutboxMessage.created_at.desc(), sa.func.coalesce(OutboxMessage.done_at, OutboxMessage.not_before).desc()
    row = session.scalars(
        sa.select(OutboxMessage).where(*_of(member_id, organisation_id)).order_by(*newest).limit(1)
    ).first()
    if row is None:
        return None
    if row.state == "queued":
        return WayOutcome(WAITS, None, row.created_at)
    if row.state == "sent":
        return WayOutcome(SENT, is_good=True, at=row.done_at or row.created_at)
    return WayOutcome(in_words(row.last_error or ""), is_good=False, at=row.done_at or row.created_at)


def _of(member_id: UUID | None, organisation_id: UUID | None) -> tuple[sa.ColumnElement[bool], ...]:
    to = OutboxMessage.member_id == member_id if member_id else OutboxMessage.organisation_id == organisation_id
    return OutboxMessage.kind == NoticeKind.TEST.value, to
