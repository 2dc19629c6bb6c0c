"""Proposals: actions that need two people, namely every change that leads to sealed parts, a new admin, and a bulk export.

One member proposes, another approves within three days, and the first carries it out within three more. Approval alone does
nothing, so that a resulting code or file is shown only to the person who asked for it.

A change that leads to sealed parts (`proposal_rules.RULES`) is announced to everybody it concerns, and waits for a day after its
approval, unless another holder of the key concerned confirms it; only the member themself can shorten the wait of a reset.
Until it is carried out, each of them can stop it, and for `SHOWN_FOR` afterwards they see it and can void a code that was not used.
Who may do what is in `app/staff/proposal_rules.py`, the changes themselves are in `app/staff/access_changes.py`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.core import bulk
from app.core.errors import Conflict, NotAllowed, NotFound
from app.core.i18n import Translatable
from app.messaging.kinds import NoticeKind
from app.staff import automatic_offers, lineage, proposal_rules, seats
from app.staff.models import Member, Proposal
from app.staff.proposal_rules import NETWORK, RULES, ProposalKind, ProposalSubject
from app.staff.proposal_states import LIVE, ProposalActor, ProposalState, ProposalVerb, next_state
from app.staff.seats import MemberFacts
from app.staff.sessions import SignedIn

OPEN_FOR: Final = timedelta(days=3)
WAITS_FOR: Final = timedelta(hours=24)
APPROVED_FOR: Final = timedelta(days=3)
SHOWN_FOR: Final = timedelta(days=7)
MAX_LIVE: Final = 5
"""How many proposals of one member may wait at the same time, so that a bad one is not lost among many."""

_ORGANISATION: Final[sa.Select[Any]] = (
    sa.select(sa.column("id"))
    .select_from(sa.table("organisations", sa.column("id")))
    .where(sa.column("id") == sa.bindparam("id", type_=sa.Uuid()))
    .with_for_update()
)


def propose(
    session: Session,
    caller: SignedIn,
    kind: ProposalKind,
    codes: dict[str, Any],
    now: datetime,
    subject: ProposalSubject = NETWORK,
) -> Proposal:
    """Create a proposal, and announce it if it leads to sealed parts.

    Raises NotAllowed (this role may not propose it), Conflict (the same is proposed already, or `MAX_LIVE` of theirs wait).
    """
    if caller.role not in RULES[kind].proposers:
        raise NotAllowed("Your role may not propose this.")
    waiting_ones = [waiting for waiting in live(session) if waiting.expires_at > now]
    if sum(waiting.proposed_by == caller.member_id for waiting in waiting_ones) >= MAX_LIVE:
        raise Conflict(
            Translatable(
                "{most} of your proposals wait already. Withdraw one that is no longer needed, or wait until they are decided.",
                most=MAX_LIVE,
            )
        )
    for waiting in waiting_ones:
        if waiting.kind == kind and waiting.codes == codes:
            raise Conflict("The same has already been proposed.", state=waiting.state)
    proposal = Proposal(
        id=uuid4(), kind=kind, state=ProposalState.OPEN.value, codes=codes, proposed_by=caller.member_id, proposed_at=now,
        expires_at=now + OPEN_FOR, team_id=subject.team_id, organisation_id=subject.organisation_id,
        member_id=subject.member_id,
    )  # fmt: skip
    session.add(proposal)
    session.flush()
    _note(session, proposal, "proposal:made", caller.member_id, now)
    if RULES[kind].opens_sealed_parts:
        _announce(session, proposal, now)
    return proposal


def decide(session: Session, caller: SignedIn, proposal_id: UUID, verb: ProposalVerb, now: datetime) -> Proposal:
    """Approve, confirm, decline (also after the approval) or withdraw.

    Raises NotFound, IllegalMove, NotAllowed (with the reason why this member does not count), Conflict (too late).
    """
    proposal = _locked(session, caller, proposal_id)
    mine, facts = proposal.proposed_by == caller.member_id, seats.member_facts(session, now)
    if mine:
        actor = ProposalActor.PROPOSER
    elif verb is ProposalVerb.CONFIRM:
        actor = ProposalActor.HOLDER
        proposal_rules.refuse_dependent(facts, caller, proposal, must_hold=True)
    elif verb is ProposalVerb.DECLINE:
        actor = ProposalActor.OTHER if proposal_rules.may_decide(facts, caller, proposal) else ProposalActor.CONCERNED
        if actor is ProposalActor.CONCERNED and not proposal_rules.is_concerned(caller, proposal):
            raise NotAllowed("Your role may not decide about this.")
    else:
        actor = ProposalActor.OTHER
        if verb is ProposalVerb.APPROVE:
            proposal_rules.refuse_dependent(facts, caller, proposal, must_hold=False)
    _move(session, proposal, verb, actor, caller, now, facts)
    return proposal


def carry_out(session: Session, caller: SignedIn, proposal_id: UUID, kind: ProposalKind, now: datetime) -> Proposal:
    """Mark an approved proposal as done, once. The caller does exactly what its codes say, in the same transaction.

    Raises NotFound (unknown, or of another kind), IllegalMove (not approved, or done), NotAllowed, Conflict (too early, too late).
    """
    proposal = _locked(session, caller, proposal_id)
    if proposal.kind != kind:
        raise NotFound("There is no such proposal.")
    actor = ProposalActor.PROPOSER if proposal.proposed_by == caller.member_id else ProposalActor.OTHER
    if kind is ProposalKind.ORGANISATION_KEY and proposal.organisation_id is not None:
        session.execute(
            _ORGANISATION, {"id": proposal.organisation_id}
        )  # two first keys at once: the second sees the first
        if seats.holds_key_of(session, caller.key_id, proposal.organisation_id):
            actor = ProposalActor.PROPOSER if actor is ProposalActor.PROPOSER else ProposalActor.HOLDER
        elif actor is ProposalActor.PROPOSER:
            refuse_stranger_to_key(session, proposal.organisation_id)
    if actor is ProposalActor.PROPOSER and caller.role not in RULES[kind].proposers:
        raise NotAllowed("Your role may not propose this.")
    if RULES[kind].opens_sealed_parts and proposal.state == ProposalState.APPROVED:
        refuse_early(proposal, now)
    _move(session, proposal, ProposalVerb.CARRY_OUT, actor, caller, now, seats.member_facts(session, now))
    return proposal


def refuse_stranger_to_key(session: Session, organisation_id: UUID) -> None:
    """Raises NotAllowed if the organisation has a key: only its holders can replace it.

    Called for a member who does not hold it.
    """
    if seats.has_key(session, organisation_id):
        raise NotAllowed(
            "The organisation has a key. Only a member of it who holds this key can carry this out. If no member holds it, the "
            "operators of the server can help, with the recovery key."
        )


def refuse_early(proposal: Proposal, now: datetime) -> None:
    """Raises Conflict while an approved change still waits."""
    if proposal.ready_at is None:
        raise Conflict("This was approved before such changes had to wait. Propose it again.", state=proposal.state)
    if now < proposal.ready_at:
        raise Conflict(
            Translatable(
                "This waits until {moment} UTC, so that everybody concerned can stop it. The page of the "
                "proposals says who can end the wait.",
                moment=proposal.ready_at,
            ),
            state=proposal.state,
        )


def kind_of(session: Session, proposal_id: UUID) -> ProposalKind:
    """The kind of a proposal. Raises NotFound."""
    kind = session.scalar(sa.select(Proposal.kind).where(Proposal.id == proposal_id))
    if kind is None:
        raise NotFound("There is no such proposal.")
    return ProposalKind(kind)


def live(session: Session) -> Sequence[Proposal]:
    """The proposals that are open or approved, oldest first."""
    states = [state.value for state in LIVE]
    return session.scalars(
        sa.select(Proposal).where(Proposal.state.in_(states)).order_by(Proposal.proposed_at, Proposal.id)
    ).all()


def end(session: Session, now: datetime, *about: sa.ColumnElement[bool]) -> int:
    """End the live proposals that fulfil one of these conditions, because what was approved no longer holds. Returns how many."""
    states = [state.value for state in LIVE]
    return _end(session, sa.select(Proposal).where(Proposal.state.in_(states), sa.or_(*about)).with_for_update(), now)


def refuse_removing_objector(session: Session, caller: SignedIn, member: Member, now: datetime) -> None:
    """Raises Conflict if this member can stop a change of the caller, or of one who is not independent of the caller.

    They may not take that away from them, nor have an invented colleague do it. A proposal by or about this member ends with their
    seat and does not count.
    """
    facts, target = seats.member_facts(session, now), proposal_rules.as_caller(member)
    for proposal in live(session):
        ended = proposal.expires_at <= now or member.id in {proposal.member_id, proposal.proposed_by}
        if ended or not proposal_rules.may_stop(facts, target, proposal):
            continue
        if proposal.proposed_by == caller.member_id:
            raise Conflict(
                "You have proposed something that this member can stop. Withdraw the proposal first, or ask a colleague to do this."
            )
        if not lineage.independent(caller.member_id, proposal.proposed_by, facts.ties):
            raise Conflict(
                "This member can stop a proposal by somebody who does not count as a second person beside you. Wait until it is "
                "over, or ask a colleague to do this."
            )


def note_code_voided(session: Session, proposal: Proposal, by: UUID, now: datetime) -> None:
    _note(session, proposal, "proposal:code_voided", by, now)


def locked(session: Session, caller: SignedIn, proposal_id: UUID) -> Proposal:
    """The proposal, with its row locked. Raises NotFound, also if this member may not see it."""
    return _locked(session, caller, proposal_id)


def expire(session: Session, now: datetime, limit: int = 50) -> int:
    """Expire proposals that were not approved, or not carried out, in time; returns how many. Safe to repeat."""
    states = [state.value for state in LIVE]
    due = sa.select(Proposal).where(Proposal.state.in_(states), Proposal.expires_at <= now).limit(limit)
    return _end(session, due.with_for_update(skip_locked=True), now)


def delete_ended(session: Session, before: datetime, limit: int = bulk.BATCH) -> int:
    """Delete proposals that ended before `before`; returns how many. The audit log has an entry for each of their steps.

    Those that set the automatic offers of today stay: the setting is read from them.
    """
    live = [state.value for state in LIVE]
    ended = sa.func.coalesce(Proposal.decided_at, Proposal.expires_at)
    in_force = Proposal.id.in_(automatic_offers.last_of_each(session))
    over = sa.and_(Proposal.state.not_in(live), ended < before, sa.not_(in_force))
    return bulk.delete_some(session, Proposal, over, limit)


def _end(session: Session, query: sa.Select[Proposal], now: datetime) -> int:
    due = session.scalars(query).all()
    for proposal in due:
        proposal.state = next_state(ProposalState(proposal.state), ProposalVerb.EXPIRE, by=ProposalActor.CLOCK).value
        _note(session, proposal, "proposal:expired", None, now)
    session.flush()
    return len(due)


def _locked(session: Session, caller: SignedIn, proposal_id: UUID) -> Proposal:
    proposal = session.get(Proposal, proposal_id, with_for_update=True, populate_existing=True)
    if proposal is None or not proposal_rules.is_visible(caller, proposal):
        raise NotFound("There is no such proposal.")
    return proposal


def _move(
    session: Session,
    proposal: Proposal,
    verb: ProposalVerb,
    actor: ProposalActor,
    caller: SignedIn,
    now: datetime,
    facts: MemberFacts,
) -> None:
    target = next_state(ProposalState(proposal.state), verb, by=actor)
    if proposal.expires_at <= now:
        raise Conflict("The proposal has expired. Propose it again.", state=proposal.state)
    opens, by = RULES[ProposalKind(proposal.kind)].opens_sealed_parts, caller.member_id
    if verb is ProposalVerb.APPROVE:
        proposal.decided_by, proposal.decided_at = by, now
        confirmed = proposal_rules.holds_key_concerned(facts, caller, proposal) and not proposal_rules.takes_a_seat(
            facts, proposal
        )
        proposal.ready_at = now + WAITS_FOR if opens and not confirmed else now
        proposal.expires_at = proposal.ready_at + APPROVED_FOR
    elif verb is ProposalVerb.CONFIRM:
        if proposal.ready_at is None or proposal.ready_at <= now:
            raise Conflict("This does not wait any more.", state=proposal.state)
        proposal.confirmed_by, proposal.ready_at, proposal.expires_at = by, now, now + APPROVED_FOR
    elif verb is ProposalVerb.CARRY_OUT:
        proposal.expires_at = now + SHOWN_FOR if opens else now
    elif verb is ProposalVerb.DECLINE:
        proposal.stopped_by = by
        if proposal.decided_by is None:
            proposal.decided_by, proposal.decided_at = by, now
    proposal.state = target.value
    session.flush()
    _note(session, proposal, f"proposal:{verb}", by, now)


def _announce(session: Session, proposal: Proposal, now: datetime) -> None:
    """Notify everybody concerned; their pages show it too, until it is over (`sessions.SignedIn.changes`)."""
    messaging.queue(
        session, NoticeKind.ACCESS_CHANGE, about_id=proposal.id, now=now, organisation_id=proposal.organisation_id,
        team_id=proposal.team_id, at_once=True,
    )  # fmt: skip


def _note(session: Session, proposal: Proposal, action: str, by: UUID | None, now: datetime) -> None:
    codes: dict[str, Any] = {"kind": proposal.kind}
    if proposal.ready_at is not None and proposal.state == ProposalState.APPROVED:
        codes["waits"] = int(proposal.ready_at > now)
    audit.record(
        session,
        actor_kind="member" if by else "clock",
        actor_id=by.hex if by else "-",
        action=action,
        subject_kind="proposal",
        subject_id=proposal.id,
        codes=codes,
        now=now,
    )
