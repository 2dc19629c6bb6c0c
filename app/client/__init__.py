"""A typed Python client of the partner API: lists referrals, carries out actions, reads events, decrypts parts of cases.

It needs httpx, cryptography and, for conflict lists, phonenumbers and email-validator, and a reader of XLSX for lists in that
format. Of this code base it uses only
`core.sealing` and `core.identifiers`. See `docs/partner-client.md`.
"""

from app.client.api import EventsPage, PartnerClient
from app.client.appointments import sealed_times
from app.client.decryption import CaseKey, OpenedPart, opened, opened_key
from app.client.documents import OpenedPage, opened_original, opened_pages
from app.client.errors import ApiError, CannotReach
from app.client.messages import OpenedMessage, opened_messages, sealed_message
from app.client.records import Event, Referral

__all__ = [
    "ApiError",
    "CannotReach",
    "CaseKey",
    "Event",
    "EventsPage",
    "OpenedMessage",
    "OpenedPage",
    "OpenedPart",
    "PartnerClient",
    "Referral",
    "opened",
    "opened_key",
    "opened_messages",
    "opened_original",
    "opened_pages",
    "sealed_message",
    "sealed_times",
]
