"""The conversation as the person reads it: who wrote, on which local day, and what."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.cases import person_access
from app.cases.person_access import OpenedCase
from app.cases.sealed_parts import OpenedPart
from app.casework import announced_documents
from app.core.i18n import Translator
from app.directory.packs import Directory
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
    country = opened.case.country

    def content(part: OpenedPart) -> dict[str, Any]:
        if not part.content.get("deleted"):
            return part.content
        return {**part.content, "text": words.text(person_texts.DOCUMENT_GONE)}

    return [
        ShownMessage(
            part.author or "",
            runs.local_date(directory, country, datetime.fromisoformat(part.content["at"])),
            content(part),
        )
        for part in announced_documents.with_deleted(session, opened.case.id, person_access.thread(session, opened))
    ]
