"""Restricted cases: who is named, and what everybody else is not shown.

The data keys of a restricted case are sealed to a key pair of its own, not to the team's. Whoever is named holds that key by a
grant (`key_grants`), so the grant is both the list of names and the means to read: the two cannot differ. To everybody else
the case shows its label, state, urgency and clock alone. See docs/decisions/0160.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases.models import Case, CaseWrap
from app.core import keyholders
from app.core.errors import NotAllowed, NotFound
from app.core.i18n import N_
from app.core.ids import named_id
from app.core.keyholders import KeyGrant, OwnerKind, SealingKey
from app.core.sealing import KeyPair
from app.staff import recovery
from app.staff.models import Member
from app.staff.recovery import WrongKey

FEWEST: Final = 2
"""So many members are named at least, so that the case stays readable when one is ill, leaves or loses their key."""


class RestrictedCase(NotAllowed):
    """The case is restricted, and this member is not named."""

    def __init__(self) -> None:
        super().__init__(N_("This case is restricted to named members of the team, and you are not one of them."))


@dataclass(frozen=True, slots=True)
class Named:
    """A member who can open a restricted case."""

    id: UUID
    name: str


def circle_id(case_id: UUID) -> UUID:
    """The owner of a restricted case's own key. It stands in wraps where the team stands otherwise."""
    return named_id("restricted-case", case_id.hex)


def holder_of(case: Case) -> UUID:
    """Who holds the keys of the case at the desk: the team, or of a restricted case the circle of its named members."""
    return circle_id(case.id) if case.restricted else case.team_id


def _is_named(case_id: Any, member_id: Any) -> sa.ColumnElement[bool]:
    """Whether an active member holds the key that the case's data keys are sealed to, as SQL."""
    return (
        sa.exists()
        .where(
            CaseWrap.case_id == case_id,
            CaseWrap.kind == "team",
            KeyGrant.sealing_key_id == CaseWrap.key_id,
            Member.key_id == KeyGrant.holder_key_id,
            Member.id == member_id,
            Member.active,
        )
        .correlate_except(CaseWrap, KeyGrant, Member)
    )


def hidden_from(member_id: Any) -> sa.ColumnElement[bool]:
    """Whether the case of a row is restricted and this member is not named, as SQL over `Case`."""
    return sa.and_(Case.restricted, sa.not_(_is_named(Case.id, member_id)))


def is_named(session: Session, case_id: UUID, member_id: UUID) -> bool:
    return bool(session.scalar(sa.select(_is_named(case_id, member_id))))


def refuse_unnamed(session: Session, case: Case, member_id: UUID | None) -> None:
    """Raises RestrictedCase unless everybody of the team may open the case, or this member is named. No member: nobody is."""
    if case.restricted and (member_id is None or not is_named(session, case.id, member_id)):
        raise RestrictedCase


_NAMED: Final = (
    sa.select(Member.id, Member.name)
    .join(KeyGrant, KeyGrant.holder_key_id == Member.key_id)
    .join(SealingKey, SealingKey.id == KeyGrant.sealing_key_id)
    .where(SealingKey.owner_id == sa.bindparam("circle", type_=sa.Uuid()), SealingKey.active, Member.active)
    .order_by(Member.name)
)


def named(session: Session, case_id: UUID) -> list[Named]:
    """The active members who can open the restricted case, by name."""
    return [Named(row.id, row.name) for row in session.execute(_NAMED, {"circle": circle_id(case_id)})]


