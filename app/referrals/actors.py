"""The actor of a move of a referral."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.referrals.states import Actor


@dataclass(frozen=True, slots=True)
class ActorRef:
    """The actor of a move. A partner acts for its organisation and reaches only referrals that were offered to it."""

    kind: Actor
    id: UUID | None = None
    organisation_id: UUID | None = None


CLOCK: Final = ActorRef(Actor.CLOCK)
"""The service itself."""
