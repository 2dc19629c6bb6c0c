"""A team's rota: who is on call at a moment, by weekday and hour in the team's own time zone.

A shift names weekdays, two times of day and its members: the first is on call, the others are deputies in this order. A shift that
ends at or before its beginning ends on the next day; one from a time to the same time lasts a whole day. Where shifts overlap, the
members of the earlier one in the list come first.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core.errors import FieldError, Invalid, PreconditionFailed
from app.core.i18n import N_
from app.staff.models import Member, Role, TeamCountry, TeamRota

MOST_SHIFTS: Final = 20
_TIME: Final = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shift:
    """Hours of some weekdays (0: Monday) and who has them: the member on call, then the deputies."""

    days: frozenset[int]
    begins: time
    ends: time
    members: tuple[UUID, ...]

    def covers(self, local: datetime) -> bool:
        """Whether this local time lies in the shift."""
        at, today = local.time(), local.weekday()
        if self.begins < self.ends:
            return today in self.days and self.begins <= at < self.ends
        return (today in self.days and at >= self.begins) or ((today - 1) % 7 in self.days and at < self.ends)

    def stored(self) -> dict[str, Any]:
        return {
            "days": sorted(self.days),
            "from": f"{self.begins:%H:%M}",
            "until": f"{self.ends:%H:%M}",
            "members": [str(member) for member in self.members],
        }


@dataclass(frozen=True, slots=True)
class Rota:
    """The shifts of a team and its time zone. `version` 0: the team has no rota."""

    zone: str = "UTC"
    shifts: tuple[Shift, ...] = ()
    version: int = 0

    def on_call(self, now: datetime, among: Collection[UUID]) -> list[UUID]:
        """The members on call, then the deputies, each once; only those in `among`. Empty: nobody is on call."""
        local = now.astimezone(ZoneInfo(self.zone))
        on_call = (member for shift in self.shifts if shift.covers(local) for member in shift.members)
        return [member for member in dict.fromkeys(on_call) if member in among]

    def named_on_call(self, now: datetime) -> list[UUID]:
        """The member named first in each shift that runs now, whether they can be told or not."""
        local = now.astimezone(ZoneInfo(self.zone))
        running = [shift for shift in self.shifts if shift.members and shift.covers(local)]
        return list(dict.fromkeys(shift.members[0] for shift in running))

    def first_on_call(self, now: datetime, among: Collection[UUID]) -> list[UUID]:
        """The members to tell first: from each shift that runs now, the first member in `among`."""
        local = now.astimezone(ZoneInfo(self.zone))
        running = [shift for shift in self.shifts if shift.covers(local)]
        first = (next((member for member in shift.members if member in among), None) for shift in running)
        return [member for member in dict.fromkeys(first) if member is not None]

    def gap_hours(self, among: Collection[UUID]) -> int:
        """How many hours of a week nobody is on call, counted in quarters of an hour and rounded up."""
        week = [(day, time(quarter // 4, quarter % 4 * 15)) for day in range(7) for quarter in range(96)]
        covered = [shift for shift in self.shifts if any(member in among for member in shift.members)]
        monday = datetime(2024, 1, 1)  # noqa: DTZ001  local time of any week
        open_quarters = sum(
            not any(shift.covers(datetime.combine((monday + timedelta(days=day)).date(), at)) for shift in covered)
            for day, at in week
        )
        return -(-open_quarters // 4)


def parse(zone: str, stored: Sequence[Mapping[str, Any]], version: int) -> Rota:
    """The rota in a stored row."""
    shifts = tuple(
        Shift(
            frozenset(entry["days"]),
            time.fromisoformat(entry["from"]),
            time.fromisoformat(entry["until"]),
            tuple(UUID(member) for member in entry["members"]),
        )
        for entry in stored
    )
    return Rota(zone, shifts, version)


def of_teams(session: Session, team_ids: Collection[UUID]) -> dict[UUID, Rota]:
    """The rotas of these teams; one without shifts for a team that has none. One statement."""
    stored = session.scalars(sa.select(TeamRota).where(TeamRota.team_id.in_(list(team_ids))))
    rotas = {row.team_id: parse(row.zone, row.shifts, row.version) for row in stored}
    return {team_id: rotas.get(team_id, Rota()) for team_id in team_ids}


def members_of(session: Session, team_id: UUID) -> list[tuple[UUID, str]]:
    """The coordinators and seniors of the team who can be on call, by name."""
    rows = session.execute(
        sa.select(Member.id, Member.name)
        .where(Member.team_id == team_id, Member.active, Member.role.in_([Role.COORDINATOR.value, Role.SENIOR.value]))
        .order_by(Member.name)
    )
    return [(row.id, row.name) for row in rows]


def parsed_time(text: str, pointer: str) -> time:
    """The time of day in the text, such as 20:00 or 8.30. Raises Invalid."""
    clock_time = _TIME.fullmatch(text.strip())
    if clock_time is None:
        detail = N_("Enter a time of day, for example 20:00.")
        raise Invalid([FieldError(pointer=pointer, code="not_a_time", detail=detail)])
    return time(int(clock_time[1]), int(clock_time[2]))


def save(
    session: Session,
    team_id: UUID,
    shifts: Sequence[Shift],
    *,
    zone: str,
    by: UUID,
    version: int,
    now: datetime,
) -> None:
    """Store the team's rota. Raises Invalid (a member of another team), PreconditionFailed (changed in the meantime)."""
    known = {member_id for member_id, _name in members_of(session, team_id)}
    if not {member for shift in shifts for member in shift.members} <= known or len(shifts) > MOST_SHIFTS:
        raise Invalid(
            [FieldError(pointer="/members", code="unknown_code", detail=N_("Choose colleagues of this team."))]
        )
    row = session.get(TeamRota, team_id, with_for_update=True)
    if (row.version if row is not None else 0) != version:
        raise PreconditionFailed(N_("A colleague has changed the rota since you opened it."))
    if row is None:
        row = TeamRota(team_id=team_id, version=0)
        session.add(row)
    row.zone, row.shifts = zone, [shift.stored() for shift in shifts]
    row.version, row.updated_at = version + 1, now
    session.flush()
    audit.record(
        session, actor_kind="member", actor_id=by.hex, action="team:rota_changed", subject_kind="team",
        subject_id=team_id, codes={"shifts": len(shifts)}, now=now,
    )  # fmt: skip


def remove(session: Session, team_id: UUID, member_id: UUID, now: datetime) -> None:
    """Remove a leaving member from the shifts; their deputies move up. A shift without members is deleted."""
    row = session.get(TeamRota, team_id, with_for_update=True)
    if row is None or str(member_id) not in {member for shift in row.shifts for member in shift["members"]}:
        return
    left = [
        {**shift, "members": [member for member in shift["members"] if member != str(member_id)]}
        for shift in row.shifts
    ]
    row.shifts, row.version, row.updated_at = [shift for shift in left if shift["members"]], row.version + 1, now
    session.flush()


def countries_of(session: Session, team_id: UUID) -> list[str]:
    """The countries whose cases the team takes, in alphabetical order."""
    query = sa.select(TeamCountry.country).where(TeamCountry.team_id == team_id).order_by(TeamCountry.country)
    return list(session.scalars(query))
