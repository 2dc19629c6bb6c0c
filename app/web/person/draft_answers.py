"""The answers of a form on their way: what belongs to them, where they are kept meanwhile, what is wrong with them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.core.errors import FieldError, Invalid
from app.directory.packs import Directory
from app.intake import drafts, questions, schemas
from app.intake.questions import Typed


@dataclass(frozen=True, slots=True)
class Draft:
    """What is kept of a form that is not finished. `begun`: when its first answer came, as ISO 8601; "" for none yet."""

    typed: Typed
    begun: str = ""


def kept(typed: Typed) -> Typed:
    """What belongs into a draft: the answers, not the buttons."""
    return {name: said for name, said in typed.items() if name in questions.QUESTIONS or name.startswith("c_")}


def load(session: Session, secret: str | None, now: datetime) -> Draft | None:
    content = drafts.load(session, secret, now) or {}
    return Draft(content["typed"], content.get("begun", "")) if "typed" in content else None


def receipt(session: Session, secret: str | None, now: datetime) -> dict[str, Any] | None:
    """The answer to a form that was sent, as long as its number has not been written down."""
    content = drafts.load(session, secret, now) or {}
    found: dict[str, Any] | None = content.get("receipt")
    return found


def checked(
    typed: Typed, lang: str, directory: Directory, now: datetime
) -> tuple[schemas.Intake | None, list[FieldError]]:
    """The whole form as an intake, or what is wrong with it."""
    try:
        return schemas.read(questions.answers(typed, lang), directory, now.date()), []
    except Invalid as error:
        return None, error.errors
