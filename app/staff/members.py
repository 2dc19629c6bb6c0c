"""Management of members by colleagues: invite an auditor, grant the team's key, lift a lockout, deactivate.

An admin manages accounts but holds no key. A key can be granted only by a signed-in member who holds it, and only to somebody
whose seat two people wanted. Everything else that leads to sealed parts is proposed: `app/staff/access_changes.py`.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.audit.models import AuditEntry
from app.core import keyholders
from app.core.db import acquire_advisory_lock
from app.core.errors import Conflict, NotAllowed, NotFound
from app.core.i18n import Translatable
from app.core.keyholders import KeyGrant, SealingKey
from app.core.keyring import KeyRing
from app.messaging import member_settings
from app.staff import invitations, known_browsers, passkeys, proposals, rota, seats, sessions
from app.staff import service as staff
from app.staff.invitations import Invitee
from app.staff.models import Member, Proposal, Role
from app.staff.sessions import SignedIn

ACCESS_RESTORED_FOR: Final = timedelta(minutes=15)
MOST_RESTORED_A_DAY: Final = 3
"""How often one member's lockout is lifted in 24 hours, by whomever: each time is a quarter of an hour of tries without waiting."""
_LET_IN: Final = "member:let_in"
INVITES: Final = {
    Role.ADMIN: frozenset({Role.COORDINATOR, Role.SENIOR, Role.AUDITOR, Role.PARTNER}),
    Role.SENIOR: frozenset({Role.COORDINATOR}),
    Role.PARTNER: frozenset({Role.PARTNER}),
}
_SWITCHABLE: Final = frozenset({Role.COORDINATOR, Role.SENIOR})
_LOCK: Final = 0x50525F4D45


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member as colleagues see them.

    `has_key`: whether they hold the active key of their team or organisation; None: no key exists.
    """

    id: UUID
    name: str
    role: Role
    team_id: UUID | None
    organisation_id: UUID | None
    active: bool
    has_key: bool | None
    key_id: UUID
    fingerprint: str
    waits: bool


def colleagues(session: Session, caller: SignedIn, now: datetime) -> list[Colleague]:
    """The members that this member may see: all for an admin, else those of the same team or organisation. One statement."""
    place_key, own_key = sa.orm.aliased(SealingKey), sa.orm.aliased(SealingKey)
    owner_id = sa.func.coalesce(Member.team_id, Member.organisation_id)
    query = (
        sa.select(Member, place_key.id.label("place_key"), own_key.public_key, KeyGrant.id.label("granted"))
        .join(own_key, own_key.id == Member.key_id)
        .outerjoin(place_key, sa.and_(place_key.owner_id == owner_id, place_key.active))
        .outerjoin(KeyGrant, sa.and_(KeyGrant.sealing_key_id == place_key.id, KeyGrant.holder_key_id == Member.key_id))
        .order_by(Member.active.desc(), Member.role, Member.name)
    )
    if caller.role is not Role.ADMIN:
        query = query.where(_same_team_or_organisation(caller))
    return [
        Colleague(
            id=row.Member.id,
            name=row.Member.name,
            role=Role(row.Member.role),
            team_id=row.Member.team_id,
            organisation_id=row.Member.organisation_id,
            active=row.Member.active,
            has_key=(row.granted is not None) if row.place_key is not None else None,
            key_id=row.Member.key_id,
            fingerprint=fingerprint(row.public_key),
            waits=row.Member.wait_until is not None and now < row.Member.wait_until,
        )
        for row in session.execute(query)
    ]


def seated_by_one(session: Session, colleagues: Sequence[Colleague]) -> frozenset[UUID]:
    """Members who wait for the key and whose seat only one person approved: granting it to them has to be proposed."""
    waiting = [colleague.id for colleague in colleagues if colleague.active and colleague.has_key is False]
    return frozenset(member_id for member_id in waiting if not seats.is_seated_by_two(session, member_id))


def _same_team_or_organisation(caller: SignedIn) -> sa.ColumnElement[bool]:
    if caller.team_id is not None:
        return Member.team_id == caller.team_id
    if caller.organisation_id is not None:
        return Member.organisation_id == caller.organisation_id
    return Member.id == caller.member_id


def fingerprint(public_key: bytes) -> str:
    """Thirty digits of a public key in groups of five, to compare by voice. If they differ, somebody has tampered with the key."""
    number = int.from_bytes(hashlib.sha256(b"pristan/fingerprint" + public_key).digest(), "big") % 10**30
    text = f"{number:030d}"
    return " ".join(text[at : at + 5] for at in range(0, 30, 5))


def refuse_invitation(caller: SignedIn, seat: Invitee) -> None:
    """Raises NotAllowed if this member may not invite to this role, team or organisation."""
    if seat.role not in INVITES.get(caller.role, frozenset()):
        raise NotAllowed("Your role may not invite this role. A new admin is proposed, and approved by somebody else.")
    if caller.role is not Role.ADMIN and (seat.team_id, seat.organisation_id) != (
        caller.team_id,
        caller.organisation_id,
    ):
        raise NotAllowed("You may only invite people to your own team or organisation.")


def invite_auditor(session: Session, keys: KeyRing, caller: SignedIn, seat: Invitee, now: datetime) -> str:
    """Create a code for a new auditor, who never holds a key. Every other seat is proposed. Raises NotAllowed, Conflict."""
    refuse_invitation(caller, seat)
    if seat.role is not Role.AUDITOR:
        raise NotAllowed("Such a seat takes two people. Propose it.")
    return invitations.invite(session, keys, seat, by=caller.member_id, now=now)


def restore_access(session: Session, caller: SignedIn, member_id: UUID, now: datetime) -> None:
    """Lift a member's lockout and suspend it for 15 minutes, when a stranger's failed attempts lock them out.

    Raises NotFound, NotAllowed, Conflict (done `MOST_RESTORED_A_DAY` times already).
    """
    member = manageable_member(session, caller, member_id)
    done = sa.select(sa.func.count()).where(
        AuditEntry.subject_id == member.id.hex, AuditEntry.action == _LET_IN, AuditEntry.at > now - timedelta(days=1)
    )
    if (session.scalar(done) or 0) >= MOST_RESTORED_A_DAY:
        raise Conflict(
            Translatable(
                "The lockout of this member was lifted {most} times in the last 24 hours. Somebody may be guessing "
                "their passphrase. They can sign in when the waiting time is over, or you can propose a way back for them.",
                most=MOST_RESTORED_A_DAY,
            )
        )
    member.let_in_until, member.failures, member.wait_until = now + ACCESS_RESTORED_FOR, 0, None
    _note(session, caller, member, _LET_IN, now)


def grantee(session: Session, caller: SignedIn, member_id: UUID, key_id: UUID | None) -> Member:
    """The colleague, locked, if this session holds a key to grant them, and `key_id` is the key whose fingerprint was compared.

    Raises NotFound (another team or organisation), NotAllowed (the caller holds no key), Conflict (the colleague is deactivated,
    or has got another key since their fingerprint was shown).
    """
    member = _visible_member(session, caller, member_id)
    if not member.active:
        raise Conflict("This member is deactivated.")
    owner_id = caller.team_id or caller.organisation_id
    if owner_id is None or not _keys_of(session, owner_id, caller.keys_of(session)):
        raise NotAllowed("You hold no key to grant.")
    refuse_other_key(member, key_id)
    return member


def refuse_other_key(member: Member, key_id: UUID | None) -> None:
    """Raises Conflict unless the member still has the key whose fingerprint was shown and compared."""
    if member.key_id != key_id:
        raise Conflict(
            "This member has come back with another key since you saw their fingerprint. Compare the fingerprint again, by voice."
        )


def _keys_of(session: Session, owner_id: UUID, held: Collection[UUID]) -> Sequence[SealingKey]:
    return session.scalars(
        sa.select(SealingKey).where(SealingKey.id.in_(list(held)), SealingKey.owner_id == owner_id)
    ).all()


def grant(
    session: Session,
    caller: SignedIn,
    member_id: UUID,
    now: datetime,
    *,
    key_id: UUID | None,
    approved: bool = False,
) -> int:
    """Grant a colleague every key of the shared team or organisation that this session holds; returns how many they lacked.

    `key_id`: the colleague's own key, whose fingerprint was compared. Their seat must have been approved by two people, or a
    second person has approved this very grant (`approved`). A holder who had no part in seating them vouches for them by granting.
    Raises NotFound, NotAllowed, Conflict, as `grantee` does.
    """
    member = grantee(session, caller, member_id, key_id)
    if not approved and not seats.is_seated_by_two(session, member.id):
        raise NotAllowed("This member joined when one person was enough. Propose to grant them the key.")
    held = caller.keys_of(session)
    has = set(session.scalars(sa.select(KeyGrant.sealing_key_id).where(KeyGrant.holder_key_id == member.key_id)))
    holder = keyholders.by_id(session, member.key_id)
    owner_id = caller.team_id or caller.organisation_id
    new = [key for key in _keys_of(session, owner_id, held) if key.id not in has] if owner_id else []
    for key in new:
        keyholders.grant(session, key, held[key.id].seed, holder)
    if new:
        seats.end_ties(session, caller.member_id, member.id, now)
        _note(session, caller, member, "member:key_granted", now)
    return len(new)


def refuse_role(caller: SignedIn, member: Member, role: Role) -> None:
    """Raises NotAllowed (not a change that this member may make), Conflict (they have this role, or are deactivated)."""
    if caller.role is not Role.ADMIN or {role, Role(member.role)} - _SWITCHABLE:
        raise NotAllowed("Only coordinator and senior can be exchanged. For any other role, send a new invitation.")
    if member.role == role:
        raise Conflict("The member already has this role.")
    if not member.active:
        raise Conflict("This member is deactivated.")


def make_senior(
    session: Session, caller: SignedIn, member_id: UUID, now: datetime, *, approved_by: UUID | None
) -> None:
    """Make a coordinator a senior, as was proposed and approved. Raises NotFound, NotAllowed, Conflict."""
    member = manageable_member(session, caller, member_id)
    refuse_role(caller, member, Role.SENIOR)
    seats.record(session, member.id, seats.ROLE, now, proposed_by=caller.member_id, approved_by=approved_by)
    _change_role(session, caller, member, Role.SENIOR, now)


def make_coordinator(session: Session, caller: SignedIn, member_id: UUID, now: datetime) -> None:
    """Make a senior a coordinator again. It needs no proposal, because it opens nothing. Raises NotFound, NotAllowed, Conflict."""
    member = manageable_member(session, caller, member_id)
    refuse_role(caller, member, Role.COORDINATOR)
    proposals.refuse_removing_objector(session, caller, member, now)
    _change_role(session, caller, member, Role.COORDINATOR, now)


def _change_role(session: Session, caller: SignedIn, member: Member, role: Role, now: datetime) -> None:
    """Change the role and end the member's sessions."""
    member.role = role.value
    sessions.end_sessions(session, member.id)
    known_browsers.forget(session, member.id)
    _note(session, caller, member, "member:role_changed", now)


