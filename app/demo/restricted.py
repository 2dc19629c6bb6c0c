"""Two made-up cases that are restricted to two members of the first team: its third member sees only that they exist."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework import case_ownership, correspondence, filing, restrictions
from app.casework.coordinator import Desk
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake import schemas

_CASES: Final = (
    (30, "Пеночка 1", "week", "Выдуманная история: человек боится, что его знает кто-то из тех, кто помогает."),
    (6, "Пеночка 2", "month", "Выдуманная история: о человеке пишут в новостях, и его дело знают немногие."),
)
"""How many hours ago each came in, how the person wants to be called, how soon help is needed, and the story."""
_NOTE: Final = "Made-up note: only those who are named read this."


def fill(session: Session, keys: KeyRing, directory: Directory, desk: Desk, named: Collection[UUID]) -> None:
    """File the cases in the name of their people; `desk` takes them and restricts them to `named`, who include it."""
    for hours, call_me, how_soon, story in _CASES:
        answers = {
            "language": "ru", "for_whom": "self", "needs": ["asylum"], "country": "PL", "nationality": "RU", "speak": ["ru"],
            "how_soon": how_soon, "call_me": call_me, "story": story, "consent": {"mode": "ask_first"},
        }  # fmt: skip
        came_in = desk.now - timedelta(hours=hours)
        intake = schemas.read(answers, directory, came_in.date())
        filed = filing.file_intake(session, intake, keys=keys, directory=directory, now=came_in)
        _restrict(session, replace(desk, now=came_in + timedelta(hours=1)), session.get_one(Case, filed.case_id), named)


def _restrict(session: Session, desk: Desk, case: Case, named: Collection[UUID]) -> None:
    case = case_ownership.take(session, desk, case.label, case.version)
    case = correspondence.note(session, desk, case.label, case.version, _NOTE)
    restrictions.restrict(session, desk, case.label, case.version, named)
