"""Errors on demand: a sandbox referral whose label names an error answers actions, or the read of its sealed part, with that error.

| label | action | read of the sealed part |
| --- | --- | --- |
| SANDBOX-403 | 403 | 403 |
| SANDBOX-409 | 409, with state and allowed actions | |
| SANDBOX-410 | | 410, as after an erasure |
| SANDBOX-412 | 412, with the version | |
| SANDBOX-429 | 429, Retry-After | 429 |
| SANDBOX-503 | 503, Retry-After | 503 |
| SANDBOX-SIG | its webhook is signed wrongly | 200, with one bit flipped: neither the signature nor the seal verifies |

Nothing is written. For callers outside the sandbox this costs one check of a flag.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.api.dependencies import REALM, MissingScope
from app.core.errors import AppError, Gone, IllegalMove, PreconditionFailed, TooMany, Unavailable
from app.partners.oauth_clients import Caller
from app.referrals import partner_queries
from app.referrals.states import ReferralActor, ReferralState, allowed_actions
from app.sandbox import service as sandbox

SOON: Final = {"Retry-After": "1"}
_ACTING: Final = frozenset({"SANDBOX-403", "SANDBOX-409", "SANDBOX-412", "SANDBOX-429", "SANDBOX-503"})
_OPENING: Final = frozenset({"SANDBOX-403", "SANDBOX-410", "SANDBOX-429", "SANDBOX-503"})


def act(session: Session, caller: Caller, referral_id: UUID, verb: str) -> None:
    """Raise the error that the label names; do nothing for any other label."""
    label = _label(session, caller, referral_id)
    if label in _ACTING:
        raise _error(session, caller, label, referral_id, verb)


def open_sealed(session: Session, caller: Caller, referral_id: UUID) -> None:
    """Raise the error that the label names; do nothing for any other label."""
    label = _label(session, caller, referral_id)
    if label in _OPENING:
        raise _error(session, caller, label, referral_id, "")


def flip_signed_bit(session: Session, caller: Caller, referral_id: UUID, document: dict[str, Any]) -> dict[str, Any]:
    """The document; for the label SANDBOX-SIG, with the last bit of `wrap` flipped."""
    if _label(session, caller, referral_id) != "SANDBOX-SIG":
        return document
    raw = urlsafe_b64decode(document["wrap"] + "=" * (-len(document["wrap"]) % 4))
    changed = raw[:-1] + bytes([raw[-1] ^ 1])
    return {**document, "wrap": urlsafe_b64encode(changed).decode().rstrip("=")}


def _label(session: Session, caller: Caller, referral_id: UUID) -> str | None:
    return sandbox.label_of(session, referral_id) if caller.sandbox else None


def _error(session: Session, caller: Caller, label: str, referral_id: UUID, verb: str) -> AppError:
    assert caller.organisation_id
    row = partner_queries.by_id(session, caller.organisation_id, referral_id)
    assert row
    now: dict[str, Any] = {
        "state": row.state,
        "allowed_actions": allowed_actions(ReferralState(row.state), by=ReferralActor.PARTNER),
    }
    match label:
        case "SANDBOX-403":
            challenge = f'Bearer realm="{REALM}", error="insufficient_scope"'
            return MissingScope("This is a rehearsal: SANDBOX-403.", headers={"WWW-Authenticate": challenge})
        case "SANDBOX-409":
            return IllegalMove("referral", row.state, verb, now["allowed_actions"])
        case "SANDBOX-410":
            return Gone("This is a rehearsal: SANDBOX-410.")
        case "SANDBOX-412":
            return PreconditionFailed("The referral has moved on.", version=row.version, **now)
        case "SANDBOX-429":
            return TooMany("This is a rehearsal: SANDBOX-429.", headers=SOON)
    return Unavailable("This is a rehearsal: SANDBOX-503.", headers=SOON)
