"""Proposals as the pages show them: what a member may do about each, why not, and who else can decide."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.staff import proposal_rules, proposals, seats
from app.staff.models import Member, Proposal, Role
from app.staff.proposal_rules import RULES, ProposalKind
from app.staff.proposal_states import ProposalState, ProposalVerb
from app.staff.seats import MemberFacts
from app.staff.sessions import SignedIn


@dataclass(frozen=True, slots=True)
class Decider:
    """Somebody who can decide. `name` empty: partners see only the role of people outside of their organisation."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A live proposal as one member sees it: their possible actions, why they may not decide, and who else can."""

    proposal: Proposal
    verbs: frozenset[ProposalVerb]
    why_not: str
    deciders: tuple[Decider, ...]
    confirmers: tuple[Decider, ...]


def visible(session: Session, caller: SignedIn, now: datetime) -> list[ProposalView]:
    """The live proposals that this member may see, oldest first. The number of statements does not grow with them."""
    shown = [
        proposal
        for proposal in proposals.live(session)
        if proposal.expires_at > now and proposal_rules.is_visible(caller, proposal)
    ]
    if not shown:
        return []
    everybody = [proposal_rules.as_caller(member) for member in _members(session)]
    facts = seats.member_facts(session, now)
    with_key = seats.with_key(
        session, [proposal.organisation_id for proposal in shown if proposal.organisation_id is not None]
    )
    return [_waiting(facts, with_key, caller, proposal, everybody, now) for proposal in shown]


def _waiting(
    facts: MemberFacts,
    with_key: Collection[UUID],
    caller: SignedIn,
    proposal: Proposal,
    everybody: Sequence[SignedIn],
    now: datetime,
) -> ProposalView:
    opens, is_open = RULES[ProposalKind(proposal.kind)].opens_sealed_parts, proposal.state == ProposalState.OPEN
    waits = opens and not is_open and proposal.ready_at is not None and now < proposal.ready_at
    verbs, why_not = set(), ""
    if proposal.proposed_by == caller.member_id:
        verbs.add(ProposalVerb.WITHDRAW)
    elif proposal_rules.is_concerned(caller, proposal) or proposal_rules.may_decide(facts, caller, proposal):
        verbs.add(ProposalVerb.DECLINE)
        why_not = proposal_rules.why_not_second(facts, caller, proposal, must_hold=not is_open)
        if is_open and not why_not:
            verbs.add(ProposalVerb.APPROVE)
        if waits and not why_not:
            verbs.add(ProposalVerb.CONFIRM)
    if not is_open and not waits and _may_carry_out(facts, with_key, caller, proposal):
        verbs.add(ProposalVerb.CARRY_OUT)

    def eligible(*, must_hold: bool) -> tuple[Decider, ...]:
        able = [
            member
            for member in everybody
            if not proposal_rules.why_not_second(facts, member, proposal, must_hold=must_hold)
        ]
        return tuple(dict.fromkeys(_as_shown(caller, member) for member in able))

    return ProposalView(
        proposal,
        frozenset(verbs),
        why_not if is_open or waits else "",
        eligible(must_hold=False) if is_open else (),
        eligible(must_hold=True) if waits else (),
    )


def _as_shown(caller: SignedIn, one: SignedIn) -> Decider:
    hidden = caller.role is Role.PARTNER and caller.organisation_id != one.organisation_id
    return Decider("" if hidden else one.name, one.role)


def _may_carry_out(facts: MemberFacts, with_key: Collection[UUID], caller: SignedIn, proposal: Proposal) -> bool:
    if proposal.kind == ProposalKind.ORGANISATION_KEY and proposal.organisation_id in with_key:
        return facts.holds_key_of(caller.key_id, proposal.organisation_id)
    return proposal.proposed_by == caller.member_id


def _members(session: Session) -> Sequence[Member]:
    return session.scalars(
        sa.select(Member).where(Member.active, Member.role != Role.AUDITOR).order_by(Member.name)
    ).all()


def done(session: Session, caller: SignedIn, now: datetime) -> list[Proposal]:
    """The recently carried-out changes that this member may see, newest first."""
    query = sa.select(Proposal).where(Proposal.state == ProposalState.DONE.value, Proposal.expires_at > now)
    rows = session.scalars(query.order_by(Proposal.expires_at.desc(), Proposal.id))
    return [
        proposal
        for proposal in rows
        if RULES[ProposalKind(proposal.kind)].opens_sealed_parts and proposal_rules.is_visible(caller, proposal)
    ]
