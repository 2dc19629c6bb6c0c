"""An example of each body for the OpenAPI document. All data is made up."""

from typing import Any, Final

_ID: Final = "3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10"
SUMMARY: Final[dict[str, Any]] = {
    "id": _ID,
    "version": 2,
    "label": "R-7KX-29QM",
    "service": "pl-hfhr/legal-advice",
    "state": "offered",
    "allowed_actions": ["acknowledge", "ask_info", "waitlist", "accept", "decline"],
    "priority": "urgent",
    "needs": [{"code": "asylum", "label": "Asylum"}],
    "country": "PL",
    "languages": ["ru"],
    "deadline": {"last_safe_day": "2026-12-03", "certainty": "sourced-high", "known": True},
    "respond_by": "2026-11-25T17:00:00Z",
    "respond_by_local": "2026-11-25T18:00:00+01:00",
    "time_zone": "Europe/Warsaw",
    "decide_by": "2026-11-27T10:05:12.250000Z",
    "sealed": False,
    "waiting_since": "2026-11-24T10:00:00Z",
    "offered_at": "2026-11-24T10:05:12.250000Z",
    "updated_at": "2026-11-24T10:05:12.250000Z",
}
DETAIL: Final[dict[str, Any]] = {
    **SUMMARY,
    "card": {"region": "PL-14", "speak": ["ru"], "for_whom": "self", "helps": ["interpreter"]},
}
EVENT: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "8c0f5a1e-2b6d-4c58-a3cf-4f1a3c7d9e02",
    "source": "/v1/referrals",
    "type": "org.pristan.referral.offered",
    "subject": _ID,
    "time": "2026-11-24T10:05:12.250000Z",
    "datacontenttype": "application/json",
    "data": {"referral": _ID, "state": "offered", "version": 2},
}
INTAKE: Final[dict[str, Any]] = {
    "language": "ru",
    "for_whom": "self",
    "needs": ["asylum"],
    "how_soon": "week",
    "country": "PL",
    "speak": ["ru"],
    "story": "…",
    "answer_by": {"channel": "number"},
    "consent": {"mode": "named", "organisations": ["pl-hfhr"]},
}
REFERRED: Final[dict[str, Any]] = {"person_agreed": "spoken", "intake": INTAKE}
FILED: Final[dict[str, Any]] = {
    "receipt": "1029 3847 5610 2938 4756 1029 3817",
    "case": "7KX-29QM",
    "urgency": "urgent",
    "candidates": [
        {
            "service": "pl-hfhr/legal-advice",
            "organisation": "pl-hfhr",
            "name": "Helsinki Foundation for Human Rights",
            "rank": 1,
            "reasons": [{"key": "language.yes", "text": "У вас есть общий язык: русский."}],
        }
    ],
    "nearest": [],
    "not_matched": [],
    "by_need": [{"code": "asylum", "services": ["pl-hfhr/legal-advice"]}],
}

WEBHOOK: Final[dict[str, Any]] = {
    "id": "7d3e0a44-5f0c-4a57-8a53-0f3f9a5d6c21",
    "version": 1,
    "url": "https://centre.example/pristan",
    "types": [],
    "signature": "v1",
    "state": "active",
    "created_at": "2026-11-24T10:05:12.250000Z",
    "updated_at": "2026-11-24T10:05:12.250000Z",
}
DELIVERY: Final[dict[str, Any]] = {
    "id": "b1f7a9c0-3c1d-4b0e-9f5b-8f6c2d1e0a77",
    "event": "8c0f5a1e-2b6d-4c58-a3cf-4f1a3c7d9e02",
    "type": "org.pristan.referral.offered",
    "referral": _ID,
    "state": "waiting",
    "attempts": 2,
    "next_attempt_at": "2026-11-24T10:10:21.000000Z",
    "attempted_at": "2026-11-24T10:05:18.000000Z",
    "last_status": 503,
    "happened_at": "2026-11-24T10:05:12.250000Z",
    "created_at": "2026-11-24T10:05:13.000000Z",
}
CONFLICT_LIST: Final[dict[str, Any]] = {"form": "1", "salt": "q" * 42 + "o", "entries": 120}
CONFLICT_HASHES: Final[dict[str, Any]] = {"form": "1", "hashes": ["h" * 42 + "o"]}
