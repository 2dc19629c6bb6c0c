"""Messages from the desk to the person, and the team's notes."""

from sqlalchemy.orm import Session

from app import messaging
from app.cases import person_access, sealed_parts
from app.cases.models import Case, Part
from app.cases.states import CaseState
from app.casework import case_ownership, sealed_access
from app.casework.coordinator import UNTAKEN, Desk, locked_case, record_change
from app.core.errors import Conflict, FieldError, Invalid
from app.core.i18n import Translatable
from app.messaging.kinds import NoticeKind


def message(session: Session, desk: Desk, label: str, version: int, text: str) -> Case:
    """Write to the person, into the thread they read with their number. Raises Invalid, StaleCase."""
    case = locked_case(session, desk, label, version)
    if case.closed_at is not None and CaseState(case.state) is CaseState.WITHDRAWN:
        raise Conflict("The person has withdrawn; nothing is sent.", state=case.state)
    key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    person_access.add_message(session, case, key, text, author="desk", now=desk.now, actor_id=desk.member.member_id.hex)
    if CaseState(case.state) in UNTAKEN:
        case_ownership.make_own(session, desk, case)
    messaging.notify_person(session, NoticeKind.MESSAGE, about_id=case.id, case_id=case.id, now=desk.now)
    record_change(session, desk, case, "case:message_sent")
    return case


def note(session: Session, desk: Desk, label: str, version: int, text: str) -> Case:
    """Write a note that only the team can open. Raises Invalid, StaleCase."""
    case = locked_case(session, desk, label, version)
    text = text.strip()
    if not text or len(text) > person_access.MAX_MESSAGE_LENGTH:
        detail = Translatable("Write 1 to {most} characters.", most=person_access.MAX_MESSAGE_LENGTH)
        raise Invalid([FieldError(pointer="/text", code="too_long" if text else "required", detail=detail)])
    content = {"text": text, "at": sealed_parts.exact_time(desk.now), "by": desk.member.name}
    sealed_parts.add_part(
        session,
        sealed_access.data_key(session, desk, case, sealed_parts.DESK),
        case.id,
        Part.NOTE,
        content,
        author="desk",
    )
    record_change(session, desk, case, "case:note_added")
    return case