def named_of(session: Session, case_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """The named members of those of these cases that are restricted, by case. One statement."""
    if not case_ids:
        return {}
    rows = session.execute(
        sa.select(Case.id, Member.id.label("member_id"))
        .outerjoin(CaseWrap, sa.and_(CaseWrap.case_id == Case.id, CaseWrap.kind == "team"))
        .outerjoin(KeyGrant, KeyGrant.sealing_key_id == CaseWrap.key_id)
        .outerjoin(Member, sa.and_(Member.key_id == KeyGrant.holder_key_id, Member.active))
        .where(Case.id.in_(list(case_ids)), Case.restricted)
    )
    found: dict[UUID, set[UUID]] = {}
    for case_id, member_id in rows:
        found.setdefault(case_id, set()).update([member_id] if member_id is not None else [])
    return {case_id: frozenset(members) for case_id, members in found.items()}


def new_key(session: Session, case_id: UUID, team_id: UUID, members: Sequence[Member], now: datetime) -> SealingKey:
    """A new key of the case, granted to these members and to the recovery keys that hold the team's key.

    The grants of the case's former key are deleted.
    """
    owner_id = circle_id(case_id)
    destroy_grants(session, case_id)
    pair = KeyPair.generate()
    key = keyholders.register(session, OwnerKind.TEAM, owner_id, pair.public, now, case_id=case_id)
    of_team = keyholders.active_key(session, team_id)
    recovery = session.scalars(
        sa.select(SealingKey)
        .join(KeyGrant, KeyGrant.holder_key_id == SealingKey.id)
        .where(
            KeyGrant.sealing_key_id == (of_team.id if of_team else None),
            SealingKey.owner_kind == OwnerKind.RECOVERY.value,
            SealingKey.active,
        )
    ).all()
    for holder in [*(keyholders.by_id(session, member.key_id) for member in members), *recovery]:
        keyholders.grant(session, key, pair.seed, holder)
    return key


def recover(session: Session, seed: bytes, label: str, name: str, now: datetime) -> int:
    """Grant a member of its team the key of a restricted case with the recovery key; returns 0 if they hold it already.

    Audited. Raises WrongKey (not a recovery key, or not of this case), NotFound (no such member of the team, or restricted case).
    """
    case = session.scalars(sa.select(Case).where(Case.label == label, Case.restricted)).one_or_none()
    key = keyholders.active_key(session, circle_id(case.id)) if case is not None else None
    if case is None or key is None:
        raise NotFound("There is no restricted case with this label.")
    held = recovery.granted_seeds(session, seed)
    if key.id not in held:
        raise WrongKey("This recovery key does not hold the key of this case.")
    member = session.scalars(
        sa.select(Member).where(Member.name == name.strip().casefold(), Member.active, Member.team_id == case.team_id)
    ).one_or_none()
    if member is None:
        raise NotFound("There is no active member of this name in the team of the case.")
    if is_named(session, case.id, member.id):
        return 0
    keyholders.grant(session, key, held[key.id], keyholders.by_id(session, member.key_id))
    audit.record(
        session, actor_kind="console", actor_id="-", action="recovery:case_granted", subject_kind="case",
        subject_id=case.id, codes={"member": member.id.hex}, now=now,
    )  # fmt: skip
    return 1


def end_key(session: Session, case_id: UUID) -> None:
    """The case has no key of its own any more: the restriction was lifted, or the case was erased."""
    destroy_grants(session, case_id)
    own = sa.update(SealingKey).where(SealingKey.owner_id == circle_id(case_id))
    session.execute(own.values(active=False))


def destroy_grants(session: Session, case_id: UUID) -> None:
    """Delete the grants of every key that the restricted case has had: nobody holds one any more."""
    keys = sa.select(SealingKey.id).where(SealingKey.owner_id == circle_id(case_id))
    session.execute(sa.delete(KeyGrant).where(KeyGrant.sealing_key_id.in_(keys)))


def end_unused_keys(session: Session) -> int:
    """Delete the grants of cases' own keys to which nothing is sealed, as after an erasure by the person; returns how many."""
    used = sa.exists().where(CaseWrap.key_id == SealingKey.id)
    unused = sa.select(SealingKey.id).where(SealingKey.case_id.is_not(None), sa.not_(used))
    gone = session.execute(sa.delete(KeyGrant).where(KeyGrant.sealing_key_id.in_(unused)))
    session.execute(
        sa.update(SealingKey)
        .where(SealingKey.id.in_(unused), SealingKey.active)
        .values(active=False)
        .execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class RestrictedLabel:
    """That a restricted case exists, for those who oversee: its label, and how many active members can open it."""

    label: str
    named: int

    @property
    def has_too_few(self) -> bool:
        return self.named < FEWEST


def overview(session: Session, limit: int = 100) -> list[RestrictedLabel]:
    """The restricted cases that are not erased, those with the fewest names first. One statement."""
    count = sa.func.count(Member.id.distinct())
    rows = session.execute(
        sa.select(Case.label, count.label("named"))
        .outerjoin(CaseWrap, sa.and_(CaseWrap.case_id == Case.id, CaseWrap.kind == "team"))
        .outerjoin(KeyGrant, KeyGrant.sealing_key_id == CaseWrap.key_id)
        .outerjoin(Member, sa.and_(Member.key_id == KeyGrant.holder_key_id, Member.active))
        .where(Case.restricted, Case.state != "erased")
        .group_by(Case.label)
        .order_by(count, Case.label)
        .limit(limit)
    )
    return [RestrictedLabel(row.label, row.named) for row in rows]


def with_fewest_names() -> sa.Select[UUID]:
    """The ids of restricted cases that fewer than two active members can open, as a select over `Case`."""
    able = (
        sa.select(sa.func.count(Member.id.distinct()))
        .select_from(CaseWrap)
        .join(KeyGrant, KeyGrant.sealing_key_id == CaseWrap.key_id)
        .join(Member, sa.and_(Member.key_id == KeyGrant.holder_key_id, Member.active))
        .where(CaseWrap.case_id == Case.id, CaseWrap.kind == "team")
        .correlate(Case)
        .scalar_subquery()
    )
    return sa.select(Case.id).where(Case.restricted, able < FEWEST).order_by(Case.due_on, Case.id)
