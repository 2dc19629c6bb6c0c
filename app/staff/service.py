"""Members and sign-in.

The passphrase, stretched with Argon2id and combined with the server's pepper, gives the key that encrypts the member's private
seed. Decrypting the seed *is* the check of the passphrase: there is no password hash that could be attacked without the key
file. The session that follows is in `sessions`.
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
from app.core.errors import Conflict, FieldError, Invalid
from app.core.i18n import LANGUAGES
from app.core.keyholders import OwnerKind, SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair
from app.staff import known_browsers, passkeys, passphrases, seats, sessions
from app.staff.known_browsers import KnownBrowser
from app.staff.models import Member, Role, Team, TeamCountry
from app.staff.passkeys import Passkey, RelyingParty
from app.staff.sessions import SignedIn

__all__ = ["SignedIn"]

MIN_PASSPHRASE: Final = passphrases.MIN_LENGTH
_ARGON2_PASSES: Final = 3  # RFC 9106, second choice: 64 MiB, three passes
_ARGON2_MEMORY_KIB: Final = 65_536
_TOTP_STEP: Final = 30
_FREE_FAILURES: Final = 5
_LOCKOUT: Final = timedelta(minutes=5)
_SALT_BYTES: Final = 16
BARE_SEED_BYTES: Final = sealing.NONCE_BYTES + sealing.SEED_BYTES + 16
"""Of a sealed seed: nonce, seed, tag."""


@dataclass(frozen=True, slots=True)
class NewMember:
    member: Member
    key: SealingKey
    totp_secret: str


def add_team(
    session: Session, slug: str, name: str, countries: list[str], now: datetime
) -> tuple[Team, SealingKey, bytes]:
    """Create a team with a new key. Also returns the private seed, which the caller grants to members and the recovery key."""
    team = add_team_without_key(session, slug, name, countries, now)
    key, seed = add_team_key(session, team.id, now)
    return team, key, seed


def add_team_without_key(session: Session, slug: str, name: str, countries: Iterable[str], now: datetime) -> Team:
    """Create a team that has its countries to itself and takes no request until it has a key."""
    team = Team(id=uuid4(), slug=slug, name=name, created_at=now)
    session.add(team)
    session.flush()
    session.add_all(TeamCountry(country=country, team_id=team.id) for country in countries)
    session.flush()
    return team


def add_team_key(session: Session, team_id: UUID, now: datetime) -> tuple[SealingKey, bytes]:
    """Create the key of a team. Also returns the private seed, which the caller grants to members and the recovery key."""
    pair = KeyPair.generate()
    return keyholders.register(session, OwnerKind.TEAM, team_id, pair.public, now), pair.seed


_HAS_KEY: Final = sa.exists().where(SealingKey.owner_id == TeamCountry.team_id, SealingKey.active)
"""Whether anything can be sealed to the team: one that was made at the desk has no key at first."""
_TEAM_FOR: Final = sa.select(TeamCountry.team_id).where(
    TeamCountry.country == sa.bindparam("country", type_=sa.String(2)), _HAS_KEY
)


def team_for(session: Session, country: str) -> UUID | None:
    """The team that takes the cases of this country."""
    return session.connection().scalar(_TEAM_FOR, {"country": country})


def served_countries(session: Session) -> frozenset[str]:
    """The countries from which a team of this installation takes requests: it has a key."""
    return frozenset(session.scalars(sa.select(TeamCountry.country).where(_HAS_KEY)))


def taken_countries(session: Session) -> frozenset[str]:
    """The countries that a team has, also one without a key yet: no other team can be given them."""
    return frozenset(session.scalars(sa.select(TeamCountry.country)))


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
    """Create a member at the command line: with their own key pair and one-time password secret; they hold no other key yet.

    Raises Conflict when the name is taken, ValueError when the passphrase is shorter than 12 characters.
    """
    new = enrol(
        session,
        keys,
        name,
        role,
        seal_seed(keys, uuid4(), passphrase),
        pyotp.random_base32(),
        now,
        team_id=team_id,
        organisation_id=organisation_id,
    )
    seats.record(session, new.member.id, seats.CONSOLE, now)
    return new


@dataclass(frozen=True, slots=True)
class SealedSeed:
    """A private seed and its encryption under a passphrase. Its repr shows nothing."""

    member_id: UUID
    seed: bytes
    salt: bytes
    sealed: bytes
    passphrase_form: int = passphrases.FORM

    def __repr__(self) -> str:
        return "SealedSeed(…)"


def seal_seed(keys: KeyRing, member_id: UUID, passphrase: str, seed: bytes | None = None) -> SealedSeed:
    """Encrypt a seed (a new one unless given) with a passphrase. Takes most of a second: call it outside any transaction.

    Raises ValueError when the passphrase is shorter than 12 characters.
    """
    passphrase = passphrases.normalised(passphrase)
    if len(passphrase) < MIN_PASSPHRASE:
        raise ValueError(f"a passphrase has at least {MIN_PASSPHRASE} characters")
    seed, salt = seed or KeyPair.generate().seed, secrets.token_bytes(_SALT_BYTES)
    kek = _kek(keys, passphrase, salt)
    return SealedSeed(member_id, seed, salt, sealing.encrypt(kek, seed, _seed_binding(member_id)))


def enrol(
    session: Session,
    keys: KeyRing,
    name: str,
    role: Role,
    seed: SealedSeed,
    totp_secret: str,
    now: datetime,
    *,
    team_id: UUID | None = None,
    organisation_id: UUID | None = None,
) -> NewMember:
    """Create a member from a seed that was sealed outside the transaction. Raises Conflict when the name is taken."""
    name = normalised_name(name)
    if session.scalar(sa.select(Member.id).where(Member.name == name)) is not None:
        raise Conflict("A member with this name exists.")
    key = keyholders.register(session, OwnerKind.MEMBER, seed.member_id, KeyPair.from_seed(seed.seed).public, now)
    member = Member(
        id=seed.member_id,
        name=name,
        role=role,
        team_id=team_id,
        organisation_id=organisation_id,
        key_id=key.id,
        salt=seed.salt,
        sealed_seed=encrypt_seed(keys, seed),
        passphrase_form=seed.passphrase_form,
        totp_secret=encrypt_totp_secret(keys, seed.member_id, totp_secret),
        created_at=now,
    )
    session.add(member)
    session.flush()
    return NewMember(member, key, totp_secret)


def encrypt_seed(keys: KeyRing, seed: SealedSeed) -> bytes:
    """The value for a member's row: the sealed seed, encrypted again under the epoch key, because the pepper is never replaced."""
    if not keys.hides:
        return seed.sealed
    return keys.encrypt(seed.sealed, "members", str(seed.member_id), "sealed_seed", "1")


