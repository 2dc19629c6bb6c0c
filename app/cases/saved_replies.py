"""A team's own saved replies: texts that its coordinators send again and again, in the languages in which they wrote them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import SavedReply
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.i18n import LANGUAGES, Translatable

MAX_REPLIES: Final = 40
LONGEST_TITLE: Final = 80
LONGEST_TEXT: Final = 4_000


def of_team(session: Session, team_id: UUID) -> Sequence[SavedReply]:
    """The team's replies by title."""
    return session.scalars(
        sa.select(SavedReply).where(SavedReply.team_id == team_id).order_by(SavedReply.title, SavedReply.id)
    ).all()


def find(session: Session, team_id: UUID, reply_id: UUID) -> SavedReply:
    """A reply of the team. Raises NotFound: unknown, or another team's."""
    reply = session.get(SavedReply, reply_id)
    if reply is None or reply.team_id != team_id:
        raise NotFound("There is no such reply.")
    return reply


def save(
    session: Session, team_id: UUID, reply_id: UUID | None, title: str, texts: Mapping[str, str], now: datetime
) -> SavedReply:
    """Save a reply, a new one without `reply_id`. Languages without a text have none.

    Raises Invalid (no title, no text, too long), Conflict (too many, or the title is taken), NotFound.
    """
    title = " ".join(title.split())
    written = {code: text.strip() for code, text in texts.items() if code in LANGUAGES and text.strip()}
    errors = []
    if not title or len(title) > LONGEST_TITLE:
        detail = Translatable("Write a title of 1 to {most} characters.", most=LONGEST_TITLE)
        errors.append(FieldError(pointer="/title", code="too_long" if title else "required", detail=detail))
    if not written:
        errors.append(FieldError(pointer="/texts", code="required", detail="Write the text in at least one language."))
    for code, text in written.items():
        if len(text) > LONGEST_TEXT:
            detail = Translatable("Write at most {most} characters.", most=LONGEST_TEXT)
            errors.append(FieldError(pointer=f"/text_{code}", code="too_long", detail=detail))
    if errors:
        raise Invalid(errors)
    others = of_team(session, team_id)
    if any(other.title == title and other.id != reply_id for other in others):
        detail = Translatable("There is a reply with this title already.")
        raise Invalid([FieldError(pointer="/title", code="taken", detail=detail)])
    if reply_id is not None:
        reply = find(session, team_id, reply_id)
        reply.title, reply.texts, reply.updated_at = title, written, now
    elif len(others) >= MAX_REPLIES:
        raise Conflict(Translatable("The team has {most} replies already. Remove one first.", most=MAX_REPLIES))
    else:
        reply = SavedReply(team_id=team_id, title=title, texts=written, updated_at=now)
        session.add(reply)
    session.flush()
    return reply


def delete(session: Session, team_id: UUID, reply_id: UUID) -> None:
    """Delete a reply. Raises NotFound."""
    session.delete(find(session, team_id, reply_id))
    session.flush()


def text_for(reply: SavedReply, language: str) -> tuple[str, str]:
    """The reply's text for a person of this language, and the language that it is in.

    That of the person, else English, else the first that there is.
    """
    texts: Mapping[str, str] = reply.texts
    code = next((one for one in (language, "en") if one in texts), next(iter(sorted(texts))))
    return texts[code], code
