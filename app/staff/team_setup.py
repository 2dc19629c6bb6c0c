"""The setup of a new network's first team: its key, an offline recovery key, and its first members."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.core import keyholders
from app.core.keyholders import SealingKey
from app.core.keyring import KeyRing
from app.staff import recovery
from app.staff import service as staff
from app.staff.models import Role


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


def add_coordinator(
    session: Session, keys: KeyRing, founded: NewTeam, name: str, role: Role, passphrase: str, now: datetime
) -> str:
    """Add a member who holds the new team's key; returns the one-time password secret."""
    new = staff.add_member(session, keys, name, role, passphrase, now, team_id=founded.team_key.owner_id)
    keyholders.grant(session, founded.team_key, founded.team_seed, new.key)
    return new.totp_secret