def deactivate(session: Session, caller: SignedIn, member_id: UUID, now: datetime) -> None:
    """Deactivate a member: sessions, passkeys and key grants are deleted in this transaction; records of what they did keep
    their name.

    Codes that they made, approved or could use become void, and what they proposed or approved ends.

    Deactivations take turns (an advisory lock): of two members who deactivate each other at the same time the second is refused,
    and the last two of something are never deactivated together.

    Raises NotFound, NotAllowed, and Conflict when they are the last admin, the last member of an organisation or the last holder of
    a key, or can stop what the caller has proposed, and when the caller has been deactivated in the meantime.
    """
    acquire_advisory_lock(session, _LOCK)
    if not session.scalar(sa.select(Member.active).where(Member.id == caller.member_id)):
        raise Conflict("You have been deactivated in the meantime.")
    member = manageable_member(session, caller, member_id)
    if not member.active:
        raise Conflict("This member is already deactivated.")
    _refuse_the_last(session, member)
    proposals.refuse_removing_objector(session, caller, member, now)
    member.active = False
    invitations.delete_of(session, member.id)
    proposals.end(
        session,
        now,
        Proposal.proposed_by == member.id,
        Proposal.decided_by == member.id,
        Proposal.confirmed_by == member.id,
        Proposal.member_id == member.id,
    )
    session.execute(sa.delete(KeyGrant).where(KeyGrant.holder_key_id == member.key_id))
    sessions.end_sessions(session, member.id)
    passkeys.forget(session, member.id)
    known_browsers.forget(session, member.id)
    if member.organisation_id is None:
        member_settings.forget(session, member.id)
    if member.team_id is not None:
        rota.remove(session, member.team_id, member.id, now)
    _note(session, caller, member, "member:deactivated", now)


