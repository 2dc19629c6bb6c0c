"""Proposals: actions that need two people, namely every change that leads to sealed parts, a new admin, and a bulk export.

One member proposes, another approves within three days, and the first carries it out within three more. Approval alone does
nothing, so that a resulting code or file is shown only to the person who asked for it.

A change that leads to sealed parts (`RULES`) is announced to everybody whom it concerns, and waits for a day after its approval,
unless another holder of the key concerned confirms it; a reset for an active member is shortened by nobody but them. Until it is
carried out, each of them can stop it, and for `SHOWN_FOR` afterwards they see it and can void a code that was not used. The second
person was there before the proposal, and neither of the two had a part in seating the other (`app/staff/lineage.py`). The changes
themselves are in `app/staff/access_changes.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.core.errors import Conflict, NotAllowed, NotFound
from app.staff import lineage, seats
from app.staff.models import Member, Proposal, Role
from app.staff.proposal_states import LIVE, Actor, State, Verb, next_state
from app.staff.seats import Standing
from app.staff.sessions import SignedIn

OPEN_FOR: Final = timedelta(days=3)
WAITS_FOR: Final = timedelta(hours=24)
APPROVED_FOR: Final = timedelta(days=3)
SHOWN_FOR: Final = timedelta(days=7)
AT_ONCE: Final = 5
"""How many proposals of one member may wait at the same time: whoever shall see a bad one must not have to search for it."""


_ORGANISATION: Final[sa.Select[Any]] = (
    sa.select(sa.column("id"))
    .select_from(sa.table("organisations", sa.column("id")))
    .where(sa.column("id") == sa.bindparam("id", type_=sa.Uuid()))
    .with_for_update()
)


class Kind(StrEnum):
    NEW_MEMBER = "new_member"
    MEMBER_RETURN = "member_return"
    NEW_ROLE = "new_role"
    KEY_GRANT = "key_grant"
    ORGANISATION_KEY = "organisation_key"
    NEW_ADMIN = "new_admin"
    BULK_EXPORT = "bulk_export"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may propose a kind, and whether it leads to sealed parts: then it is announced, and waits."""

    proposers: frozenset[Role]
    opens_sealed_parts: bool


