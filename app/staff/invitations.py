"""Invitations: a code with which a new member joins, or a member who lost their passphrase returns.

A colleague passes the code on over another channel. It works once, within three days. Its twenty digits are 66 bits, too many
to guess, and only a MAC of it is stored. The new member holds no key yet: a colleague who has it grants it, after they have
compared the fingerprint by voice.
"""

import secrets
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import audit
from app.core import bulk, keyholders
from app.core.db import Base
from app.core.errors import Conflict, NotFound
from app.core.keyholders import KeyGrant, OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.staff import known_browsers, passkeys, proposals, seats, sessions
from app.staff import service as staff
from app.staff.models import Member, Proposal, Role, role_checks
from app.staff.service import SealedSeed

VALID_FOR: Final = timedelta(days=3)
_DIGITS: Final = 20
BINDING: Final = ("invitations", "code_mac")


class Invitation(Base):
    """An invitation code. `code_mac` is hidden under the epoch key (`KeyRing.hide`).

    `member_id` is set when an existing member returns with a new passphrase."""

    __tablename__ = "invitations"
    __table_args__ = role_checks()

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    code_mac: Mapped[bytes] = mapped_column(sa.LargeBinary(), unique=True)
    name: Mapped[str] = mapped_column(sa.String(64))
    role: Mapped[str] = mapped_column(sa.String(16))
    team_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"))
    organisation_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"))
    member_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    invited_by: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    approved_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Invitee:
    """An invited person: a name, a role, and the team or organisation."""

    name: str
    role: Role
    team_id: UUID | None = None
    organisation_id: UUID | None = None


def free_name(session: Session, name: str) -> str:
    """The name as it will be stored. Raises Conflict when a member has it."""
    normal = staff.normalised_name(name)
    if session.scalar(sa.select(Member.id).where(Member.name == normal)) is not None:
        raise Conflict("A member with this name exists. Choose another name, or let them return.")
    return normal


def invite(
    session: Session,
    keys: KeyRing,
    seat: Invitee,
    *,
    by: UUID | None,
    now: datetime,
    approved_by: UUID | None = None,
) -> str:
    """Create a code for a new member; an earlier code for the same name becomes void. Raises Conflict when the name is taken.

    `by` None: at the command line of the server.
    """
    name = free_name(session, seat.name)
    return _new(
        session, keys, Invitee(name, seat.role, seat.team_id, seat.organisation_id), None,
        by=by, approved_by=approved_by, now=now,
    )  # fmt: skip


def invite_back(
    session: Session, keys: KeyRing, member: Member, *, by: UUID | None, now: datetime, approved_by: UUID | None = None
) -> str:
    """Create a code for a member who lost their passphrase or code app. Nothing changes until it is used."""
    seat = Invitee(member.name, Role(member.role), member.team_id, member.organisation_id)
    return _new(session, keys, seat, member.id, by=by, approved_by=approved_by, now=now)


def _new(
    session: Session,
    keys: KeyRing,
    seat: Invitee,
    member_id: UUID | None,
    *,
    by: UUID | None,
    approved_by: UUID | None,
    now: datetime,
) -> str:
    session.execute(sa.delete(Invitation).where(Invitation.name == seat.name, Invitation.used_at.is_(None)))
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
    invitation = Invitation(
        id=uuid4(), code_mac=keys.hide(_mac(keys, code), *BINDING), name=seat.name, role=seat.role.value, team_id=seat.team_id,
        organisation_id=seat.organisation_id, member_id=member_id, invited_by=by, approved_by=approved_by, created_at=now,
        expires_at=now + VALID_FOR,
    )  # fmt: skip
    session.add(invitation)
    session.flush()
    action = "member:return_invited" if member_id else "member:invited"
    audit.record(
        session,
        actor_kind="member" if by else "console",
        actor_id=by.hex if by else "-",
        action=action,
        subject_kind="member" if member_id else "invitation",
        subject_id=member_id or invitation.id,
        codes={"role": seat.role.value, **({"approved_by": approved_by.hex} if approved_by else {})},
        now=now,
    )
    return " ".join(code[at : at + 4] for at in range(0, _DIGITS, 4))


_COUNTS: Final = sa.and_(
    sa.or_(
        Invitation.invited_by.is_(None),  # at the command line of the server
        Invitation.approved_by.is_not(None),
        sa.and_(Invitation.role == Role.AUDITOR.value, Invitation.member_id.is_(None)),
    ),
    ~sa.exists().where(
        sa.or_(Member.id == Invitation.invited_by, Member.id == Invitation.approved_by), sa.not_(Member.active)
    ),
)
"""Which codes count: a seat that leads to sealed parts takes two people, and both are still here."""


