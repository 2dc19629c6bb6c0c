"""Sealing times that are offered to the person, with the case's key, so that only the person, the team and you can read them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from app.client.decryption import CaseKey, base64url
from app.core import sealing


def sealed_times(
    case_key: CaseKey,
    times: Sequence[datetime],
    *,
    way: str,
    place: str = "",
    language: str = "",
    interpreter: bool = False,
    appointment_id: str | None = None,
) -> dict[str, Any]:
    """The body for `POST /v1/referrals/{id}/appointments`: one to five `times` with their time zone.

    `way`: `office` (then `place` is the address), `phone` or `safe_call`; `language`: a code. Choose and store `appointment_id` (a
    new UUID) before the call if you may have to repeat it. Raises ValueError: no time, more than five, one twice, or no zone.
    """
    ordered = sorted({at.astimezone(UTC) for at in times if at.tzinfo is not None})
    if not 1 <= len(ordered) <= 5 or len(ordered) != len(times):
        raise ValueError("one to five different times with their time zone")
    identity = appointment_id or str(uuid4())
    content = {
        "times": [at.isoformat(timespec="seconds") for at in ordered],
        "way": way,
        "place": place,
        "language": language,
        "interpreter": interpreter,
    }
    plain = sealing.pad(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    key = sealing.derive(case_key.key, "pristan/part:appointment")
    aad = sealing.context("appointments", identity, f"{case_key.case_id}:appointment", "1")
    return {
        "id": identity,
        "times": len(ordered),
        "last_hour": ordered[-1].replace(minute=0, second=0, microsecond=0).isoformat(),
        "ciphertext": base64url(sealing.encrypt(key, plain, aad)),
    }
