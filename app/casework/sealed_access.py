"""Opening encrypted parts with the team's key, which only a signed-in session carries; each opening is counted and audited."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases import access_control, restriction, rewrapping, sealed_parts, team_cases
from app.cases.access_control import AuditedReader
from app.cases.intake_storage import INTAKE_PARTS
from app.cases.models import Case, PartKind
from app.cases.restriction import RestrictedCase
from app.cases.sealed_parts import OpenedPart
from app.casework.coordinator import Desk, record_audit
from app.core import keyholders
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair

WORDS: Final = (*(part for part in INTAKE_PARTS if part is not PartKind.CONTACT), PartKind.THREAD, PartKind.NOTE)
PURPOSES: Final = ("answer", "urgent_call", "check_channel")


def open_case(session: Session, desk: Desk, label: str) -> tuple[Case, list[OpenedPart]]:
    """Open story, what happened, thread and notes; the opening is audited. Raises NotFound, NotAllowed, QuotaReached."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    _count_read(session, desk, case)
    record_audit(session, desk, case, "case:words_opened", {"parts": [part.value for part in WORDS]})
    return case, open_parts(session, desk, case, WORDS)


def open_contact(session: Session, desk: Desk, label: str, purpose: str) -> tuple[Case, OpenedPart | None]:
    """Open the person's contact, for a purpose that is audited. Raises Invalid, NotFound, NotAllowed, QuotaReached."""
    if purpose not in PURPOSES:
        raise Invalid([FieldError(pointer="/purpose", code="unknown_code", detail="Choose what you need it for.")])
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    _count_read(session, desk, case)
    record_audit(session, desk, case, "case:contact_opened", {"parts": ["contact"], "purpose": purpose})
    contacts = open_parts(session, desk, case, (PartKind.CONTACT,))
    return case, contacts[0] if contacts else None


def _count_read(session: Session, desk: Desk, case: Case) -> None:
    """Count the opening against the coordinator's daily quota. Raises QuotaReached."""
    reader = AuditedReader.member(desk.actor.kind.value, desk.member.member_id, desk.reads_a_day)
    access_control.authorize_read(session, desk.keys, reader, case.id, desk.now)


def open_parts(session: Session, desk: Desk, case: Case, which: Sequence[PartKind]) -> list[OpenedPart]:
    """Open parts with the team's key. The caller has audited it. Raises NotAllowed, Conflict."""
    rows = sealed_parts.parts(session, case.id, which)
    held = keys_for(session, desk, case)
    opened_parts = []
    data_keys: dict[str, bytes] = {}
    for row in rows:
        purpose = sealed_parts.DESK if row.part == PartKind.NOTE else sealed_parts.PERSON
        if purpose not in data_keys:
            data_keys[purpose] = _with(session, desk, case, purpose, held)
        opened_parts.append(sealed_parts.open_part(data_keys[purpose], row))
    if person_key := data_keys.get(sealed_parts.PERSON):
        rewrapping.rewrap_opened(session, desk.keys, case.id, person_key)
    return opened_parts


def keys_for(session: Session, desk: Desk, case: Case) -> Mapping[UUID, KeyPair]:
    """The key pairs with which this member opens the case: the team's, or the one of a restricted case for which they are named.

    Raises NotAllowed when they were given none.
    """
    if not case.restricted:
        return desk.holds(session)
    key = keyholders.active_key(session, restriction.circle_id(case.id))
    pair = desk.member.key_of_case(session, key.id) if key is not None else None
    if key is None or pair is None:
        raise RestrictedCase
    return {key.id: pair}


def data_key(session: Session, desk: Desk, case: Case, purpose: str) -> bytes:
    return _with(session, desk, case, purpose, keys_for(session, desk, case))


def _with(session: Session, desk: Desk, case: Case, purpose: str, held: Mapping[UUID, KeyPair]) -> bytes:
    """The case's data key, opened with the key it was sealed to: the team's, or a restricted case's own.

    Raises NotAllowed: this member was not given it.
    """
    try:
        wrap, sealed = sealed_parts.sealed_data_key(session, desk.keys, case.id, purpose, restriction.holder_of(case))
        holder = held.get(wrap.key_id) if wrap.key_id else None
        if holder is None:
            raise NotAllowed("You were not given the key that this case was sealed to. Ask a colleague to grant it.")
        info = sealed_parts.wrap_info(case.id, purpose, wrap.kind, wrap.owner_id, wrap.version)
        return holder.open(sealed, info)
    except CannotOpen:
        raise Conflict("The encrypted parts of this case cannot be opened.", state=case.state) from None


def facts_of(keys: KeyRing, case: Case) -> dict[str, Any]:
    """The case's facts; empty when they were erased or their epoch's key is gone."""
    if case.facts is None:
        return {}
    try:
        return sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts)
    except CannotOpen:
        return {}
