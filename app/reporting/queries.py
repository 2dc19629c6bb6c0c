"""Reads the cases and offers of a period for the reports, in a few statements, whatever its length."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case, CaseNeed
from app.cases.states import CaseState
from app.core.vocabulary import complete
from app.partners import sandbox_identity
from app.partners.organisations import Organisation
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import Actor, State, Verb
from app.reporting.periods import Period, Quarter

_DECISIONS = frozenset({Verb.ACCEPT.value, Verb.DECLINE.value, Verb.WAITLIST.value})
_COUNTED_VERBS = frozenset(
    {Verb.OFFER.value, Verb.CONSENT.value, Verb.ACKNOWLEDGE.value, Verb.ASK_INFO.value, *_DECISIONS}
    | {Verb.START.value, Verb.COMPLETE.value, Verb.EXPIRE.value, Verb.WITHDRAW.value, Verb.CLIENT_WITHDRAW.value}
)


@dataclass(frozen=True, slots=True)
class CountedCase:
    """A case filed in the period, as plain codes. `states_of_needs`: how each of its needs stands."""

    id: UUID
    month: str
    came_in: datetime
    country: str
    language: str
    urgency: str
    needs: tuple[str, ...]
    state: str
    states_of_needs: Mapping[str, str] = field(default_factory=dict)

    def end_of(self, need: str) -> str:
        """What became of one need: one of the ends that cases have in a report."""
        state = self.states_of_needs.get(need, self.state)
        return "helped" if state in {"helped", "advised"} else "unmet" if state == "unmet" else "open_or_withdrawn"

    @property
    def helped(self) -> bool:
        return self.state in {CaseState.HELPED.value, CaseState.ADVISED.value}

    @property
    def unmet(self) -> bool:
        return self.state == CaseState.UNMET.value


@dataclass(slots=True)
class CountedOffer:
    """An offer made in the period. `first`: the first time of each verb."""

    case_id: UUID
    organisation: str
    month: str
    country: str
    urgency: str
    needs: tuple[str, ...]
    offered_at: datetime
    state: str
    outcome: str | None
    first: dict[str, datetime] = field(default_factory=dict)

    @property
    def decided_at(self) -> datetime | None:
        return min((at for verb, at in self.first.items() if verb in _DECISIONS), default=None)

    @property
    def end(self) -> str:
        """How the offer ended: exactly one of `ENDS`."""
        if Verb.ACCEPT.value in self.first:
            return "accepted"
        if Verb.DECLINE.value in self.first:
            return "declined"
        end = _END_OF[self.state]
        seen = {Verb.ACKNOWLEDGE.value, Verb.ASK_INFO.value}
        return "only_acknowledged" if end == "no_answer" and seen & set(self.first) else end


_END_OF: Final = complete(
    State,
    {
        State.DRAFT: "waiting",
        State.AWAITING_CONSENT: "waiting",
        State.OFFERED: "waiting",
        State.ACKNOWLEDGED: "waiting",
        State.INFO_REQUESTED: "waiting",
        State.WAITLISTED: "waiting",
        State.ACCEPTED: "waiting",
        State.IN_PROGRESS: "waiting",
        State.ON_HOLD: "waiting",
        State.COMPLETED: "waiting",
        State.DECLINED: "waiting",
        State.HANDED_BACK: "waiting",
        State.EXPIRED: "no_answer",
        State.WITHDRAWN: "taken_back",
        State.CLIENT_DECLINED: "taken_back",
        State.ENTERED_IN_ERROR: "taken_back",
    },
)
"""What became of an offer that was neither accepted nor declined, by its state; `waiting` while nothing has become of it."""
ENDS = ("accepted", "declined", "only_acknowledged", "no_answer", "taken_back", "waiting")


def cases_in(session: Session, period: Quarter | Period, team_id: UUID | None) -> Sequence[CountedCase]:
    """Cases of a team filed in the period. `team_id` None: of all teams except the sandbox. Erased cases are not counted."""
    in_period = sa.and_(Case.waiting_since >= period.start, Case.waiting_since < period.end)
    ends: dict[UUID, dict[str, str]] = {}
    for case_id, need, state in session.execute(
        sa.select(CaseNeed.case_id, CaseNeed.need, CaseNeed.state)
        .join(Case, Case.id == CaseNeed.case_id)
        .where(in_period)
    ):
        ends.setdefault(case_id, {})[need] = state
    columns = (Case.id, Case.waiting_since, Case.country, Case.language, Case.urgency, Case.needs, Case.state)
    query = sa.select(*columns).where(in_period, Case.state != CaseState.ERASED.value)
    query = query.where(Case.team_id == team_id if team_id is not None else Case.team_id != sandbox_identity.TEAM_ID)
    return [
        CountedCase(
            row.id,
            _month(row.waiting_since),
            row.waiting_since,
            row.country,
            row.language,
            row.urgency,
            tuple(row.needs),
            row.state,
            ends.get(row.id, {}),
        )
        for row in session.execute(query)
    ]


def offers_in(
    session: Session, period: Quarter | Period, team_id: UUID | None = None, organisation_id: UUID | None = None
) -> Sequence[CountedOffer]:
    """Offers made in the period, with the first time of each verb. Without team and organisation: all except the sandbox's."""
    conditions = [Referral.offered_at >= period.start, Referral.offered_at < period.end]
    if team_id is not None:
        conditions.append(Case.team_id == team_id)
    if organisation_id is not None:
        conditions.append(Referral.organisation_id == organisation_id)
    if team_id is None and organisation_id is None:
        conditions.append(Referral.organisation_id != sandbox_identity.ORGANISATION_ID)
    columns = (
        Referral.id, Referral.case_id, Referral.offered_at, Referral.state, Referral.outcome,
        Case.country, Case.urgency, Case.needs, Referral.needs.label("asked_for"), Organisation.slug,
    )  # fmt: skip
    base = (
        sa.select(*columns)
        .join_from(Referral, Case, Case.id == Referral.case_id)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(*conditions)
    )
    offers_by_id = {
        row.id: CountedOffer(
            row.case_id, row.slug, _month(row.offered_at), row.country, row.urgency,
            tuple(row.needs if row.asked_for is None else row.asked_for), row.offered_at, row.state, row.outcome,
        )
        for row in session.execute(base)
    }  # fmt: skip
    steps = (
        sa.select(ReferralEvent.referral_id, ReferralEvent.verb, sa.func.min(ReferralEvent.at).label("at"))
        .join(Referral, Referral.id == ReferralEvent.referral_id)
        .join(Case, Case.id == Referral.case_id)
        .where(*conditions, ReferralEvent.verb.in_(_COUNTED_VERBS))
        .group_by(ReferralEvent.referral_id, ReferralEvent.verb)
    )
    for row in session.execute(steps):
        if row.referral_id in offers_by_id:
            offers_by_id[row.referral_id].first[row.verb] = row.at
    return list(offers_by_id.values())