def find(session: Session, keys: KeyRing, code: str, now: datetime, *, lock: bool = False) -> Invitation:
    """The valid invitation of a code. Raises NotFound: mistyped, used, void and expired codes are not told apart."""
    query = sa.select(Invitation).where(
        Invitation.code_mac.in_(keys.hidden_forms(_mac(keys, code), *BINDING)),
        Invitation.used_at.is_(None),
        Invitation.expires_at > now,
        _COUNTS,
    )
    invitation = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if invitation is None:
        raise NotFound("This code is not valid: it was mistyped, used already, or has expired. Ask for a new one.")
    return invitation


def accept(
    session: Session,
    keys: KeyRing,
    code: str,
    seed: SealedSeed,
    totp_secret: str,
    now: datetime,
    *,
    language: str | None = None,
) -> Member:
    """Use a code: create the member, or give a returning one a new key pair and none of their earlier keys.

    `language`: in which they read the pages, one of `LANGUAGES`; None: as it was.

    Raises NotFound, Conflict.
    """
    invitation = find(session, keys, code, now, lock=True)
    invitation.used_at = now
    if invitation.member_id is None:
        member = staff.enrol(
            session, keys, invitation.name, Role(invitation.role), seed, totp_secret, now,
            team_id=invitation.team_id, organisation_id=invitation.organisation_id,
        ).member  # fmt: skip
    else:
        member = _renewed(session, keys, invitation.member_id, seed, totp_secret, now)
        proposals.end(session, now, Proposal.member_id == member.id)
    if language is not None:
        member.language = language
    how = seats.RETURNED if invitation.member_id else seats.JOINED
    seats.record(
        session, member.id, seats.CONSOLE if invitation.invited_by is None else how, now,
        proposed_by=invitation.invited_by, approved_by=invitation.approved_by,
    )  # fmt: skip
    audit.record(
        session,
        actor_kind="member",
        actor_id=member.id.hex,
        action="member:returned" if invitation.member_id else "member:joined",
        subject_kind="member",
        subject_id=member.id,
        codes={"role": member.role},
        now=now,
    )
    session.flush()
    if invitation.member_id is not None:
        staff.tell(session, member.id, "member:returned", now)
    return member


def _renewed(
    session: Session, keys: KeyRing, member_id: UUID, seed: SealedSeed, totp_secret: str, now: datetime
) -> Member:
    member = session.get_one(Member, member_id, with_for_update=True, populate_existing=True)
    key = keyholders.register(session, OwnerKind.MEMBER, member.id, KeyPair.from_seed(seed.seed).public, now)
    session.execute(sa.delete(KeyGrant).where(KeyGrant.holder_key_id == member.key_id))
    member.key_id, member.salt, member.sealed_seed = key.id, seed.salt, staff.encrypt_seed(keys, seed)
    member.passphrase_form = seed.passphrase_form
    member.totp_secret, member.totp_step = staff.encrypt_totp_secret(keys, member.id, totp_secret), 0
    member.active, member.failures, member.wait_until = True, 0, None
    sessions.end_sessions(session, member.id)
    passkeys.forget(session, member.id)
    known_browsers.forget(session, member.id)
    return member


def unused(session: Session, names: Collection[str], now: datetime) -> frozenset[str]:
    """The sign-in names, among these, that still have a usable code."""
    query = sa.select(Invitation.name).where(
        Invitation.name.in_(list(names)), Invitation.used_at.is_(None), Invitation.expires_at > now, _COUNTS
    )
    return frozenset(session.scalars(query))


def void(session: Session, name: str) -> bool:
    """Delete the unused code for a sign-in name; returns whether there was one."""
    gone = sa.delete(Invitation).where(Invitation.name == name, Invitation.used_at.is_(None))
    return bool(session.execute(gone).rowcount)  # type: ignore[attr-defined]


def delete_of(session: Session, member_id: UUID) -> None:
    """Delete the unused codes that this member made, approved or could use themself."""
    theirs = sa.or_(
        Invitation.invited_by == member_id, Invitation.approved_by == member_id, Invitation.member_id == member_id
    )
    session.execute(sa.delete(Invitation).where(theirs, Invitation.used_at.is_(None)))


def delete_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete invitations that were used or have expired; returns how many. The audit log keeps a record of each invitation."""
    over = sa.or_(Invitation.expires_at <= now, Invitation.used_at.is_not(None))
    return bulk.delete_some(session, Invitation, over, limit)


def _mac(keys: KeyRing, code: str) -> bytes:
    """The MAC of the code's digits, regardless of their script and grouping."""
    digits = "".join(str(unicodedata.digit(c)) for c in code[:80] if unicodedata.digit(c, None) is not None)
    return keys.mac("invitation", digits.encode())
