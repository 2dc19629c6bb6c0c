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
    "respond_by": "2026-11-25T17:00:00.000Z",
    "respond_by_local": "2026-11-25T18:00:00+01:00",
    "time_zone": "Europe/Warsaw",
    "decide_by": "2026-11-27T10:05:12.250Z",
    "sealed": False,
    "waiting_since": "2026-11-24T10:00:00.000Z",
    "offered_at": "2026-11-24T10:05:12.250Z",
    "updated_at": "2026-11-24T10:05:12.250Z",
}
DETAIL: Final[dict[str, Any]] = {
    **SUMMARY,
    "deadlines": [
        {
            "last_safe_day": "2026-12-03",
            "certainty": "sourced-high",
            "known": True,
            "letters": True,
            "event": "return_decision_appeal",
            "what": "Return decision – you have been told to leave the country",
        }
    ],
    "card": {"region": "PL-14", "speak": ["ru"], "for_whom": "self", "helps": ["interpreter"]},
}
EVENT: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "8c0f5a1e-2b6d-4c58-a3cf-4f1a3c7d9e02",
    "source": "/v1/referrals",
    "type": "org.pristan.referral.offered",
    "subject": _ID,
    "time": "2026-11-24T10:05:12.250Z",
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
    "created_at": "2026-11-24T10:05:12.250Z",
    "updated_at": "2026-11-24T10:05:12.250Z",
}
DELIVERY: Final[dict[str, Any]] = {
    "id": "b1f7a9c0-3c1d-4b0e-9f5b-8f6c2d1e0a77",
    "event": "8c0f5a1e-2b6d-4c58-a3cf-4f1a3c7d9e02",
    "type": "org.pristan.referral.offered",
    "referral": _ID,
    "state": "waiting",
    "attempts": 2,
    "next_attempt_at": "2026-11-24T10:10:21.000Z",
    "attempted_at": "2026-11-24T10:05:18.000Z",
    "last_status": 503,
    "happened_at": "2026-11-24T10:05:12.250Z",
    "created_at": "2026-11-24T10:05:13.000Z",
}
CONFLICT_LIST: Final[dict[str, Any]] = {"form": "1", "forms": ["1", "2"], "salt": "q" * 42 + "o", "entries": 120}
CONFLICT_HASHES: Final[dict[str, Any]] = {"form": "2", "hashes": ["h" * 42 + "o"]}

_SIGNATURE: Final[dict[str, Any]] = {
    "kid": "kQ3V0w1c3u8nq5rJ2b7hY9mZ4xT6sLfA0dGpEoUiCtM",
    "alg": "Ed25519",
    "signed_at": "2026-11-24T10:20:00.000Z",
    "value": "c2ln" * 21 + "cw",
}
_DOCUMENT: Final = "5b7d2c1e-8f3a-4d6b-9c0e-1a2b3c4d5e6f"
SEALED: Final[dict[str, Any]] = {
    "referral": _ID,
    "case": "7KX-29QM",
    "key_id": "0d9c8b7a-6f5e-4d3c-8b2a-1f0e9d8c7b6a",
    "alg": "HPKE+HKDF-SHA256+AES-256-GCM-SIV",
    "hpke": {"kem": 25722, "kdf": 1, "aead": 2},
    "info": "aW5mbw",
    "wrap": "d3JhcA",
    "parts": [
        {
            "id": "e4a1b2c3-d4e5-4f60-8718-293a4b5c6d7e",
            "part": "story",
            "seq": 1,
            "author": "person",
            "version": 1,
            "aad": "YWFk",
            "ciphertext": "c2VhbGVk",
        }
    ],
    "documents": [
        {"id": _DOCUMENT, "author": "person", "pages": 2, "pieces": 14, "created_at": "2026-11-24T10:00:00.000Z"}
    ],
    "signature": _SIGNATURE,
}
DOCUMENT_PIECE: Final[dict[str, Any]] = {
    "document": _DOCUMENT,
    "page": 1,
    "pages": 2,
    "piece": 1,
    "pieces": 7,
    "aad": "YWFk",
    "ciphertext": "c2VhbGVk",
}