def _decrypt_seed(keys: KeyRing, member_id: UUID, stored: bytes) -> bytes:
    if len(stored) == BARE_SEED_BYTES:  # from before seeds were encrypted under the epoch key too
        return stored
    return keys.decrypt(stored, "members", str(member_id), "sealed_seed", "1")


def encrypt_totp_secret(keys: KeyRing, member_id: UUID, secret: str) -> bytes:
    return keys.encrypt(secret.encode(), "members", str(member_id), "totp_secret", "1")


def change_passphrase(
    session: Session,
    keys: KeyRing,
    tried: "SignInAttempt",
    seed: SealedSeed,
    now: datetime,
    *,
    keep_session: str | None,
) -> None:
    """Store the newly sealed seed and end the member's other sessions. Raises Conflict when it was changed in the meantime."""
    member = session.get(Member, seed.member_id, with_for_update=True, populate_existing=True)
    if member is None or member.salt != tried.salt:
        raise Conflict("The passphrase has been changed in the meantime. Sign in again.")
    member.salt, member.sealed_seed, member.passphrase_form = seed.salt, encrypt_seed(keys, seed), seed.passphrase_form
    sessions.end_sessions(session, member.id, but=keep_session)
    known_browsers.forget(session, member.id)
    record_account_event(session, member.id, "staff:passphrase_changed", now)
    session.flush()


def change_totp(
    session: Session, keys: KeyRing, member_id: UUID, secret: str, now: datetime, *, keep_session: str | None
) -> None:
    """Set a new one-time password secret and end the member's other sessions."""
    member = session.get_one(Member, member_id, with_for_update=True, populate_existing=True)
    member.totp_secret, member.totp_step = (
        encrypt_totp_secret(keys, member_id, secret),
        int(now.timestamp()) // _TOTP_STEP,
    )
    sessions.end_sessions(session, member_id, but=keep_session)
    record_account_event(session, member_id, "staff:code_app_changed", now)
    session.flush()


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """The part of a member's row that checking a passphrase needs; no transaction is open while it is stretched.

    `member_id` None: nobody has this name; the work is done anyway, so that timing does not reveal that. Its repr shows
    nothing.
    """

    member_id: UUID | None
    salt: bytes
    sealed_seed: bytes
    form: int | None = passphrases.FORM
    """How the passphrase was normalised when it was set; None: it counts exactly as it was typed."""

    def __repr__(self) -> str:
        return "SignInAttempt(…)"


