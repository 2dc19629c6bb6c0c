"""A coordinator at work: who they are, the case as they have seen it, and what every act of theirs leaves behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.cases import queue, transitions, undo
from app.cases.access_control import READS_PER_DAY
from app.cases.models import Case
from app.cases.states import CaseState, CaseVerb
from app.casework import referral_actions
from app.core.errors import NotAllowed, PreconditionFailed
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.referrals.actors import ActorRef
from app.referrals.states import Actor
from app.staff.models import Role
from app.staff.sessions import SignedIn

FILED: Final = frozenset({CaseState.SUBMITTED, CaseState.UNMET})


class Clash(PreconditionFailed):
    """Somebody has changed the case since this coordinator saw it. Carries the version and state of now."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A coordinator at work: who they are, their team, the server's keys, the moment, how many cases they may open a day."""

    who: SignedIn
    team_id: UUID
    keys: KeyRing
    now: datetime
    reads_a_day: int = READS_PER_DAY

    @property
    def actor(self) -> ActorRef:
        return ActorRef(Actor.SENIOR if self.who.role is Role.SENIOR else Actor.COORDINATOR, self.who.member_id)

    def holds(self, session: Session) -> Mapping[UUID, KeyPair]:
        """The team's key pairs, opened with this session. Raises NotAllowed when the member was given none."""
        held = self.who.keys_of(session)
        if not held:
            raise NotAllowed("You were not given the team's key yet. Ask a colleague to grant it.")
        return held


def at_desk(who: SignedIn, keys: KeyRing, now: datetime, reads_a_day: int = READS_PER_DAY) -> Desk:
    """Raises NotAllowed for somebody without a team."""
    if who.team_id is None:
        raise NotAllowed("This is for coordinators of a team.")
    return Desk(who, who.team_id, keys, now, reads_a_day)


def locked(session: Session, desk: Desk, label: str, version: int) -> Case:
    """The team's case, its row locked, as the coordinator has seen it. Raises NotFound, Clash."""
    case = queue.by_label(session, desk.team_id, label, lock=True)
    if case.version != version:
        raise Clash("Somebody has changed this case since you opened it.", state=case.state, version=case.version)
    return case


def moved(session: Session, desk: Desk, case: Case, verb: CaseVerb) -> None:
    """One step in the case's life, by this coordinator. Raises IllegalMove, NotAllowed."""
    transitions.move(session, case, verb, actor_kind=desk.actor.kind.value, actor_id=desk.who.member_id, now=desk.now)
    if case.closed_at is not None:
        referral_actions.end_tasks(session, case.id, desk.now)


def touched(session: Session, desk: Desk, case: Case, action: str) -> None:
    """A new version, so that whoever has the old one on the screen is told."""
    case.version += 1
    case.updated_at = desk.now
    session.flush()
    noted(session, desk, case, action)


def noted(session: Session, desk: Desk, case: Case, action: str, codes: dict[str, Any] | None = None) -> None:
    """In the audit log, or not at all: it is written with the commit."""
    audit.record(
        session,
        actor_kind=desk.actor.kind.value,
        actor_id=desk.who.member_id.hex,
        action=action,
        subject_kind="case",
        subject_id=case.id,
        codes=codes,
        now=desk.now,
    )


def can_be_undone(session: Session, desk: Desk, case: Case, act: str, was: dict[str, Any]) -> None:
    undo.record(session, case, act, was, member_id=desk.who.member_id, now=desk.now)
