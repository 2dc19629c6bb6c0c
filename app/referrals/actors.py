"""The actor of a move of a referral."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.referrals.states import ReferralActor


@dataclass(frozen=True, slots=True)
class ActorRef:
    """The actor of a move. A partner acts for its organisation and reaches only referrals that were offered to it."""

    kind: ReferralActor
    id: UUID | None = None
    organisation_id: UUID | None = None


CLOCK: Final = ActorRef(ReferralActor.CLOCK)
"""The service itself."""
