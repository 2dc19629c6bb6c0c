"""The sealed conversation between the team and the organisation about one referral: who reads and writes it, and what follows.

The person does not read it. A message of the organisation leaves the team a task; one of the team notifies the organisation
and is an event of its feed, without words. Sending the same form five times is one message.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases import access_control, restriction, sealed_parts, team_cases
from app.cases.access_control import READS_PER_DAY, AuditedReader
from app.cases.models import Case
from app.casework import partner_access, sealed_access, unread_messages
from app.casework.coordinator import Desk
from app.casework.unread_messages import Author
from app.core.errors import Conflict, NotAllowed, NotFound
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.messaging.kinds import NoticeKind
from app.referrals import change_feed, queries, threads
from app.referrals.models import Referral
from app.referrals.threads import MAX_MESSAGES, OpenedMessage, SealedMessage
from app.staff.sessions import SignedIn
from app.tasks import service as tasks
from app.tasks.service import TaskKind


def of_case(
    session: Session, desk: Desk, label: str, referral_label: str, *, lock: bool = False
) -> tuple[Case, Referral]:
    """A referral of a case of this team. Raises NotFound."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=lock)
    query = sa.select(Referral).where(Referral.label == referral_label, Referral.case_id == case.id)
    referral = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if referral is None:
        raise NotFound("There is no such referral.")
    return case, referral


def open_at_desk(
    session: Session, desk: Desk, label: str, referral_label: str, *, for_export: bool = False
) -> tuple[Case, Referral, Sequence[OpenedMessage]]:
    """Open the conversation with the team's key; audited and counted like any opening.

    `for_export`: under the law that applies to this installation the conversation belongs in the person's export. Raises NotFound,
    NotAllowed, QuotaReached.
    """
    case, referral = of_case(session, desk, label, referral_label, lock=True)
    reader = AuditedReader.member(desk.actor.kind.value, desk.member.member_id, desk.reads_a_day)
    access_control.authorize_read(session, desk.keys, reader, case.id, desk.now)
    _record(session, desk.actor.kind.value, desk.member.member_id.hex, "referral:thread_opened", referral, desk.now)
    messages, opened_keys = threads.open_messages(
        session, desk.keys, referral.id, restriction.holder_of(case), sealed_access.keys_for(session, desk, case)
    )
    threads.reseal_opened(session, desk.keys, referral.id, opened_keys)
    if for_export and opened_keys:
        person_key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
        threads.keep_for_export(session, referral, person_key, opened_keys)
    return case, referral, messages


def write_at_desk(
    session: Session, desk: Desk, label: str, referral_label: str, text: str, token: str, *, limit: int = MAX_MESSAGES
) -> Referral:
    """Write to the organisation. `token`: from the form, so that it counts once. Raises NotFound, Conflict, Invalid."""
    case, referral = of_case(session, desk, label, referral_label, lock=True)
    sealed_access.keys_for(session, desk, case)
    message_id = threads.id_of_form(referral.id, "desk", desk.member.member_id, token)
    if _write(session, desk.keys, case, referral, "desk", message_id, text, desk.now, limit):
        _record(
            session, desk.actor.kind.value, desk.member.member_id.hex, "referral:thread_written", referral, desk.now
        )
        tasks.end_tasks_of_kind(session, TaskKind.MESSAGE, referral.id, desk.now)
        to, urgent = referral.organisation_id, referral.urgency == "emergency"
        messaging.queue(
            session, NoticeKind.TEAM_WROTE, about_id=referral.id, organisation_id=to, now=desk.now, urgent=urgent
        )
        change_feed.publish_message(session, referral, desk.now)
        unread_messages.note(session, referral, case, Author.DESK, desk.now)
    return referral


def open_by_partner(
    session: Session,
    keys: KeyRing,
    member: SignedIn,
    label: str,
    now: datetime,
    reads_a_day: int = READS_PER_DAY,
) -> Sequence[OpenedMessage]:
    """Open the conversation with the organisation's key. Raises NotFound, NotAllowed, Conflict (it has ended), QuotaReached."""
    organisation_id = _organisation(member)
    referral, _case = queries.locked(
        session, partner_access.referral_id_of(session, organisation_id, label), organisation_id
    )
    _check_open(referral)
    held = member.keys_of(session)
    if not held:
        raise NotAllowed("Your organisation's key was not given to you. If your program keeps the key, open it there.")
    reader = AuditedReader.member("partner", member.member_id, reads_a_day)
    access_control.authorize_read(session, keys, reader, referral.case_id, now)
    _record(session, "partner", member.member_id.hex, "referral:thread_opened", referral, now)
    messages, opened_keys = threads.open_messages(session, keys, referral.id, organisation_id, held)
    threads.reseal_opened(session, keys, referral.id, opened_keys, to=held)
    unread_messages.read(session, referral.id, Author.DESK, now)
    return messages


