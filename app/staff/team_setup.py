"""The setup of teams: the first one with an offline recovery key, further ones under that key, and their first members."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core import keyholders
from app.core.errors import Conflict, FieldError, Invalid
from app.core.keyholders import KeyGrant, SealingKey
from app.core.keyring import KeyRing
from app.staff import recovery
from app.staff import service as staff
from app.staff.models import Member, Role, Team, TeamCountry

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
    if staff.served_countries(session) & set(countries):
        raise Conflict("Another team takes requests from one of these countries.")


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
