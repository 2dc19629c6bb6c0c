"""One referral as HL7 FHIR R4 (4.0.1): a Bundle of Task, ServiceRequest and a Patient without a name. Pure.

The Task is the organisation's side (asked, accepted, done), the ServiceRequest what is asked for, the Patient carries only the
languages. Every state, reason, outcome and urgency is mapped; our own codes are included in addition to FHIR's, so nothing is lost.
"""

from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid5

from app.core.clock import instant
from app.core.vocabulary import complete
from app.referrals.reasons import OUTCOMES, REASONS
from app.referrals.states import ReferralState

TASK_STATUS: Final = complete(
    ReferralState,
    {
        ReferralState.DRAFT: "draft",
        ReferralState.AWAITING_CONSENT: "draft",
        ReferralState.OFFERED: "requested",
        ReferralState.ACKNOWLEDGED: "received",
        ReferralState.INFO_REQUESTED: "received",
        ReferralState.WAITLISTED: "received",
        ReferralState.ACCEPTED: "accepted",
        ReferralState.IN_PROGRESS: "in-progress",
        ReferralState.ON_HOLD: "on-hold",
        ReferralState.COMPLETED: "completed",
        ReferralState.DECLINED: "rejected",
        ReferralState.HANDED_BACK: "failed",
        ReferralState.WITHDRAWN: "cancelled",
        ReferralState.CLIENT_DECLINED: "cancelled",
        ReferralState.EXPIRED: "cancelled",
        ReferralState.ENTERED_IN_ERROR: "entered-in-error",
    },
)
REQUEST_STATUS: Final = complete(
    ReferralState,
    {
        ReferralState.DRAFT: "draft",
        ReferralState.AWAITING_CONSENT: "draft",
        ReferralState.OFFERED: "active",
        ReferralState.ACKNOWLEDGED: "active",
        ReferralState.INFO_REQUESTED: "active",
        ReferralState.WAITLISTED: "active",
        ReferralState.ACCEPTED: "active",
        ReferralState.IN_PROGRESS: "active",
        ReferralState.ON_HOLD: "on-hold",
        ReferralState.COMPLETED: "completed",
        ReferralState.DECLINED: "revoked",
        ReferralState.HANDED_BACK: "revoked",
        ReferralState.WITHDRAWN: "revoked",
        ReferralState.CLIENT_DECLINED: "revoked",
        ReferralState.EXPIRED: "revoked",
        ReferralState.ENTERED_IN_ERROR: "entered-in-error",
    },
)
"""`revoked`: this organisation is no longer asked. It does not learn whether another one is."""
PRIORITY: Final = MappingProxyType({"emergency": "stat", "urgent": "urgent", "normal": "routine"})
UNKNOWN_DEADLINE: Final = (
    "We do not know the deadline: the end of the occurrence period is a careful assumption. The deadline may be over."
)
_PLACES: Final = UUID("2b4be3fd-1c0d-5f4e-8d0f-6a1ed3d0f2a4")


@dataclass(frozen=True, slots=True)
class FhirReferral:
    """The data of a bundle: the plain codes of a referral, and the card without a name."""

    id: UUID
    label: str
    version: int
    state: ReferralState
    urgency: str
    organisation: str
    service: str
    needs: tuple[tuple[str, str], ...]
    country: str
    languages: tuple[str, ...]
    offered_at: datetime
    updated_at: datetime
    region: str | None = None
    helps: tuple[tuple[str, str], ...] = ()
    respond_by: datetime | None = None
    last_safe_day: date | None = None
    is_deadline_known: bool = True
    reason: str | None = None
    outcome: str | None = None


def bundle(referral: FhirReferral) -> dict[str, Any]:
    """The referral as a FHIR bundle, in JSON. Never a name, a contact or a word that a person wrote."""
    request, patient = _place(referral.id, "request"), _place(referral.id, "patient")
    resources = (
        (referral.id, _task(referral, request, patient)),
        (request, _request(referral, request, patient)),
        (patient, _patient(referral, patient)),
    )
    return {
        "resourceType": "Bundle",
        "id": str(referral.id),
        "meta": {"lastUpdated": instant(referral.updated_at)},
        "type": "collection",
        "timestamp": instant(referral.updated_at),
        "entry": [{"fullUrl": _urn(number), "resource": resource} for number, resource in resources],
    }


