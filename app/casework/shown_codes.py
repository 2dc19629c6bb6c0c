"""The person's own code: with it somebody whom they trust can read what they wrote, in any browser.

It is good for a day and a few openings, and the person can stop it. What opens is the story, what happened and what they need, and
their letters and documents if they want that; never the contact. Whoever opened it can leaf through the documents for an hour: the
page has a ticket, encrypted under the epoch key, with the keys of these documents and of nothing else. Each opening is audited and
shown on the person's page. The slow parts, `prepare`, `typed_code` and `TypedCode.key`, touch no database: call them while no
transaction is open.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.audit.models import AuditEntry
from app.cases import sealed_parts, shown_numbers
from app.cases.models import Case, PartKind
from app.cases.person_access import OpenedCase
from app.cases.sealed_parts import OpenedPart
from app.casework import documents
from app.casework.documents import OpenedPages
from app.core import bulk, sealing, stretching
from app.core.clock import to_the_hour
from app.core.errors import Conflict, NotFound
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.documents import storage
from app.documents.models import Document
from app.links import codes
from app.links.models import ShownCode

LASTS: Final = timedelta(hours=24)
OPENINGS: Final = 3
BINDING: Final = ("shown_codes", "look_up_id")
_SALT: Final = b"pristan/shown-code/2"
PARTS: Final = (PartKind.STORY, PartKind.HAPPENED)
LEAFING: Final = timedelta(hours=1)
"""How long documents can be opened after the code was given."""
_TICKET: Final = ("shown_codes", "-", "ticket", "1")


@dataclass(frozen=True, slots=True)
class ShownCase:
    """The parts of a case that a code has opened. `documents`: those that can be opened with `ticket`."""

    case: Case
    parts: Sequence[OpenedPart]
    documents: Sequence[Document] = ()
    ticket: str = ""

    def __repr__(self) -> str:
        return f"ShownCase({self.case.label})"


@dataclass(frozen=True, slots=True)
class NewCode:
    """A new code that belongs to no case yet, with the two values that take long to compute from it."""

    code: str
    key: bytes
    mac_input: bytes

    def __repr__(self) -> str:
        return "NewCode()"


def prepare() -> NewCode:
    """A new code with its key. Takes a good part of a second."""
    code = codes.new_code()
    return NewCode(code, codes.stretched(code), _mac_input(code))


def make(
    session: Session, opened: OpenedCase, keys: KeyRing, new: NewCode, now: datetime, *, with_documents: bool = False
) -> str:
    """Make it the case's code and return it; a former one stops working. The caller holds the case's row.

    Raises Conflict: it has ended.
    """
    if opened.case.closed_at is not None:
        raise Conflict("This case has ended.", state=opened.case.state)
    forget(session, opened.case.id)
    inner = sealing.encrypt(new.key, opened.person_key, _binding(opened.case))
    row = {
        "case_id": opened.case.id,
        "look_up_id": keys.hide(keys.mac("shown-code", new.mac_input), *BINDING),
        "sealed_key": keys.encrypt(inner, "shown_codes", str(opened.case.id), "sealed_key", "1"),
        "expires_at": to_the_hour(now) + LASTS,
        "openings_left": OPENINGS,
        "with_documents": with_documents,
    }
    session.execute(sa.insert(ShownCode), [row])
    audit.record_by_person(session, opened.case.id, "case:code_made", now)
    return new.code


def of_case(session: Session, case: Case, now: datetime) -> ShownCode | None:
    """The code that still opens something, without its digits, which are known to nobody but the person.

    A code with no openings left is included while somebody may still leaf through its documents, because it can be stopped. The
    last opening is known to the full hour only, so such a code is returned for up to an hour too long, and never too short.
    """
    row = session.get(ShownCode, case.id)
    if row is None or row.expires_at <= now:
        return None
    return row if row.openings_left > 0 or (row.with_documents and _was_opened_lately(session, case, now)) else None


def _was_opened_lately(session: Session, case: Case, now: datetime) -> bool:
    lately = sa.exists(AuditEntry.seq).where(  # not "*": the role of the person's pages may not read every column
        AuditEntry.subject_id == case.id.hex,
        AuditEntry.action == "case:opened_by_code",
        AuditEntry.at >= to_the_hour(now - LEAFING),
    )
    return bool(session.scalar(sa.select(lately)))


def stop(session: Session, case: Case, now: datetime) -> None:
    """End the code immediately. The caller holds the case's row."""
    forget(session, case.id)
    audit.record_by_person(session, case.id, "case:code_stopped", now)


