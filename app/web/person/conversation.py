"""The conversation as the person reads it: who wrote, on which local day, and what."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.cases import person_access
from app.cases.person_access import OpenedCase
from app.cases.sealed_parts import OpenedPart
from app.core.i18n import Translator
from app.directory.packs import Directory
from app.documents import storage
from app.matching import runs
from app.messaging import person_texts


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """One message. `author`: person, desk or partner; `day`: in the country of the case."""

    author: str
    day: date
    content: dict[str, Any]


def of_case(session: Session, opened: OpenedCase, directory: Directory, words: Translator) -> list[ShownMessage]:
    """The messages of a case, oldest first. One that announces a document says so when that is deleted."""
    country, present = opened.case.country, {entry.id.hex for entry in storage.of_case(session, opened.case.id)}

    def content(part: OpenedPart) -> dict[str, Any]:
        if part.content.get("document", "") in {"", *present}:
            return part.content
        return {**part.content, "text": words.text(person_texts.DOCUMENT_GONE)}

    return [
        ShownMessage(
            part.author or "",
            runs.local_date(directory, country, datetime.fromisoformat(part.content["at"])),
            content(part),
        )
        for part in person_access.thread(session, opened)
    ]
