"""Delivery of the outbox by the worker: claim, send outside any transaction, record the result.

Messages that are due for one organisation at the same time are sent as one notice with counts. A person is notified automatically
only when their own rules allow it; otherwise the desk is asked. A message for a team or the operators is first handed out to its
members (`team_notices`).
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.cases import emergency_alerts
from app.casework import broken_addresses, by_link, team_notices, undelivered_notices
from app.casework.escalation import EscalationWaits
from app.casework.sending_lanes import Lanes
from app.core import log
from app.core.db import Database
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.languages import language_of_centre
from app.directory.packs import Directory
from app.links import service as links
from app.messaging import address_marks, centre_texts, member_settings, outbox, person_texts, recipients, staff_texts
from app.messaging.channels import Channel, Notice, NoticeWay, SendingFailed
from app.messaging.kinds import KINDS, NoticeKind, Recipient
from app.messaging.member_settings import MemberSettings
from app.messaging.models import OutboxMessage, PartnerNotices
from app.messaging.rules import Verdict, may_notify
from app.staff import service as staff

ROUND_SECONDS: Final = 15.0
"""How long one way may send what one round gave it: an emergency that comes in meanwhile waits no longer behind what is not urgent.
With the deadline of a single notice it stays below the lease of the claims.
"""
_BUSY: Final = timedelta(seconds=5)
"""How long a message waits for a way that still sends what an earlier round gave it."""
REST: Final = timedelta(minutes=1)
"""How long a way is left alone that is down. What waits for it keeps its attempts."""

_ALONE: Final = frozenset({NoticeKind.REFERRAL_LINK.value, NoticeKind.TEST.value})
"""Kinds that are never sent together with others."""
_EMERGENCIES: Final = frozenset(
    {NoticeKind.EMERGENCY.value, NoticeKind.BECAME_EMERGENCY.value, NoticeKind.EMERGENCY_NOT_OPENED.value}
)


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """Dependencies of sending. `resting`: until when channels that were down are not tried; kept from one round to the next."""

    channel: Channel
    keys: KeyRing
    base_url: str
    directory: Directory
    others: Mapping[NoticeWay, Channel] = field(default_factory=dict)
    resting: dict[str, datetime] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    """How the last exchange of each lane went: "" well, or why it would fail for every notice."""
    lanes: Lanes = field(default_factory=Lanes)
    monotonic: Callable[[], float] = time.monotonic
    waits: EscalationWaits = field(default_factory=EscalationWaits)
    hears: Callable[[Session, Collection[UUID], datetime], Collection[UUID]] = lambda _session, ids, _now: ids
    """Which organisations hear of news without a mail: by an endpoint or a program of theirs."""

    @property
    def ways(self) -> Collection[NoticeWay]:
        """The channels by which this installation can write to a person."""
        return {NoticeWay.EMAIL, *self.others} - {NoticeWay.TEAM}

    def channel_of(self, way: NoticeWay) -> Channel | None:
        return self.channel if way is NoticeWay.EMAIL else self.others.get(way)


@dataclass(frozen=True, slots=True)
class _Bundle:
    """One notice and the messages that it combines. `link_id`: the link that it carries; its token is dropped once it is sent.

    `address_mark`: the keyed hash of the stored address that it is mailed to. A link has none, as it can go to the directory's
    address.
    """

    notice: Notice
    ids: tuple[UUID, ...]
    member_id: UUID | None = None
    organisation_id: UUID | None = None
    case_id: UUID | None = None
    link_id: UUID | None = None
    is_test: bool = False
    address_mark: bytes | None = None


def send_due(database: Database, post: DeliveryContext, now: datetime, limit: int) -> int:
    """Send up to `limit` due messages; returns how many were sent. At least once: a crash after sending sends again.

    Each way sends in a thread of its own, so that none waits for another. What is for a way that is still at work waits.
    """
    with database.begin() as session:
        team_notices.hand_out_due(session, now, limit, first_wait=post.waits.next_on_call)
    with database.begin() as session:
        bundles = _bundled(session, post, outbox.claim(session, now, limit), now)
        if wait_longer := _ids(one for one in bundles if post.lanes.is_busy(one.notice.lane)):
            outbox.postpone(session, wait_longer, now + _BUSY)
    by_lane: dict[str, list[_Bundle]] = {}
    for bundle in bundles:
        by_lane.setdefault(bundle.notice.lane, []).append(bundle)
    for lane, waiting in by_lane.items():
        if not post.lanes.is_busy(lane):
            post.lanes.start(lane, partial(_send_by, database, post, lane, waiting, now))
    return post.lanes.collect()


def _ids(bundles: Iterable[_Bundle]) -> list[UUID]:
    return [message_id for bundle in bundles for message_id in bundle.ids]


def _send_by(database: Database, post: DeliveryContext, lane: str, bundles: Sequence[_Bundle], now: datetime) -> int:
    """Send these over one channel. When it is down, the rest waits a minute and keeps its attempts.

    Messages that the round has no time for are released.
    """
    went, ends_at = 0, post.monotonic() + ROUND_SECONDS
    rests_until = post.resting.get(lane)
    for position, bundle in enumerate(bundles):
        if (rests_until is not None and rests_until > now) or post.monotonic() >= ends_at:
            with database.begin() as session:
                outbox.postpone(session, _ids(bundles[position:]), rests_until)
            break
        outcome = _attempt(post.channel_of(bundle.notice.way), bundle)
        with database.begin() as session:
            if outcome is None:
                _skip(session, post, bundle, now)
            elif isinstance(outcome, SendingFailed):
                _failed(session, bundle, outcome, now)
            else:
                outbox.mark_sent(session, bundle.ids, now, sent_as=bundle.notice.id, address_mark=bundle.address_mark)
                _reached(session, bundle, now)
                if bundle.link_id is not None:
                    links.drop_token(session, bundle.link_id)
                went += len(bundle.ids)
        if outcome is True:
            post.outcomes[lane] = ""
        if isinstance(outcome, SendingFailed) and outcome.affects_all:
            post.outcomes[lane] = outcome.reason
            rests_until = post.resting[lane] = now + max(REST, outcome.retry_after or REST)
    return went


def _attempt(channel: Channel | None, bundle: _Bundle) -> bool | SendingFailed | None:
    """Try once: True when sent, None when the channel cannot reach this recipient, or why it failed.

    A channel that raises something unforeseen fails with this one notice; the notices behind it are sent.
    """
    if channel is None or not channel.takes(bundle.notice):
        return None
    try:
        channel.send(bundle.notice)
    except Exception as error:  # noqa: BLE001
        failed = error if isinstance(error, SendingFailed) else SendingFailed(type(error).__name__)
        log.get().warning(
            "notice_failed",
            outbox_id=bundle.notice.id.hex,
            kind=bundle.notice.way.value,
            error=failed.reason or type(failed).__name__,
        )
        return failed
    return True


def _failed(session: Session, bundle: _Bundle, error: SendingFailed, now: datetime) -> None:
    if error.address_gone and bundle.case_id is not None:
        _drop_address(session, bundle, bundle.case_id, now)
        return
    if error.permanent or error.address_gone:
        _refused(session, bundle, now, permanent=True)
    if bundle.is_test:  # it asks what the other end answers: this is the answer
        for message_id in bundle.ids:
            outbox.mark_failed(session, message_id, error.reason or type(error).__name__, now, permanent=True)
            outbox.drop(session, message_id, now)
        return
    for message_id in bundle.ids:
        given_up = outbox.mark_failed(
            session,
            message_id,
            error.reason or type(error).__name__,
            now,
            permanent=error.permanent,
            wait=error.retry_after or timedelta(0),
        )
        if given_up is None:
            continue
        undelivered_notices.record_undelivered(session, given_up, now)
        if not (error.permanent or error.address_gone or error.affects_all):
            _refused(session, bundle, now, permanent=False)


def _drop_address(session: Session, bundle: _Bundle, case_id: UUID, now: datetime) -> None:
    """The person has blocked us, or has no account there any more: forget the address, and ask the desk about this news."""
    recipients.forget(session, case_id)
    outbox.set_aside(session, bundle.ids, "recipient_refused", now)
    for message_id in bundle.ids:
        undelivered_notices.hand_to_desk(session, session.get_one(OutboxMessage, message_id), now)


def _skip(session: Session, post: DeliveryContext, bundle: _Bundle, now: datetime) -> None:
    """Messages that cannot be sent: there is no address, or no channel for it. They never count as sent.

    A coordinator gets a task for an organisation that cannot be told in any other way. An emergency goes to the next one if the
    member has left or taken their address away since it was handed out.
    """
    outbox.set_aside(session, bundle.ids, "no_address", now)
    if bundle.member_id is not None and not _has_way(session, bundle.member_id):
        emergency_alerts.hurry(session, outbox.about(session, bundle.ids), now)
    hears = bundle.organisation_id is None or bundle.organisation_id in post.hears(
        session, [bundle.organisation_id], now
    )
    if not hears and not bundle.is_test:
        undelivered_notices.ask_to_tell(session, bundle.ids, now)


def _has_way(session: Session, member_id: UUID) -> bool:
    """Whether the member still counts as somebody who can be told."""
    row = member_settings.rows(session, [member_id]).get(member_id)
    return row is not None and row.address is not None and row.failed_at is None


def _reached(session: Session, bundle: _Bundle, now: datetime) -> None:
    """Record that the address works (again)."""
    if bundle.member_id is not None:
        member_settings.mark_reached(session, bundle.member_id, now)
    if bundle.organisation_id is not None:
        recipients.mark_reached(session, bundle.organisation_id, now)


def _refused(session: Session, bundle: _Bundle, now: datetime, *, permanent: bool) -> None:
    """Record that the address refused the notice for good; an emergency goes to the next member.

    A broken address is not relied on any more.
    """
    if bundle.member_id is not None:
        broken_addresses.refused_by_member(session, bundle.member_id, now, permanent=permanent)
        emergency_alerts.hurry(session, outbox.about(session, bundle.ids), now)
    if bundle.organisation_id is not None:
        broken_addresses.refused_by_organisation(session, bundle.organisation_id, now, permanent=permanent)


def _bundled(session: Session, post: DeliveryContext, claimed: Sequence[OutboxMessage], now: datetime) -> list[_Bundle]:
    """One bundle for each recipient, in the order in which their first messages were claimed: urgent ones first."""
    by_recipient: dict[UUID, list[OutboxMessage]] = {}
    for message in claimed:
        if message.kind in _ALONE:
            by_recipient[message.id] = [message]
            continue
        by_recipient.setdefault(message.organisation_id or message.member_id or message.id, []).append(message)
    bundles = []
    for messages in by_recipient.values():
        first = messages[0]
        if first.kind == NoticeKind.REFERRAL_LINK:
            bundles += _link(session, post, first, now)
        elif first.organisation_id is not None:
            bundles.append(_to_organisation(session, post, first.organisation_id, messages))
        elif first.member_id is not None:
            bundles += _to_member(session, post, first.member_id, messages, now)
        elif first.case_id is not None:
            bundles += _to_person(session, post, first, first.case_id, now)
    return bundles


def _to_member(
    session: Session, post: DeliveryContext, member_id: UUID, messages: Sequence[OutboxMessage], now: datetime
) -> list[_Bundle]:
    """Counts, the labels of emergencies and a link. A notice of an emergency that a colleague has opened meanwhile is not sent."""
    emergencies = {message.about_id for message in messages if message.kind in _EMERGENCIES}
    waiting = emergency_alerts.waiting(session, emergencies) if emergencies else {}
    over = [message.id for message in messages if message.kind in _EMERGENCIES and message.about_id not in waiting]
    if over:
        outbox.set_aside(session, over, "opened", now)
    left = [message for message in messages if message.id not in over]
    if not left:
        return []
    row = member_settings.rows(session, [member_id]).get(member_id)
    try:
        settings = member_settings.of_row(post.keys, row) if row is not None else MemberSettings()
    except CannotOpen:
        settings = MemberSettings()
    only = set(waiting.values())
    page = f"cases/{only.pop()}" if len(only) == 1 and len(left) == 1 else ""
    if all(KINDS[message.kind].recipients <= {Recipient.OPERATORS} for message in left):
        page = "operations"
    subject, text = staff_texts.for_member(
        [message.kind for message in left],
        f"{post.base_url}/desk/{page}",
        settings.language,
        labels=sorted(waiting.values()),
    )
    notice = Notice(left[0].id, f"member:{member_id}", subject, text, settings.address, settings.way)
    ids, is_test = tuple(message.id for message in left), left[0].kind == NoticeKind.TEST
    return [_Bundle(notice, ids, member_id=member_id, is_test=is_test, address_mark=address_marks.mark_of(row))]


def _link(session: Session, post: DeliveryContext, message: OutboxMessage, now: datetime) -> list[_Bundle]:
    """Make the mail that carries a link to a referral: alone, in the centre's language, with the referral's label only."""
    mail = by_link.mail_of(session, post.keys, message.about_id, now)
    if mail is None:
        outbox.set_aside(session, [message.id], "link_ended", now)
        return []
    language = language_of_centre(post.directory, mail.slug)
    address = f"{post.base_url}/partner/link/{language}/{mail.token}"
    subject, text = centre_texts.for_link(mail.label, address, language)
    notice = Notice(message.id, f"organisation:{message.organisation_id}", subject, text, mail.address)
    return [_Bundle(notice, (message.id,), link_id=mail.link_id)]


def _to_organisation(
    session: Session, post: DeliveryContext, organisation_id: UUID, messages: Sequence[OutboxMessage]
) -> _Bundle:
    """Counts and a link only; the notice never names the case or the referral."""
    try:
        address = recipients.address_of(session, post.keys, organisation_id)
    except CannotOpen:
        address = ""
    language = staff.language_of_organisation(session, organisation_id)
    kinds = [message.kind for message in messages]
    subject, text = staff_texts.for_organisation(kinds, f"{post.base_url}/partner/", language)
    notice = Notice(messages[0].id, f"organisation:{organisation_id}", subject, text, address)
    ids, is_test = tuple(message.id for message in messages), messages[0].kind == NoticeKind.TEST
    mark = address_marks.mark_of(session.get(PartnerNotices, organisation_id))
    return _Bundle(notice, ids, organisation_id=organisation_id, is_test=is_test, address_mark=mark)


def _to_person(
    session: Session, post: DeliveryContext, message: OutboxMessage, case_id: UUID, now: datetime
) -> list[_Bundle]:
    """Send the notice if it may go out now; otherwise postpone it to an allowed hour, or ask the desk."""
    try:
        contact = recipients.person_contact(session, post.keys, case_id)
    except CannotOpen:
        contact = None
    if contact is None:
        outbox.set_aside(session, [message.id], "not_wanted", now)
        return []
    how, row = contact
    verdict, moment = may_notify(how, now.astimezone(ZoneInfo(row.zone)), post.ways)
    if verdict is Verdict.WAIT:
        outbox.postpone(session, [message.id], moment)
        return []
    if verdict is Verdict.ASK_DESK:
        outbox.set_aside(session, [message.id], "asked_desk", now)
        undelivered_notices.hand_to_desk(session, message, now)
        return []
    subject, text = person_texts.for_person(row.language, post.base_url, may_say_who=how.may_say_who)
    notice = Notice(message.id, f"case:{case_id}", subject, text, how.sent_to, how.way or NoticeWay.EMAIL)
    mark = address_marks.mark_of(row) if notice.way is NoticeWay.EMAIL else None
    return [_Bundle(notice, (message.id,), case_id=case_id, address_mark=mark)]
