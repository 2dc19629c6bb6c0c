"""Planting a honeytoken: a made-up case, filed and encrypted like any other, and withdrawn in the same transaction.

It is one of the closed cases, where nobody has a reason to look, and is deleted after the same time as they are.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.cases import honeytokens, transitions
from app.cases.states import CaseVerb
from app.casework import filing
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake.schemas import Intake


def plant(session: Session, intake: Intake, *, keys: KeyRing, directory: Directory, by: UUID, now: datetime) -> str:
    """Plant one and return its label. Nobody holds its number. Raises Unavailable when no team takes the country."""
    filed = filing.file_intake(session, intake, keys=keys, directory=directory, now=now)
    honeytokens.create(session, keys, filed.case_id, by=by, now=now)
    case = transitions.locked(session, filed.case_id)
    transitions.move(session, case, CaseVerb.WITHDRAW, actor_kind="person", actor_id=None, now=now)
    audit.record(
        session,
        actor_kind="member",
        actor_id=by.hex,
        action="honeytoken:planted",
        subject_kind="case",
        subject_id=filed.case_id,
        now=now,
    )
    return filed.label
