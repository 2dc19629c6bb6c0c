"""Messages from the desk to the person, and the team's notes."""

import re
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import messaging
from app.cases import person_access, sealed_parts
from app.cases.models import Case, PartKind
from app.cases.states import CaseState
from app.casework import case_ownership, sealed_access, team_notices
from app.casework.coordinator import UNTAKEN, Desk, locked_case, record_change
from app.core.errors import Conflict, FieldError, Invalid
from app.core.i18n import Translatable
from app.messaging.kinds import NoticeKind
from app.tasks import service as tasks

_MENTION: Final = re.compile(r"(?<![\w.@/+-])@(\w[\w.-]{0,63})")
"""An `@name` that begins a word: the @ within an address is none."""


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
    """Write a note that only the team can open. A member whom it mentions as `@name` gets a task and a notice.

    Raises Invalid, StaleCase.
    """
    case = locked_case(session, desk, label, version)
    text = text.strip()
    if not text or len(text) > person_access.MAX_MESSAGE_LENGTH:
        detail = Translatable("Write 1 to {most} characters.", most=person_access.MAX_MESSAGE_LENGTH)
        raise Invalid([FieldError(pointer="/text", code="too_long" if text else "required", detail=detail)])
    mentioned = _mentioned(session, case, text)
    content = {"text": text, "at": sealed_parts.exact_time(desk.now), "by": desk.member.name}
    sealed_parts.add_part(
        session,
        sealed_access.data_key(session, desk, case, sealed_parts.DESK),
        case.id,
        PartKind.NOTE,
        content,
        author="desk",
    )
    for member_id in mentioned:
        if member_id != desk.member.member_id:
            tasks.open_mention(session, case, member_id, now=desk.now)
            team_notices.tell_member(session, NoticeKind.MENTION, member_id, case, desk.now)
    record_change(session, desk, case, "case:note_added")
    return case


def _mentioned(session: Session, case: Case, text: str) -> list[UUID]:
    """The members of the team whom a note mentions. Raises Invalid: a name that nobody signs in with who can open the note."""
    names = [name.rstrip(".-_") for name in _MENTION.findall(text)]
    if not names:
        return []
    members = {member.name.lower(): member.id for member in case_ownership.who_may_own(session, case)}
    unknown = [name for name in names if name.lower() not in members]
    if unknown:
        detail = Translatable(
            "Nobody of this team signs in as “{name}”. To write a name that is not a colleague's, leave out the @.",
            name=unknown[0][:64],
        )
        raise Invalid([FieldError(pointer="/text", code="unknown_code", detail=detail)])
    return list(dict.fromkeys(members[name.lower()] for name in names))
