"""Answers of an unfinished form: which fields belong to it, where they are stored, and their errors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core.errors import FieldError, Invalid
from app.directory.packs import Directory
from app.intake import drafts, questions, schemas
from app.intake.questions import FormFields
from app.matching import runs


@dataclass(frozen=True, slots=True)
class Draft:
    """Stored state of an unfinished form. `begun`: time of its first answer (ISO 8601), or ""."""

    answers: FormFields
    begun: str = ""

    @property
    def begun_at(self) -> datetime | None:
        return datetime.fromisoformat(self.begun) if self.begun else None


def answers_of_form(form: FormFields) -> FormFields:
    """The fields that are stored in a draft: answers, not buttons."""
    return {name: values for name, values in form.items() if name in questions.QUESTIONS or name.startswith("c_")}


def load(session: Session, secret: str | None, now: datetime) -> Draft | None:
    content = drafts.load(session, secret, now) or {}
    return Draft(content["typed"], content.get("begun", "")) if "typed" in content else None


def receipt(session: Session, secret: str | None, now: datetime) -> dict[str, Any] | None:
    """The reply to a submitted form while its number has not been written down."""
    content = drafts.load(session, secret, now) or {}
    response: dict[str, Any] | None = content.get("receipt")
    return response


def validate(
    answers: FormFields, lang: str, directory: Directory, now: datetime, begun: datetime | None = None
) -> tuple[schemas.Intake | None, list[FieldError]]:
    """Validate the whole form: an intake, or its errors.

    `begun`: the time of the first answer. A letter without a day of receipt is counted from the day of it, also when the form
    is finished on a later day.
    """
    try:
        intake = schemas.read(questions.to_answers(answers, lang), directory, now.date())
    except Invalid as error:
        return None, error.errors
    return intake.first_asked(runs.local_date(directory, intake.country, min(begun or now, now))), []
