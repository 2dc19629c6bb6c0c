"""Whether somebody of a team can be told now: for the header of the desk's pages, as columns of another statement."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.keyholders import SealingKey
from app.messaging.member_settings import HAS_WAY
from app.messaging.models import MemberNotices
from app.staff import rota
from app.staff.models import Member, TeamCountry, TeamRota

TEAM: Final = sa.bindparam("team_id", type_=sa.Uuid())
MEMBERS_TOLD: Final = (
    sa.select(sa.func.count())
    .select_from(Member)
    .join(MemberNotices, MemberNotices.member_id == Member.id)
    .where(Member.team_id == TEAM, Member.active, HAS_WAY)
    .scalar_subquery()
)
"""How many members of the team can be told."""
SHIFTS: Final = sa.select(sa.cast(TeamRota.shifts, sa.Text())).where(TeamRota.team_id == TEAM).scalar_subquery()
ZONE: Final = sa.select(TeamRota.zone).where(TeamRota.team_id == TEAM).scalar_subquery()


@dataclass(frozen=True, slots=True)
class TeamReach:
    """How many members can be told, and the rota as it is stored; None: the team has none."""

    members_told: int
    shifts: str | None
    zone: str | None

    def nobody_on_call(self, now: datetime) -> bool:
        """Whether no shift of the rota runs now."""
        team_rota = rota.parse(self.zone or "UTC", json.loads(self.shifts or "[]"), 1)
        return not team_rota.named_on_call(now)


def countries_untold(session: Session) -> list[str]:
    """The countries of whose team nobody can be told, in alphabetical order. One statement. A team without a key does not count."""
    told = (
        sa.select(Member.id)  # not "*": the worker may not read all columns of a member
        .where(Member.team_id == TeamCountry.team_id, Member.active, HAS_WAY)
        .where(MemberNotices.member_id == Member.id)
        .exists()
    )
    takes_requests = sa.exists().where(SealingKey.owner_id == TeamCountry.team_id, SealingKey.active)
    return list(
        session.scalars(sa.select(TeamCountry.country).where(~told, takes_requests).order_by(TeamCountry.country))
    )
