"""A partner's members read and write encrypted parts on the page: only after acceptance, with their organisation's key, audited."""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases import access_control, person_access, rewrapping, sealed_parts
from app.cases.access_control import READS_PER_DAY, AuditedReader
from app.cases.intake_storage import INTAKE_PARTS
from app.cases.models import Case, PartKind, SealedPart
from app.cases.sealed_parts import OpenedPart
from app.cases.states import CaseState
from app.casework import unread_messages
from app.casework.unread_messages import Author
from app.core import kill_switch
from app.core.errors import Conflict, NotAllowed, NotFound, PreconditionFailed
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.referrals import queries
from app.referrals.models import Referral
from app.referrals.states import MAY_OPEN, ReferralState
from app.staff.sessions import SignedIn

PARTS: Final = (*INTAKE_PARTS, PartKind.THREAD)


def referral_id_of(session: Session, organisation_id: UUID, label: str) -> UUID:
    """The id of a referral offered to this organisation. Raises NotFound, also for another's and for one not offered yet."""
    referral_id = session.scalar(
        sa.select(Referral.id).where(Referral.label == label, queries.offered_to(organisation_id))
    )
    if referral_id is None:
        raise NotFound("There is no such referral.")
    return referral_id


def open_parts(
    session: Session,
    keys: KeyRing,
    member: SignedIn,
    label: str,
    now: datetime,
    reads_a_day: int = READS_PER_DAY,
    *,
    purpose: str = "read",
) -> list[OpenedPart]:
    """Open everything the organisation may read; `purpose` (`read` or `print`) is audited.

    Raises NotFound, Conflict (not accepted, or undone), NotAllowed (no key), QuotaReached.
    """
    organisation_id = organisation_of(member)
    referral, _case = queries.locked(session, referral_id_of(session, organisation_id, label), organisation_id)
    data_key = _data_key(session, keys, member, referral)
    mark_opened(session, referral, now)
    access_control.authorize_read(
        session, keys, AuditedReader.member("partner", member.member_id, reads_a_day), referral.case_id, now
    )
    audit.record(
        session,
        actor_kind="partner",
        actor_id=member.member_id.hex,
        action="referral:sealed_opened",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"parts": [part.value for part in PARTS], "purpose": purpose},
        now=now,
    )
    try:
        opened_parts = [
            sealed_parts.open_part(data_key, row) for row in sealed_parts.parts(session, referral.case_id, PARTS)
        ]
    except CannotOpen:
        raise _another_key(referral) from None
    rewrapping.rewrap_opened(session, keys, referral.case_id, data_key, to=member.keys_of(session))
    return opened_parts


def write_message(
    session: Session, keys: KeyRing, member: SignedIn, label: str, text: str, *, now: datetime, lines_seen: int
) -> None:
    """Add a message to the thread with the person, who reads it when they return with their number.

    `lines_seen`: how many messages the page showed; when there are more by now, a colleague or the person was faster. Raises
    what `open_parts` raises, and PreconditionFailed (with the number of messages as its version), Invalid.
    """
    organisation_id = organisation_of(member)
    referral, case = queries.locked(session, referral_id_of(session, organisation_id, label), organisation_id)
    data_key = _data_key(session, keys, member, referral)
    if CaseState(case.state) in {CaseState.WITHDRAWN, CaseState.ERASED}:
        raise Conflict("The person has withdrawn; nothing is sent.", state=referral.state)
    lines = count_messages(session, referral.case_id)
    if lines != lines_seen:
        raise PreconditionFailed("There is a new message in the conversation. Read it before you send.", version=lines)
    person_access.add_message(
        session,
        case,
        data_key,
        text,
        author="partner",
        now=now,
        actor_id=member.member_id.hex,
        organisation_id=organisation_id,
    )


def opened_referral(session: Session, keys: KeyRing, member: SignedIn, label: str) -> tuple[Referral, Case, bytes]:
    """A referral of this member's organisation, its case and the case's data key, both rows locked.

    Raises NotFound, Conflict (not accepted), NotAllowed (no key).
    """
    organisation_id = organisation_of(member)
    referral, case = queries.locked(session, referral_id_of(session, organisation_id, label), organisation_id)
    return referral, case, _data_key(session, keys, member, referral)


def still_opens(session: Session, keys: KeyRing, member: SignedIn, label: str) -> bool:
    """Whether the member may go on reading what they have begun to read, without a lock."""
    if kill_switch.is_on(session, kill_switch.FREEZE):
        return False
    try:
        referral_id = referral_id_of(session, organisation_of(member), label)
        _data_key(session, keys, member, session.get_one(Referral, referral_id))
    except (NotFound, Conflict, NotAllowed):
        return False
    return True


def count_messages(session: Session, case_id: UUID) -> int:
    """The number of messages in the thread."""
    query = sa.select(sa.func.count()).where(SealedPart.case_id == case_id, SealedPart.part == PartKind.THREAD.value)
    return session.scalar(query) or 0


def mark_opened(session: Session, referral: Referral, now: datetime) -> None:
    """Record that encrypted parts or documents were opened; after the first time the acceptance cannot be undone.

    What the person wrote or added counts as read. The caller holds the rows of the case and the referral.
    """
    if referral.read_at is None:
        referral.read_at = now
        session.flush()
    unread_messages.read(session, referral.id, Author.PERSON, now)


def may_open(referral: Referral) -> bool:
    """Whether the organisation may open the encrypted parts now."""
    return ReferralState(referral.state) in MAY_OPEN


def organisation_of(member: SignedIn) -> UUID:
    """The member's organisation. Raises NotAllowed."""
    if member.organisation_id is None:
        raise NotAllowed("This is for members of an organisation.")
    return member.organisation_id


def _data_key(session: Session, keys: KeyRing, member: SignedIn, referral: Referral) -> bytes:
    """The case's data key, opened with this member's key. Raises Conflict, NotAllowed."""
    if not may_open(referral):
        raise Conflict("The sealed parts open once you have accepted.", state=referral.state)
    try:
        wrap, sealed = sealed_parts.sealed_data_key(
            session, keys, referral.case_id, sealed_parts.PERSON, referral.organisation_id
        )
    except (NotFound, CannotOpen):
        raise Conflict("There is nothing left to open: the person had it erased.", state=referral.state) from None
    holder = member.keys_of(session).get(wrap.key_id) if wrap.key_id else None
    if holder is None:
        raise NotAllowed("Your organisation's key was not given to you. If your program keeps the key, open it there.")
    info = sealed_parts.wrap_info(referral.case_id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version)
    try:
        return holder.open(sealed, info)
    except CannotOpen:
        raise _another_key(referral) from None


def _another_key(referral: Referral) -> Conflict:
    return Conflict("The encrypted parts cannot be opened with this key.", state=referral.state)
