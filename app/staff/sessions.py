"""Sessions: who is signed in, and the private key that the sign-in opened, encrypted with a secret that only the cookie holds.

A session ends on sign-out, after some idle time, after eight hours, and immediately when the member's role or keys change.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import bulk, keyholders, sealing
from app.core.errors import NotSignedIn
from app.core.kill_switch import frozen
from app.core.sealing import CannotOpen, KeyPair
from app.staff.models import Member, Proposal, Role, StaffSession
from app.staff.proposal_states import LIVE, ProposalState


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The signed-in member of a request, with the private key that they opened at sign-in. Its repr shows no key."""

    member_id: UUID
    name: str
    role: Role
    team_id: UUID | None
    organisation_id: UUID | None
    key_id: UUID
    seed: bytes
    binding: str
    """Derived from the session's secret; binds a form, or a passkey's challenge, to the session."""
    seen_at: datetime
    frozen: bool = False
    """Whether the kill switch stops all reading by partners."""
    changes: int = 0
    """How many proposals wait that concern this member, or their team or organisation; `changed`: carried out in the last days."""
    changed: int = 0
    started_at: datetime | None = None
    """When they last proved with passphrase and second factor who they are."""
    notice: str | None = None
    """What changed last in how they sign in (`service.TOLD`), until they have seen it; `notice_at`: when."""
    notice_at: datetime | None = None
    language: str | None = None
    """In which they read the pages; None: not chosen yet."""
    beside: bool = False
    """What the caller of `signed_in` asked beside it."""

    def __repr__(self) -> str:
        return f"SignedIn(member_id={self.member_id}, role={self.role})"

    def keys_of(self, session: Session) -> dict[UUID, KeyPair]:
        """The key pairs of the team or organisation that this member holds, by the id of the public key.

        Keys of restricted cases are not among them, so that nothing that is done with the team's keys passes them on.
        """
        granted = keyholders.open_granted(session, self.key_id, KeyPair.from_seed(self.seed), of_cases=False)
        return {key_id: KeyPair.from_seed(seed) for key_id, seed in granted.items()}

    def key_of_team(self, session: Session, key_id: UUID) -> KeyPair | None:
        """The key pair of the team with this id, if this member was given it. One statement."""
        return keyholders.open_one(session, key_id, self.key_id, KeyPair.from_seed(self.seed))

    def key_of_case(self, session: Session, key_id: UUID) -> KeyPair | None:
        """The key pair of a restricted case, if this member is one of those who are named for it."""
        return keyholders.open_one(session, key_id, self.key_id, KeyPair.from_seed(self.seed))


def start(session: Session, member: Member, seed: bytes, now: datetime, factor: str = "code") -> str:
    secret = secrets.token_urlsafe(32)
    session_id = _session_id(secret)
    sealed = sealing.encrypt(_session_key(secret), seed, sealing.context("sessions", session_id.hex()))
    session.add(
        StaffSession(id=session_id, member_id=member.id, sealed_seed=sealed, factor=factor, started_at=now, seen_at=now)
    )
    session.flush()
    return secret


def _proposals_in(states: Collection[ProposalState]) -> sa.ScalarSelect[int]:
    """How many proposals in these states are shown to a member because they concern them.

    Part of the select that finds the session, so that no page needs another statement.
    """
    return (
        sa.select(sa.func.count())
        .select_from(Proposal)
        .where(
            Proposal.state.in_([state.value for state in states]),
            Proposal.expires_at > sa.bindparam("now", type_=StaffSession.seen_at.type),
            sa.or_(
                Proposal.member_id == Member.id,
                Proposal.team_id == Member.team_id,
                Proposal.organisation_id == Member.organisation_id,
                sa.and_(
                    Proposal.team_id.is_(None),
                    Proposal.organisation_id.is_(None),
                    Member.role.in_([Role.ADMIN.value, Role.SENIOR.value]),
                ),
            ),
        )
        .correlate(Member)
        .scalar_subquery()
    )


SignedInSelect = sa.Select[StaffSession, Member, bool, int, int, bool]


def with_beside(beside: sa.ColumnElement[bool]) -> SignedInSelect:
    """The statement of `signed_in` with one more question about `Member`, so that no page needs another statement for it."""
    return (
        sa.select(
            StaffSession,
            Member,
            frozen,
            _proposals_in(LIVE),
            _proposals_in([ProposalState.DONE]),
            beside.label("beside"),
        )
        .join(Member, Member.id == StaffSession.member_id)
        .where(StaffSession.id == sa.bindparam("session_id", type_=sa.LargeBinary()), Member.active)
    )


_SIGNED_IN: Final = with_beside(sa.false())


