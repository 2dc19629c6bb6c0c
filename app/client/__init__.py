"""The partner's side of the API: a small typed client that signs in, pulls, acts, listens, and opens what is sealed.

It needs httpx, cryptography and, for conflict lists, phonenumbers and email-validator; and of this house nothing but
`core.sealing` and `core.identifiers`; see `docs/partner-client.md`.
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