def _refuse_the_last(session: Session, member: Member) -> None:
    if member.role == Role.ADMIN:
        others = sa.select(Member.id).where(Member.role == "admin", Member.active, Member.id != member.id)
        if session.scalar(others.limit(1)) is None:
            raise Conflict("This is the last admin. Add another admin first.")
    if member.organisation_id is not None:
        colleagues = sa.select(Member.id).where(
            Member.organisation_id == member.organisation_id, Member.active, Member.id != member.id
        )
        if session.scalar(colleagues.limit(1)) is None:
            raise Conflict(
                "This is the only member of the organisation, and so the only one who sees who joins it. "
                "Propose a second member first."
            )
    mine = sa.select(KeyGrant.sealing_key_id).where(KeyGrant.holder_key_id == member.key_id)
    key_ids = session.scalars(mine).all()
    shared = sa.select(KeyGrant.sealing_key_id).where(
        KeyGrant.sealing_key_id.in_(key_ids),
        KeyGrant.holder_key_id.in_(sa.select(Member.key_id).where(Member.active, Member.id != member.id)),
    )
    alone = set(key_ids) - set(session.scalars(shared))
    if alone and session.scalar(
        sa.select(SealingKey.id).where(SealingKey.id.in_(alone), SealingKey.case_id.is_not(None)).limit(1)
    ):
        raise Conflict(
            "This member is the only one who can open a restricted case. They have to name somebody else first. If they cannot, "
            "whoever has the recovery key can give it to a colleague: `pristan recover NAME --case LABEL`. The audit page lists "
            "these cases."
        )
    if alone:
        raise Conflict("Nobody else holds all the keys of this member. Grant them to a colleague first.")


