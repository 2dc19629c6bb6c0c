"""Members of the team of a `Scene` who can be told of things."""

from uuid import UUID, uuid4

import sqlalchemy as sa

from app.core import keyholders
from app.core.keyholders import OwnerKind
from app.core.sealing import KeyPair
from app.messaging import member_settings
from app.messaging.member_settings import MemberSettings
from app.messaging.rules import MemberHours
from app.staff.models import Member, Role, Team
from tests.support.cases import Scene

HOURS = MemberHours(8, (22, 7), "Europe/Warsaw")
ALWAYS = MemberHours(None, None, "Europe/Warsaw")


def team_of(scene: Scene) -> UUID:
    with scene.database.begin(write=False) as session:
        return session.scalars(sa.select(Team.id).where(Team.slug != "sandbox")).first() or uuid4()


def member(scene: Scene, name: str, role: Role = Role.COORDINATOR, hours: MemberHours | None = HOURS) -> UUID:
    """Somebody of the team, who can be told unless `hours` is None."""
    member_id, team = uuid4(), team_of(scene)
    with scene.write() as session:
        key = keyholders.register(session, OwnerKind.MEMBER, member_id, KeyPair.generate().public, scene.now)
        session.add(
            Member(
                id=member_id, name=name, role=role.value, team_id=team if role in {"coordinator", "senior"} else None,
                key_id=key.id, salt=b"", sealed_seed=b"", totp_secret=b"", created_at=scene.now,
            )
        )  # fmt: skip
        session.flush()
        if hours is not None:
            settings = MemberSettings(f"{name}@example.org", hours=hours)
            member_settings.save(session, scene.keys, member_id, settings, version=0, now=scene.now)
    return member_id
