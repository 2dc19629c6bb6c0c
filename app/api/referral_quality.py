"""What a partner says about the quality of a referral that it accepted: codes. Words go into the conversation with the team."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from app.api import schemas
from app.api.dependencies import (
    Acts,
    for_organisation,
    no_such_referral,
    parse_id,
    require_content_type,
)
from app.api.faults import Faults
from app.api.openapi_components import json_body, signed_in, success
from app.api.referrals import ReferralId
from app.casework import quality_answers
from app.core import strict_json
from app.core.dependencies import Body, Db, Now
from app.core.errors import NotFound
from app.partners.oauth_clients import Caller
from app.referrals import quality, queries

router = APIRouter(tags=["Referrals"])

PATH: Final = "/v1/referrals/{referral_id}/quality"
_EXAMPLE: Final[dict[str, Any]] = {"quality": ["facts_missing", "too_late"]}


async def read_codes(request: Request, body: Body) -> list[str]:
    """The codes of a request. Raises UnsupportedType, BadRequest, Invalid."""
    require_content_type("application/json", request)
    faults = Faults()
    document = faults.object(strict_json.loads(body), ("quality",))
    codes, checked = document.get("quality"), None
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        faults.add("/quality", "not_a_list" if "quality" in document else "required", "Send a list of codes.")
    else:
        checked = faults.keep(lambda: quality.checked(codes))
    faults.refuse()
    return checked or []


@router.post(
    PATH,
    operation_id="sayQuality",
    response_model=schemas.Quality,
    response_description="The answer is stored. It replaces your former one.",
    responses={200: success(), **signed_in(400, 404, 409, 415)},
    openapi_extra=json_body(schemas.Quality, example=_EXAMPLE),
)
def say_quality(
    *,
    caller: Annotated[Caller, Depends(Acts("referrals:write"))],
    codes: Annotated[list[str], Depends(read_codes)],
    session: Db,
    now: Now,
    referral_id: ReferralId,
) -> JSONResponse:
    """Answer how good a referral was that you accepted, once it is yours: one to four codes.

    The version of the referral stays. Write what you want to say in words with `postMessage`. In the sandbox the answer is checked
    and not kept.
    """
    partner = for_organisation(caller)
    try:
        if caller.sandbox:
            queries.locked(session, parse_id(referral_id), partner.organisation_id)
        else:
            organisation_id = partner.organisation_id
            quality_answers.say(session, organisation_id, parse_id(referral_id), codes, who=organisation_id, now=now)
    except NotFound:
        raise no_such_referral() from None
    return JSONResponse({"quality": codes})