def _task(referral: FhirReferral, request: UUID, patient: UUID) -> dict[str, Any]:
    optional: dict[str, Any] = {
        "statusReason": _reason(referral.reason),
        "restriction": {"period": {"end": instant(referral.respond_by)}} if referral.respond_by else None,
        "output": _outcome(referral.outcome),
    }
    return {
        "resourceType": "Task",
        "id": str(referral.id),
        "meta": {"versionId": str(referral.version), "lastUpdated": instant(referral.updated_at)},
        "identifier": [{"system": "urn:pristan:referral", "value": referral.label}],
        "status": TASK_STATUS[referral.state],
        "businessStatus": _concept("state", referral.state.value),
        "intent": "order",
        "priority": PRIORITY[referral.urgency],
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        "focus": {"reference": _urn(request)},
        "for": {"reference": _urn(patient)},
        "authoredOn": instant(referral.offered_at),
        "lastModified": instant(referral.updated_at),
        "requester": _team(referral.country),
        "owner": _organisation(referral.organisation),
        **_without_nothing(optional),
    }


def _request(referral: FhirReferral, request: UUID, patient: UUID) -> dict[str, Any]:
    optional: dict[str, Any] = {
        "occurrencePeriod": {"end": referral.last_safe_day.isoformat()} if referral.last_safe_day else None,
        "note": [{"text": UNKNOWN_DEADLINE}] if referral.last_safe_day and not referral.is_deadline_known else None,
        "orderDetail": [_concept("help", code, words) for code, words in referral.helps],
        "reasonCode": [_concept("need", code, words) for code, words in referral.needs],
    }
    places = [{"system": "urn:iso:std:iso:3166", "code": referral.country}]
    if referral.region:
        places.append({"system": "urn:iso:std:iso:3166:-2", "code": referral.region})
    return {
        "resourceType": "ServiceRequest",
        "id": str(request),
        "identifier": [{"system": "urn:pristan:referral", "value": referral.label}],
        "status": REQUEST_STATUS[referral.state],
        "intent": "order",
        "priority": PRIORITY[referral.urgency],
        "code": {**_concept("service", referral.service), "text": "Legal help"},
        "subject": {"reference": _urn(patient)},
        "authoredOn": instant(referral.offered_at),
        "requester": _team(referral.country),
        "performer": [_organisation(referral.organisation)],
        "locationCode": [{"coding": [place]} for place in places],
        **_without_nothing(optional),
    }


def _patient(referral: FhirReferral, patient: UUID) -> dict[str, Any]:
    spoken = [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": code}]}} for code in referral.languages]
    return {"resourceType": "Patient", "id": str(patient), **_without_nothing({"communication": spoken})}


def _reason(code: str | None) -> dict[str, Any] | None:
    return _concept("reason", code, REASONS[code].label) if code else None


def _outcome(code: str | None) -> list[dict[str, Any]]:
    if not code:
        return []
    return [{"type": {"text": "outcome"}, "valueCodeableConcept": _concept("outcome", code, OUTCOMES[code])}]


def _organisation(slug: str) -> dict[str, Any]:
    return {"type": "Organization", "identifier": {"system": "urn:pristan:organisation", "value": slug}}


def _team(country: str) -> dict[str, Any]:
    """The requester: the coordinators of the country."""
    identifier = {"system": "urn:pristan:team", "value": country}
    return {"type": "Organization", "identifier": identifier, "display": "Coordinators of Pristan"}


def _concept(kind: str, code: str, words: str | None = None) -> dict[str, Any]:
    coding = {"system": f"urn:pristan:{kind}", "code": code, **({"display": words} if words else {})}
    return {"coding": [coding]}


def _place(referral_id: UUID, kind: str) -> UUID:
    """A resource id, stable for this referral, that cannot be linked to other referrals of the same person."""
    return uuid5(_PLACES, f"{kind}:{referral_id}")


def _urn(place: UUID) -> str:
    return f"urn:uuid:{place}"


def _without_nothing(fields: dict[str, Any]) -> dict[str, Any]:
    """Drop null and empty fields, which FHIR does not allow."""
    return {name: value for name, value in fields.items() if value}
