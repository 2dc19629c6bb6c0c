"""An organisation's conflict list: keyed hashes of people it must not advise. Names are never sent, matches never reported."""

import base64
import binascii
from base64 import urlsafe_b64encode
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app import audit
from app.api import openapi_examples
from app.api.dependencies import Acts, Reads, for_organisation, require_content_type
from app.api.faults import Faults
from app.api.openapi_components import Responses, json_body, signed_in, success
from app.api.schemas import ConflictHashes, ConflictList
from app.casework import conflict_screening
from app.conflicts import service as conflicts
from app.core import strict_json
from app.core.dependencies import Body, Brake, Db, Keys, Now, ReadDb
from app.core.errors import FieldError
from app.core.identifiers import FORMS
from app.core.keyring import KeyRing
from app.partners.oauth_clients import Caller

router = APIRouter(tags=["Conflicts of interest"])

MAX_HASHES: Final = 5_000
"""Maximum number of hashes in one request."""
_FIELDS: Final = frozenset({"form", "hashes"})
_ANSWER: Final[Responses] = {200: success(openapi_examples.CONFLICT_LIST), **signed_in()}
_LIST_DESCRIPTION: Final = "The size of your list and your salt."


@router.get(
    "/v1/conflicts",
    operation_id="getConflictList",
    response_model=ConflictList,
    response_description=_LIST_DESCRIPTION,
    responses=_ANSWER,
)
def read_list(
    *, caller: Annotated[Caller, Depends(Reads("referrals:write"))], session: ReadDb, keys: Keys
) -> JSONResponse:
    """The salt for your hashes, which no other organisation has, and the number of entries in your list."""
    return JSONResponse(_list(session, keys, for_organisation(caller).organisation_id))


async def read_hashes(request: Request, body: Body) -> list[bytes]:
    """The hashes in the body. Raises UnsupportedType, BadRequest, Invalid."""
    require_content_type("application/json", request)
    faults = Faults()
    document, errors = faults.object(strict_json.loads(body), _FIELDS), faults.errors
    if document.get("form") not in FORMS:
        code = "unknown_code" if "form" in document else "required"
        errors.append(FieldError(pointer="/form", code=code, detail=f"One of: {', '.join(FORMS)}."))
    listed = document.get("hashes")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_HASHES:
        detail = f"Send a list of 1 to {MAX_HASHES} hashes."
        errors.append(FieldError(pointer="/hashes", code="out_of_range", detail=detail))
        listed = []
    hashes = [_hash(text) for text in listed]
    detail = "Each hash is 32 bytes in base64url without padding (43 characters)."
    errors += [
        FieldError(pointer=f"/hashes/{position}", code="not_a_hash", detail=detail)
        for position, found in enumerate(hashes)
        if found is None
    ]
    faults.refuse()
    return [found for found in hashes if found is not None]


def _hash(text: Any) -> bytes | None:
    try:
        if isinstance(text, str) and len(text) == 43:
            return base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        pass
    return None


@router.post(
    "/v1/conflicts",
    operation_id="addToConflictList",
    response_model=ConflictList,
    response_description=_LIST_DESCRIPTION,
    responses={**_ANSWER, **signed_in(400, 409, 415)},
    openapi_extra=json_body(ConflictHashes, example=openapi_examples.CONFLICT_HASHES),
)
def add_to_list(
    *,
    caller: Annotated[Caller, Depends(Acts("referrals:write"))],
    hashes: Annotated[list[bytes], Depends(read_hashes)],
    session: Db,
    keys: Keys,
    brake: Brake,
    now: Now,
) -> JSONResponse:
    """Add hashes. Sending the same ones again changes nothing.

    A case that matches one of them is never offered to you, and an offer of it that you have not accepted ends.
    The answer never shows whether there is such a case.
    """
    partner = for_organisation(caller)
    brake.check(session)
    conflict_screening.add_to_list(session, keys, partner.organisation_id, hashes, now)
    _record(session, partner.organisation_id, partner.client_id, "added", len(hashes), now)
    return JSONResponse(_list(session, keys, partner.organisation_id))


@router.delete(
    "/v1/conflicts",
    operation_id="clearConflictList",
    response_model=ConflictList,
    response_description=_LIST_DESCRIPTION,
    responses=_ANSWER,
)
def clear_list(
    *, caller: Annotated[Caller, Depends(Acts("referrals:write"))], session: Db, keys: Keys, now: Now
) -> JSONResponse:
    """Empty your list. A case that was withheld from you stays withheld."""
    partner = for_organisation(caller)
    conflicts.clear(session, partner.organisation_id)
    _record(session, partner.organisation_id, partner.client_id, "cleared", 0, now)
    return JSONResponse(_list(session, keys, partner.organisation_id))


def _list(session: Session, keys: KeyRing, organisation_id: UUID) -> dict[str, Any]:
    salt = urlsafe_b64encode(conflicts.salt_of(keys, organisation_id)).decode().rstrip("=")
    entries = conflicts.uploaded_count(session, organisation_id)
    return {"form": FORMS[0], "forms": list(FORMS), "salt": salt, "entries": entries}


def _record(session: Session, organisation_id: UUID, client_id: str, change: str, count: int, now: Any) -> None:
    audit.record(
        session,
        actor_kind="partner",
        actor_id=client_id,
        action=f"conflicts:{change}",
        subject_kind="organisation",
        subject_id=organisation_id,
        codes={"count": count},
        now=now,
    )
