"""One action of the desk on many cases: assign or snooze. Each case has its own outcome; a failure does not stop the others.

Referring and closing are deliberately missing: each needs somebody to look at the case.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework import case_ownership, undo
from app.casework.coordinator import Desk
from app.core.errors import AppError, Invalid
from app.core.i18n import N_

MOST: Final = 25
Chosen = Sequence[tuple[str, int]]
"""Labels with the version that was on the screen."""


NOT_POSSIBLE: Final = N_("This is not possible in the present state.")


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """The result for one case: its new version, or the sentences that say why nothing was done."""

    label: str
    version: int | None
    refused: tuple[str, ...] = ()


def assign(session: Session, desk: Desk, chosen: Chosen, member_id: UUID | None) -> list[BulkOutcome]:
    return _each(
        session, chosen, lambda label, version: case_ownership.assign(session, desk, label, version, member_id)
    )


def snooze(session: Session, desk: Desk, chosen: Chosen, until: date | None) -> list[BulkOutcome]:
    return _each(session, chosen, lambda label, version: case_ownership.snooze(session, desk, label, version, until))


def undo_all(session: Session, desk: Desk, chosen: Chosen) -> list[BulkOutcome]:
    """Take back the member's own last action on each case, where nothing has happened since."""
    return _each(session, chosen, lambda label, version: undo.undo(session, desk, label, version))


def _each(session: Session, chosen: Chosen, act: Callable[[str, int], Case]) -> list[BulkOutcome]:
    """Locks the cases in the order of their labels, to avoid deadlocks; returns the outcomes in the order given."""
    outcomes = {label: _one(session, label, version, act) for label, version in sorted(chosen[:MOST])}
    return [outcomes[label] for label in dict.fromkeys(label for label, _version in chosen[:MOST])]


def _one(session: Session, label: str, version: int, act: Callable[[str, int], Case]) -> BulkOutcome:
    try:
        with session.begin_nested():
            return BulkOutcome(label, act(label, version).version)
    except Invalid as error:
        return BulkOutcome(label, None, tuple(entry["detail"] for entry in error.errors))
    except AppError as error:
        return BulkOutcome(label, None, (error.detail or NOT_POSSIBLE,))