_ADMIN: Final = frozenset({Role.ADMIN})
_SEATS: Final = frozenset({Role.ADMIN, Role.SENIOR, Role.PARTNER})
# fmt: off
RULES: Final[Mapping[Kind, Rule]] = {
    Kind.NEW_MEMBER:       Rule(_SEATS, opens_sealed_parts=True),
    Kind.MEMBER_RETURN:    Rule(_SEATS, opens_sealed_parts=True),
    Kind.NEW_ROLE:         Rule(_ADMIN, opens_sealed_parts=True),
    Kind.KEY_GRANT:        Rule(frozenset({Role.COORDINATOR, Role.SENIOR, Role.PARTNER}), opens_sealed_parts=True),
    Kind.ORGANISATION_KEY: Rule(frozenset({Role.ADMIN, Role.PARTNER}), opens_sealed_parts=True),
    Kind.NEW_ADMIN:        Rule(frozenset({Role.ADMIN, Role.SENIOR}), opens_sealed_parts=True),
    Kind.BULK_EXPORT:      Rule(frozenset({Role.ADMIN, Role.SENIOR, Role.AUDITOR}), opens_sealed_parts=False),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a proposal concerns: a team or an organisation, and a member who exists already. All empty: the whole network."""

    team_id: UUID | None = None
    organisation_id: UUID | None = None
    member_id: UUID | None = None


def propose(
    session: Session, caller: SignedIn, kind: Kind, codes: dict[str, Any], now: datetime, subject: Subject = Subject()
) -> Proposal:
    """Create a proposal, and announce it if it leads to sealed parts.

    Raises NotAllowed (this role may not propose it), Conflict (the same is proposed already, or `AT_ONCE` of theirs wait).
    """
    if caller.role not in RULES[kind].proposers:
        raise NotAllowed("Your role may not propose this.")
    waiting_ones = [waiting for waiting in live(session) if waiting.expires_at > now]
    if sum(waiting.proposed_by == caller.member_id for waiting in waiting_ones) >= AT_ONCE:
        raise Conflict(
            f"{AT_ONCE} of your proposals wait already. Withdraw one that is no longer needed, or wait until they are decided."
        )
    for waiting in waiting_ones:
        if waiting.kind == kind and waiting.codes == codes:
            raise Conflict("The same has already been proposed.", state=waiting.state)
    proposal = Proposal(
        id=uuid4(), kind=kind, state=State.OPEN.value, codes=codes, proposed_by=caller.member_id, proposed_at=now,
        expires_at=now + OPEN_FOR, team_id=subject.team_id, organisation_id=subject.organisation_id,
        member_id=subject.member_id,
    )  # fmt: skip
    session.add(proposal)
    session.flush()
    _note(session, proposal, "proposal:made", caller.member_id, now)
    if RULES[kind].opens_sealed_parts:
        _announce(session, proposal, now)
    return proposal


def decide(session: Session, caller: SignedIn, proposal_id: UUID, verb: Verb, now: datetime) -> Proposal:
    """Approve, confirm, decline (also after the approval) or withdraw.

    Raises NotFound, IllegalMove, NotAllowed (with the reason why this member does not count), Conflict (too late).
    """
    proposal = _locked(session, caller, proposal_id)
    mine, standing = proposal.proposed_by == caller.member_id, seats.standing(session, now)
    if mine:
        actor = Actor.PROPOSER
    elif verb is Verb.CONFIRM:
        actor = Actor.HOLDER
        refuse_dependent(standing, caller, proposal, must_hold=True)
    elif verb is Verb.DECLINE:
        actor = Actor.OTHER if may_decide(standing, caller, proposal) else Actor.CONCERNED
        if actor is Actor.CONCERNED and not is_concerned(caller, proposal):
            raise NotAllowed("Your role may not decide about this.")
    else:
        actor = Actor.OTHER
        if verb is Verb.APPROVE:
            refuse_dependent(standing, caller, proposal, must_hold=False)
    _move(session, proposal, verb, actor, caller, now, standing)
    return proposal


def refuse_dependent(standing: Standing, caller: SignedIn, proposal: Proposal, *, must_hold: bool) -> None:
    """Raises NotAllowed unless this member counts as a second person; `must_hold`: as a holder of the key concerned."""
    reason = why_not_second(standing, caller, proposal, must_hold=must_hold)
    if reason:
        raise NotAllowed(reason)


def why_not_second(standing: Standing, caller: SignedIn, proposal: Proposal, *, must_hold: bool = False) -> str:
    """Why this member does not count as the second person of a proposal, in words; empty if they do."""
    if must_hold and takes_a_seat(standing, proposal):
        if caller.member_id == proposal.member_id:
            return ""
        return "This would take the sign-in of somebody who is active. Only they themselves can end the wait."
    if must_hold and not holds_key_concerned(standing, caller, proposal):
        return "Only somebody who holds the key concerned can confirm this before the waiting time is over."
    if not must_hold and not may_decide(standing, caller, proposal):
        return "Your role may not decide about this."
    return _why_not_two_people(standing, caller, proposal)


def _why_not_two_people(standing: Standing, caller: SignedIn, proposal: Proposal) -> str:
    if caller.member_id == proposal.proposed_by:
        return "Somebody else has to decide about what you proposed."
    if caller.member_id == proposal.member_id:
        return "This is about you. Somebody else has to decide about it."
    seated_at = standing.seated_at.get(caller.member_id)
    if seated_at is None or seated_at > proposal.proposed_at:
        return "You joined, came back or got your role after this was proposed. Somebody who was there before has to decide."
    if not lineage.independent(caller.member_id, proposal.proposed_by, standing.ties):
        return (
            "You and the person who proposed this do not count as two people: one of you had a part in how the other joined, "
            f"came back or got their role in the last {lineage.TIE_LASTS.days} days, or the same person had for both of you. "
            "Somebody else has to decide."
        )
    return ""


def may_decide(standing: Standing, caller: SignedIn, proposal: Proposal) -> bool:
    """Whether this role may be the second person: an admin, a senior who holds their team's key, a holder of the key concerned.

    A senior decides about their own team and about organisations; a holder of a key only about their own team or organisation.
    """
    if caller.role is Role.ADMIN:
        return True
    place = proposal.team_id or proposal.organisation_id
    if caller.role is Role.SENIOR:
        return proposal.team_id in {None, caller.team_id} and standing.holds_key_of(caller.key_id, caller.team_id)
    own = caller.team_id or caller.organisation_id
    return place is not None and own == place and standing.holds_key_of(caller.key_id, place)


def holds_key_concerned(standing: Standing, caller: SignedIn, proposal: Proposal) -> bool:
    """Whether the member holds the active key of the team or organisation; of their own team, if it concerns the network."""
    own, place = caller.team_id or caller.organisation_id, proposal.team_id or proposal.organisation_id
    if place is None:
        return caller.role is Role.SENIOR and standing.holds_key_of(caller.key_id, own)
    return own == place and standing.holds_key_of(caller.key_id, place)


def takes_a_seat(standing: Standing, proposal: Proposal) -> bool:
    """Whether this is a reset for an active member: they lose their sign-in and keys by it, so nobody else shortens the wait."""
    return proposal.kind == Kind.MEMBER_RETURN and proposal.member_id in standing.active


def is_concerned(caller: SignedIn, proposal: Proposal) -> bool:
    """Whether the change concerns this member: themself, their team or organisation, or everybody who looks after the network."""
    if proposal.member_id == caller.member_id:
        return True
    if proposal.team_id is None and proposal.organisation_id is None:
        return caller.role in {Role.ADMIN, Role.SENIOR}
    own = caller.team_id or caller.organisation_id
    return own is not None and own in {proposal.team_id, proposal.organisation_id}


def is_visible(caller: SignedIn, proposal: Proposal) -> bool:
    """Whether this member may see the proposal: their own, what concerns them, and everything for those who look after it."""
    if (
        caller.member_id == proposal.proposed_by
        or is_concerned(caller, proposal)
        or caller.role in {Role.ADMIN, Role.AUDITOR}
    ):
        return True
    return caller.role is Role.SENIOR and proposal.team_id is None


def carry_out(session: Session, caller: SignedIn, proposal_id: UUID, kind: Kind, now: datetime) -> Proposal:
    """Mark an approved proposal as done, once. The caller does exactly what its codes say, in the same transaction.

    Raises NotFound (unknown, or of another kind), IllegalMove (not approved, or done), NotAllowed, Conflict (too early, too late).
    """
    proposal = _locked(session, caller, proposal_id)
    if proposal.kind != kind:
        raise NotFound("There is no such proposal.")
    actor = Actor.PROPOSER if proposal.proposed_by == caller.member_id else Actor.OTHER
    if kind is Kind.ORGANISATION_KEY and proposal.organisation_id is not None:
        session.execute(
            _ORGANISATION, {"id": proposal.organisation_id}
        )  # two first keys at once: the second sees the first
        if seats.holds_key_of(session, caller.key_id, proposal.organisation_id):
            actor = Actor.PROPOSER if actor is Actor.PROPOSER else Actor.HOLDER
        elif actor is Actor.PROPOSER:
            refuse_stranger_to_key(session, proposal.organisation_id)
    if actor is Actor.PROPOSER and caller.role not in RULES[kind].proposers:
        raise NotAllowed("Your role may not propose this.")
    if RULES[kind].opens_sealed_parts and proposal.state == State.APPROVED:
        refuse_early(proposal, now)
    _move(session, proposal, Verb.CARRY_OUT, actor, caller, now, seats.standing(session, now))
    return proposal


def refuse_stranger_to_key(session: Session, organisation_id: UUID) -> None:
    """Raises NotAllowed if the organisation has a key: only its holders can replace it. Called for somebody who is none."""
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
            f"This waits until {proposal.ready_at:%d %B, %H:%M} UTC, so that everybody concerned can stop it. The page of the "
            "proposals says who can end the wait.",
            state=proposal.state,
        )


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


def end(session: Session, now: datetime, *about: sa.ColumnElement[bool]) -> int:
    """End the live proposals that fulfil one of these conditions: what was approved is no longer so. Returns how many."""
    states = [state.value for state in LIVE]
    return _end(session, sa.select(Proposal).where(Proposal.state.in_(states), sa.or_(*about)).with_for_update(), now)


def done(session: Session, caller: SignedIn, now: datetime) -> list[Proposal]:
    """The changes of the last days that this member may see, newest first."""
    query = sa.select(Proposal).where(Proposal.state == State.DONE.value, Proposal.expires_at > now)
    rows = session.scalars(query.order_by(Proposal.expires_at.desc(), Proposal.id))
    return [
        proposal for proposal in rows if RULES[Kind(proposal.kind)].opens_sealed_parts and is_visible(caller, proposal)
    ]


def may_stop(standing: Standing, caller: SignedIn, proposal: Proposal) -> bool:
    """Whether this member may stop the proposal, or void the code that came of it."""
    return (
        caller.member_id == proposal.proposed_by
        or is_concerned(caller, proposal)
        or may_decide(standing, caller, proposal)
    )


def refuse_to_silence(session: Session, caller: SignedIn, member: Member, now: datetime) -> None:
    """Raises Conflict if the caller has proposed a change that this member can stop: they may not take that away from them.

    What is about the member alone ends with their seat, and does not count.
    """
    standing, target = seats.standing(session, now), _as_caller(member)
    for proposal in live(session):
        own = proposal.proposed_by == caller.member_id and proposal.expires_at > now
        if own and proposal.member_id != member.id and may_stop(standing, target, proposal):
            raise Conflict(
                "You have proposed something that this member can stop. Withdraw the proposal first, or ask a colleague to do this."
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


def _end(session: Session, query: sa.Select[Proposal], now: datetime) -> int:
    due = session.scalars(query).all()
    for proposal in due:
        proposal.state = next_state(State(proposal.state), Verb.EXPIRE, by=Actor.CLOCK).value
        _note(session, proposal, "proposal:expired", None, now)
    session.flush()
    return len(due)


# --- for the pages ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Second:
    """Somebody who can decide. `name` empty: partners see only the role of people outside of their organisation."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Waiting:
    """A live proposal as one member sees it: what they may do, why they may not decide, and who else can."""

    proposal: Proposal
    verbs: frozenset[Verb]
    why_not: str
    seconds: tuple[Second, ...]
    confirmers: tuple[Second, ...]


def visible(session: Session, caller: SignedIn, now: datetime) -> list[Waiting]:
    """The live proposals that this member may see, oldest first. The number of statements does not grow with them."""
    shown = [proposal for proposal in live(session) if proposal.expires_at > now and is_visible(caller, proposal)]
    if not shown:
        return []
    everybody, standing = [_as_caller(member) for member in _members(session)], seats.standing(session, now)
    with_key = seats.with_key(session, [one.organisation_id for one in shown if one.organisation_id is not None])
    return [_waiting(standing, with_key, caller, proposal, everybody, now) for proposal in shown]


def _waiting(
    standing: Standing,
    with_key: Collection[UUID],
    caller: SignedIn,
    proposal: Proposal,
    everybody: Sequence[SignedIn],
    now: datetime,
) -> Waiting:
    opens, is_open = RULES[Kind(proposal.kind)].opens_sealed_parts, proposal.state == State.OPEN
    waits = opens and not is_open and proposal.ready_at is not None and now < proposal.ready_at
    verbs, why_not = set(), ""
    if proposal.proposed_by == caller.member_id:
        verbs.add(Verb.WITHDRAW)
    elif is_concerned(caller, proposal) or may_decide(standing, caller, proposal):
        verbs.add(Verb.DECLINE)
        why_not = why_not_second(standing, caller, proposal, must_hold=not is_open)
        if is_open and not why_not:
            verbs.add(Verb.APPROVE)
        if waits and not why_not:
            verbs.add(Verb.CONFIRM)
    if not is_open and not waits and _may_carry_out(standing, with_key, caller, proposal):
        verbs.add(Verb.CARRY_OUT)

    def eligible(*, must_hold: bool) -> tuple[Second, ...]:
        able = [one for one in everybody if not why_not_second(standing, one, proposal, must_hold=must_hold)]
        return tuple(dict.fromkeys(_as_shown(caller, one) for one in able))

    return Waiting(
        proposal,
        frozenset(verbs),
        why_not if is_open or waits else "",
        eligible(must_hold=False) if is_open else (),
        eligible(must_hold=True) if waits else (),
    )


def _as_shown(caller: SignedIn, one: SignedIn) -> Second:
    hidden = caller.role is Role.PARTNER and caller.organisation_id != one.organisation_id
    return Second("" if hidden else one.name, one.role)


def _may_carry_out(standing: Standing, with_key: Collection[UUID], caller: SignedIn, proposal: Proposal) -> bool:
    if proposal.kind == Kind.ORGANISATION_KEY and proposal.organisation_id in with_key:
        return standing.holds_key_of(caller.key_id, proposal.organisation_id)
    return proposal.proposed_by == caller.member_id


def _members(session: Session) -> Sequence[Member]:
    return session.scalars(
        sa.select(Member).where(Member.active, Member.role != Role.AUDITOR).order_by(Member.name)
    ).all()


def _as_caller(member: Member) -> SignedIn:
    """The member as if they were signed in, without any key, to ask the rules about them."""
    return SignedIn(
        member_id=member.id, name=member.name, role=Role(member.role), team_id=member.team_id,
        organisation_id=member.organisation_id, key_id=member.key_id, seed=b"", binding="", seen_at=member.created_at,
    )  # fmt: skip


# --- helpers ---------------------------------------------------------------------------------------------------------


def _locked(session: Session, caller: SignedIn, proposal_id: UUID) -> Proposal:
    proposal = session.get(Proposal, proposal_id, with_for_update=True, populate_existing=True)
    if proposal is None or not is_visible(caller, proposal):
        raise NotFound("There is no such proposal.")
    return proposal


def _move(
    session: Session,
    proposal: Proposal,
    verb: Verb,
    actor: Actor,
    caller: SignedIn,
    now: datetime,
    standing: Standing,
) -> None:
    target = next_state(State(proposal.state), verb, by=actor)
    if proposal.expires_at <= now:
        raise Conflict("The proposal has expired. Propose it again.", state=proposal.state)
    opens, by = RULES[Kind(proposal.kind)].opens_sealed_parts, caller.member_id
    if verb is Verb.APPROVE:
        proposal.decided_by, proposal.decided_at = by, now
        confirmed = holds_key_concerned(standing, caller, proposal) and not takes_a_seat(standing, proposal)
        proposal.ready_at = now + WAITS_FOR if opens and not confirmed else now
        proposal.expires_at = proposal.ready_at + APPROVED_FOR
    elif verb is Verb.CONFIRM:
        if proposal.ready_at is None or proposal.ready_at <= now:
            raise Conflict("This does not wait any more.", state=proposal.state)
        proposal.confirmed_by, proposal.ready_at, proposal.expires_at = by, now, now + APPROVED_FOR
    elif verb is Verb.CARRY_OUT:
        proposal.expires_at = now + SHOWN_FOR if opens else now
    elif verb is Verb.DECLINE:
        proposal.stopped_by = by
        if proposal.decided_by is None:
            proposal.decided_by, proposal.decided_at = by, now
    proposal.state = target.value
    session.flush()
    _note(session, proposal, f"proposal:{verb}", by, now)


def _announce(session: Session, proposal: Proposal, now: datetime) -> None:
    """Notify everybody concerned; their pages show it too, until it is over (`sessions.SignedIn.changes`)."""
    messaging.queue(
        session, "access_change", about_id=proposal.id, now=now, organisation_id=proposal.organisation_id,
        team_id=proposal.team_id, at_once=True,
    )  # fmt: skip


def _note(session: Session, proposal: Proposal, action: str, by: UUID | None, now: datetime) -> None:
    codes: dict[str, Any] = {"kind": proposal.kind}
    if proposal.ready_at is not None and proposal.state == State.APPROVED:
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
