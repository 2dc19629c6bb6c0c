"""What stands between a case and an organisation: whether anything can be sent to it, and what the person said of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases import sealed_parts
from app.cases.models import Case
from app.core import keyholders
from app.core.ids import named_id
from app.referrals.models import Referral
from app.referrals.states import LIVE, State


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands between a case and an organisation. `reaches` says what referring would do: offer, ask, or nothing."""

    organisation_id: UUID
    connected: bool
    consented: bool
    never: bool
    excluded: bool
    asked: bool

    @property
    def reaches(self) -> str:
        if self.never or self.excluded or self.asked or not self.connected:
            return "no"
        return "offer" if self.consented else "ask"


@dataclass(frozen=True, slots=True)
class Standings:
    """The same for many organisations, by slug."""

    by_slug: Mapping[str, Standing] = field(default_factory=dict)

    def of(self, slug: str) -> Standing:
        return self.by_slug[slug]


def standings(
    session: Session,
    case: Case,
    facts: Mapping[str, Any],
    slugs: Sequence[str],
    asked: Sequence[Referral],
    connected: Collection[UUID] | None = None,
    holders: Collection[UUID] | None = None,
) -> Standings:
    """How each of these organisations stands to the case. Who is connected and who holds a key is looked up unless it is given."""
    ids = {slug: named_id("organisation", slug) for slug in dict.fromkeys(slugs)}
    if connected is None:
        connected = keyholders.active_keys(session, list(ids.values()))
    if holders is None:
        holders = sealed_parts.organisations_with_key(session, case.id)
    consent = facts.get("consent") or {}
    live = {referral.organisation_id for referral in asked if State(referral.state) in LIVE}
    conflicts = {referral.organisation_id for referral in asked if referral.reason == "conflict"}
    return Standings(
        {
            slug: Standing(
                organisation_id,
                connected=organisation_id in connected,
                consented=organisation_id in holders or slug in consent.get("organisations", ()),
                never=slug in consent.get("never", ()),
                excluded=organisation_id in conflicts,
                asked=organisation_id in live,
            )
            for slug, organisation_id in ids.items()
        }
    )
