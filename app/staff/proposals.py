"""Proposals: actions that need two people, namely a new admin, a new key of an organisation, a bulk export.

One member proposes, another approves within three days, and the first carries it out within a day. Approval alone does nothing, so
that a resulting code or file is shown only to the person who asked for it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import audit
from app.core.db import Base
from app.core.errors import Conflict, NotAllowed, NotFound
from app.staff.models import Role
from app.staff.proposal_states import LIVE, Actor, State, Verb, next_state
from app.staff.sessions import SignedIn

OPEN_FOR: Final = timedelta(days=3)
APPROVED_FOR: Final = timedelta(hours=24)


class Kind(StrEnum):
    NEW_ADMIN = "new_admin"
    ORGANISATION_KEY = "organisation_key"
    BULK_EXPORT = "bulk_export"


PROPOSERS: Final[Mapping[Kind, frozenset[Role]]] = {
    Kind.NEW_ADMIN: frozenset({Role.ADMIN, Role.SENIOR}),
    Kind.ORGANISATION_KEY: frozenset({Role.ADMIN, Role.PARTNER}),
    Kind.BULK_EXPORT: frozenset({Role.ADMIN, Role.SENIOR, Role.AUDITOR}),
}
DECIDERS: Final = frozenset({Role.ADMIN, Role.SENIOR})


class Proposal(Base):
    """An action that needs a second person. `codes` say exactly what was approved; nothing else is carried out."""

    __tablename__ = "proposals"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'declined', 'withdrawn', 'expired', 'done')", name="state_known"
        ),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="two_people"),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'declined', 'done') OR decided_by IS NOT NULL", name="decided_by_somebody"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str] = mapped_column(sa.String(24))
    state: Mapped[str] = mapped_column(sa.String(12), index=True)
    codes: Mapped[dict[str, Any]]
    proposed_by: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    decided_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]


def propose(session: Session, caller: SignedIn, kind: Kind, codes: dict[str, Any], now: datetime) -> Proposal:
    """Create a proposal. Raises NotAllowed (this role may not propose it), Conflict (the same is proposed already)."""
    if caller.role not in PROPOSERS[kind]:
        raise NotAllowed("Your role may not propose this.")
    for waiting in live(session):
        if waiting.kind == kind and waiting.codes == codes and waiting.expires_at > now:
            raise Conflict("The same has already been proposed.", state=waiting.state)
    proposal = Proposal(
        id=uuid4(), kind=kind, state=State.OPEN.value, codes=codes, proposed_by=caller.member_id, proposed_at=now,
        expires_at=now + OPEN_FOR,
    )  # fmt: skip
    session.add(proposal)
    session.flush()
    _note(session, proposal, "proposal:made", caller.member_id, now)
    return proposal


def decide(session: Session, caller: SignedIn, proposal_id: UUID, verb: Verb, now: datetime) -> Proposal:
    """Approve, decline or withdraw. Raises NotFound, IllegalMove, NotAllowed, Conflict (too late)."""
    proposal = _locked(session, proposal_id)
    mine = proposal.proposed_by == caller.member_id
    if not mine and caller.role not in DECIDERS:
        raise NotAllowed("Your role may not decide about this.")
    _move(session, proposal, verb, Actor.PROPOSER if mine else Actor.OTHER, caller.member_id, now)
    return proposal


def carry_out(session: Session, caller: SignedIn, proposal_id: UUID, kind: Kind, now: datetime) -> Proposal:
    """Mark an approved proposal as done, once. The caller does exactly what its codes say, in the same transaction.

    Raises NotFound (unknown, or of another kind), IllegalMove (not approved, or done), NotAllowed, Conflict (too late).
    """
    proposal = _locked(session, proposal_id)
    if proposal.kind != kind:
        raise NotFound("There is no such proposal.")
    actor = Actor.PROPOSER if proposal.proposed_by == caller.member_id else Actor.OTHER
    _move(session, proposal, Verb.CARRY_OUT, actor, caller.member_id, now)
    return proposal


def kind_of(session: Session, proposal_id: UUID) -> Kind:
    """The kind of a proposal. Raises NotFound."""
    kind = session.scalar(sa.select(Proposal.kind).where(Proposal.id == proposal_id))
    if kind is None:
        raise NotFound("There is no such proposal.")
    return Kind(kind)


def live(session: Session) -> Sequence[Proposal]:
    """The proposals that are open or approved, oldest first."""
    states = [state.value for state in LIVE]
    return session.scalars(
        sa.select(Proposal).where(Proposal.state.in_(states)).order_by(Proposal.proposed_at, Proposal.id)
    ).all()


def expire(session: Session, now: datetime, limit: int = 50) -> int:
    """Expire proposals that were not approved, or not carried out, in time; returns how many. Safe to repeat."""
    states = [state.value for state in LIVE]
    due = session.scalars(
        sa.select(Proposal)
        .where(Proposal.state.in_(states), Proposal.expires_at <= now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for proposal in due:
        proposal.state = next_state(State(proposal.state), Verb.EXPIRE, by=Actor.CLOCK).value
        _note(session, proposal, "proposal:expired", None, now)
    session.flush()
    return len(due)


def _locked(session: Session, proposal_id: UUID) -> Proposal:
    proposal = session.get(Proposal, proposal_id, with_for_update=True, populate_existing=True)
    if proposal is None:
        raise NotFound("There is no such proposal.")
    return proposal


def _move(session: Session, proposal: Proposal, verb: Verb, actor: Actor, by: UUID, now: datetime) -> None:
    target = next_state(State(proposal.state), verb, by=actor)
    if proposal.expires_at <= now:
        raise Conflict("The proposal has expired. Propose it again.", state=proposal.state)
    proposal.state = target.value
    if actor is Actor.OTHER:
        proposal.decided_by, proposal.decided_at = by, now
    if target is State.APPROVED:
        proposal.expires_at = now + APPROVED_FOR
    session.flush()
    _note(session, proposal, f"proposal:{verb}", by, now)


def _note(session: Session, proposal: Proposal, action: str, by: UUID | None, now: datetime) -> None:
    audit.record(
        session,
        actor_kind="member" if by else "clock",
        actor_id=by.hex if by else "-",
        action=action,
        subject_kind="proposal",
        subject_id=proposal.id,
        codes={"kind": proposal.kind},
        now=now,
    )