def begin_sign_in(session: Session, name: str) -> SignInAttempt:
    """First step of signing in: read the member with this name."""
    row = session.execute(
        sa.select(Member.id, Member.salt, Member.sealed_seed, Member.passphrase_form).where(
            Member.name == normalised_name(name), Member.active
        )
    ).one_or_none()
    if row is None:
        return SignInAttempt(None, bytes(_SALT_BYTES), b"")
    return SignInAttempt(row.id, row.salt, row.sealed_seed, row.passphrase_form)


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """The second factor: a one-time code, or a passkey's answer to the challenge of this form.

    `browser` is the cookie secret of a known browser. Its repr shows nothing.
    """

    code: str = ""
    passkey: str = ""
    site: RelyingParty | None = None
    bound_to: str = ""
    browser: str | None = None

    def __repr__(self) -> str:
        return "SecondFactor(…)"


def is_expected(session: Session, keys: KeyRing, tried: SignInAttempt, second: SecondFactor, now: datetime) -> bool:
    """Whether this looks like the member themself, before anything costly is done: a browser that has signed them in before, or
    one of their passkeys. It only decides in which queue they wait; only reads."""
    if tried.member_id is None:
        return False
    if known_browsers.is_known(session, keys, tried.member_id, second.browser, now):
        return True
    return bool(second.passkey) and passkeys.belongs_to(session, tried.member_id, second.passkey)


def open_seed(keys: KeyRing, tried: SignInAttempt, passphrase: str) -> bytes | None:
    """Second step: decrypt the member's private seed; None when the passphrase is wrong.

    Takes 64 MiB and most of a second: call it outside any transaction, and only a few at a time.
    """
    typed = passphrase if tried.form is None else passphrases.normalised(passphrase, tried.form)
    kek = _kek(keys, typed, tried.salt)
    if tried.member_id is None:
        return None
    try:
        return sealing.decrypt(
            kek, _decrypt_seed(keys, tried.member_id, tried.sealed_seed), _seed_binding(tried.member_id)
        )
    except CannotOpen:
        return None


def complete_sign_in(
    session: Session, keys: KeyRing, tried: SignInAttempt, seed: bytes | None, second: SecondFactor, now: datetime
) -> str | None:
    """Third step: check the second factor and start a session. Returns the secret for the cookie, or None, without a reason.

    The caller commits in either case, because failures are counted: after five in a row every attempt fails for five minutes; a
    successful one resets the count. A passkey and a known browser have their own counts, so that a stranger's attempts do not lock
    the member out. A code works once (RFC 6238 §5.2), and so does a passkey's answer. For an unknown name the same is written, so
    that timing does not reveal it.
    """
    passkey = None
    if second.passkey and second.site is not None:
        passkey = passkeys.check(session, keys, second.site, second.passkey, second.bound_to, now)
    if tried.member_id is None:
        _record_unknown_name(session, now)
        return None
    member = session.scalars(
        sa.select(Member).where(Member.id == tried.member_id, Member.active).with_for_update()
    ).one_or_none()
    if member is None or member.salt != tried.salt:  # each sealing has a salt of its own
        return None
    if passkey is not None and passkey.member_id != member.id:
        passkey = None
    count = passkey or known_browsers.known_browser(session, keys, member.id, second.browser, now) or member
    if _has_to_wait(count, now):
        record_account_event(session, member.id, "staff:sign_in_refused", now)
        return None
    step = None if passkey else _totp_step(keys, member, second.code, now)
    if step is not None:
        member.totp_step = (
            step  # used up even if the passphrase is wrong: whoever looked over a shoulder cannot try it again
        )
    if seed is None or (passkey is None and step is None):
        count.failures += 1
        if count.failures >= _FREE_FAILURES:
            count.wait_until = now + _LOCKOUT
        record_account_event(session, member.id, "staff:sign_in_failed", now)
        session.flush()
        return None
    count.failures, count.wait_until, member.let_in_until = 0, None, None
    record_account_event(session, member.id, "staff:signed_in", now)
    return sessions.start(session, member, seed, now, "passkey" if passkey else "code")


