"""The steps still missing before a team can take the cases of its countries: a checklist for seniors and admins.

Only the key is a condition: without it the countries are not served (`staff.served_countries`). The rest is what a team needs
so that nothing that arrives waits unseen.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import keyholders
from app.core.keyholders import KeyGrant, SealingKey
from app.directory.packs import Directory
from app.messaging.member_settings import HAS_WAY
from app.messaging.models import MemberNotices
from app.partners import sandbox_identity
from app.staff import members, team_setup
from app.staff.invitations import Invitation
from app.staff.models import Member, Proposal, Role, Team, TeamCountry, TeamRota
from app.staff.proposal_rules import ProposalKind
from app.staff.proposal_states import LIVE


class TeamItem(StrEnum):
    SENIOR = "senior"
    KEY = "key"
    SECOND_HOLDER = "second_holder"
    NOTICES = "notices"
    ROTA = "rota"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class TeamStep:
    """One line of the list. `under_way`: somebody has begun it, and another person has to go on."""

    item: TeamItem
    done: bool
    under_way: bool = False


@dataclass(frozen=True, slots=True)
class FirstHolder:
    """A senior who may get the first key of the team: sign-in name, the id of their own key and its fingerprint."""

    name: str
    key_id: UUID
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TeamOverview:
    """A team, its countries, its list, and who may get its first key; nobody once it has one or that is proposed."""

    id: UUID
    slug: str
    name: str
    countries: tuple[str, ...]
    steps: tuple[TeamStep, ...]
    first_holders: tuple[FirstHolder, ...]

    @property
    def has_key(self) -> bool:
        return next(step.done for step in self.steps if step.item is TeamItem.KEY)

    @property
    def missing(self) -> int:
        return sum(not step.done for step in self.steps)


def overview(session: Session, packs: Directory, now: datetime) -> list[TeamOverview]:
    """Every team but the sandbox's, by name. The number of statements grows only with the teams without a key."""
    teams = [
        team
        for team in session.scalars(sa.select(Team).order_by(Team.name, Team.slug))
        if team.id != sandbox_identity.TEAM_ID
    ]
    countries: dict[UUID, list[str]] = defaultdict(list)
    for row in session.execute(sa.select(TeamCountry.team_id, TeamCountry.country).order_by(TeamCountry.country)):
        countries[row.team_id].append(row.country)
    facts = _Facts.read(session, now)
    return [_overview(session, packs, facts, team, tuple(countries[team.id])) for team in teams]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the lists of all teams need. `keyed`: teams with a key; `holders`: how many active members hold it."""

    seniors: Collection[UUID]
    invited: Collection[UUID]
    keyed: Collection[UUID]
    holders: Mapping[UUID, int]
    told: Collection[UUID]
    with_rota: Collection[UUID]
    keys_proposed: Collection[str]
    members_proposed: Collection[str]
    grants_proposed: Collection[UUID]

    @classmethod
    def read(cls, session: Session, now: datetime) -> "_Facts":
        of_team = sa.and_(Member.team_id.is_not(None), Member.active)
        held = (
            sa.select(SealingKey.owner_id, sa.func.count(sa.distinct(Member.id)).label("members"))
            .join(KeyGrant, KeyGrant.sealing_key_id == SealingKey.id)
            .join(Member, Member.key_id == KeyGrant.holder_key_id)
            .where(SealingKey.active, of_team)
            .group_by(SealingKey.owner_id)
        )
        live = session.scalars(
            sa.select(Proposal).where(Proposal.state.in_([state.value for state in LIVE]), Proposal.expires_at > now)
        ).all()
        return cls(
            seniors=_ids(session, sa.select(Member.team_id).where(of_team, Member.role == Role.SENIOR.value)),
            invited=_ids(
                session,
                sa.select(Invitation.team_id).where(
                    Invitation.team_id.is_not(None), Invitation.used_at.is_(None), Invitation.expires_at > now
                ),
            ),
            keyed=_ids(session, sa.select(SealingKey.owner_id).join(Team, Team.id == SealingKey.owner_id).where(SealingKey.active)),
            holders={row.owner_id: row.members for row in session.execute(held)},
            told=_ids(
                session,
                sa.select(Member.team_id)
                .join(MemberNotices, MemberNotices.member_id == Member.id)
                .where(of_team, HAS_WAY),
            ),
            with_rota=frozenset(row.team_id for row in session.execute(sa.select(TeamRota.team_id, TeamRota.shifts)) if row.shifts),
            keys_proposed={str(one.codes["team"]) for one in live if one.kind == ProposalKind.TEAM_KEY},
            members_proposed={
                str(one.codes["place"]) for one in live if one.kind == ProposalKind.NEW_MEMBER and one.organisation_id is None
            },
            grants_proposed={one.team_id for one in live if one.kind == ProposalKind.KEY_GRANT and one.team_id is not None},
        )  # fmt: skip


def _overview(
    session: Session, packs: Directory, facts: _Facts, team: Team, countries: tuple[str, ...]
) -> TeamOverview:
    has_key, proposed = team.id in facts.keyed, team.slug in facts.keys_proposed
    joins = team.id in facts.invited or team.slug in facts.members_proposed
    steps = (
        TeamStep(TeamItem.SENIOR, team.id in facts.seniors, joins),
        TeamStep(TeamItem.KEY, has_key, proposed),
        TeamStep(TeamItem.SECOND_HOLDER, facts.holders.get(team.id, 0) > 1, joins or team.id in facts.grants_proposed),
        TeamStep(TeamItem.NOTICES, team.id in facts.told),
        TeamStep(TeamItem.ROTA, team.id in facts.with_rota),
        TeamStep(TeamItem.DIRECTORY, all(packs.services_for(country) for country in countries)),
    )
    possible = [] if has_key or proposed else team_setup.possible_first_holders(session, team.id)
    holders = tuple(
        FirstHolder(member.name, member.key_id, _fingerprint(session, member.key_id)) for member in possible
    )
    return TeamOverview(team.id, team.slug, team.name, countries, steps, holders)


def _fingerprint(session: Session, key_id: UUID) -> str:
    return members.fingerprint(keyholders.by_id(session, key_id).public_key)


def _ids(session: Session, query: sa.Select[Any]) -> frozenset[UUID]:
    return frozenset(found for found in session.scalars(query) if found is not None)
