"""The setup of teams: the first one with an offline recovery key, further ones under that key, and their first members.

A further team is made at the command line, with the recovery key, or at the desk by two people (`access_changes.propose_team`).
One that was made at the desk has its countries, and a code for its first senior, but no key, so it takes no request. Its key is
a second proposal, once the senior has joined: it names the fingerprint of theirs.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core import keyholders
from app.core.errors import Conflict, FieldError, Invalid
from app.core.i18n import N_
from app.core.keyholders import KeyGrant, SealingKey
from app.core.keyring import KeyRing
from app.staff import recovery, seats
from app.staff import service as staff
from app.staff.models import Member, Role, Team, TeamCountry, TeamRota

HAS_KEY: Final = N_("The team has a key already. Whoever holds it grants it to colleagues, under Members.")
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewTeam:
    """A new team and its keys. `recovery` is the recovery key as text, to be shown once and stored nowhere."""

    team_key: SealingKey
    team_seed: bytes
    recovery_key: SealingKey
    recovery: str


def create_team(session: Session, slug: str, name: str, countries: list[str], now: datetime) -> NewTeam:
    """Create a team, and an offline recovery key that holds the team's key."""
    _team, team_key, team_seed = staff.add_team(session, slug, name, countries, now)
    recovery_key, recovery_seed = recovery.create_key(session, now)
    keyholders.grant(session, team_key, team_seed, recovery_key)
    return NewTeam(team_key, team_seed, recovery_key, recovery.format_key(recovery_seed))


def add_further_team(
    session: Session, slug: str, name: str, countries: Collection[str], recovery_seed: bytes, now: datetime
) -> NewTeam:
    """Create a further team, whose key the recovery key of the first team holds too.

    Raises WrongKey, Invalid (slug, or no country), Conflict (the slug is taken, or a team has one of the countries).
    """
    recovery.check_holds_key_of(session, recovery_seed, None)
    check(session, slug, countries)
    team, key, seed = staff.add_team(session, slug, name, list(countries), now)
    holder = recovery.key_of(session, recovery_seed)
    keyholders.grant(session, key, seed, holder)
    audit.record(
        session, actor_kind="console", actor_id="-", action="team:added", subject_kind="team", subject_id=team.id,
        codes={"team": slug, "countries": " ".join(countries)}, now=now,
    )  # fmt: skip
    return NewTeam(key, seed, holder, "")


def check(session: Session, slug: str, countries: Collection[str]) -> None:
    """Raises Invalid (slug, or no country), Conflict (the slug is taken, or a team has one of the countries)."""
    if not _SLUG.fullmatch(slug):
        detail = "A slug has small letters, digits and hyphens, and begins with a letter."
        raise Invalid([FieldError(pointer="/slug", code="unfit", detail=detail)])
    if not countries:
        raise Invalid([FieldError(pointer="/countries", code="required", detail="Name at least one country.")])
    if session.scalar(sa.select(Team.id).where(Team.slug == slug)) is not None:
        raise Conflict("There is a team with this slug.")
    if staff.taken_countries(session) & set(countries):
        raise Conflict("Another team takes requests from one of these countries.")


def free_slug(session: Session, countries: Collection[str]) -> str:
    """A slug for a new team of these countries that no team has: `de-at`, or `de-at-2`."""
    taken = set(session.scalars(sa.select(Team.slug)))
    first = "-".join(countries).lower()[:24].rstrip("-")
    return next(slug for n in count(1) if (slug := first if n == 1 else f"{first}-{n}") not in taken)


def found_team(
    session: Session, slug: str, name: str, countries: Collection[str], zone: str, *, by: UUID, now: datetime
) -> Team:
    """Create a team without a key, with the time zone of its rota.

    Locks the oldest team, so that of two teams with the same country only one is made.

    Raises Invalid, Conflict, as `check` does.
    """
    session.execute(sa.select(Team.id).order_by(Team.created_at, Team.id).limit(1).with_for_update())
    check(session, slug, countries)
    team = staff.add_team_without_key(session, slug, name, countries, now)
    session.add(TeamRota(team_id=team.id, zone=zone, shifts=[], version=1, updated_at=now))
    session.flush()
    audit.record(
        session, actor_kind="member", actor_id=by.hex, action="team:added", subject_kind="team", subject_id=team.id,
        codes={"team": slug, "countries": " ".join(countries)}, now=now,
    )  # fmt: skip
    return team


def possible_first_holders(session: Session, team_id: UUID) -> list[Member]:
    """The seniors who may get the first key of a team: active, and with a seat that two people approved; by name."""
    seniors = sa.select(Member).where(Member.team_id == team_id, Member.active, Member.role == Role.SENIOR.value)
    return [
        member
        for member in session.scalars(seniors.order_by(Member.name))
        if seats.is_seated_by_two(session, member.id)
    ]


def make_first_key(session: Session, team_id: UUID, holder_key_id: UUID | None, *, by: UUID, now: datetime) -> None:
    """Create the key of a team that has none, for one senior, whose own key was shown and approved, and for the recovery key.

    Locks the team. Raises Conflict: it has a key, the senior has left or has another key by now, or no recovery key holds the first
    team's key.
    """
    session.execute(sa.select(Team.id).where(Team.id == team_id).with_for_update())
    if keyholders.active_key(session, team_id) is not None:
        raise Conflict(HAS_KEY)
    holders = [member for member in possible_first_holders(session, team_id) if member.key_id == holder_key_id]
    if not holders:
        raise Conflict("The senior who was to get this key has left, or has another key by now. Propose the key again.")
    recovery_keys = recovery.keys_of_first_team(session)
    if not recovery_keys:
        raise Conflict(
            "There is no recovery key that could hold the key of this team too. The operators of the server can help."
        )
    key, seed = staff.add_team_key(session, team_id, now)
    for holder in (keyholders.by_id(session, holders[0].key_id), *recovery_keys):
        keyholders.grant(session, key, seed, holder)
    audit.record(
        session, actor_kind="member", actor_id=by.hex, action="team:key_made", subject_kind="team", subject_id=team_id,
        codes={"key": key.id.hex, "version": key.version}, now=now,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TeamListing:
    """A team, its countries, and how many active members hold its present key."""

    slug: str
    countries: tuple[str, ...]
    holders: int


def teams(session: Session) -> list[TeamListing]:
    """All teams, by slug."""
    countries: dict[object, list[str]] = {}
    for row in session.execute(sa.select(TeamCountry.team_id, TeamCountry.country).order_by(TeamCountry.country)):
        countries.setdefault(row.team_id, []).append(row.country)
    held = (
        sa.select(SealingKey.owner_id, sa.func.count(sa.distinct(Member.id)).label("members"))
        .join(KeyGrant, KeyGrant.sealing_key_id == SealingKey.id)
        .join(Member, Member.key_id == KeyGrant.holder_key_id)
        .where(SealingKey.active, Member.active)
        .group_by(SealingKey.owner_id)
    )
    holders = {row.owner_id: row.members for row in session.execute(held)}
    rows = session.execute(sa.select(Team.id, Team.slug).order_by(Team.slug))
    return [TeamListing(row.slug, tuple(countries.get(row.id, ())), holders.get(row.id, 0)) for row in rows]


def add_coordinator(
    session: Session, keys: KeyRing, founded: NewTeam, name: str, role: Role, passphrase: str, now: datetime
) -> str:
    """Add a member who holds the new team's key; returns the one-time password secret."""
    new = staff.add_member(session, keys, name, role, passphrase, now, team_id=founded.team_key.owner_id)
    keyholders.grant(session, founded.team_key, founded.team_seed, new.key)
    return new.totp_secret
