"""Messages that announce a document which has been deleted since."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases.sealed_parts import OpenedPart
from app.documents import storage


def with_deleted(session: Session, case_id: UUID, parts: Sequence[OpenedPart]) -> list[OpenedPart]:
    """The same parts; a message that announces a document of the case that is no longer there has `deleted` in its content.

    Asks the database only if a message announces a document.
    """
    if not any(part.content.get("document") for part in parts):
        return list(parts)
    present = {entry.id.hex for entry in storage.of_case(session, case_id)}
    return [
        replace(part, content={**part.content, "deleted": True})
        if part.content.get("document") and part.content["document"] not in present
        else part
        for part in parts
    ]
