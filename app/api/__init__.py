"""JSON APIs for partners' programs, trusted front ends, the public directory and monitoring."""

from collections.abc import Iterable

from fastapi import FastAPI, Request, Response

from app.api import (
    conflicts,
    deliveries,
    events,
    fhir,
    health,
    hsds,
    hsds_openapi,
    inbound_referrals,
    intakes,
    oauth,
    open_addresses,
    openapi,
    reference_page,
    referral_actions,
    referral_appointments,
    referral_messages,
    referral_quality,
    referral_sealed,
    referrals,
    sent_documents,
    signatures,
    vocabularies,
    webhooks,
)
from app.api.open_addresses import OPEN, is_open
from app.core.errors import AppError, TooLarge
from app.core.problems import problem
from app.settings import Settings


def mount(app: FastAPI, surfaces: Iterable[str]) -> None:
    """Add the routes of these surfaces. The token endpoint and filing an intake belong to the public surface too."""
    surface_names = set(surfaces)
    app.include_router(health.router)
    if surface_names & {"partner", "public"}:
        app.include_router(open_addresses.router)
        app.include_router(oauth.router)
        app.include_router(intakes.router)
        app.include_router(hsds_openapi.router)
        app.include_router(hsds.router)
    if "partner" in surface_names:
        app.include_router(referrals.router)
        app.include_router(referral_actions.router)
        app.include_router(referral_sealed.router)
        app.include_router(referral_appointments.router)
        app.include_router(referral_messages.router)
        app.include_router(referral_quality.router)
        app.include_router(sent_documents.router)
        app.include_router(fhir.router)
        app.include_router(inbound_referrals.router)
        app.include_router(signatures.router)
        app.include_router(vocabularies.router)
        app.include_router(events.router)
        app.include_router(conflicts.router)
        app.include_router(webhooks.router)
        app.include_router(deliveries.router)
        app.include_router(openapi.router)
        app.include_router(reference_page.router)


def body_limits(surfaces: Iterable[str], settings: Settings) -> dict[str, int]:
    """Body limits in bytes of the paths that take files."""
    return sent_documents.body_limits(settings) if "partner" in surfaces else {}


def error_answer(request: Request, error: AppError) -> Response:
    """A problem document; at the OAuth endpoints, for a body that is too large, an error of RFC 6749."""
    if isinstance(error, TooLarge) and request.url.path in {"/oauth/token", "/oauth/revoke"}:
        return oauth.too_large()
    answer = problem(error)
    if is_open(request.url.path):
        for name, value in OPEN.items():
            answer.headers.setdefault(name, value)
    return answer


__all__ = ["body_limits", "error_answer", "mount"]
