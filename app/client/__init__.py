"""The partner's side of the API: a small typed client that signs in, pulls, acts, listens, and opens what is sealed.

It needs httpx and cryptography and nothing else of this house but `core.sealing`; see `docs/partner-client.md`.
"""

from app.client.api import EventsPage, PartnerClient
from app.client.errors import ApiError, CannotReach
from app.client.opening import OpenedPart, opened
from app.client.records import Event, Referral

__all__ = [
    "ApiError",
    "CannotReach",
    "Event",
    "EventsPage",
    "OpenedPart",
    "PartnerClient",
    "Referral",
    "opened",
]
