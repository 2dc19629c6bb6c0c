"""Offering times to the person by the API: the program seals them with the case's key, and withdraws them."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse

from app.api import schemas
from app.api.dependencies import (
    Acts,
    for_organisation,
    invalid,
    no_such_referral,
    parse_id,
    require_content_type,
)
from app.api.faults import Faults
from app.api.openapi_components import json_body, signed_in, success
from app.api.referrals import ReferralId
from app.cases.appointments import MOST_CIPHERTEXT, MOST_TIMES, SealedOffer
from app.casework import appointment_offers
from app.core import strict_json
from app.core.dependencies import Body, Db, Now
from app.core.errors import NotFound
from app.partners.oauth_clients import Caller
from app.referrals import queries

router = APIRouter(tags=["Referrals"])

PATH: Final = "/v1/referrals/{referral_id}/appointments"
_EXAMPLE: Final[dict[str, Any]] = {
    "id": "3f0c8a52-6b1e-4a4e-9d4b-0c1a7e5d2f10",
    "times": 2,
    "last_hour": "2026-12-03T14:00:00Z",
    "ciphertext": "q" * 120,
}


async def read_offer(request: Request, body: Body) -> SealedOffer:
    """The sealed offer of a request. Raises UnsupportedType, BadRequest, Invalid (every fault); repeats nothing."""
    require_content_type("application/json", request)
    faults = Faults()
    document = faults.object(strict_json.loads(body), ("id", "times", "last_hour", "ciphertext"))
    times = document.get("times")
    if not isinstance(times, int) or isinstance(times, bool) or not 1 <= times <= MOST_TIMES:
        code = "out_of_range" if "times" in document else "required"
        faults.add("/times", code, f"This is to be a number from 1 to {MOST_TIMES}.")
        times = 0
    offer = SealedOffer(
        faults.id("", document, "id"),
        times,
        faults.instant("", document, "last_hour", _hour),
        faults.octets("", document, "ciphertext", MOST_CIPHERTEXT),
    )
    faults.refuse()
    return offer


def _hour(text: str, pointer: str) -> datetime:
    try:
        if len(text) <= 40 and (found := datetime.fromisoformat(text)).tzinfo is not None:
            return found
    except ValueError:
        pass
    raise invalid(pointer, "not_an_instant", "This is to be an instant like 2026-12-03T14:00:00Z.")


@router.post(
    PATH,
    operation_id="offerTimes",
    response_model=schemas.OfferedTimes,
    response_description="The times are offered; or they were already.",
    responses={200: success(), **signed_in(400, 404, 409, 415)},
    openapi_extra=json_body(schemas.NewTimes, example=_EXAMPLE),
)
def offer_times(
    *,
    caller: Annotated[Caller, Depends(Acts("referrals:write"))],
    sealed: Annotated[SealedOffer, Depends(read_offer)],
    session: Db,
    now: Now,
    referral_id: ReferralId,
) -> JSONResponse:
    """Offer the person up to five times while you work on the referral. Your former offer is withdrawn.

    Times, place and way are sealed with the case's key; plain are their number and the full hour of the latest. You choose the id,
    a new UUID: the same one again changes nothing. In the sandbox an offer is checked and not kept.
    """
    partner = for_organisation(caller)
    try:
        if caller.sandbox:
            queries.locked(session, parse_id(referral_id), partner.organisation_id)
            state = "open"
        else:
            row = appointment_offers.offer_sealed(session, partner.organisation_id, parse_id(referral_id), sealed, now)
            state = row.state
    except NotFound:
        raise no_such_referral() from None
    return JSONResponse({"id": str(sealed.id), "state": state})


@router.delete(
    PATH + "/{appointment_id}",
    operation_id="withdrawTimes",
    status_code=204,
    response_class=Response,
    response_description="The times are withdrawn, or the agreed one is cancelled. The person is told.",
    responses={**signed_in(404, 409)},
)
def withdraw_times(
    caller: Annotated[Caller, Depends(Acts("referrals:write"))],
    session: Db,
    now: Now,
    referral_id: ReferralId,
    appointment_id: Annotated[str, Path(description="The id that you chose.", json_schema_extra={"format": "uuid"})],
) -> Response:
    """Withdraw times that your organisation offered, or cancel the agreed one."""
    partner = for_organisation(caller)
    try:
        if not caller.sandbox:
            appointment_offers.withdraw_by_program(
                session, partner.organisation_id, parse_id(referral_id), parse_id(appointment_id), now
            )
        else:
            queries.locked(session, parse_id(referral_id), partner.organisation_id)
    except NotFound:
        raise no_such_referral() from None
    return Response(status_code=204)