@dataclass(frozen=True, slots=True)
class TypedCode:
    """A typed code of a valid form. `look_up_ids`: under which its row would be found."""

    code: str
    look_up_ids: Sequence[bytes]

    def __repr__(self) -> str:
        return "TypedCode()"

    def key(self) -> bytes:
        """The key of the code. Takes a good part of a second: only for a code that `is_good`."""
        return codes.stretched(self.code)


def typed_code(keys: KeyRing, typed: str) -> TypedCode | None:
    """None: it cannot be a code of ours."""
    code = codes.read(typed)
    if code is None:
        return None
    return TypedCode(code, keys.hidden_forms(keys.mac("shown-code", _mac_input(code)), *BINDING))


def is_good(session: Session, typed: TypedCode, now: datetime) -> bool:
    """Whether the code opens a case now. Changes nothing."""
    return _row(session, typed, now) is not None


def open_case(session: Session, keys: KeyRing, typed: TypedCode, key: bytes, now: datetime) -> ShownCase | None:
    """Open the case of a code; one opening less is left. None: unknown, used up, stopped or too old; which one is not revealed."""
    row = _row(session, typed, now, lock=True)
    if row is None:
        return None
    case = session.get_one(Case, row.case_id)
    try:
        inner = keys.decrypt(row.sealed_key, "shown_codes", str(case.id), "sealed_key", "1")
        person_key = sealing.decrypt(key, inner, _binding(case))
        parts = [sealed_parts.open_part(person_key, part) for part in sealed_parts.parts(session, case.id, PARTS)]
    except CannotOpen:
        return None
    audit.record_by_person(session, case.id, "case:opened_by_code", now)
    row.openings_left -= 1
    shown = storage.of_case(session, case.id) if row.with_documents else ()
    ticket = _ticket(keys, row, person_key, shown, now) if shown else ""
    if row.openings_left == 0 and not shown:
        session.delete(row)
    session.flush()
    return ShownCase(case, parts, shown, ticket)


def _ticket(keys: KeyRing, row: ShownCode, person_key: bytes, shown: Sequence[Document], now: datetime) -> str:
    content = {
        "look_up_id": row.look_up_id.hex(),
        "until": (now + LEAFING).isoformat(),
        "keys": {document.id.hex: storage.document_key(person_key, document.id).hex() for document in shown},
    }
    return urlsafe_b64encode(keys.encrypt(json.dumps(content).encode(), *_TICKET)).decode()


def open_pages(
    session: Session, keys: KeyRing, ticket: str, document_id: UUID, first: int, now: datetime
) -> OpenedPages | None:
    """Some pages, from `first` on, of a document that a code has opened within the last hour. Recorded once an hour.

    None: too old, the code was stopped, or the document was deleted; which one is not revealed.
    """
    try:
        content = json.loads(keys.decrypt(urlsafe_b64decode(ticket.encode()), *_TICKET))
    except (CannotOpen, ValueError):
        return None
    key, look_up_id = content["keys"].get(document_id.hex), bytes.fromhex(content["look_up_id"])
    if key is None or datetime.fromisoformat(content["until"]) <= now:
        return None
    shown_numbers.show_code(session, look_up_id)
    still = sa.and_(ShownCode.look_up_id == look_up_id, ShownCode.expires_at > now, ShownCode.with_documents.is_(True))
    row = session.scalars(sa.select(ShownCode).where(still).with_for_update()).one_or_none()
    if row is None:
        return None
    try:
        document = storage.find(session, row.case_id, document_id)
        case = session.get_one(Case, row.case_id)
        opened = documents.pages_with_key(session, bytes.fromhex(key), case, document, first)
    except (NotFound, Conflict):
        return None
    audit.record_once_an_hour(
        session,
        actor_kind="person",
        actor_id=case.id.hex,
        action="case:document_opened_by_code",
        subject_kind="case",
        subject_id=case.id,
        now=now,
    )
    return opened


def _row(session: Session, typed: TypedCode, now: datetime, *, lock: bool = False) -> ShownCode | None:
    shown_numbers.show_code(session, *typed.look_up_ids)
    query = sa.select(ShownCode).where(
        ShownCode.look_up_id.in_(typed.look_up_ids), ShownCode.expires_at > now, ShownCode.openings_left > 0
    )
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def forget_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    return bulk.delete_some(session, ShownCode, ShownCode.expires_at <= now, limit)


def forget(session: Session, case_id: object) -> None:
    session.execute(sa.delete(ShownCode).where(ShownCode.case_id == case_id))


def _mac_input(code: str) -> bytes:
    """The input of a code's look-up id, stretched: with database and key file, nobody finds the code within its day."""
    return sealing.derive(stretching.stretched(code, _SALT), "shown-code:look-up")


def _binding(case: Case) -> bytes:
    return sealing.context("shown_codes", str(case.id), "inner_key", "1")
