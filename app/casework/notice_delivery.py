"""Delivery of the outbox by the worker: claim, send outside any transaction, record the result.

Messages that are due for one organisation at the same time are sent as one notice with counts. A person is notified
automatically only when their own rules allow it; otherwise the desk is asked. A team reads its notices at the desk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.casework import undelivered_notices
from app.core import log
from app.core.db import Database
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.messaging import outbox, person_texts, recipients, staff_texts
from app.messaging.channels import Channel, Notice, SendingFailed
from app.messaging.models import OutboxMessage
from app.messaging.rules import Verdict, may_notify


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """Dependencies of sending."""

    channel: Channel
    keys: KeyRing
    base_url: str


@dataclass(frozen=True, slots=True)
class _Bundle:
    """One notice and the messages that it combines."""

    notice: Notice
    ids: tuple[UUID, ...]
    for_team: bool


def send_due(database: Database, post: DeliveryContext, now: datetime, limit: int) -> int:
    """Send up to `limit` due messages; returns how many were sent. At least once: a crash after sending sends again.

    When the channel itself is down, the remaining claims are released: a dead server costs one timeout per round.
    """
    with database.begin() as session:
        bundles = _bundled(session, post, outbox.claim(session, now, limit), now)
    went = 0
    for place, bundle in enumerate(bundles):
        if not post.channel.takes(bundle.notice):
            with database.begin() as session:
                _skip(session, bundle, now)
            continue
        try:
            post.channel.send(bundle.notice)
        except SendingFailed as error:
            log.get().warning(
                "notice_failed", outbox_id=bundle.notice.id.hex, error=error.reason or type(error).__name__
            )
            rest = bundles[place + 1 :] if error.affects_all else []
            with database.begin() as session:
                _failed(session, bundle, error, now)
                outbox.postpone(session, [message for other in rest for message in other.ids])
            if rest:
                break
            continue
        with database.begin() as session:
            outbox.mark_sent(session, bundle.ids, now)
        went += len(bundle.ids)
    return went


def _failed(session: Session, bundle: _Bundle, error: SendingFailed, now: datetime) -> None:
    for message_id in bundle.ids:
        given_up = outbox.mark_failed(session, message_id, error.reason or type(error).__name__, now)
        if given_up is not None:
            undelivered_notices.record_dead_letter(session, given_up, now)


def _skip(session: Session, bundle: _Bundle, now: datetime) -> None:
    """Messages that need no sending: a team reads them at the desk; an organisation without an address checks its own page."""
    if bundle.for_team:
        outbox.mark_sent(session, bundle.ids, now)
    else:
        outbox.set_aside(session, bundle.ids, "no_address", now)


def _bundled(session: Session, post: DeliveryContext, claimed: Sequence[OutboxMessage], now: datetime) -> list[_Bundle]:
    by_organisation: dict[UUID, list[OutboxMessage]] = {}
    bundles = []
    for message in claimed:
        if message.organisation_id is not None:
            by_organisation.setdefault(message.organisation_id, []).append(message)
        elif message.case_id is not None:
            bundles += _to_person(session, post, message, message.case_id, now)
        else:
            bundles.append(_at_the_desk(message, post))
    for organisation_id, messages in by_organisation.items():
        bundles.append(_to_organisation(session, post, organisation_id, messages))
    return bundles


def _at_the_desk(message: OutboxMessage, post: DeliveryContext) -> _Bundle:
    """A message for a team, or for the operators when there is none."""
    to, page = (f"team:{message.team_id}", "") if message.team_id is not None else ("operations", "operations")
    subject, text = staff_texts.for_team(f"{post.base_url}/desk/{page}")
    return _Bundle(Notice(message.id, to, subject, text), (message.id,), for_team=True)


def _to_organisation(
    session: Session, post: DeliveryContext, organisation_id: UUID, messages: Sequence[OutboxMessage]
) -> _Bundle:
    """Counts and a link only; the notice never names the case or the referral."""
    try:
        address = recipients.address_of(session, post.keys, organisation_id)
    except CannotOpen:
        address = ""
    subject, text = staff_texts.for_organisation([message.kind for message in messages], f"{post.base_url}/partner/")
    notice = Notice(messages[0].id, f"organisation:{organisation_id}", subject, text, address)
    return _Bundle(notice, tuple(message.id for message in messages), for_team=False)


def _to_person(
    session: Session, post: DeliveryContext, message: OutboxMessage, case_id: UUID, now: datetime
) -> list[_Bundle]:
    """Send the notice if it may go out now; otherwise postpone it to an allowed hour, or ask the desk."""
    try:
        found = recipients.person_contact(session, post.keys, case_id)
    except CannotOpen:
        found = None
    if found is None:
        outbox.set_aside(session, [message.id], "not_wanted", now)
        return []
    how, row = found
    verdict, moment = may_notify(how, now.astimezone(ZoneInfo(row.zone)))
    if verdict is Verdict.WAIT:
        outbox.postpone(session, [message.id], moment)
        return []
    if verdict is Verdict.ASK_DESK:
        outbox.set_aside(session, [message.id], "asked_desk", now)
        undelivered_notices.hand_to_desk(session, message, now)
        return []
    subject, text = person_texts.for_person(row.language, post.base_url, may_say_who=how.may_say_who)
    return [_Bundle(Notice(message.id, f"case:{case_id}", subject, text, how.address), (message.id,), for_team=False)]
