"""The FHIR export holds to R4: each code from its value set, each element of its resource, nothing left out, nobody named."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.bundle import Bundle

from app.referrals import fhir
from app.referrals.fhir import FhirReferral
from app.referrals.reasons import OUTCOMES, REASONS
from app.referrals.states import FAILED, LIVE, ReferralState

SETS: dict[str, list[str]] = json.loads((Path(__file__).parents[1] / "data/fhir-r4-value-sets.json").read_text())
URGENCIES = ("emergency", "urgent", "normal")
# The elements of R4 that we use or might: name, whether it is a list, whether it has to be there.
ELEMENTS: dict[str, dict[str, tuple[bool, bool]]] = {
    "Bundle": {
        "id": (False, False), "meta": (False, False), "type": (False, True), "timestamp": (False, False),
        "entry": (True, False),
    },
    "Task": {
        "id": (False, False), "meta": (False, False), "identifier": (True, False), "status": (False, True),
        "statusReason": (False, False), "businessStatus": (False, False), "intent": (False, True),
        "priority": (False, False), "code": (False, False), "focus": (False, False), "for": (False, False),
        "authoredOn": (False, False), "lastModified": (False, False), "requester": (False, False), "owner": (False, False),
        "restriction": (False, False), "output": (True, False),
    },
    "ServiceRequest": {
        "id": (False, False), "identifier": (True, False), "status": (False, True), "intent": (False, True),
        "priority": (False, False), "code": (False, False), "orderDetail": (True, False), "subject": (False, True),
        "occurrencePeriod": (False, False), "authoredOn": (False, False), "requester": (False, False), "performer": (True, False),
        "locationCode": (True, False), "reasonCode": (True, False),
    },
    "Patient": {"id": (False, False), "communication": (True, False)},
}  # fmt: skip


def told(**changed: Any) -> FhirReferral:
    moment = datetime(2026, 11, 24, 10, 5, tzinfo=UTC)
    given: dict[str, Any] = {
        "id": UUID("3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10"),
        "label": "R-7KX-29QM",
        "version": 3,
        "state": ReferralState.ACKNOWLEDGED,
        "urgency": "urgent",
        "organisation": "pl-hfhr",
        "service": "pl-hfhr/legal-help",
        "needs": (("asylum", "Asylum"), ("housing", "Housing")),
        "country": "PL",
        "languages": ("ru", "be"),
        "offered_at": moment,
        "updated_at": moment,
        "region": "PL-14",
        "helps": (("interpreter", "An interpreter, please"),),
        "respond_by": moment,
        "last_safe_day": date(2026, 12, 3),
        **changed,
    }
    return FhirReferral(**given)


def resources(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}


def check(resource: dict[str, Any]) -> None:
    """Known elements only, lists where lists belong, all that is required, nothing empty."""
    elements = ELEMENTS[resource["resourceType"]]
    assert set(resource) - {"resourceType"} <= set(elements)
    assert {name for name, (_many, needed) in elements.items() if needed} <= set(resource)
    for name, (many, _needed) in elements.items():
        if name in resource:
            assert isinstance(resource[name], list) == many, name
    assert_nothing_empty(resource)


def assert_nothing_empty(value: Any) -> None:
    assert value not in (None, "", [], {})
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        assert_nothing_empty(inner)


@pytest.mark.parametrize("state", ReferralState)
def test_every_state_has_its_place_in_both_life_cycles(state: ReferralState) -> None:
    bundle = fhir.bundle(told(state=state))
    parts = resources(bundle)
    for resource in (bundle, *parts.values()):
        check(resource)
    assert parts["Task"]["status"] in SETS["task-status"]
    assert parts["ServiceRequest"]["status"] in SETS["request-status"]
    assert parts["Task"]["businessStatus"]["coding"] == [{"system": "urn:pristan:state", "code": state.value}]


BUNDLES = [
    *({"state": state, "urgency": urgency} for state in ReferralState for urgency in URGENCIES),
    *({"state": ReferralState.DECLINED, "reason": code} for code in REASONS),
    *({"state": ReferralState.COMPLETED, "outcome": code} for code in OUTCOMES),
    {"last_safe_day": date(2026, 12, 3), "is_deadline_known": False},
    {"needs": (), "languages": (), "helps": (), "region": None, "respond_by": None, "last_safe_day": None},
]  # fmt: skip
"""Every code once, and a referral of which nothing more is told."""


def test_every_bundle_is_read_by_a_library_of_fhir() -> None:
    """R4B, the newest R4 that the library has: the three resources are the same in both."""
    for given in BUNDLES:
        made = fhir.bundle(told(**given))
        parsed = Bundle.model_validate_json(json.dumps(made))
        task, request, _patient = (entry.resource for entry in parsed.entry)
        assert task.requester.identifier.value == request.requester.identifier.value == "PL", given
        assert task.owner.identifier.value == "pl-hfhr"


def test_what_is_live_here_is_live_there() -> None:
    ended = {"rejected", "cancelled", "failed", "completed", "entered-in-error"}
    for state in ReferralState:
        assert (fhir.TASK_STATUS[state] in ended) == (state not in LIVE)
        assert (fhir.REQUEST_STATUS[state] in {"revoked", "completed", "entered-in-error"}) == (state not in LIVE)
        assert (fhir.TASK_STATUS[state] == "completed") == (state is ReferralState.COMPLETED)
        assert state not in FAILED or fhir.REQUEST_STATUS[state] != "active"


@pytest.mark.parametrize("urgency", URGENCIES)
def test_every_urgency_is_a_priority_of_its_own(urgency: str) -> None:
    parts = resources(fhir.bundle(told(urgency=urgency)))
    assert parts["Task"]["priority"] == parts["ServiceRequest"]["priority"]
    assert parts["Task"]["priority"] in SETS["request-priority"]
    assert len({fhir.PRIORITY[one] for one in URGENCIES}) == 3


@pytest.mark.parametrize("code", list(REASONS))
def test_every_reason_is_told_in_code_and_words(code: str) -> None:
    reason = resources(fhir.bundle(told(state=ReferralState.DECLINED, reason=code)))["Task"]["statusReason"]["coding"][
        0
    ]
    assert reason == {"system": "urn:pristan:reason", "code": code, "display": REASONS[code].label}


@pytest.mark.parametrize("code", list(OUTCOMES))
def test_every_outcome_is_an_output_of_the_task(code: str) -> None:
    (output,) = resources(fhir.bundle(told(state=ReferralState.COMPLETED, outcome=code)))["Task"]["output"]
    assert output["type"]
    assert output["valueCodeableConcept"]["coding"][0]["code"] == code


def test_the_fixed_codes_are_of_r4() -> None:
    bundle = fhir.bundle(told())
    parts = resources(bundle)
    assert bundle["type"] in SETS["bundle-type"]
    assert parts["Task"]["intent"] in SETS["task-intent"]
    assert parts["ServiceRequest"]["intent"] in SETS["request-intent"]
    assert parts["Task"]["code"]["coding"][0]["code"] in SETS["task-code"]
    assert parts["Task"]["lastModified"] >= parts["Task"]["authoredOn"]


def test_every_reference_leads_to_a_resource_of_the_bundle() -> None:
    bundle = fhir.bundle(told())
    places = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert all(entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}" for entry in bundle["entry"])
    parts = resources(bundle)
    assert places[parts["Task"]["focus"]["reference"]] == "ServiceRequest"
    assert places[parts["Task"]["for"]["reference"]] == "Patient"
    assert places[parts["ServiceRequest"]["subject"]["reference"]] == "Patient"


def test_the_patient_has_languages_and_nothing_else() -> None:
    patient = resources(fhir.bundle(told()))["Patient"]
    assert set(patient) == {"resourceType", "id", "communication"}


def test_two_referrals_of_one_person_can_not_be_joined_by_their_patient() -> None:
    other = UUID("8c0f5a1e-2b6d-4c58-a3cf-4f1a3c7d9e02")
    assert resources(fhir.bundle(told()))["Patient"]["id"] != resources(fhir.bundle(told(id=other)))["Patient"]["id"]
    assert fhir.bundle(told()) == fhir.bundle(told())


def test_what_is_not_known_is_absent() -> None:
    bare = told(needs=(), languages=(), region=None, helps=(), respond_by=None, last_safe_day=None)
    for resource in resources(fhir.bundle(bare)).values():
        check(resource)
