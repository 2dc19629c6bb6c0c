"""The person's access to their own case by their number: opening it, reading its parts, adding messages, a new number."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.audit.models import AuditEntry
from app.cases import sealed_parts, shown_numbers
from app.cases.intake_storage import INTAKE_PARTS
from app.cases.models import Case, PartKind, SealedPart, WrapFor
from app.cases.sealed_parts import OpenedPart, Recipient
from app.core.clock import to_the_hour
from app.core.errors import Conflict, FieldError, Invalid, NotFound, TooMany
from app.core.i18n import Translatable
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.intake import receipts
from app.intake.receipts import Receipt

MAX_MESSAGE_LENGTH: Final = 10_000
MOST_MESSAGES: Final = 500
"""Messages of each author (the person, the desk, partners) in one thread."""
MOST_CHANGES_A_DAY: Final = 60
"""Messages, corrections, choices and new numbers of one person on one day (UTC). Withdrawing and erasing are never counted."""
_LOOKED: Final = "case:opened_by_number"
_BY_CODE: Final = ("case:opened_by_code", "case:document_opened_by_code")
"""What somebody else opens with the person's code is no change by the person."""


class TooManyChanges(TooMany):
    """The person has reached the daily limit of changes. Nothing was saved."""

    slug, title = "changes-used-up", "Very many changes were made today"


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """A case and its `person` key, for the duration of one request. The repr does not show the key."""

    case: Case
    person_key: bytes

    def __repr__(self) -> str:
        return f"OpenedCase({self.case.label})"


def open_by_receipt(
    session: Session, receipt: Receipt, keys: KeyRing, now: datetime, *, lock: bool = False
) -> OpenedCase:
    """The case that this number belongs to. Writes an audit entry.

    A number from before numbers were stretched gets the present id and key here, under the case's row lock. Both ids are always
    computed, and looked up in one statement, so that an unknown number takes as long as a known one. `lock` locks the row until
    the transaction ends, for a caller that is going to write. Raises NotFound: an unknown number and an erased case are not told
    apart.
    """
    present, former = receipt.look_up_ids(keys), receipt.former_look_up_ids(keys)
    shown_numbers.show(session, *present, *former)
    query = sa.select(Case).where(Case.receipt_id.in_([*present, *former]))
    case = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if case is None:
        raise NotFound("No case belongs to this number.")
    if case.receipt_id in former:
        case = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none() or case
    is_former = case.receipt_id in former
    pair = receipt.former_key_pair() if is_former else receipt.key_pair()
    try:
        key = sealed_parts.data_key(session, keys, case.id, sealed_parts.PERSON, case.id, pair)
    except (NotFound, CannotOpen):
        raise NotFound("No case belongs to this number.") from None
    if is_former:
        case.receipt_id = receipt.look_up_id(keys)
        mine = Recipient(WrapFor.RECEIPT, case.id, receipt.key_pair().public)
        sealed_parts.grant(session, keys, case.id, sealed_parts.PERSON, key, [mine])
        session.flush()
    audit.record_once_an_hour(
        session,
        actor_kind="person",
        actor_id=case.id.hex,
        action=_LOOKED,
        subject_kind="case",
        subject_id=case.id,
        now=now,
    )
    return OpenedCase(case, key)


def count_change(session: Session, case: Case, now: datetime) -> None:
    """Allow one more change by the person today. The caller holds the case's row lock. Raises TooManyChanges.

    Counted in the audit log, so nothing more about the person's moments is stored for it.
    """
    today = sa.select(AuditEntry.action).where(
        AuditEntry.subject_id == case.id.hex,
        AuditEntry.actor_kind == "person",
        AuditEntry.action.not_in([_LOOKED, *_BY_CODE]),
        AuditEntry.at >= datetime.combine(now.astimezone(UTC).date(), time(), UTC),
    )
    some = today.limit(MOST_CHANGES_A_DAY).subquery()
    if (session.scalar(sa.select(sa.func.count()).select_from(some)) or 0) >= MOST_CHANGES_A_DAY:
        raise TooManyChanges


def replace_number(session: Session, opened: OpenedCase, keys: KeyRing, now: datetime) -> Receipt:
    """Give the case a new number; the old one stops working immediately. The caller holds the case's row lock.

    Raises TooManyChanges.
    """
    count_change(session, opened.case, now)
    case, receipt = opened.case, receipts.new()
    shown_numbers.hold(session, case.id)
    case.receipt_id = receipt.look_up_id(keys)
    case.version += 1
    recipient = Recipient(WrapFor.RECEIPT, case.id, receipt.key_pair().public)
    sealed_parts.grant(session, keys, case.id, sealed_parts.PERSON, opened.person_key, [recipient])
    session.flush()
    audit.record_by_person(session, case.id, "case:number_changed", now)
    return receipt


def thread(session: Session, opened: OpenedCase) -> list[OpenedPart]:
    """The messages of the thread in order, each with `{"text", "at"}` and its author's code."""
    rows = sealed_parts.parts(session, opened.case.id, [PartKind.THREAD])
    return [sealed_parts.open_part(opened.person_key, row) for row in rows]


def all_parts(session: Session, opened: OpenedCase) -> list[OpenedPart]:
    """All parts that the person may read: every part except the desk's notes."""
    rows = sealed_parts.parts(session, opened.case.id, (*INTAKE_PARTS, PartKind.THREAD))
    return [sealed_parts.open_part(opened.person_key, row) for row in rows]


def add_message(
    session: Session,
    case: Case,
    person_key: bytes,
    text: str,
    *,
    author: str,
    now: datetime,
    actor_id: object,
    organisation_id: UUID | None = None,
    document_id: UUID | None = None,
) -> UUID:
    """Add a sealed message to the thread and return its id. The caller holds the case's row lock.

    `document_id`: the document that it announces.

    Raises Invalid when the text is empty or too long, Conflict when the author has written `MOST_MESSAGES`.
    """
    text = text.strip()
    if not text or len(text) > MAX_MESSAGE_LENGTH:
        code = "required" if not text else "too_long"
        raise Invalid(
            [
                FieldError(
                    pointer="/text",
                    code=code,
                    detail=Translatable("Write 1 to {most} characters.", most=MAX_MESSAGE_LENGTH),
                )
            ]
        )
    written = sa.select(sa.func.count()).where(
        SealedPart.case_id == case.id, SealedPart.part == PartKind.THREAD.value, SealedPart.author == author
    )
    if (session.scalar(written) or 0) >= MOST_MESSAGES:
        raise Conflict(
            Translatable(
                "There are {most} messages in this conversation already. No more can be added.", most=MOST_MESSAGES
            )
        )
    part_id = sealed_parts.add_part(
        session,
        person_key,
        case.id,
        PartKind.THREAD,
        {
            "text": text,
            "at": sealed_parts.exact_time(now),
            **({"document": document_id.hex} if document_id else {}),
        },
        author=author,
        organisation_id=organisation_id,
    )
    case.person_wrote = author == "person"
    case.updated_at = to_the_hour(now) if author == "person" else now
    case.version += 1
    audit.record(
        session,
        actor_kind=author,
        actor_id=actor_id,
        action="case:line_added",
        subject_kind="case",
        subject_id=case.id,
        now=now,
    )
    session.flush()
    return part_id
