"""Makes, finds, tries and ends links to referrals. Whatever is wrong with a link, the answer is the same."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import bulk, sealing
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.links import codes
from app.links.models import ReferralLink
from app.referrals.models import Referral
from app.referrals.states import WITH_PARTNER

LASTS: Final = timedelta(days=30)
"""How long a link works at most; it ends earlier with its referral."""
VISIT_LASTS: Final = timedelta(hours=1)
"""How long a browser needs no code again."""
MAX_TRIES: Final = 10
"""So many wrong codes end the link."""
MAX_OPENINGS: Final = 20
"""So often the encrypted parts can be opened with one link."""
_CODE: Final = "link_code"
_EMPTY: Final = {
    "sealed_key": None, "sealed_code": None, "token": None, "visit_id": None, "visit_key": None, "visit_until": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewLink:
    """Token and code of a link that is about to be made, and the key that they give."""

    id: UUID
    token: str
    code: str
    kek: bytes

    def __repr__(self) -> str:
        return f"NewLink({self.id})"


def prepare() -> NewLink:
    """Token, code and key of a new link. Takes a good part of a second: call it before a transaction begins."""
    token, code = codes.new_token(), codes.new_code()
    return NewLink(uuid4(), token, code, codes.stretched(code, token))


def make(
    session: Session,
    keys: KeyRing,
    made: NewLink,
    referral: Referral,
    person_key: bytes,
    desk_key: bytes,
    *,
    member_id: UUID,
    mailed: bool,
    now: datetime,
) -> None:
    """Make the referral's link; one that is open ends. `mailed`: keep the token until its mail has gone out.

    The caller holds the referral's row.
    """
    end(session, referral.id, "replaced", now)
    inner = sealing.encrypt(made.kek, person_key, _binding(made.id, "inner_key"))
    row = {
        "id": made.id,
        "referral_id": referral.id,
        "token_hash": hash_of(made.token),
        "token": keys.encrypt(made.token.encode(), *_epoch_binding(made.id, "token")) if mailed else None,
        "sealed_key": keys.encrypt(inner, *_epoch_binding(made.id, "sealed_key")),
        "sealed_code": sealing.encrypt(_code_key(desk_key), made.code.encode(), _binding(made.id, "sealed_code")),
        "made_by": member_id,
        "made_at": now,
        "expires_at": now + LASTS,
        "tries": 0,
        "openings": 0,
    }
    session.execute(sa.insert(ReferralLink), [row])


def hash_of(secret: str) -> bytes:
    """The stored hash of a token or a cookie: each has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(b"pristan/link:" + secret.encode()).digest()


def _epoch_binding(link_id: UUID, column: str) -> tuple[str, ...]:
    return ("referral_links", str(link_id), column, "1")


def _binding(link_id: UUID, what: str) -> bytes:
    return sealing.context("referral_links", str(link_id), what, "1")


def _code_key(desk_key: bytes) -> bytes:
    return sealing.derive(desk_key, f"pristan/part:{_CODE}")


def _visit_key(cookie: str) -> bytes:
    return sealing.derive(cookie.encode(), "link:visit")


# --- finding ---------------------------------------------------------------------------------------------------------


def by_token(session: Session, token: str, now: datetime) -> ReferralLink | None:
    """The link of this token while it works. None: unknown, ended, expired, or its referral has ended; nobody is told which."""
    return _usable(session, ReferralLink.token_hash == hash_of(token), now)


def by_visit(session: Session, cookie: str, now: datetime) -> ReferralLink | None:
    """The link whose code was entered in the browser with this cookie within the last hour, while it works."""
    mine = sa.and_(ReferralLink.visit_id == hash_of(cookie), ReferralLink.visit_until > now)
    return _usable(session, mine, now)


def locked(session: Session, link_id: UUID, now: datetime) -> ReferralLink | None:
    """A link with its row locked, while it works. The caller holds the referral's row."""
    return _usable(session, ReferralLink.id == link_id, now, lock=True)


def _usable(
    session: Session, which: sa.ColumnElement[bool], now: datetime, *, lock: bool = False
) -> ReferralLink | None:
    query = (
        sa.select(ReferralLink)
        .join(Referral, Referral.id == ReferralLink.referral_id)
        .where(
            which,
            ReferralLink.expires_at > now,
            ReferralLink.ended_at.is_(None),
            Referral.state.in_([state.value for state in WITH_PARTNER]),
        )
    )
    if lock:
        query = query.with_for_update(of=ReferralLink).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def open_of(session: Session, referral_ids: Sequence[UUID]) -> dict[UUID, ReferralLink]:
    """The links that have not ended, by referral."""
    if not referral_ids:
        return {}
    links = session.scalars(
        sa.select(ReferralLink).where(ReferralLink.referral_id.in_(referral_ids), ReferralLink.ended_at.is_(None))
    )
    return {link.referral_id: link for link in links}


