"""A team's case by its label: the door through which every page and action of the desk on a case comes."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import restriction
from app.cases.models import Case
from app.cases.states import CaseState
from app.core.errors import NotFound

_BY_LABEL: Final = sa.select(Case).where(
    Case.label == sa.bindparam("label", type_=sa.String()),
    Case.team_id == sa.bindparam("team_id", type_=sa.Uuid()),
    Case.state != CaseState.ERASED.value,
)
_BY_LABEL_LOCKED: Final = _BY_LABEL.with_for_update().execution_options(populate_existing=True)


def by_label(session: Session, team_id: UUID, label: str, *, me: UUID | None = None, lock: bool = False) -> Case:
    """The team's case with this label; `lock`: with its row locked until the transaction ends.

    Every page and action of the desk on a case comes through here. `me`: the member who asks; without one, no restricted case is
    given. Raises RestrictedCase, and NotFound: an unknown case, an erased one and one of another team are not told apart.
    """
    if lock:
        session.flush()  # the row is read again: what was changed in this transaction and not written yet would be lost
    parameters = {"label": label, "team_id": team_id}
    case = session.scalars(_BY_LABEL_LOCKED if lock else _BY_LABEL, parameters).one_or_none()
    if case is None:
        raise NotFound("There is no such case.")
    restriction.refuse_unnamed(session, case, me)
    return case


def outline(session: Session, team_id: UUID, label: str) -> Case:
    """The team's case for the page that somebody sees who is not named: for its label, state, urgency and clock alone.

    Raises NotFound.
    """
    case = session.scalars(_BY_LABEL, {"label": label, "team_id": team_id}).one_or_none()
    if case is None:
        raise NotFound("There is no such case.")
    return case
