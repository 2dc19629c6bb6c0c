"""Reads the records, in plain codes, that reports count about given cases; four statements for any number of cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case, CaseNeed
from app.cases.states import CaseState
from app.core.vocabulary import complete
from app.partners.organisations import Organisation
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import ReferralActor, ReferralState, ReferralVerb

_CREATE: Final = "create"
"""The verb of the event with which a referral begins; it is no move."""
_DECISIONS = frozenset({ReferralVerb.ACCEPT.value, ReferralVerb.DECLINE.value, ReferralVerb.WAITLIST.value})
_COUNTED_VERBS = frozenset(
    {
        ReferralVerb.OFFER.value,
        ReferralVerb.CONSENT.value,
        ReferralVerb.ACKNOWLEDGE.value,
        ReferralVerb.ASK_INFO.value,
        *_DECISIONS,
    }
    | {
        ReferralVerb.START.value,
        ReferralVerb.COMPLETE.value,
        ReferralVerb.EXPIRE.value,
        ReferralVerb.WITHDRAW.value,
        ReferralVerb.CLIENT_WITHDRAW.value,
    }
)


@dataclass(frozen=True, slots=True)
class CountedCase:
    """A case as plain codes. `states_of_needs`: the state of each of its needs."""

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
        """The end of one need: one of the ends that cases have in a report."""
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
    """An offer as plain codes. `month`: the month in which it was made. `first`: the first time of each verb."""

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
        """The end of the offer: exactly one of `ENDS`."""
        if ReferralVerb.ACCEPT.value in self.first:
            return "accepted"
        if ReferralVerb.DECLINE.value in self.first:
            return "declined"
        end = _END_OF[self.state]
        seen = {ReferralVerb.ACKNOWLEDGE.value, ReferralVerb.ASK_INFO.value}
        return "only_acknowledged" if end == "no_answer" and seen & set(self.first) else end


_END_OF: Final = complete(
    ReferralState,
    {
        ReferralState.DRAFT: "waiting",
        ReferralState.AWAITING_CONSENT: "waiting",
        ReferralState.OFFERED: "waiting",
        ReferralState.ACKNOWLEDGED: "waiting",
        ReferralState.INFO_REQUESTED: "waiting",
        ReferralState.WAITLISTED: "waiting",
        ReferralState.ACCEPTED: "waiting",
        ReferralState.IN_PROGRESS: "waiting",
        ReferralState.ON_HOLD: "waiting",
        ReferralState.COMPLETED: "waiting",
        ReferralState.DECLINED: "waiting",
        ReferralState.HANDED_BACK: "waiting",
        ReferralState.EXPIRED: "no_answer",
        ReferralState.WITHDRAWN: "taken_back",
        ReferralState.CLIENT_DECLINED: "taken_back",
        ReferralState.ENTERED_IN_ERROR: "taken_back",
    },
)
"""What became of an offer that was neither accepted nor declined, by its state; `waiting` while nothing has become of it."""
ENDS = ("accepted", "declined", "only_acknowledged", "no_answer", "taken_back", "waiting")


@dataclass(frozen=True, slots=True)
class CountedChoice:
    """A referral for which a coordinator passed over the first suggestion. `reason`: a code."""

    case_id: UUID
    month: str
    urgency: str
    reason: str


@dataclass(slots=True)
class CaseRecords:
    """The records that are counted for one case. `case`: None for an erased one, whose offers are still counted."""

    team_id: UUID
    case: CountedCase | None
    offers: list[CountedOffer] = field(default_factory=list)
    choices: list[CountedChoice] = field(default_factory=list)


def of_cases(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, CaseRecords]:
    """What is counted about these cases, by their ids. A case that does not exist is left out, and so is a restricted one, of
    which a figure would tell need and country to whoever is not named.
    """
    found = _cases(session, case_ids)
    if found:
        _add_offers(session, list(found), found)
    return found


def _cases(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, CaseRecords]:
    ends: dict[UUID, dict[str, str]] = {}
    of_needs = sa.select(CaseNeed.case_id, CaseNeed.need, CaseNeed.state).where(CaseNeed.case_id.in_(case_ids))
    for case_id, need, state in session.execute(of_needs):
        ends.setdefault(case_id, {})[need] = state
    columns = (
        Case.id,
        Case.team_id,
        Case.waiting_since,
        Case.country,
        Case.language,
        Case.urgency,
        Case.needs,
        Case.state,
    )
    found = {}
    for case_id, team_id, came_in, country, language, urgency, needs, state in session.execute(
        sa.select(*columns).where(Case.id.in_(case_ids), Case.restricted.is_(False))
    ):
        counted = CountedCase(
            case_id, _month(came_in), came_in, country, language, urgency, tuple(needs), state, ends.get(case_id, {})
        )
        found[case_id] = CaseRecords(team_id, None if state == CaseState.ERASED.value else counted)
    return found


def _add_offers(session: Session, case_ids: Sequence[UUID], found: Mapping[UUID, CaseRecords]) -> None:
    """The offers of these cases with the first time of each verb, and where a first suggestion was passed over."""
    columns = (
        Referral.id, Referral.case_id, Referral.offered_at, Referral.state, Referral.outcome,
        Case.country, Case.urgency, Case.needs, Referral.needs.label("asked_for"), Organisation.slug,
    )  # fmt: skip
    base = (
        sa.select(*columns)
        .join_from(Referral, Case, Case.id == Referral.case_id)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(Referral.case_id.in_(case_ids), Referral.offered_at.is_not(None))
    )
    offers: dict[UUID, CountedOffer] = {}
    for row in session.execute(base):
        needs = tuple(row.needs if row.asked_for is None else row.asked_for)
        offers[row.id] = offer = CountedOffer(
            row.case_id, row.slug, _month(row.offered_at), row.country, row.urgency,
            needs, row.offered_at, row.state, row.outcome,
        )  # fmt: skip
        found[row.case_id].offers.append(offer)
    passed_over = ReferralEvent.codes["passed_over"].as_string()
    by_hand = ReferralEvent.actor_kind.in_([ReferralActor.COORDINATOR.value, ReferralActor.SENIOR.value])
    events = (
        sa.select(
            ReferralEvent.referral_id, Referral.case_id, Referral.urgency, ReferralEvent.verb, ReferralEvent.at,
            sa.case((sa.and_(ReferralEvent.verb == _CREATE, by_hand), passed_over)).label("passed_over"),
        )
        .join(Referral, Referral.id == ReferralEvent.referral_id)
        .where(Referral.case_id.in_(case_ids), ReferralEvent.verb.in_({*_COUNTED_VERBS, _CREATE}))
    )  # fmt: skip
    for referral_id, case_id, urgency, verb, at, reason in session.execute(events):
        if reason is not None:
            found[case_id].choices.append(CountedChoice(case_id, _month(at), urgency, reason))
        if referral_id in offers and verb in _COUNTED_VERBS:
            first = offers[referral_id].first
            first[verb] = min(at, first.get(verb, at))


def _month(at: datetime) -> str:
    """The month of the UTC day."""
    return f"{at:%Y-%m}"