def lock(session: Session, member_id: UUID) -> Member | None:
    """The member, with their row locked until the transaction ends; None if there is none."""
    return session.get(Member, member_id, with_for_update=True, populate_existing=True)


def _visible_member(session: Session, caller: SignedIn, member_id: UUID) -> Member:
    """A member that `who` may see, with the row locked. Raises NotFound, also for a member of another team."""
    member = lock(session, member_id)
    owner = (caller.team_id, caller.organisation_id)
    if member is None or (caller.role is not Role.ADMIN and (member.team_id, member.organisation_id) != owner):
        raise NotFound("There is no such member.")
    return member


def manageable_member(session: Session, caller: SignedIn, member_id: UUID) -> Member:
    """A member that `who` may manage. Raises NotFound, NotAllowed."""
    member = _visible_member(session, caller, member_id)
    if member.id == caller.member_id:
        raise NotAllowed("Somebody else has to do this for you.")
    if Role(member.role) is Role.ADMIN and caller.role is not Role.ADMIN:
        raise NotAllowed("Only an admin may do this for an admin.")
    if caller.role is not Role.ADMIN and Role(member.role) not in INVITES.get(caller.role, frozenset()):
        raise NotAllowed("Your role may not do this for this member.")
    return member


def _note(session: Session, caller: SignedIn, member: Member, action: str, now: datetime) -> None:
    session.flush()
    audit.record(
        session,
        actor_kind="member",
        actor_id=caller.member_id.hex,
        action=action,
        subject_kind="member",
        subject_id=member.id,
        codes={"role": member.role},
        now=now,
    )
    staff.tell(session, member.id, action, now)


def names(session: Session, ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = session.execute(sa.select(Member.id, Member.name).where(Member.id.in_(list(ids))))
    return {row.id: row.name for row in rows}
