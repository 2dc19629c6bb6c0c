"""The record of how members got their seats, and what follows from it: who was there before, and who counts as a second person."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.keyholders import KeyGrant, SealingKey
from app.staff import lineage
from app.staff.lineage import Ties
from app.staff.models import Member, Seating

CONSOLE, JOINED, RETURNED, ROLE = "console", "joined", "returned", "role"


def record(
    session: Session,
    member_id: UUID,
    how: str,
    now: datetime,
    *,
    proposed_by: UUID | None = None,
    approved_by: UUID | None = None,
) -> None:
    """Record a seat, a way back or a role that a member was given."""
    seating = Seating(
        id=uuid4(), member_id=member_id, how=how, proposed_by=proposed_by, approved_by=approved_by, at=now
    )
    session.add(seating)
    session.flush()


def current_ties(session: Session, now: datetime) -> Ties:
    """The ties that count today: for each member the people who seated them."""
    rows = session.execute(
        sa.select(Seating.member_id, Seating.proposed_by, Seating.approved_by).where(
            Seating.at > now - lineage.TIE_LASTS, Seating.vouched_by.is_(None)
        )
    )
    by_member: dict[UUID, set[UUID]] = defaultdict(set)
    for row in rows:
        by_member[row.member_id] |= {sponsor for sponsor in (row.proposed_by, row.approved_by) if sponsor is not None}
    return by_member


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """The facts about all members that the rules on second persons need; loaded once, in three statements.

    `seated_at`: when each member got their present seat, that is when they last joined, came back or got a new role; `active`:
    the active members; `held`: pairs of a holder's public key and the team or organisation whose active key they hold.
    """

    ties: Ties
    seated_at: Mapping[UUID, datetime]
    active: frozenset[UUID]
    held: frozenset[tuple[UUID, UUID]]

    def holds_key_of(self, key_id: UUID, owner_id: UUID | None) -> bool:
        return owner_id is not None and (key_id, owner_id) in self.held


def member_facts(session: Session, now: datetime) -> MemberFacts:
    """The facts about all members at this moment."""
    latest = sa.func.max(Seating.at).label("latest")
    members = session.execute(
        sa.select(Member.id, Member.created_at, Member.active, latest)
        .outerjoin(Seating, Seating.member_id == Member.id)
        .group_by(Member.id, Member.created_at, Member.active)
    ).all()
    held = session.execute(
        sa.select(KeyGrant.holder_key_id, SealingKey.owner_id)
        .join(SealingKey, SealingKey.id == KeyGrant.sealing_key_id)
        .where(SealingKey.active)
    )
    return MemberFacts(
        ties=current_ties(session, now),
        seated_at={
            row.id: row.created_at if row.latest is None else max(row.created_at, row.latest) for row in members
        },
        active=frozenset(row.id for row in members if row.active),
        held=frozenset((row.holder_key_id, row.owner_id) for row in held),
    )


def is_seated_by_two(session: Session, member_id: UUID) -> bool:
    """Whether the member's present seat was approved by a second person, or given at the command line of the server.

    False for those who were invited by one person, before seats took two.
    """
    row = session.execute(
        sa.select(Seating.how, Seating.approved_by)
        .where(Seating.member_id == member_id)
        .order_by(Seating.at.desc(), Seating.id)
        .limit(1)
    ).one_or_none()
    return row is not None and (row.how == CONSOLE or row.approved_by is not None)


def end_ties(session: Session, holder: UUID, member_id: UUID, now: datetime) -> bool:
    """End the member's ties if this holder of the key is independent of them; returns whether they ended."""
    if not lineage.independent(holder, member_id, current_ties(session, now)):
        return False
    session.execute(
        sa.update(Seating).where(Seating.member_id == member_id, Seating.vouched_by.is_(None)).values(vouched_by=holder)
    )
    return True


def holds_key_of(session: Session, key_id: UUID, owner_id: UUID | None) -> bool:
    """Whether the holder with this public key holds the active key of a team or organisation."""
    if owner_id is None:
        return False
    query = (
        sa.select(KeyGrant.id)
        .join(SealingKey, SealingKey.id == KeyGrant.sealing_key_id)
        .where(SealingKey.owner_id == owner_id, SealingKey.active, KeyGrant.holder_key_id == key_id)
    )
    return session.scalar(query.limit(1)) is not None


def with_key(session: Session, owner_ids: Collection[UUID]) -> frozenset[UUID]:
    """The teams and organisations, among these, that have an active key."""
    owners = sa.select(SealingKey.owner_id).where(SealingKey.owner_id.in_(list(owner_ids)), SealingKey.active)
    return frozenset(session.scalars(owners)) if owner_ids else frozenset()


def is_held_by_member(session: Session, owner_id: UUID) -> bool:
    """Whether an active member holds the active key of a team or organisation."""
    query = (
        sa.select(KeyGrant.id)
        .join(SealingKey, SealingKey.id == KeyGrant.sealing_key_id)
        .join(Member, Member.key_id == KeyGrant.holder_key_id)
        .where(SealingKey.owner_id == owner_id, SealingKey.active, Member.active)
    )
    return session.scalar(query.limit(1)) is not None


def has_key(session: Session, owner_id: UUID) -> bool:
    """Whether a team or organisation has an active key, regardless of who holds it."""
    return (
        session.scalar(sa.select(SealingKey.id).where(SealingKey.owner_id == owner_id, SealingKey.active)) is not None
    )