def write_by_partner(
    session: Session,
    keys: KeyRing,
    organisation_id: UUID,
    referral_id: UUID,
    writer_id: UUID,
    text: str,
    token: str,
    *,
    now: datetime,
    limit: int = MAX_MESSAGES,
) -> None:
    """A message of the organisation (a member or its program) to the team. Raises NotFound, Conflict, Invalid."""
    referral, case = queries.locked(session, referral_id, organisation_id)
    message_id = threads.id_of_form(referral.id, "partner", writer_id, token)
    if _write(session, keys, case, referral, "partner", message_id, text, now, limit):
        _after_partner_wrote(session, case, referral, writer_id, now)


def post_sealed(
    session: Session,
    keys: KeyRing,
    organisation_id: UUID,
    referral_id: UUID,
    message: SealedMessage,
    sealed_to: dict[UUID, UUID],
    *,
    now: datetime,
    limit: int = MAX_MESSAGES,
) -> int:
    """Store a message that the organisation's program sealed itself; returns its number. The same id again changes nothing.

    `sealed_to`: by owner, the key that the program sealed to. Raises NotFound, Conflict (not open, full, or the keys have
    changed: read them again).
    """
    referral, case = queries.locked(session, referral_id, organisation_id)
    if (known := threads.stored(session, referral.id, message.id)) is not None:
        return known.seq
    _check_open(referral)
    readers = threads.readers(session, case, referral)
    if sealed_to != {reader.owner_id: reader.key_id for reader in readers.values()}:
        raise Conflict("The keys have changed: fetch them again, and seal to the team and to yourself.")
    seq = threads.add(session, keys, referral, readers.values(), "partner", message, limit=limit)
    _after_partner_wrote(session, case, referral, organisation_id, now)
    return seq or 0


def _write(
    session: Session,
    keys: KeyRing,
    case: Case,
    referral: Referral,
    author: str,
    message_id: UUID,
    text: str,
    now: datetime,
    limit: int,
) -> bool:
    """Seal and store a text; False: it is stored already. The caller holds both rows."""
    text = threads.check_text(text)
    if threads.stored(session, referral.id, message_id) is not None:
        return False
    _check_open(referral)
    readers = threads.readers(session, case, referral).values()
    sealed = threads.seal(readers, referral.id, message_id, author, text, now)
    threads.add(session, keys, referral, readers, author, sealed, limit=limit)
    return True


def _after_partner_wrote(session: Session, case: Case, referral: Referral, writer_id: UUID, now: datetime) -> None:
    _record(session, "partner", writer_id.hex, "referral:thread_written", referral, now)
    tasks.open_task(session, TaskKind.MESSAGE, case, referral=referral, now=now)
    messaging.queue(session, NoticeKind.PARTNER_WROTE, about_id=referral.id, team_id=case.team_id, now=now)


def _check_open(referral: Referral) -> None:
    if not threads.may_talk(referral):
        raise Conflict("This referral has ended; its conversation is closed.", state=referral.state)


def _organisation(member: SignedIn) -> UUID:
    if member.organisation_id is None:
        raise NotAllowed("This is for members of an organisation.")
    return member.organisation_id


def _record(session: Session, kind: str, who: str, action: str, referral: Referral, now: datetime) -> None:
    audit.record(
        session, actor_kind=kind, actor_id=who, action=action, subject_kind="referral", subject_id=referral.id, now=now
    )


def rewrap_for(
    session: Session, keys: KeyRing, referral_id: UUID, team_id: UUID, team_keys: Mapping[UUID, KeyPair]
) -> int:
    """Seal the message keys of a conversation to the organisation's present key, with the team's key pairs; returns how many."""
    _messages, opened_keys = threads.open_messages(session, keys, referral_id, team_id, team_keys)
    return threads.reseal_opened(session, keys, referral_id, opened_keys)
