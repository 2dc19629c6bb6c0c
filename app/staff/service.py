"""Making members, signing in, and opening the keys that a session carries.

Passphrase → Argon2id → with the server's pepper → the key that closes the member's private seed. The seed opening *is* the
proof of the passphrase: there is no hash of it that could be tried without the key file. The session row holds the seed
again, closed with a key that only the cookie has.
"""

import hmac
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import pyotp
import sqlalchemy as sa
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy.orm import Session

from app import audit
from app.core import keyholders, sealing
from app.core.errors import Conflict, NotSignedIn
from app.core.keyholders import OwnerKind, SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair
from app.staff.models import Member, Role, StaffSession, Team, TeamCountry

MIN_PASSPHRASE: Final = 12
_PASSES: Final = 3  # RFC 9106, second choice: 64 MiB, three passes
_MEMORY_KIB: Final = 65_536
_TOTP_STEP: Final = 30
_FREE_FAILURES: Final = 5
_WAIT: Final = timedelta(minutes=5)
_SALT: Final = 16


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is asking, with the private key they opened at sign-in. Lives for one request; its repr shows no key."""

    member_id: UUID
    name: str
    role: Role
    team_id: UUID | None
    organisation_id: UUID | None
    key_id: UUID
    seed: bytes
    csrf: str
    seen_at: datetime

    def __repr__(self) -> str:
        return f"SignedIn(member_id={self.member_id}, role={self.role})"

    def keys_of(self, session: Session) -> dict[UUID, KeyPair]:
        """The team's or organisation's key pairs this member holds, by the id of the public key."""
        granted = keyholders.open_granted(session, self.key_id, KeyPair.from_seed(self.seed))
        return {key_id: KeyPair.from_seed(seed) for key_id, seed in granted.items()}


@dataclass(frozen=True, slots=True)
class NewMember:
    member: Member
    key: SealingKey
    totp_secret: str


def add_team(
    session: Session, slug: str, name: str, countries: list[str], now: datetime
) -> tuple[Team, SealingKey, bytes]:
    """A team with a fresh key. Gives the private seed too: the caller grants it to members and to the recovery key."""
    team = Team(id=uuid4(), slug=slug, name=name, created_at=now)
    session.add(team)
    session.flush()
    session.add_all(TeamCountry(country=country, team_id=team.id) for country in countries)
    pair = KeyPair.generate()
    key = keyholders.register(session, OwnerKind.TEAM, team.id, pair.public, now)
    return team, key, pair.seed


def team_for(session: Session, country: str) -> UUID | None:
    """The team that takes the cases of this country."""
    return session.scalar(sa.select(TeamCountry.team_id).where(TeamCountry.country == country))


def add_member(
    session: Session,
    keys: KeyRing,
    name: str,
    role: Role,
    passphrase: str,
    now: datetime,
    *,
    team_id: UUID | None = None,
    organisation_id: UUID | None = None,
) -> NewMember:
    """Somebody new, with a key pair and a one-time password secret of their own; they hold no other key yet.

    Raises Conflict when the name is taken, ValueError when the passphrase is shorter than 12 characters.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise ValueError(f"a passphrase has at least {MIN_PASSPHRASE} characters")
    name = _folded(name)
    if session.scalar(sa.select(Member.id).where(Member.name == name)) is not None:
        raise Conflict("A member of this name exists.")
    pair, member_id, salt = KeyPair.generate(), uuid4(), secrets.token_bytes(_SALT)
    key = keyholders.register(session, OwnerKind.MEMBER, member_id, pair.public, now)
    totp_secret = pyotp.random_base32()
    member = Member(
        id=member_id,
        name=name,
        role=role,
        team_id=team_id,
        organisation_id=organisation_id,
        key_id=key.id,
        salt=salt,
        sealed_seed=sealing.encrypt(_kek(keys, passphrase, salt), pair.seed, _seed_place(member_id)),
        totp_secret=keys.lock(totp_secret.encode(), "members", str(member_id), "totp_secret", "1"),
        created_at=now,
    )
    session.add(member)
    session.flush()
    return NewMember(member, key, totp_secret)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What proving a passphrase needs of a member's row, so that no transaction is open while it is stretched.

    `member_id` None: nobody has this name, and the work is done all the same. Its repr shows nothing.
    """

    member_id: UUID | None
    salt: bytes
    sealed_seed: bytes

    def __repr__(self) -> str:
        return "Attempt(…)"


def attempt(session: Session, name: str) -> Attempt:
    """First step of signing in: a look at the member of this name."""
    found = session.execute(
        sa.select(Member.id, Member.salt, Member.sealed_seed).where(Member.name == _folded(name), Member.active)
    ).one_or_none()
    return Attempt(found.id, found.salt, found.sealed_seed) if found else Attempt(None, bytes(_SALT), b"")


def prove(keys: KeyRing, tried: Attempt, passphrase: str) -> bytes | None:
    """Second step: the member's private seed, or None when the passphrase is wrong.

    Takes 64 MiB and a good part of a second; call it outside of any transaction, few at a time.
    """
    kek = _kek(keys, passphrase, tried.salt)
    if tried.member_id is None:
        return None
    try:
        return sealing.decrypt(kek, tried.sealed_seed, _seed_place(tried.member_id))
    except CannotOpen:
        return None


def admit(session: Session, keys: KeyRing, tried: Attempt, seed: bytes | None, code: str, now: datetime) -> str | None:
    """Third step: check the one-time code and start a session; gives the secret for the cookie, or None.

    The answer does not say what was wrong. The caller commits in either case, for failures are counted: after five in a
    row nothing is right for five minutes; a right one clears them. A code opens once (RFC 6238 §5.2).
    """
    if tried.member_id is None:
        return None
    member = session.scalars(
        sa.select(Member).where(Member.id == tried.member_id, Member.active).with_for_update()
    ).one_or_none()
    if member is None or member.sealed_seed != tried.sealed_seed:
        return None
    if member.wait_until is not None and now < member.wait_until:
        _note(session, member, "staff:sign_in_refused", now)
        return None
    step = _totp_step(keys, member, code, now)
    if seed is None or step is None:
        member.failures += 1
        if member.failures >= _FREE_FAILURES:
            member.wait_until = now + _WAIT
        _note(session, member, "staff:sign_in_failed", now)
        session.flush()
        return None
    member.failures, member.wait_until, member.totp_step = 0, None, step
    _note(session, member, "staff:signed_in", now)
    return _start(session, member, seed, now)


def _note(session: Session, member: Member, action: str, now: datetime) -> None:
    audit.record(
        session,
        actor_kind="member",
        actor_id=member.id.hex,
        action=action,
        subject_kind="member",
        subject_id=member.id,
        now=now,
    )


def _start(session: Session, member: Member, seed: bytes, now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    session_id = _session_id(secret)
    sealed = sealing.encrypt(_session_key(secret), seed, sealing.context("sessions", session_id.hex()))
    session.add(StaffSession(id=session_id, member_id=member.id, sealed_seed=sealed, started_at=now, seen_at=now))
    session.flush()
    return secret


def signed_in(session: Session, secret: str, now: datetime, *, idle: timedelta, longest: timedelta) -> SignedIn:
    """Who this cookie belongs to. Only reads; `seen` notes that they were here. Raises NotSignedIn."""
    session_id = _session_id(secret)
    found = session.execute(
        sa.select(StaffSession, Member)
        .join(Member, Member.id == StaffSession.member_id)
        .where(StaffSession.id == session_id, Member.active)
    ).one_or_none()
    if found is None:
        raise NotSignedIn
    row, member = found
    if now - row.seen_at > idle or now - row.started_at > longest:
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
        csrf=sealing.derive(secret.encode("utf-8", "surrogatepass"), "staff:csrf").hex(),
        seen_at=row.seen_at,
    )


def seen(session: Session, secret: str, now: datetime) -> None:
    """They were here: the idle time starts anew."""
    session.execute(sa.update(StaffSession).where(StaffSession.id == _session_id(secret)).values(seen_at=now))


def sign_out(session: Session, secret: str) -> None:
    session.execute(sa.delete(StaffSession).where(StaffSession.id == _session_id(secret)))


def end_sessions(session: Session, member_id: UUID) -> None:
    """At once, everywhere: after a change of role or keys."""
    session.execute(sa.delete(StaffSession).where(StaffSession.member_id == member_id))


def drop_stale_sessions(session: Session, now: datetime, *, idle: timedelta, longest: timedelta) -> int:
    stale = sa.or_(StaffSession.seen_at < now - idle, StaffSession.started_at < now - longest)
    return int(session.execute(sa.delete(StaffSession).where(stale)).rowcount)  # type: ignore[attr-defined]


def names(session: Session, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Sign-in names by member, also of those who have left."""
    found = session.execute(sa.select(Member.id, Member.name).where(Member.id.in_(set(ids))))
    return {row.id: row.name for row in found}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _kek(keys: KeyRing, passphrase: str, salt: bytes) -> bytes:
    normal = unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")
    stretched = Argon2id(salt=salt, length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB).derive(normal)
    return sealing.derive(stretched, "staff:kek", salt=keys.derive("staff:pepper"))


def _seed_place(member_id: UUID) -> bytes:
    return sealing.context("members", str(member_id), "sealed_seed", "1")


def _totp_step(keys: KeyRing, member: Member, code: str, now: datetime) -> int | None:
    """The 30-second step this code belongs to (now, one before, one after), if it was not used before: RFC 6238 §5.2."""
    secret = keys.unlock(member.totp_secret, "members", str(member.id), "totp_secret", "1").decode()
    digits = "".join(str(unicodedata.digit(c)) for c in code[:16] if unicodedata.digit(c, None) is not None)
    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // _TOTP_STEP
    for step in (present, present - 1, present + 1):
        if step > member.totp_step and hmac.compare_digest(totp.at(step * _TOTP_STEP), digits):
            return step
    return None


def _session_id(secret: str) -> bytes:
    return sealing.derive(secret.encode("utf-8", "surrogatepass"), "staff:session-id")


def _session_key(secret: str) -> bytes:
    return sealing.derive(secret.encode("utf-8", "surrogatepass"), "staff:session-key")