@dataclass(frozen=True, slots=True)
class CountedChoice:
    """A referral of the period for which a coordinator passed over the first suggestion. `reason`: a code."""

    month: str
    urgency: str
    reason: str


def passed_over_in(session: Session, period: Quarter | Period, team_id: UUID | None) -> Sequence[CountedChoice]:
    """Where a coordinator passed over the first suggestion. `team_id` None: of all teams except the sandbox."""
    code = ReferralEvent.codes["passed_over"].as_string()
    query = (
        sa.select(ReferralEvent.at, Referral.urgency, code.label("reason"))
        .join(Referral, Referral.id == ReferralEvent.referral_id)
        .join(Case, Case.id == Referral.case_id)
        .where(
            ReferralEvent.verb == "create",
            ReferralEvent.actor_kind.in_([Actor.COORDINATOR.value, Actor.SENIOR.value]),
            ReferralEvent.at >= period.start,
            ReferralEvent.at < period.end,
            code.is_not(None),
            Case.team_id == team_id if team_id is not None else Case.team_id != sandbox_identity.TEAM_ID,
        )
    )
    return [CountedChoice(_month(row.at), row.urgency, row.reason) for row in session.execute(query)]


def first_offer_times(offers: Iterable[CountedOffer]) -> dict[UUID, datetime]:
    """The time of each case's first offer."""
    times: dict[UUID, datetime] = {}
    for offer in offers:
        times[offer.case_id] = min(offer.offered_at, times.get(offer.case_id, offer.offered_at))
    return times


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"
