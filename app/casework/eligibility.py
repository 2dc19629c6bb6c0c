"""Whether a case can be referred to an organisation: connection, consent, exclusion, live referrals."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases import sealed_parts
from app.cases.models import Case
from app.core import keyholders
from app.core.ids import named_id
from app.referrals.models import Referral
from app.referrals.states import LIVE, ReferralState
from app.referrals.ways import ReferralWay


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether one case can be referred to one organisation. `reaches`: what referring would do (offer, ask, or nothing).

    `before`: its last referral of this case, if that ended without its help. `way`: how it is asked; without a key of its own, by
    a coordinator.
    """

    organisation_id: UUID
    connected: bool
    consented: bool
    never: bool
    excluded: bool
    asked: bool
    before: "EarlierAnswer | None" = None

    @property
    def reaches(self) -> str:
        if self.never or self.excluded or self.asked:
            return "no"
        return "offer" if self.consented else "ask"

    @property
    def way(self) -> ReferralWay:
        return ReferralWay.ACCOUNT if self.connected else ReferralWay.HAND


@dataclass(frozen=True, slots=True)
class EarlierAnswer:
    """A referral of this case that the organisation did not take: its state, the reason, and since when."""

    state: str
    reason: str | None
    at: datetime


ANSWERED_NO: Final = frozenset({ReferralState.DECLINED, ReferralState.EXPIRED, ReferralState.HANDED_BACK})


def earlier_answers(asked: Sequence[Referral]) -> dict[UUID, EarlierAnswer]:
    """The last refusal, expiry or handing back of each organisation among a case's referrals."""
    return {
        referral.organisation_id: EarlierAnswer(referral.state, referral.reason, referral.updated_at)
        for referral in sorted(asked, key=lambda referral: referral.updated_at)
        if ReferralState(referral.state) in ANSWERED_NO
    }


@dataclass(frozen=True, slots=True)
class EligibilityBySlug:
    """Eligibility of many organisations, by slug."""

    by_slug: Mapping[str, Eligibility] = field(default_factory=dict)

    def of(self, slug: str) -> Eligibility:
        return self.by_slug[slug]


def eligibility_of(
    session: Session,
    case: Case,
    facts: Mapping[str, Any],
    slugs: Sequence[str],
    asked: Sequence[Referral],
    connected: Collection[UUID] | None = None,
    holders: Collection[UUID] | None = None,
) -> EligibilityBySlug:
    """The eligibility of each of these organisations. Which are connected and which hold a key is read unless it is given."""
    ids = {slug: named_id("organisation", slug) for slug in dict.fromkeys(slugs)}
    if connected is None:
        connected = keyholders.active_keys(session, list(ids.values()))
    if holders is None:
        holders = sealed_parts.organisations_agreed(session, case.id)
    consent = facts.get("consent") or {}
    live = {referral.organisation_id for referral in asked if ReferralState(referral.state) in LIVE}
    before = earlier_answers(asked)
    conflicts = {referral.organisation_id for referral in asked if referral.reason == "conflict"}
    return EligibilityBySlug(
        {
            slug: Eligibility(
                organisation_id,
                connected=organisation_id in connected,
                consented=organisation_id in holders or slug in consent.get("organisations", ()),
                never=slug in consent.get("never", ()),
                excluded=organisation_id in conflicts,
                asked=organisation_id in live,
                before=before.get(organisation_id),
            )
            for slug, organisation_id in ids.items()
        }
    )