# --- codes -----------------------------------------------------------------------------------------------------------


def take_try(session: Session, link: ReferralLink) -> bool:
    """Count a code before it is tried, so that at most `MAX_TRIES` are computed, however many arrive at the same time.

    False: no try is left. In a transaction of its own, so that a failure afterwards does not give the try back.
    """
    taken = session.execute(
        sa.update(ReferralLink)
        .where(ReferralLink.id == link.id, ReferralLink.ended_at.is_(None), ReferralLink.tries < MAX_TRIES)
        .values(tries=ReferralLink.tries + 1)
        .execution_options(preserve_rowcount=True, synchronize_session=False)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def give_try_back(link: ReferralLink) -> None:
    """Do not count the try after all, because the code fitted. The caller holds the link's row."""
    link.tries = max(0, link.tries - 1)


def begin_visit(link: ReferralLink, cookie: str, kek: bytes, now: datetime) -> None:
    """Begin a visit: the browser with this cookie needs no code for an hour, and another browser's visit ends.

    The caller holds the link's row.
    """
    link.visit_id, link.visit_until = hash_of(cookie), now + VISIT_LASTS
    link.visit_key = sealing.encrypt(_visit_key(cookie), kek, _binding(link.id, "visit_key"))


def end_visit(session: Session, cookie: str) -> None:
    """End the visit: the browser with this cookie needs the code again."""
    session.execute(
        sa.update(ReferralLink)
        .where(ReferralLink.visit_id == hash_of(cookie))
        .values(visit_id=None, visit_key=None, visit_until=None)
    )


def key_of_visit(link: ReferralLink, cookie: str) -> bytes:
    """The key of token and code, in the browser in which the code was entered. Raises CannotOpen."""
    if link.visit_key is None:
        raise CannotOpen
    return sealing.decrypt(_visit_key(cookie), link.visit_key, _binding(link.id, "visit_key"))


def open_key(keys: KeyRing, link: ReferralLink, kek: bytes) -> bytes:
    """The case's `person` key, with the key of token and code (`codes.stretched`). Raises CannotOpen: another code, or it ended."""
    if link.sealed_key is None:
        raise CannotOpen
    inner = keys.decrypt(link.sealed_key, *_epoch_binding(link.id, "sealed_key"))
    return sealing.decrypt(kek, inner, _binding(link.id, "inner_key"))


def code_of(link: ReferralLink, desk_key: bytes) -> str:
    """The code, for a coordinator who tells it again. Raises CannotOpen."""
    if link.sealed_code is None:
        raise CannotOpen
    return sealing.decrypt(_code_key(desk_key), link.sealed_code, _binding(link.id, "sealed_code")).decode()


# --- the mail --------------------------------------------------------------------------------------------------------


def waiting_token(keys: KeyRing, link: ReferralLink, now: datetime) -> str | None:
    """The token of a link whose mail has not gone out. None: it has ended or expired, or was mailed."""
    if link.token is None or link.expires_at <= now:
        return None
    try:
        return keys.decrypt(link.token, *_epoch_binding(link.id, "token")).decode()
    except CannotOpen:
        return None


def drop_token(session: Session, link_id: UUID) -> None:
    """Delete the token, because its mail has gone out: from now on nobody but the recipient knows it."""
    session.execute(sa.update(ReferralLink).where(ReferralLink.id == link_id).values(token=None))


# --- the end ---------------------------------------------------------------------------------------------------------


def end(session: Session, referral_id: UUID, why: str, now: datetime) -> bool:
    """End the referral's link and destroy what it could open. False: there was none."""
    return _end(session, ReferralLink.referral_id == referral_id, why, now) > 0


def end_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """End up to `limit` of the links whose time is over; returns how many."""
    over = (
        sa.select(ReferralLink.id).where(ReferralLink.expires_at <= now, ReferralLink.ended_at.is_(None)).limit(limit)
    )
    return _end(session, ReferralLink.id.in_(over.scalar_subquery()), "expired", now)


def _end(session: Session, which: sa.ColumnElement[bool], why: str, now: datetime) -> int:
    gone = session.execute(
        sa.update(ReferralLink)
        .where(which, ReferralLink.ended_at.is_(None))
        .values(ended_at=now, ended_why=why, **_EMPTY)
        .execution_options(preserve_rowcount=True, synchronize_session="fetch")
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]


def forget(session: Session, case_id: UUID) -> None:
    """Delete every link of a case."""
    mine = sa.select(Referral.id).where(Referral.case_id == case_id).scalar_subquery()
    session.execute(sa.delete(ReferralLink).where(ReferralLink.referral_id.in_(mine)))
