"""A signed-in coordinator: locking the case they have seen, moving it, and recording what they did."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.cases import team_cases, transitions, undo
from app.cases.access_control import READS_PER_DAY
from app.cases.models import Case
from app.cases.states import CaseState, CaseVerb
from app.casework import referral_actions
from app.core.errors import NotAllowed, PreconditionFailed
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.referrals.actors import ActorRef
from app.referrals.states import ReferralActor
from app.staff.models import Role
from app.staff.sessions import SignedIn

UNTAKEN: Final = frozenset({CaseState.SUBMITTED, CaseState.UNMET})


class StaleCase(PreconditionFailed):
    """Somebody has changed the case since this coordinator saw it. Carries its present version and state."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A signed-in coordinator: their team, the server's keys, the time of the request, how many cases they may open a day."""

    member: SignedIn
    team_id: UUID
    keys: KeyRing
    now: datetime
    reads_a_day: int = READS_PER_DAY

    @property
    def actor(self) -> ActorRef:
        return ActorRef(
            ReferralActor.SENIOR if self.member.role is Role.SENIOR else ReferralActor.COORDINATOR,
            self.member.member_id,
        )

    def holds(self, session: Session) -> Mapping[UUID, KeyPair]:
        """The team's key pairs, opened with this session. Raises NotAllowed when the member was given none."""
        held = self.member.keys_of(session)
        if not held:
            raise NotAllowed("You were not given the team's key yet. Ask a colleague to grant it.")
        return held


def desk_of(member: SignedIn, keys: KeyRing, now: datetime, reads_a_day: int = READS_PER_DAY) -> Desk:
    """The Desk of a signed-in member. Raises NotAllowed when they have no team."""
    if member.team_id is None:
        raise NotAllowed("This is for coordinators of a team.")
    return Desk(member, member.team_id, keys, now, reads_a_day)


def locked_case(session: Session, desk: Desk, label: str, version: int) -> Case:
    """The team's case in the version the coordinator has seen, its row locked. Raises NotFound, StaleCase."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    if case.version != version:
        raise StaleCase("Somebody has changed this case since you opened it.", state=case.state, version=case.version)
    return case


def move_case(session: Session, desk: Desk, case: Case, verb: CaseVerb) -> None:
    """Move the case by a verb, as this coordinator. Raises IllegalMove, NotAllowed."""
    transitions.move(
        session, case, verb, actor_kind=desk.actor.kind.value, actor_id=desk.member.member_id, now=desk.now
    )
    if case.closed_at is not None:
        referral_actions.end_tasks(session, case.id, desk.now)


def record_change(session: Session, desk: Desk, case: Case, action: str, codes: dict[str, Any] | None = None) -> None:
    """Raise the case's version, so that a colleague who has the old one on the screen learns of it, and audit the action."""
    case.version += 1
    case.updated_at = desk.now
    session.flush()
    record_audit(session, desk, case, action, codes)


def record_audit(session: Session, desk: Desk, case: Case, action: str, codes: dict[str, Any] | None = None) -> None:
    """Write an audit line about the case in this transaction."""
    audit.record(
        session,
        actor_kind=desk.actor.kind.value,
        actor_id=desk.member.member_id.hex,
        action=action,
        subject_kind="case",
        subject_id=case.id,
        codes=codes,
        now=desk.now,
    )


def remember_undo(session: Session, desk: Desk, case: Case, act: str, was: dict[str, Any]) -> None:
    undo.record(session, case, act, was, member_id=desk.member.member_id, now=desk.now)
