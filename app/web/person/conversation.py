"""The conversation as the person reads it: who wrote, on which local day, and what."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.cases import person_access
from app.cases.person_access import OpenedCase
from app.directory.packs import Directory
from app.matching import runs


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `author`: person, desk or partner; `day`: in the country of the case."""

    author: str
    day: date
    content: dict[str, Any]


def of_case(session: Session, opened: OpenedCase, directory: Directory) -> list[Message]:
    """The messages of a case, oldest first."""
    country = opened.case.country
    return [
        Message(
            part.author or "",
            runs.local_date(directory, country, datetime.fromisoformat(part.content["at"])),
            part.content,
        )
        for part in person_access.thread(session, opened)
    ]