def _has_to_wait(count: Passkey | KnownBrowser | Member, now: datetime) -> bool:
    if isinstance(count, Member) and count.let_in_until is not None and now < count.let_in_until:
        return False
    return count.wait_until is not None and now < count.wait_until


def _record_unknown_name(session: Session, now: datetime) -> None:
    audit.record(
        session,
        actor_kind="member",
        actor_id="-",
        action="staff:sign_in_failed",
        subject_kind="member",
        subject_id="-",
        now=now,
    )


def key_id(session: Session, member_id: UUID) -> UUID:
    """The id of a member's own public key."""
    return session.get_one(Member, member_id).key_id


def record_account_event(session: Session, member_id: UUID, action: str, now: datetime) -> None:
    """Record in the audit log what a member did to their own account; the member is notified of the changes in `TOLD`."""
    audit.record(
        session,
        actor_kind="member",
        actor_id=member_id.hex,
        action=action,
        subject_kind="member",
        subject_id=member_id,
        now=now,
    )
    tell(session, member_id, action, now)


TOLD: Final = frozenset(
    {
        "staff:passphrase_changed", "staff:code_app_changed", "staff:passkey_added", "staff:passkey_removed",
        "member:returned", "member:key_granted", "member:role_changed", "member:let_in",
    }
)  # fmt: skip
"""The events of an account that its member is told of, on every page, until they have seen it."""


def tell(session: Session, member_id: UUID, action: str, now: datetime) -> None:
    """Notify a member of a change in how they sign in or in what they can open."""
    if action in TOLD:
        changed = sa.update(Member).where(Member.id == member_id)
        if action == "member:let_in":  # never in place of something graver that they have not seen yet
            changed = changed.where(Member.account_notice.is_(None))
        session.execute(changed.values(account_notice=action, account_notice_at=now))


def mark_told(session: Session, member_id: UUID) -> None:
    """Record that the member has seen the notice about a change of their account."""
    changed = sa.update(Member).where(Member.id == member_id)
    session.execute(changed.values(account_notice=None, account_notice_at=None))


def choose_language(session: Session, member_id: UUID, language: str) -> None:
    """Keep the language in which the member reads the pages of staff. Raises Invalid for one that we do not have."""
    if language not in LANGUAGES:
        detail = "Choose a language of the list."
        raise Invalid([FieldError(pointer="/language", code="unknown_code", detail=detail)])
    session.execute(sa.update(Member).where(Member.id == member_id).values(language=language))


def language_of_organisation(session: Session, organisation_id: UUID) -> str:
    """The language that most members of an organisation have chosen; English while nobody has. One statement."""
    chosen = session.scalar(
        sa.select(Member.language)
        .where(Member.organisation_id == organisation_id, Member.active, Member.language.is_not(None))
        .group_by(Member.language)
        .order_by(sa.func.count().desc(), Member.language)
        .limit(1)
    )
    return chosen or "en"


def names(session: Session, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Sign-in names by member id, including members who have left."""
    rows = session.execute(sa.select(Member.id, Member.name).where(Member.id.in_(set(ids))))
    return {row.id: row.name for row in rows}


def normalised_name(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _kek(keys: KeyRing, passphrase: str, salt: bytes) -> bytes:
    normal = unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")
    stretched = Argon2id(
        salt=salt, length=32, iterations=_ARGON2_PASSES, lanes=1, memory_cost=_ARGON2_MEMORY_KIB
    ).derive(normal)
    return sealing.derive(stretched, "staff:kek", salt=keys.derive("staff:pepper"))


def _seed_binding(member_id: UUID) -> bytes:
    return sealing.context("members", str(member_id), "sealed_seed", "1")


def _totp_step(keys: KeyRing, member: Member, code: str, now: datetime) -> int | None:
    """The 30-second step that this code belongs to (now, one before, one after), if it was not used before (RFC 6238 §5.2)."""
    secret = keys.decrypt(member.totp_secret, "members", str(member.id), "totp_secret", "1").decode()
    digits = "".join(str(unicodedata.digit(c)) for c in code[:16] if unicodedata.digit(c, None) is not None)
    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // _TOTP_STEP
    for step in (present, present - 1, present + 1):
        if step > member.totp_step and hmac.compare_digest(totp.at(step * _TOTP_STEP), digits):
            return step
    return None