def signed_in(
    session: Session,
    secret: str,
    now: datetime,
    *,
    idle: timedelta,
    max_age: timedelta,
    statement: SignedInSelect = _SIGNED_IN,
) -> SignedIn:
    """The member whose cookie this is. Only reads; `touch` restarts the idle time. Raises NotSignedIn.

    `statement`: one made by `with_beside`, for `SignedIn.beside`.
    """
    session_id = _session_id(secret)
    result = session.execute(statement, {"session_id": session_id, "now": now}).one_or_none()
    if result is None:
        raise NotSignedIn
    row, member, is_frozen, changes, changed, beside = result
    if now - row.seen_at > idle or now - row.started_at > max_age:
        raise NotSignedIn("Your session has ended. Sign in again.")
    try:
        seed = sealing.decrypt(_session_key(secret), row.sealed_seed, sealing.context("sessions", session_id.hex()))
    except CannotOpen:
        raise NotSignedIn from None
    return SignedIn(
        member_id=member.id,
        name=member.name,
        role=Role(member.role),
        team_id=member.team_id,
        organisation_id=member.organisation_id,
        key_id=member.key_id,
        seed=seed,
        binding=sealing.derive(secret.encode("utf-8", "surrogatepass"), "staff:csrf").hex(),
        seen_at=row.seen_at,
        frozen=bool(is_frozen),
        changes=changes,
        changed=changed,
        started_at=row.started_at,
        notice=member.account_notice,
        notice_at=member.account_notice_at,
        language=member.language,
        beside=bool(beside),
    )


def touch(session: Session, secret: str, now: datetime) -> None:
    """Restart the idle time of a session."""
    session.execute(sa.update(StaffSession).where(StaffSession.id == _session_id(secret)).values(seen_at=now))


def renew(session: Session, secret: str) -> str:
    """Give the session a fresh secret, after the member has proved again who they are; the former one opens nothing any more.

    Forms that were opened before belong to the former secret. Raises NotSignedIn.
    """
    row = session.get(StaffSession, _session_id(secret), with_for_update=True)
    if row is None:
        raise NotSignedIn
    seed = sealing.decrypt(_session_key(secret), row.sealed_seed, sealing.context("sessions", row.id.hex()))
    fresh = secrets.token_urlsafe(32)
    fresh_id = _session_id(fresh)
    sealed = sealing.encrypt(_session_key(fresh), seed, sealing.context("sessions", fresh_id.hex()))
    session.add(
        StaffSession(
            id=fresh_id,
            member_id=row.member_id,
            sealed_seed=sealed,
            factor=row.factor,
            started_at=row.started_at,
            seen_at=row.seen_at,
        )
    )
    session.delete(row)
    session.flush()
    return fresh


def sign_out(session: Session, secret: str) -> None:
    session.execute(sa.delete(StaffSession).where(StaffSession.id == _session_id(secret)))


def end_sessions(session: Session, member_id: UUID, *, but: str | None = None) -> None:
    """End all sessions of a member. `but`: the secret of the one session that continues."""
    statement = sa.delete(StaffSession).where(StaffSession.member_id == member_id)
    if but is not None:
        statement = statement.where(StaffSession.id != _session_id(but))
    session.execute(statement)


def end_session(session: Session, member_id: UUID, session_id: bytes) -> None:
    """End one of the member's own sessions. Does nothing if it has ended already or belongs to another member."""
    session.execute(sa.delete(StaffSession).where(StaffSession.id == session_id, StaffSession.member_id == member_id))


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its owner sees it. IP addresses and browsers are not stored."""

    id: bytes
    factor: str
    started_at: datetime
    seen_at: datetime
    this_one: bool


def open_sessions(session: Session, member_id: UUID, secret: str | None) -> list[OpenSession]:
    """The member's sessions, most recently used first."""
    mine = _session_id(secret) if secret else b""
    rows = session.execute(
        sa.select(StaffSession.id, StaffSession.factor, StaffSession.started_at, StaffSession.seen_at)
        .where(StaffSession.member_id == member_id)
        .order_by(StaffSession.seen_at.desc())
    )
    return [OpenSession(row.id, row.factor or "code", row.started_at, row.seen_at, row.id == mine) for row in rows]


def delete_stale(
    session: Session, now: datetime, limit: int = bulk.BATCH, *, idle: timedelta, max_age: timedelta
) -> int:
    stale = sa.or_(StaffSession.seen_at < now - idle, StaffSession.started_at < now - max_age)
    return bulk.delete_some(session, StaffSession, stale, limit)


def _session_id(secret: str) -> bytes:
    return sealing.derive(secret.encode("utf-8", "surrogatepass"), "staff:session-id")


def _session_key(secret: str) -> bytes:
    return sealing.derive(secret.encode("utf-8", "surrogatepass"), "staff:session-key")
